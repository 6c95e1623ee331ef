"""The history of the registry: every change, from any path, with who, when and why; kept for good."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry.choices import Operation, Role
from registry.models import Agency, Connection, Database, Dataset, Field, RegistryChange
from registry.services import access, history
from tests import factories
from tests.registry.pages import change, url

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
# Measured, not decided; or what keeps itself: rows that nobody ever changes.
WITHOUT_HISTORY = {
    "registry_registrychange",
    "registry_notice",
    "registry_datasetprofile",
    "registry_fieldprofile",
    "registry_metadataimport",
    "registry_searchdocument",
    "registry_schemasnapshot",
    "registry_structurereading",
    "registry_subscription",
}


def last(thing) -> RegistryChange:
    return RegistryChange.objects.of(thing).first()


def test_every_table_of_the_registry_has_a_history():
    tables = {
        model._meta.db_table for model in apps.get_app_config("registry").get_models(include_auto_created=True)
    } - WITHOUT_HISTORY
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE tgname LIKE 'registry_history_%' GROUP BY 1"
        )
        kept = dict(cursor.fetchall())
    assert tables - set(kept) == set()  # a migration calls registry_keep_history() for a new table
    assert set(kept.values()) == {4}


def test_an_added_row_is_written_with_its_values():
    agency = factories.AgencyFactory(name_vi="Bộ Y tế")
    written = last(agency)
    assert (written.operation, written.values["name_vi"]) == (Operation.INSERT, "Bộ Y tế")
    assert "parent_id" not in written.values
    assert (written.actor, written.reason) == ("", "")
    assert written.database_role


def test_a_change_is_written_with_old_and_new_who_and_why(operator):
    agency = factories.AgencyFactory(name_vi="Cũ")
    with history.acting(by=operator, reason="Đổi tên theo Nghị quyết"):
        agency.name_vi = "Mới"
        agency.save()
    written = last(agency)
    assert written.values == {"name_vi": ["Cũ", "Mới"]}
    assert (written.actor, written.reason) == (str(operator.public_id), "Đổi tên theo Nghị quyết")


def test_who_acts_ends_with_the_block_and_nests(operator, auditor):
    agency = factories.AgencyFactory()

    def rename(name: str) -> str:
        Agency.objects.filter(pk=agency.pk).update(name_en=name)
        return last(agency).actor

    with history.acting(by=operator, reason="a"):
        with history.acting(by=auditor):
            assert rename("1") == str(auditor.public_id)
        assert rename("2") == str(operator.public_id)
        with pytest.raises(ValueError, match="undone"), history.acting(by=auditor):
            raise ValueError("undone")
        assert rename("3") == str(operator.public_id)
    assert rename("4") == ""


def test_saving_without_a_change_writes_nothing():
    agency = factories.AgencyFactory()
    agency.save()
    assert RegistryChange.objects.of(agency).count() == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda ids: Agency.objects.filter(pk__in=ids).update(is_active=False),
        lambda ids: Agency.objects.bulk_update([Agency(pk=pk, is_active=False) for pk in ids], ["is_active"]),
        lambda ids: _run("UPDATE registry_agency SET is_active = false WHERE id = ANY(%s)", [ids]),
        lambda ids: _run("SET LOCAL session_replication_role = replica; "
                         "UPDATE registry_agency SET is_active = false WHERE id = ANY(%s)", [ids]),
    ],
    ids=["queryset", "bulk", "psql", "replica"],
)  # fmt: skip
def test_every_path_is_written(act):
    ids = [factories.AgencyFactory().pk for _number in range(3)]
    act(ids)
    written = RegistryChange.objects.filter(table_name="registry_agency", operation=Operation.UPDATE)
    assert {change.row_id: change.values for change in written} == {key: {"is_active": [True, False]} for key in ids}


def _run(statement: str, values: list | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_deleted_row_is_written_with_what_it_was():
    shared = factories.PolicyFieldFactory()
    kept = shared.pk
    shared.delete()
    written = RegistryChange.objects.filter(table_name="registry_policyfield", row_id=kept).first()
    assert (written.operation, written.values["field_id"]) == (Operation.DELETE, shared.field_id)


def test_recipients_and_duties_are_written_too(operator):
    policy = factories.SharingPolicyFactory(any_agency=False, recipients=[factories.AgencyFactory()])
    assert RegistryChange.objects.filter(table_name="registry_sharingpolicy_recipients").count() == 1
    database = policy.dataset.database
    officer = factories.handler(database)
    access.withdraw(permission="handle_requests", on=database, to=officer, by=operator)
    operations = RegistryChange.objects.filter(table_name="guardian_userobjectpermission").values_list(
        "operation", flat=True
    )
    assert set(operations) == {Operation.INSERT, Operation.DELETE}


def test_secrets_and_personal_values_are_never_kept():
    user = factories.UserFactory(email="a@example.vn", full_name="Nguyễn Văn Kín")
    user.set_password("another long password")
    user.full_name, user.is_staff = "Trần Thị Kín", True
    user.save()
    one = factories.ConnectionFactory(credential="gAAAA-first")
    Connection.objects.filter(pk=one.pk).update(credential="gAAAA-second", port=5433)
    assert last(user).values == {"password": "changed", "full_name": "changed", "is_staff": [False, True]}
    assert last(one).values == {"credential": "changed", "port": [None, 5433]}
    text = str(list(RegistryChange.objects.values_list("values", flat=True)))
    for value in ("a@example.vn", "Kín", "gAAAA", "pbkdf2", "md5$"):
        assert value not in text


def test_signing_in_is_no_change_of_the_registry():
    user = factories.UserFactory()
    user.last_login = timezone.now()
    user.save()
    assert last(user).operation == Operation.INSERT


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_registrychange SET actor = 'x'",
        "DELETE FROM registry_registrychange",
        "TRUNCATE registry_registrychange",
        "SET LOCAL session_replication_role = replica; DELETE FROM registry_registrychange",
    ],
)
def test_history_cannot_be_rewritten(statement):
    factories.AgencyFactory()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        _run(statement)


MADE_UP = """INSERT INTO registry_registrychange
    (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
    VALUES (now(), 1, 'registry_agency', 1, 'update', 'x', 'y', 'z', '{}')"""


@pytest.mark.parametrize("statement", [MADE_UP, "SET LOCAL session_replication_role = replica; " + MADE_UP])
def test_history_cannot_be_made_up(statement):
    with pytest.raises(IntegrityError, match="written by the database itself"), transaction.atomic():
        _run(statement)


@pytest.mark.parametrize("table", ["registry_amendment", "registry_agencycontact", "guardian_userobjectpermission"])
def test_no_table_is_emptied_past_its_history(table):
    with pytest.raises(IntegrityError, match="TRUNCATE"), transaction.atomic():
        _run(f"TRUNCATE {table} CASCADE")


def test_no_temporary_table_poses_as_the_history():
    agency = factories.AgencyFactory()
    _run("CREATE TEMPORARY TABLE registry_registrychange (LIKE registry_registrychange) ON COMMIT DROP")
    Agency.objects.filter(pk=agency.pk).update(name_en="Elsewhere")
    _run("DROP TABLE pg_temp.registry_registrychange")
    assert last(agency).values["name_en"][1] == "Elsewhere"


def test_what_the_database_computes_is_no_change():
    law = factories.LegalInstrumentFactory(number="1/2020/NĐ-CP")
    law.number = "2/2020/NĐ-CP"
    law.save()
    assert set(last(law).values) == {"number"}


# Pages


def test_admin_writes_who_and_the_reason_given_in_the_form(client, operator):
    database = factories.DatabaseFactory(description="Cũ")
    client.force_login(operator)
    page = client.get(url("database", "change", database.pk))
    assert 'name="_reason"' in page.text
    change(client, "database", database, description="Mới", _reason="Theo công văn 12")
    written = last(database)
    assert written.values == {"description": ["Cũ", "Mới"]}
    assert (written.actor, written.reason) == (str(operator.public_id), "Theo công văn 12")


def test_other_forms_name_the_person_and_the_next_request_starts_anew(client, operator):
    database = factories.DatabaseFactory()
    officer = factories.person(database.owner, Role.CASE_OFFICER)
    client.force_login(operator)
    client.post(url("database", "duties", database.pk), {"permission": "handle_requests", "user": officer.pk})
    assigned = RegistryChange.objects.filter(table_name="guardian_userobjectpermission").first()
    assert assigned.actor == str(operator.public_id)
    Database.objects.filter(pk=database.pk).update(description="Ngoài trang")
    assert last(database).actor == ""


def test_history_page_tells_it_in_words(client, operator):
    agency = factories.AgencyFactory()
    database = factories.DatabaseFactory()
    client.force_login(operator)
    change(client, "database", database, owner=agency.pk, lifecycle="retired", _reason="Chuyển chủ quản")
    page = client.get(url("database", "history", database.pk))
    for text in (operator.full_name, "Chuyển chủ quản", agency.name, database.owner.name):
        assert text in page.text
    one = factories.ConnectionFactory(credential="gAAAA-first")
    assert "gAAAA" not in client.get(url("connection", "history", one.pk)).text


def test_history_of_a_row_has_that_of_its_parts_and_costs_the_same(client, operator):
    dataset = factories.DatasetFactory()
    client.force_login(operator)

    def queries(fields: int) -> int:
        for number in range(fields):
            field = factories.FieldFactory(dataset=dataset, title_vi="Trường")
            Field.objects.filter(pk=field.pk).update(title_vi=f"Tên {number}")
        with CaptureQueriesContext(connection) as captured:
            page = client.get(url("dataset", "history", dataset.pk))
        assert "Tên 1" in page.text
        return len(captured)

    few = queries(2)
    assert queries(18) <= few  # the second time the row itself is on the next page


def test_whole_history_names_things_and_people_and_costs_a_query_for_each_kind_of_row(client, operator):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url("registrychange", "changelist"))
        assert page.status_code == 200
        return len(queries)

    client.force_login(operator)
    with history.acting(by=operator, reason="Theo Nghị quyết"):
        factories.FieldFactory(title_vi="Họ tên", dataset__title_vi="Công dân")
    page = client.get(url("registrychange", "changelist")).text
    assert "Trường dữ liệu: Họ tên" in page
    assert "Tập dữ liệu: Công dân" in page
    assert str(operator) in page
    few = asked()
    for _number in range(20):
        factories.FieldFactory()
    assert asked() <= few


def test_history_page_of_another_owner_is_not_there(client):
    officer = factories.person(factories.AgencyFactory(), Role.CASE_OFFICER)
    client.force_login(officer)
    assert client.get(url("database", "history", factories.DatabaseFactory().pk)).status_code == 404


def test_catalogue_shows_when_the_description_changed_and_nothing_else(client, operator):
    dataset = factories.DatasetFactory(description="Mô tả cũ")
    with history.acting(by=operator, reason="Lý do nội bộ"):
        Dataset.objects.filter(pk=dataset.pk).update(description="Mô tả mới", table_name="bang_moi")
    Dataset.objects.filter(pk=dataset.pk).update(schema_name="kho")
    told = history.public_changes(dataset)
    assert [change.fields for change in told] == [[Dataset._meta.get_field("description").verbose_name]]
    page = client.get(reverse("registry:dataset-detail", args=[dataset.code])).text
    for absent in ("Mô tả cũ", "bang_moi", "Lý do nội bộ", operator.full_name):
        assert absent not in page
