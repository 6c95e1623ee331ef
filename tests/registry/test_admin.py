"""The registry's pages in the admin: who sees and changes what, and what a save leaves behind."""

import json
from datetime import date

import pytest
from django.contrib import admin
from django.urls import reverse

from evidence.models import Entry
from registry.choices import Masking, Mode, PersonalData, Purpose, Role
from registry.models import LegalInstrument
from registry.permissions import DECIDE, HANDLE, is_named
from tests import factories
from tests.factories import decider, person
from tests.registry.pages import add, change, entries, url

pytestmark = pytest.mark.django_db

REGISTERED = [model for model in admin.site._registry if model._meta.app_label == "registry"]


def a_row_of_everything():
    policy = factories.SharingPolicyFactory()
    database = policy.dataset.database
    factories.PolicyFieldFactory(policy=policy)
    factories.ConnectionFactory(database=database)
    factories.DelegationFactory(agency=database.owner)
    factories.NoticeFactory()
    factories.MetadataImportFactory()
    factories.SubscriptionFactory()
    factories.SearchSynonymFactory()
    factories.SchemaChangeFactory(dataset=database.datasets.first() or factories.DatasetFactory(database=database))
    factories.StructureWatchFactory()
    factories.AdministrativeUnitFactory()
    factories.StewardshipFactory(database=database)
    factories.agreed_move(database.owner, factories.AgencyFactory())
    factories.FieldProfileFactory(field__dataset__database=database)
    factories.FieldSuggestionFactory(field__dataset__database=database)
    return database


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_every_page_opens_for_a_superuser(client, model):
    a_row_of_everything()
    client.force_login(factories.UserFactory(superuser=True))
    name = model._meta.model_name
    assert client.get(url(name, "changelist"), {"q": "1"}).status_code == 200
    assert client.get(url(name, "changelist")).status_code == 200
    assert client.get(url(name, "change", model.objects.first().pk)).status_code == 200
    assert client.get(url(name, "history", model.objects.first().pk)).status_code == 200
    assert client.get(url(name, "add")).status_code in (200, 403)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_every_list_opens_for_an_auditor_who_changes_nothing(client, model, auditor):
    a_row_of_everything()
    client.force_login(auditor)
    name, row = model._meta.model_name, model.objects.first()
    assert client.get(url(name, "changelist")).status_code == 200
    assert client.get(url(name, "change", row.pk)).status_code == 200
    assert client.post(url(name, "change", row.pk), {}).status_code == 403
    assert client.get(url(name, "add")).status_code == 403


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_nothing_is_deleted_even_by_a_superuser(client, model):
    a_row_of_everything()
    client.force_login(factories.UserFactory(superuser=True))
    row = model.objects.first()
    assert client.post(url(model._meta.model_name, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
def test_pages_carry_no_inline_code(client, model):
    a_row_of_everything()
    client.force_login(factories.UserFactory(superuser=True))
    name = model._meta.model_name
    for page in (url(name, "changelist"), url(name, "change", model.objects.first().pk)):
        text = client.get(page).content.decode()
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert "<script>" not in text


@pytest.mark.parametrize(
    ("name", "factory"),
    [
        ("agency", factories.AgencyFactory),
        ("membership", factories.MembershipFactory),
        ("delegation", factories.DelegationFactory),
        ("legalinstrument", factories.LegalInstrumentFactory),
        ("database", factories.DatabaseFactory),
        ("connection", factories.ConnectionFactory),
        ("dataset", factories.DatasetFactory),
        ("field", factories.FieldFactory),
        ("sharingpolicy", factories.SharingPolicyFactory),
        ("user", factories.UserFactory),
    ],
)
def test_lists_take_the_same_queries_for_many_rows(
    client, name, factory, operator, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(operator)
    factory.create_batch(2)
    with django_assert_max_num_queries(25) as first:
        client.get(url(name, "changelist"))
    factory.create_batch(18)
    with django_assert_num_queries(len(first)):
        client.get(url(name, "changelist"))


# Agencies and laws


def test_adding_an_agency_leaves_evidence(client, operator):
    client.force_login(operator)
    response = add(client, "agency", code="BCA", name_vi="Bộ Công an", kind="ministry")
    assert response.status_code == 302
    entry = entries("registry.agency.add").get()
    assert (entry.subject_type, entry.subject_id) == ("agency", "BCA")
    assert (entry.actor, entry.agency) == (str(operator.public_id), "NDC")
    assert json.loads(entry.details)["values"]["kind"] == {"new": "ministry"}


def test_changing_an_agency_names_old_and_new_values(client, operator):
    agency = factories.AgencyFactory(code="BCA", name_vi="Bộ cũ")
    client.force_login(operator)
    change(client, "agency", agency, name_vi="Bộ mới", kind="unit")
    details = json.loads(entries("registry.agency.change").get().details)
    assert details["fields"] == ["kind", "name_vi"]
    assert details["values"] == {
        "name_vi": {"old": "Bộ cũ", "new": "Bộ mới"},
        "kind": {"old": "ministry", "new": "unit"},
    }


def test_saving_without_a_change_leaves_no_evidence(client, operator):
    agency = factories.AgencyFactory()
    client.force_login(operator)
    assert change(client, "agency", agency).status_code == 302
    assert not entries("registry.agency.change").exists()


def test_an_operator_adds_a_law(client, operator):
    client.force_login(operator)
    add(client, "legalinstrument", number="47/2024/ND-CP", title_vi="Nghị định", effective_from="2024-07-01")
    assert LegalInstrument.objects.get(number="47/2024/ND-CP").effective_from == date(2024, 7, 1)
    assert entries("registry.legalinstrument.add").get().subject_id == "47/2024/ND-CP"


# Databases and duties


def test_the_duties_page_changes_nothing_when_it_is_read(client, operator):
    database = factories.DatabaseFactory()
    approver = person(database.owner, Role.APPROVER)
    client.force_login(operator)
    before = Entry.objects.count()
    address = url("database", "duties", database.pk)
    response = client.get(address, {"permission": DECIDE, "user": approver.pk, "assign": "1"})
    assert response.status_code == 200
    assert approver.full_name in response.content.decode()
    assert Entry.objects.count() == before
    assert not is_named(approver, DECIDE, database)


def test_an_operator_assigns_and_withdraws_a_duty(client, operator):
    database = factories.DatabaseFactory()
    approver = person(database.owner, Role.APPROVER)
    client.force_login(operator)
    address = url("database", "duties", database.pk)
    client.post(address, {"permission": DECIDE, "user": approver.pk, "assign": "1"})
    assert is_named(approver, DECIDE, database)
    assert entries("access.grant").get().actor == str(operator.public_id)
    assert approver.full_name in client.get(address).content.decode()
    client.post(address, {"permission": DECIDE, "user": approver.pk, "withdraw": "1"})
    assert not is_named(approver, DECIDE, database)
    assert entries("access.withdraw").count() == 1


def test_a_duty_needs_the_fitting_role_in_the_owner_agency(client, operator):
    database = factories.DatabaseFactory()
    officer = person(database.owner, Role.CASE_OFFICER)
    stranger = person(factories.AgencyFactory(), Role.APPROVER)
    client.force_login(operator)
    address = url("database", "duties", database.pk)
    for user, permission in ((officer, DECIDE), (stranger, DECIDE), (stranger, HANDLE)):
        response = client.post(address, {"permission": permission, "user": user.pk, "assign": "1"}, follow=True)
        assert [message.level_tag for message in response.context["messages"]] == ["error"]
        assert not is_named(user, permission, database)


@pytest.mark.parametrize(
    "data", [{}, {"permission": "delete_database", "user": "1"}, {"permission": DECIDE, "user": "x"}]
)
def test_a_duty_that_does_not_exist_is_refused(client, operator, data):
    client.force_login(operator)
    response = client.post(url("database", "duties", factories.DatabaseFactory().pk), data, follow=True)
    assert [message.level_tag for message in response.context["messages"]] == ["error"]


def test_only_operators_change_duties(client):
    database = factories.DatabaseFactory()
    approver, colleague = person(database.owner, Role.APPROVER), person(database.owner, Role.APPROVER)
    client.force_login(approver)
    address = url("database", "duties", database.pk)
    assert client.get(address).status_code == 200
    assert client.post(address, {"permission": DECIDE, "user": colleague.pk, "assign": "1"}).status_code == 403
    client.force_login(decider(factories.DatabaseFactory()))
    assert client.get(address).status_code == 404


def test_an_owner_sees_own_databases_only(client):
    own, other = factories.DatasetFactory(), factories.DatasetFactory()
    client.force_login(person(own.database.owner, Role.CASE_OFFICER))
    text = client.get(url("dataset", "changelist")).content.decode()
    assert own.code in text
    assert other.code not in text
    assert client.get(url("dataset", "change", other.pk)).status_code == 404
    assert client.get(url("database", "change", other.database.pk)).status_code == 404
    assert client.get(url("dataset", "change", own.pk)).status_code == 200


# Datasets


def test_a_dataset_with_state_secrets_is_refused_clearly(client, operator):
    dataset = factories.DatasetFactory()
    client.force_login(operator)
    response = change(client, "dataset", dataset, is_state_secret="on")
    assert response.status_code == 200
    form = response.context["adminform"].form
    assert form.errors["is_state_secret"]
    assert entries("registry.dataset.refuse").exists()
    dataset.refresh_from_db()
    assert not dataset.is_state_secret


def test_describing_a_field_leaves_evidence_on_the_dataset(client, operator):
    field = factories.FieldFactory(name="income", position=1)
    client.force_login(operator)
    response = change(
        client,
        "dataset",
        field.dataset,
        **{"fields-0-personal_data": PersonalData.SENSITIVE, "fields-0-default_masking": Masking.NULL},
    )
    assert response.status_code == 302
    field.refresh_from_db()
    assert field.personal_data == PersonalData.SENSITIVE
    details = json.loads(entries("registry.dataset.change").get().details)
    assert details["field"] == [
        {
            "action": "change",
            "name": "income",
            "fields": ["default_masking", "personal_data"],
            "values": {"default_masking": "null", "personal_data": "sensitive"},
        }
    ]


def test_datasets_and_fields_are_not_added_by_hand(client, operator):
    client.force_login(operator)
    assert client.get(url("dataset", "add")).status_code == 403
    assert client.get(url("field", "add")).status_code == 403


# Evidence


def test_operators_and_approvers_cannot_see_evidence(client, operator):
    decider(factories.DatabaseFactory())
    entry = Entry.objects.first()
    for user in (operator, decider(factories.DatabaseFactory())):
        client.force_login(user)
        assert client.get(reverse("admin:evidence_entry_changelist")).status_code == 403
        assert client.get(reverse("admin:evidence_entry_change", args=[entry.pk])).status_code == 403


def test_an_auditor_reads_evidence_and_nobody_changes_it(client, auditor):
    decider(factories.DatabaseFactory())
    entry = Entry.objects.first()
    for user in (auditor, factories.UserFactory(superuser=True)):
        client.force_login(user)
        assert client.get(reverse("admin:evidence_entry_changelist")).status_code == 200
        page = client.get(reverse("admin:evidence_entry_change", args=[entry.pk]))
        assert bytes(entry.leaf_hash).hex() in page.content.decode()
        assert client.post(reverse("admin:evidence_entry_change", args=[entry.pk]), {"action": "x"}).status_code == 403
        assert client.post(reverse("admin:evidence_entry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
        assert client.get(reverse("admin:evidence_entry_add")).status_code == 403


def test_clerks_do_not_enter_the_admin(client):
    client.force_login(person(factories.AgencyFactory(), Role.REQUESTER))
    assert client.get(reverse("admin:index")).status_code == 302


def test_reader_of_a_policy_sees_labels(client, auditor):
    policy = factories.SharingPolicyFactory(purposes=[Purpose.PROCEDURE], modes=[Mode.PACKAGE, Mode.LOOKUP])
    client.force_login(auditor)
    page = client.get(url("sharingpolicy", "change", policy.pk)).text
    for label in (Purpose.PROCEDURE.label, Mode.PACKAGE.label, Mode.LOOKUP.label):
        assert str(label) in page


def test_port_is_shown_without_grouping(client, auditor):
    connection = factories.ConnectionFactory(postgresql=True)
    client.force_login(auditor)
    for page in (url("connection", "changelist"), url("connection", "change", connection.pk)):
        text = client.get(page).text
        assert "5432" in text
        assert "5.432" not in text


def test_account_page_shows_the_public_id(client):
    user = factories.UserFactory()
    client.force_login(factories.UserFactory(superuser=True))
    assert str(user.public_id) in client.get(url("user", "change", user.pk)).text
