"""Sharing policies: what others may ask for, and who decides on standing permissions."""

import json
from datetime import date

import pytest

from registry.choices import FieldKind, Masking, Mode, PersonalData, Role
from registry.errors import RegistryRefusal
from registry.models import Database, SharingPolicy
from registry.permissions import DECIDE
from registry.services import policies
from tests import factories
from tests.factories import assign, decider, person
from tests.registry.pages import add, change, entries, submitted, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    dataset = factories.DatasetFactory(database__code="population", code="population-people")
    for _number in range(3):
        factories.decider(dataset.database)
    return dataset


def values(dataset, **more):
    return {
        "dataset": dataset.pk,
        "title": "Tra cứu nhân khẩu",
        "legal_basis": factories.LegalInstrumentFactory().pk,
        "valid_from": "2026-01-01",
        "any_agency": "on",
        "purposes": ["procedure"],
        "modes": ["lookup"],
        **more,
    }


# What exchange reads


def test_policies_are_found_by_recipient_mode_and_day(dataset):
    asking, other = factories.AgencyFactory(), factories.AgencyFactory()
    named = factories.SharingPolicyFactory(
        dataset=dataset, any_agency=False, recipients=[asking, other], modes=[Mode.LOOKUP]
    )
    standing = factories.SharingPolicyFactory(dataset=dataset, standing=True)
    factories.SharingPolicyFactory(dataset=dataset, lapsed=True)
    factories.SharingPolicyFactory()

    def found(**asked):
        return list(policies.policies_for(dataset=dataset, **asked))

    assert found(recipient=asking) == [standing, named]
    assert found(recipient=asking, mode=Mode.PACKAGE) == [standing]
    assert found(recipient=factories.AgencyFactory(), mode=Mode.LOOKUP) == [standing]
    assert found(recipient=asking, day=date(2019, 12, 31)) == []
    assert len(found(recipient=asking, day=date(2020, 6, 1))) == 3


def test_offered_fields_are_those_the_source_still_has(dataset, django_assert_num_queries):
    first = factories.FieldFactory(dataset=dataset, name="b", position=1)
    second = factories.FieldFactory(dataset=dataset, name="a", position=2)
    gone = factories.FieldFactory(dataset=dataset, position=3, removed_at="2026-01-01T00:00Z")
    policy = factories.SharingPolicyFactory(dataset=dataset)
    factories.PolicyFieldFactory(policy=policy, field=second, masking=Masking.PARTIAL)
    factories.PolicyFieldFactory(policy=policy, field=first, masking=Masking.KEEP, is_filterable=True)
    factories.PolicyFieldFactory(policy=policy, field=gone, is_filterable=True)
    expected = [(first, Masking.KEEP), (second, Masking.PARTIAL)]
    assert policies.offered_fields(policy) == expected
    read = policies.policies_for(dataset=dataset, recipient=factories.AgencyFactory()).get()
    with django_assert_num_queries(0):
        assert policies.offered_fields(read) == expected
        assert policies.filterable_fields(read) == [first]
    assert policies.filterable_fields(policy) == [first]


# Standing permissions


def test_only_the_assigned_approver_of_the_owner_decides(dataset):
    database = dataset.database
    policies.check_standing(dataset=dataset, recipients=(), by=decider(database))
    unassigned = person(database.owner, Role.APPROVER)
    elsewhere = decider(factories.DatabaseFactory(owner=database.owner))
    former = assign(person(database.owner, Role.CASE_OFFICER), database, DECIDE)
    operator = person(factories.AgencyFactory(), Role.OPERATOR)
    boss = factories.UserFactory(superuser=True)
    for user in (unassigned, elsewhere, former, operator, boss):
        with pytest.raises(RegistryRefusal):
            policies.check_standing(dataset=dataset, recipients=(), by=user)


def test_nobody_decides_for_the_own_agency_or_one_below_it(dataset):
    approver = decider(dataset.database)
    above = factories.AgencyFactory()
    below = factories.AgencyFactory(parent=factories.AgencyFactory(parent=above))
    policies.check_standing(dataset=dataset, recipients=[below], by=approver)
    factories.MembershipFactory(user=approver, agency=above)
    with pytest.raises(RegistryRefusal):
        policies.check_standing(dataset=dataset, recipients=[below], by=approver)


