"""Checking a source and reading its structure, on a file and on a server."""

import json
import os
import sqlite3

import pytest
from django.test import Client

from registry import credentials
from registry.choices import Engine, FieldKind, Masking, PersonalData, Role
from registry.connectors import PermanentSourceError, TemporarySourceError
from registry.errors import RegistryRefusal
from registry.models import Connection, Dataset, Field, SchemaSnapshot
from registry.services import connections, structure
from tests import factories
from tests.factories import decider, person
from tests.registry.pages import entries, read_structure, url
from tests.source_servers import source_database

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

SOURCE = f"{os.environ.get('NDC_TEST_NAME', 'test_ndc_portal')}_registry_{os.getpid()}"


@pytest.fixture
def file(tmp_path, settings):
    """Runs statements on a SQLite file in an allowed folder; `file.path` is where it lies."""
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]

    class File:
        path = tmp_path.resolve() / "source.sqlite3"

        def __call__(self, *statements):
            with sqlite3.connect(self.path) as source:
                for statement in statements:
                    source.execute(statement)
            source.close()

    run = File()
    run("CREATE TABLE people (id INTEGER PRIMARY KEY, full_name TEXT NOT NULL, born DATE)")
    return run


@pytest.fixture
def connection(file):
    return factories.ConnectionFactory(database__code="population", name=str(file.path))


@pytest.fixture
def server():
    """A database on the test server, with one table in a schema of its own, and a connection to it."""
    with source_database(SOURCE) as server:
        server.owner.execute("CREATE SCHEMA civil")
        server.owner.execute("CREATE TABLE civil.marriages (id bigint PRIMARY KEY, held_on date NOT NULL, note text)")
        server.owner.execute("COMMENT ON TABLE civil.marriages IS 'Đăng ký kết hôn'")
        server.owner.execute("COMMENT ON COLUMN civil.marriages.held_on IS 'Ngày đăng ký'")
        server.owner.execute("CREATE TABLE đơn_thư (id integer PRIMARY KEY)")
        yield factories.ConnectionFactory(
            database__code="justice",
            engine=Engine.POSTGRESQL,
            host=server.host,
            port=server.port,
            name=SOURCE,
            username=server.username,
            credential=credentials.encrypt(server.password),
            sslmode="prefer",
        )


def read(connection):
    return structure.read(connection=connection, by=None)


# Checking


def test_a_file_that_is_there_answers(connection):
    connections.check(connection=connection, by=None)
    connection.refresh_from_db()
    assert connection.check_ok is True
    assert connection.checked_at
    assert "SQLite" in connection.check_message
    entry = entries("registry.connection.check").get()
    assert entry.subject_id == "population"
    assert json.loads(entry.details) == {"ok": True, "problem": ""}


def test_a_file_that_is_gone_does_not(connection, file):
    file.path.unlink()
    connections.check(connection=connection, by=None)
    assert connection.check_ok is False
    assert json.loads(entries("registry.connection.check").get().details) == {"ok": False, "problem": "unreachable"}


def test_an_address_outside_the_list_is_not_opened(connection, settings):
    settings.SOURCE_ALLOWED_FOLDERS = []
    connections.check(connection=connection, by=None)
    assert connection.check_ok is False
    assert json.loads(entries("registry.connection.check").get().details)["problem"] == "bad-address"


def test_a_check_says_nothing_about_an_address_that_changed_meanwhile(connection):
    Connection.objects.filter(pk=connection.pk).update(name="/another/file")
    with pytest.raises(RegistryRefusal):
        connections.check(connection=connection, by=None)
    assert Connection.objects.get().checked_at is None
    assert not entries("registry.connection.check").exists()


def test_a_server_answers(server):
    connections.check(connection=server, by=None)
    assert server.check_ok is True, server.check_message


# Reading


def test_a_new_table_becomes_an_unpublished_dataset_with_closed_fields(connection):
    report = read(connection)
    dataset = Dataset.objects.get()
    assert (dataset.code, dataset.table_name, dataset.is_published) == ("population-people", "people", False)
    assert (report.new, report.changed, report.gone, report.new_fields) == (["population-people"], [], [], 3)
    assert list(dataset.fields.order_by("position").values_list("name", "kind", "is_key")) == [
        ("id", FieldKind.INTEGER, True),
        ("full_name", FieldKind.TEXT, False),
        ("born", FieldKind.DATE, False),
    ]
    assert set(dataset.fields.values_list("personal_data", "default_masking")) == {(PersonalData.BASIC, Masking.NULL)}
    assert dataset.snapshots.count() == 1
    assert json.loads(entries("registry.structure.read").get().details)["new"] == ["population-people"]


