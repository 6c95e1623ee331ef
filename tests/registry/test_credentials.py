"""Credentials of source databases: encrypted at rest, shown nowhere, rotated without loss."""

import json
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from evidence.models import Entry
from registry import connectors, credentials
from registry.connectors import PermanentSourceError
from registry.models import Connection
from registry.services import connections
from tests import factories
from tests.registry.pages import add, change, entries, submitted, url

SECRET = "Mật khẩu không ai được thấy 1!"


@pytest.fixture
def keys(settings):
    """Makes keys and sets them, newest first."""

    def use(*given):
        settings.CREDENTIAL_KEYS = list(given)

    return use


def key():
    return Fernet.generate_key().decode()


def test_a_credential_comes_back_as_it_went_in():
    stored = credentials.encrypt(SECRET)
    assert SECRET not in stored
    assert credentials.decrypt(stored) == SECRET


def test_older_keys_still_decrypt(keys):
    old, new = key(), key()
    keys(old)
    stored = credentials.encrypt(SECRET)
    keys(new, old)
    assert credentials.decrypt(stored) == SECRET


def test_an_unknown_key_is_said_clearly(keys):
    stored = credentials.encrypt(SECRET)
    keys(key())
    for read in (credentials.decrypt, credentials.rotate):
        with pytest.raises(credentials.CredentialError, match="CREDENTIAL_KEYS"):
            read(stored)


def test_a_key_that_is_none_is_not_quoted(keys):
    keys("not a key")
    with pytest.raises(ImproperlyConfigured) as raised:
        credentials.encrypt(SECRET)
    assert "not a key" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.django_db
def test_the_address_holds_the_credential_and_does_not_print_it():
    connection = factories.ConnectionFactory(postgresql=True)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    address = connections.address_of(Connection.objects.get())
    assert address.password == SECRET
    assert SECRET not in repr(address)


@pytest.mark.django_db
def test_a_lost_key_is_a_lasting_trouble_of_the_source(keys):
    connection = factories.ConnectionFactory(postgresql=True)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    keys(key())
    with pytest.raises(PermanentSourceError) as raised:
        connections.address_of(connection)
    assert raised.value.code == "access-denied"
    connections.check(connection=connection, by=None)
    assert connection.check_ok is False


@pytest.mark.django_db
def test_rotation_encrypts_all_with_the_newest_key(keys):
    old, new = key(), key()
    keys(old)
    for number in range(3):
        connection = factories.ConnectionFactory(postgresql=True)
        connections.set_credential(connection=connection, credential=f"{SECRET}{number}", by=None)
    factories.ConnectionFactory()  # a file without a credential
    keys(new, old)
    out = StringIO()
    call_command("rotate_credentials", stdout=out)
    assert out.getvalue().startswith("3 ")
    assert entries("registry.connection.rotate").count() == 3
    keys(new)
    found = Connection.objects.exclude(credential="").order_by("pk")
    assert [connections.address_of(connection).password for connection in found] == [
        f"{SECRET}{number}" for number in range(3)
    ]


@pytest.mark.django_db
def test_rotation_changes_nothing_where_one_key_is_missing(keys):
    known, lost, new = key(), key(), key()
    stored = []
    for used in (known, lost):
        keys(used)
        connection = factories.ConnectionFactory(postgresql=True)
        connections.set_credential(connection=connection, credential=SECRET, by=None)
        stored.append(connection.credential)
    keys(new, known)
    with pytest.raises(CommandError, match=connection.database.code):
        call_command("rotate_credentials")
    assert list(Connection.objects.order_by("pk").values_list("credential", flat=True)) == stored
    assert not entries("registry.connection.rotate").exists()


@pytest.mark.django_db
def test_a_credential_is_written_and_never_shown(client, operator, caplog):
    database = factories.DatabaseFactory()
    client.force_login(operator)
    values = {
        "database": database.pk,
        "engine": "postgresql",
        "host": "db.example.vn",
        "port": 5432,
        "name": "people",
        "username": "reader",
        "new_credential": SECRET,
    }
    pages = [add(client, "connection", **values)]
    connection = Connection.objects.get()
    assert credentials.decrypt(connection.credential) == SECRET

    pages.append(add(client, "connection", **values))  # refused: the database has one
    pages.append(change(client, "connection", connection, port="no port", new_credential=SECRET))
    pages.append(client.post(url("connection", "check", connection.pk), follow=True))
    pages.append(client.get(url("connection", "change", connection.pk)))
    pages.append(client.get(url("connection", "changelist")))
    pages.append(client.get(url("connection", "history", connection.pk)))
    shown = "".join(page.content.decode() for page in pages)
    written = "".join(f"{entry}{entry.details}" for entry in Entry.objects.all())
    for text in (shown, written, caplog.text):
        assert SECRET not in text
        assert connection.credential not in text
    assert entries("registry.connection.credential").get().subject_id == database.code