def test_an_assigned_approver_decides_by_saving(client, dataset):
    approver = decider(dataset.database)
    client.force_login(approver)
    response = add(client, "sharingpolicy", **values(dataset, is_standing="on"))
    policy = SharingPolicy.objects.get()
    assert response.url == url("sharingpolicy", "change", policy.pk)
    assert (policy.is_standing, policy.decided_by) == (True, approver)
    assert policy.decided_at
    entry = entries("registry.sharingpolicy.add").get()
    assert (entry.subject_id, entry.agency) == (str(policy.public_id), dataset.database.owner.code)
    assert json.loads(entry.details)["values"]["is_standing"] == {"new": True}


@pytest.mark.parametrize("who", ["operator", "superuser", "unassigned"])
def test_others_cannot_save_a_standing_permission(client, dataset, operator, who):
    user = {
        "operator": operator,
        "superuser": factories.UserFactory(superuser=True),
        "unassigned": person(dataset.database.owner, Role.APPROVER),
    }[who]
    client.force_login(user)
    response = client.post(url("sharingpolicy", "add"), values(dataset, is_standing="on"))
    assert response.status_code == (403 if who == "operator" else 200)
    assert not SharingPolicy.objects.exists()


@pytest.mark.parametrize("who", ["operator", "superuser", "unassigned"])
def test_others_cannot_change_a_standing_permission(client, dataset, operator, who):
    policy = factories.SharingPolicyFactory(dataset=dataset, standing=True, max_rows=10)
    client.force_login(
        {
            "operator": operator,
            "superuser": factories.UserFactory(superuser=True),
            "unassigned": person(dataset.database.owner, Role.APPROVER),
        }[who]
    )
    assert client.get(url("sharingpolicy", "change", policy.pk)).status_code == 200
    response = client.post(url("sharingpolicy", "change", policy.pk), values(dataset, max_rows=1_000))
    assert response.status_code == 403
    policy.refresh_from_db()
    assert policy.max_rows == 10


def test_a_change_of_a_standing_permission_is_a_new_decision(client, dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset, standing=True)
    successor = decider(dataset.database)
    client.force_login(successor)
    assert change(client, "sharingpolicy", policy, max_rows=10).status_code == 302
    policy.refresh_from_db()
    assert policy.decided_by == successor
    assert change(client, "sharingpolicy", policy, is_standing=None).status_code == 302
    policy.refresh_from_db()
    assert (policy.is_standing, policy.decided_by, policy.decided_at) == (False, None, None)


# Bounds


@pytest.mark.parametrize("who", ["operator", "superuser", "unassigned", "elsewhere"])
def test_only_assigned_approvers_save_a_policy(client, dataset, operator, who):
    owner = dataset.database.owner
    policy = factories.SharingPolicyFactory(dataset=dataset, max_rows=10)
    client.force_login(
        {
            "operator": operator,
            "superuser": factories.UserFactory(superuser=True),
            "unassigned": person(owner, Role.APPROVER),
            "elsewhere": decider(factories.DatabaseFactory(owner=owner)),
        }[who]
    )
    assert client.get(url("sharingpolicy", "change", policy.pk)).status_code == 200
    assert client.post(url("sharingpolicy", "change", policy.pk), values(dataset, max_rows=99)).status_code == 403
    assert client.post(url("sharingpolicy", "add"), values(dataset)).status_code == (403 if who == "operator" else 200)
    policy.refresh_from_db()
    assert policy.max_rows == 10
    assert SharingPolicy.objects.count() == 1


def refused(response, field) -> str:
    assert response.status_code == 200
    return response.context["adminform"].form.errors[field][0]


def test_a_quorum_can_only_be_raised(client, dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset, quorum=2)
    client.force_login(decider(dataset.database))
    assert refused(change(client, "sharingpolicy", policy, quorum=1), "quorum")
    assert json.loads(entries("registry.sharingpolicy.refuse").get().details) == {"code": "quorum-lowered"}
    assert change(client, "sharingpolicy", policy, quorum=3).status_code == 302
    policy.refresh_from_db()
    assert policy.quorum == 3