def test_reading_again_changes_nothing(connection):
    read(connection)
    Field.objects.filter(name="born").update(title_vi="Ngày sinh", default_masking=Masking.YEAR)
    Dataset.objects.update(title_vi="Dân cư", is_published=True)
    report = read(connection)
    assert (report.new, report.changed, report.gone, report.new_fields) == ([], [], [], 0)
    assert SchemaSnapshot.objects.count() == 1
    born, dataset = Field.objects.get(name="born"), Dataset.objects.get()
    assert (born.title_vi, born.default_masking) == ("Ngày sinh", Masking.YEAR)
    assert (dataset.title_vi, dataset.is_published) == ("Dân cư", True)


def test_columns_that_come_and_go_are_kept_on_record(connection, file):
    read(connection)
    file("ALTER TABLE people DROP COLUMN born", "ALTER TABLE people ADD COLUMN income INTEGER")
    report = read(connection)
    assert (report.changed, report.new_fields, report.gone_fields) == (["population-people"], 1, 1)
    assert Field.objects.get(name="born").removed_at
    assert Field.objects.get(name="income").removed_at is None
    assert SchemaSnapshot.objects.count() == 2


def test_a_column_that_returns_is_closed_again(connection, file):
    read(connection)
    Field.objects.filter(name="born").update(personal_data=PersonalData.NONE, default_masking=Masking.KEEP)
    file("ALTER TABLE people DROP COLUMN born")
    read(connection)
    file("ALTER TABLE people ADD COLUMN born DATE")
    read(connection)
    born = Field.objects.get(name="born")
    assert born.removed_at is None
    assert (born.personal_data, born.default_masking) == (PersonalData.BASIC, Masking.NULL)


def test_a_column_of_another_kind_is_closed_again(connection, file):
    read(connection)
    Field.objects.update(personal_data=PersonalData.NONE, default_masking=Masking.KEEP)
    file("ALTER TABLE people DROP COLUMN born", "ALTER TABLE people ADD COLUMN born INTEGER")
    read(connection)
    assert Field.objects.get(name="born").default_masking == Masking.NULL
    assert Field.objects.get(name="full_name").default_masking == Masking.KEEP


def test_a_table_that_goes_and_returns_keeps_its_code(connection, file):
    read(connection)
    file("ALTER TABLE people RENAME TO folk")
    report = read(connection)
    assert (report.new, report.gone) == (["population-folk"], ["population-people"])
    gone = Dataset.objects.get(code="population-people")
    assert gone.removed_at
    assert gone not in Dataset.objects.published()
    file("ALTER TABLE folk RENAME TO people")
    report = read(connection)
    assert (report.changed, report.gone) == (["population-people"], ["population-folk"])
    assert Dataset.objects.get(code="population-people").removed_at is None


def test_a_source_that_does_not_answer_changes_nothing(connection, file):
    read(connection)
    file.path.unlink()
    with pytest.raises(TemporarySourceError):
        read(connection)
    assert Dataset.objects.get().removed_at is None


def test_names_that_are_too_long_are_left_out_and_told(connection, file):
    file(f"CREATE TABLE t{'x' * 128} (id INTEGER)")
    report = read(connection)
    assert len(report.skipped) == 1
    assert Dataset.objects.count() == 1


def test_comments_of_a_server_become_titles(server):
    report = read(server)
    assert sorted(report.new) == ["justice-civil-marriages", "justice-don-thu"]
    dataset = Dataset.objects.get(code="justice-civil-marriages")
    assert (dataset.schema_name, dataset.title_vi) == ("civil", "Đăng ký kết hôn")
    assert dataset.fields.get(name="held_on").title_vi == "Ngày đăng ký"
    assert read(server).changed == []


def test_reading_takes_the_same_queries_for_a_column_more(connection, file, django_assert_max_num_queries):
    file(*(f"ALTER TABLE people ADD COLUMN c{number} TEXT" for number in range(40)))
    with django_assert_max_num_queries(20):
        read(connection)


@pytest.mark.parametrize(
    ("schema", "table", "code"),
    [
        ("", "people", "db-people"),
        ("main", "people", "db-people"),
        ("public", "Công_dân", "db-cong-dan"),
        ("Hộ tịch", "ĐƠN", "db-ho-tich-don"),
        ("", "__", "db"),
        ("", "x" * 200, f"db-{'x' * 97}"),
    ],
)
def test_codes_are_plain_words(schema, table, code):
    assert structure.dataset_code("db", schema, table, taken=set()) == code