@pytest.mark.django_db
def test_an_empty_field_keeps_the_credential(client, operator):
    connection = factories.ConnectionFactory(postgresql=True)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    client.force_login(operator)
    assert change(client, "connection", connection, name="other").status_code == 302
    connection.refresh_from_db()
    assert connection.name == "other"
    assert credentials.decrypt(connection.credential) == SECRET
    assert entries("registry.connection.credential").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("moved", [{"host": "elsewhere.example.vn"}, {"port": 6432}, {"sslmode": "prefer"}])
def test_a_stored_credential_does_not_move_to_another_server(client, operator, moved):
    connection = factories.ConnectionFactory(postgresql=True)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    client.force_login(operator)
    response = change(client, "connection", connection, **moved)
    assert response.status_code == 200
    assert "new_credential" in response.context["adminform"].form.errors
    assert change(client, "connection", connection, new_credential="another", **moved).status_code == 302


@pytest.mark.django_db
def test_a_source_without_credential_keeps_none(client, operator):
    connection = factories.ConnectionFactory(postgresql=True)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    client.force_login(operator)
    file = {"engine": "sqlite", "host": "", "port": "", "username": "", "name": "/data/people.db"}
    refused = change(client, "connection", connection, **file, new_credential="another")
    assert "new_credential" in refused.context["adminform"].form.errors
    assert change(client, "connection", connection, **file).status_code == 302
    connection.refresh_from_db()
    assert (connection.credential, connection.host, connection.port) == ("", "", None)
    assert json.loads(entries("registry.connection.credential").latest("pk").details) == {"dropped": True}


NETWORK = {"host": "db.example.vn", "name": "people", "username": "reader"}


@pytest.mark.django_db
@pytest.mark.parametrize("engine", connectors.engines())
def test_a_connection_has_what_its_engine_declares_and_nothing_else(client, operator, engine):
    declared = {parameter.name: parameter for parameter in connectors.of(engine).parameters}
    values = {"database": factories.DatabaseFactory().pk, "engine": str(engine)}
    values |= {name: value for name, value in NETWORK.items() if name in declared}
    client.force_login(operator)
    for name, parameter in declared.items():
        if parameter.required and parameter.default is None:
            page = add(client, "connection", **values | {name: ""})
            assert set(page.context["adminform"].form.errors) == {name}
    for name in set(NETWORK) - set(declared):
        page = add(client, "connection", **values | {name: "x"})
        assert set(page.context["adminform"].form.errors) == {name}
    assert not Connection.objects.exists()

    assert add(client, "connection", **values).status_code == 302
    port = declared["port"].default if "port" in declared else None
    assert Connection.objects.get().port == port


@pytest.mark.django_db
def test_a_new_address_or_credential_forgets_the_last_check(client, operator):
    connection = factories.ConnectionFactory(postgresql=True)
    client.force_login(operator)
    connections.check(connection=connection, by=None)
    change(client, "connection", connection, name="other")
    connection.refresh_from_db()
    assert connection.checked_at is None
    connections.check(connection=connection, by=None)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    connection.refresh_from_db()
    assert connection.checked_at is None


@pytest.mark.django_db
def test_only_operators_see_connections_and_auditors_only_read(client, auditor):
    connection = factories.ConnectionFactory()
    client.force_login(auditor)
    page = client.get(url("connection", "change", connection.pk))
    assert page.status_code == 200
    assert "new_credential" not in page.content.decode()
    assert "read-structure" not in page.content.decode()
    client.force_login(factories.decider(connection.database))
    assert client.get(url("connection", "change", connection.pk)).status_code == 403


@pytest.mark.django_db
def test_the_page_does_not_send_the_stored_form_back(client, operator):
    connection = factories.ConnectionFactory(postgresql=True)
    connections.set_credential(connection=connection, credential=SECRET, by=None)
    client.force_login(operator)
    assert not submitted(client.get(url("connection", "change", connection.pk))).get("new_credential")