@pytest.mark.parametrize("quorum", [1, 2])
def test_a_policy_does_not_become_a_standing_permission_later(client, dataset, quorum):
    policy = factories.SharingPolicyFactory(dataset=dataset, quorum=quorum)
    client.force_login(decider(dataset.database))
    assert refused(change(client, "sharingpolicy", policy, is_standing="on"), "quorum")
    policy.refresh_from_db()
    assert not policy.is_standing


def test_a_standing_permission_has_a_quorum_of_one(client, dataset):
    client.force_login(decider(dataset.database))
    assert refused(add(client, "sharingpolicy", **values(dataset, is_standing="on", quorum=2)), "quorum")
    assert not SharingPolicy.objects.exists()


def test_the_database_sets_the_least_quorum(client, dataset):
    Database.objects.update(min_quorum=2)
    client.force_login(decider(dataset.database))
    assert refused(add(client, "sharingpolicy", **values(dataset)), "quorum")
    assert refused(add(client, "sharingpolicy", **values(dataset, is_standing="on")), "is_standing")
    assert add(client, "sharingpolicy", **values(dataset, quorum=2)).status_code == 302


def test_services_refuse_what_pages_refuse(dataset):
    approver = decider(dataset.database)
    policy = factories.SharingPolicyFactory(dataset=dataset, quorum=2)

    def code_of(by=approver, **changed):
        again = SharingPolicy.objects.get(pk=policy.pk)
        for name, value in changed.items():
            setattr(again, name, value)
        with pytest.raises(RegistryRefusal) as caught:
            policies.settle(policy=again, by=by)
        return caught.value.code

    assert code_of(quorum=1) == "quorum-lowered"
    assert code_of(is_standing=True) == "quorum"
    assert code_of(by=person(dataset.database.owner, Role.APPROVER)) == "not-assigned"


def test_the_operator_sets_the_least_quorum_on_record(client, dataset, operator):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    client.force_login(operator)
    assert refused(change(client, "database", dataset.database, min_quorum=2), "min_quorum")
    SharingPolicy.objects.filter(pk=policy.pk).update(quorum=2)
    assert change(client, "database", dataset.database, min_quorum=2).status_code == 302
    assert json.loads(entries("registry.database.change").get().details)["values"]["min_quorum"] == {
        "old": "1",
        "new": "2",
    }


def test_the_owner_stays_while_policies_are_in_force(client, dataset, operator):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    owner, successor = dataset.database.owner, factories.AgencyFactory()
    client.force_login(operator)
    assert refused(change(client, "database", dataset.database, owner=successor.pk), "owner")
    assert json.loads(entries("registry.database.refuse").get().details) == {"code": "owner-bound"}
    SharingPolicy.objects.filter(pk=policy.pk).update(valid_to=date(2021, 1, 1))
    assert change(client, "database", dataset.database, owner=successor.pk).status_code == 302
    dataset.database.refresh_from_db()
    assert dataset.database.owner == successor != owner


def line(field, *, masking, is_filterable=False):
    return {
        "policy_fields-TOTAL_FORMS": 1,
        "policy_fields-0-field": field.pk,
        "policy_fields-0-masking": masking,
        **({"policy_fields-0-is_filterable": "on"} if is_filterable else {}),
    }


@pytest.mark.parametrize(
    ("is_key", "modes", "status"),
    [(True, [Mode.LOOKUP], 302), (True, list(Mode), 200), (False, [Mode.LOOKUP], 200)],
)
def test_a_masked_field_is_no_filter_unless_it_is_what_is_looked_up(client, dataset, is_key, modes, status):
    field = factories.FieldFactory(dataset=dataset, is_key=is_key)
    policy = factories.SharingPolicyFactory(dataset=dataset, modes=modes)
    client.force_login(decider(dataset.database))
    shared = line(field, masking=Masking.PSEUDONYM, is_filterable=True)
    assert change(client, "sharingpolicy", policy, **shared).status_code == status
    assert policy.policy_fields.exists() is (status == 302)
    assert policies.filterable_fields(policy) == []