def test_codes_differ_where_names_do_not():
    taken = {"db-a-b", f"db-{'x' * 97}"}
    assert structure.dataset_code("db", "", "a_b", taken=taken) == "db-a-b-2"
    longer = structure.dataset_code("db", "", "x" * 200, taken=taken)
    assert longer == f"db-{'x' * 95}-2"
    assert len(longer) == structure.LONGEST_CODE


# Comparing before a delivery


def test_a_source_that_did_not_change_matches(connection, file):
    read(connection)
    file("ALTER TABLE people ADD COLUMN more TEXT")  # nobody was promised that there is nothing else
    structure.matches_source(dataset=Dataset.objects.get(), field_names=["id", "born"])


@pytest.mark.parametrize(
    ("statements", "names"),
    [
        (["ALTER TABLE people DROP COLUMN born"], ["id", "born"]),
        (["ALTER TABLE people DROP COLUMN born", "ALTER TABLE people ADD COLUMN born INTEGER"], ["born"]),
        (["ALTER TABLE people RENAME TO folk"], ["id"]),
        ([], ["id", "never_known"]),
    ],
)
def test_a_source_that_changed_is_refused(connection, file, statements, names):
    read(connection)
    file(*statements)
    with pytest.raises(PermanentSourceError) as raised:
        structure.matches_source(dataset=Dataset.objects.get(), field_names=names)
    assert raised.value.code == "source-changed"


def test_a_field_that_is_left_out_may_change(connection, file):
    read(connection)
    file("ALTER TABLE people DROP COLUMN born")
    structure.matches_source(dataset=Dataset.objects.get(), field_names=["id"])


def test_a_server_matches(server):
    read(server)
    dataset = Dataset.objects.get(code="justice-civil-marriages")
    structure.matches_source(dataset=dataset, field_names=["id", "held_on"])


def test_a_database_without_connection_is_a_lasting_trouble():
    dataset = factories.DatasetFactory()
    with pytest.raises(PermanentSourceError):
        structure.matches_source(dataset=dataset, field_names=[])


# In the admin


@pytest.mark.parametrize("page", ["check", "read-structure"])
def test_the_buttons_take_no_get(client, operator, connection, page):
    client.force_login(operator)
    assert client.get(url("connection", page, connection.pk)).status_code == 405
    assert Connection.objects.get().checked_at is None
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("page", ["check", "read-structure"])
def test_the_buttons_need_the_right_to_change(client, auditor, connection, page):
    for user, status in (
        (auditor, 403),
        (decider(connection.database), 403),
        (person(connection.database.owner, Role.REQUESTER), 302),
    ):
        client.force_login(user)
        assert client.post(url("connection", page, connection.pk)).status_code == status
    assert Connection.objects.get().checked_at is None
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("page", ["check", "read-structure"])
def test_the_buttons_ask_for_a_token(operator, connection, page):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(operator)
    assert careful.post(url("connection", page, connection.pk)).status_code == 403


def test_an_operator_checks_and_reads(client, operator, connection):
    client.force_login(operator)
    page = client.post(url("connection", "check", connection.pk), follow=True)
    assert [message.level_tag for message in page.context["messages"]] == ["success"]
    assert "Tập dữ liệu: 1 mới" in read_structure(client, connection).content.decode()
    assert Dataset.objects.get().snapshots.get().taken_by == operator
    assert entries("registry.structure.read").get().actor == str(operator.public_id)


def test_a_source_that_fails_is_told_and_not_an_error_page(client, operator, connection, file):
    file.path.unlink()
    client.force_login(operator)
    shown = client.post(url("connection", "check", connection.pk), follow=True)
    assert [message.level_tag for message in shown.context["messages"]] == ["error"]
    assert "errornote" in read_structure(client, connection).content.decode()


@pytest.mark.parametrize(
    ("action", "results"),
    [("check_selected", ["error", "success"]), ("read_selected", ["success", "success"])],  # a worker will say
)
def test_list_actions_tell_a_result_for_each_row(client, operator, connection, action, results):
    broken = factories.ConnectionFactory()
    client.force_login(operator)
    shown = client.post(
        url("connection", "changelist"),
        {"action": action, "_selected_action": [connection.pk, broken.pk]},
        follow=True,
    )
    assert sorted(message.level_tag for message in shown.context["messages"]) == results


def test_an_auditor_is_offered_no_list_action(client, auditor, connection):
    client.force_login(auditor)
    client.post(url("connection", "changelist"), {"action": "check_selected", "_selected_action": [connection.pk]})
    assert Connection.objects.get().checked_at is None