def test_adding_a_mode_checks_the_lines_again(client, dataset):
    field = factories.FieldFactory(dataset=dataset, key=True)
    policy = factories.SharingPolicyFactory(dataset=dataset, modes=[Mode.LOOKUP])
    factories.PolicyFieldFactory(policy=policy, field=field, masking=Masking.NULL, is_filterable=True)
    client.force_login(decider(dataset.database))
    assert change(client, "sharingpolicy", policy, modes=list(Mode)).status_code == 200
    policy.refresh_from_db()
    assert policy.modes == [Mode.LOOKUP]


def test_a_masking_fits_the_kind_of_its_field(client, dataset):
    number = factories.FieldFactory(dataset=dataset, kind=FieldKind.INTEGER)
    day = factories.FieldFactory(dataset=dataset, kind=FieldKind.DATE)
    policy = factories.SharingPolicyFactory(dataset=dataset)
    client.force_login(decider(dataset.database))
    assert change(client, "sharingpolicy", policy, **line(number, masking=Masking.YEAR)).status_code == 200
    assert json.loads(entries("registry.sharingpolicy.refuse").get().details) == {"code": "masking"}
    assert change(client, "sharingpolicy", policy, **line(day, masking=Masking.YEAR)).status_code == 302


@pytest.mark.parametrize(("field", "value"), [("max_rows", 2**53), ("max_retention_days", 3_651)])
def test_limits_have_limits(client, dataset, field, value):
    client.force_login(decider(dataset.database))
    assert refused(add(client, "sharingpolicy", **values(dataset, **{field: value})), field)


def test_a_policy_whose_law_ended_offers_nothing(dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    asking = {"dataset": dataset, "recipient": factories.AgencyFactory()}
    assert policies.policies_for(**asking).get() == policy
    policy.legal_basis.effective_to = date(2021, 1, 1)
    policy.legal_basis.save()
    assert not policies.policies_for(**asking)


# Pages


def test_an_assigned_approver_adds_an_ordinary_policy(client, dataset):
    client.force_login(decider(dataset.database))
    assert add(client, "sharingpolicy", **values(dataset)).status_code == 302
    policy = SharingPolicy.objects.get()
    assert (policy.modes, policy.purposes, policy.decided_by) == (["lookup"], ["procedure"], None)


def test_a_policy_names_who_may_ask(client, dataset):
    client.force_login(decider(dataset.database))
    response = add(client, "sharingpolicy", **values(dataset, any_agency=None))
    assert "recipients" in response.context["adminform"].form.errors
    agency = factories.AgencyFactory(code="BTC")
    add(client, "sharingpolicy", **values(dataset, any_agency=None, recipients=[agency.pk]))
    assert list(SharingPolicy.objects.get().recipients.all()) == [agency]
    assert json.loads(entries("registry.sharingpolicy.add").get().details)["values"]["recipients"] == {"new": ["BTC"]}


def test_another_owners_policy_cannot_be_seen_or_changed(client, dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    client.force_login(decider(factories.DatabaseFactory()))
    address = url("sharingpolicy", "change", policy.pk)
    assert client.get(address).status_code == 404
    assert client.post(address, values(dataset)).status_code == 404
    assert client.get(url("sharingpolicy", "history", policy.pk)).status_code == 404
    assert policy.title not in client.get(url("sharingpolicy", "changelist")).content.decode()


def test_an_approver_adds_no_policy_for_another_owner(client, dataset):
    client.force_login(decider(factories.DatabaseFactory()))
    response = add(client, "sharingpolicy", **values(dataset))
    assert "dataset" in response.context["adminform"].form.errors
    assert not SharingPolicy.objects.exists()


def test_case_officers_and_reviewers_only_read(client, dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    for role in (Role.CASE_OFFICER, Role.REVIEWER):
        client.force_login(person(dataset.database.owner, role))
        assert client.get(url("sharingpolicy", "change", policy.pk)).status_code == 200
        assert client.post(url("sharingpolicy", "change", policy.pk), values(dataset)).status_code == 403
        assert client.get(url("sharingpolicy", "add")).status_code == 403


def test_the_dataset_of_a_policy_stays(client, dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    client.force_login(decider(dataset.database))
    change(client, "sharingpolicy", policy, dataset=factories.DatasetFactory().pk)
    policy.refresh_from_db()
    assert policy.dataset == dataset


def test_only_fields_of_the_own_dataset_are_offered(client, dataset):
    own = factories.FieldFactory(dataset=dataset, name="born")
    gone = factories.FieldFactory(dataset=dataset, name="gone", removed_at="2026-01-01T00:00Z")
    foreign = factories.FieldFactory(name="foreign")
    policy = factories.SharingPolicyFactory(dataset=dataset)
    client.force_login(decider(dataset.database))

    def share(field):
        return change(
            client,
            "sharingpolicy",
            policy,
            **{
                "policy_fields-TOTAL_FORMS": 1,
                "policy_fields-0-field": field.pk,
                "policy_fields-0-masking": Masking.PARTIAL,
            },
        )

    text = client.get(url("sharingpolicy", "change", policy.pk)).content.decode()
    assert "born" in text
    assert "foreign" not in text
    assert share(foreign).status_code == 200
    assert share(gone).status_code == 200
    assert share(own).status_code == 302
    assert policies.offered_fields(policy) == [(own, Masking.PARTIAL)]
    assert json.loads(entries("registry.sharingpolicy.change").get().details)["policyfield"] == [
        {
            "action": "add",
            "name": "born",
            "fields": ["field", "masking"],
            "values": {"field": "born", "masking": "partial"},
        }
    ]


def test_a_field_can_be_taken_out(client, dataset):
    field = factories.FieldFactory(dataset=dataset, name="born")
    policy = factories.SharingPolicyFactory(dataset=dataset, field_list=[field])
    client.force_login(decider(dataset.database))
    change(client, "sharingpolicy", policy, **{"policy_fields-0-DELETE": "on"})
    assert not policy.policy_fields.exists()
    assert json.loads(entries("registry.sharingpolicy.change").get().details)["policyfield"] == [
        {"action": "delete", "name": "born"}
    ]


def test_opening_a_sensitive_field_warns(client, dataset):
    field = factories.FieldFactory(dataset=dataset, name="disease", sensitive=True)
    plain = factories.FieldFactory(dataset=dataset, personal_data=PersonalData.BASIC, default_masking=Masking.NULL)
    policy = factories.SharingPolicyFactory(dataset=dataset, field_list=[field, plain])
    client.force_login(decider(dataset.database))
    assert not policies.opened_sensitive_fields(policy)
    address = url("sharingpolicy", "change", policy.pk)
    page = client.get(address)
    response = client.post(
        address,
        submitted(page, **{"policy_fields-0-masking": Masking.KEEP, "policy_fields-1-masking": Masking.KEEP}),
        follow=True,
    )
    assert [field.name for field in policies.opened_sensitive_fields(policy)] == ["disease"]
    warnings = [str(message) for message in response.context["messages"] if message.level_tag == "warning"]
    assert len(warnings) == 2, "any agency may have restricted fields, too"
    assert all("disease" in warning for warning in warnings)


def test_the_page_takes_the_same_queries_for_many_fields(client, dataset, django_assert_max_num_queries):
    fields = [factories.FieldFactory(dataset=dataset) for _number in range(30)]
    policy = factories.SharingPolicyFactory(dataset=dataset, field_list=fields)
    client.force_login(decider(dataset.database))
    with django_assert_max_num_queries(40):
        client.get(url("sharingpolicy", "change", policy.pk))


def test_a_quorum_beyond_those_who_may_decide_is_refused(client, dataset):
    client.force_login(factories.decider(dataset.database))
    assert refused(add(client, "sharingpolicy", **values(dataset, quorum=5)), "quorum")
    assert json.loads(entries("registry.sharingpolicy.refuse").get().details) == {"code": "quorum-unreachable"}
    assert add(client, "sharingpolicy", **values(dataset, quorum=4)).status_code == 302
