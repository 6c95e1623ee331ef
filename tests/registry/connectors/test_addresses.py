"""Hostile addresses: whatever an operator or an attacker types, only listed places are opened."""

import os
import socket
from dataclasses import replace

import pymysql
import pytest
from django.conf import settings as django_settings

from registry.choices import Engine
from registry.connectors import Address, PermanentSourceError, TemporarySourceError, check_address, get

GOOD = Address(
    engine=Engine.POSTGRESQL,
    host="db.agency.gov.vn",
    port=5432,
    database="people",
    username="ndc_reader",
    password="secret",
)


NETWORK = [Engine.POSTGRESQL, Engine.MYSQL, Engine.SQLSERVER, Engine.ORACLE]


@pytest.fixture(params=NETWORK)
def good(request):
    """The same address for each engine that is reached over the network."""
    return replace(GOOD, engine=request.param)


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.SOURCE_ALLOWED_ADDRESSES = ["db.agency.gov.vn:5432", "10.1.2.3:5433", "localhost:5432", "/run/pg:5432"]


@pytest.fixture
def resolve(monkeypatch):
    def to(*addresses):
        entries = [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 5432)) for a in addresses
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: entries)

    return to


def _refused(address):
    with pytest.raises(PermanentSourceError) as caught:
        check_address(address)
    assert caught.value.code == "bad-address"
    assert "secret" not in str(caught.value)


def test_listed_name_is_resolved_once_and_connected_by_address(resolve):
    resolve("10.9.8.7", "10.9.8.6", "10.9.8.7")

    assert check_address(GOOD).hostaddrs == ("10.9.8.7", "10.9.8.6")
    assert check_address(replace(GOOD, host="DB.agency.gov.vn.")).hostaddrs == ("10.9.8.7", "10.9.8.6")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.1.1", "127.0.0.1", "::1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "fe80::1",  # noqa: S104
        "fe80::1%eth0", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "2002:a9fe:a9fe::1", "fd00:ec2::254",
        "100.100.100.200", "168.63.129.16", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_listed_name_that_leads_elsewhere_is_refused(resolve, address, good):
    resolve("10.9.8.7", address)

    _refused(good)


def test_name_that_changes_between_check_and_connection_is_not_asked_again(resolve, monkeypatch):
    seen = {}

    def connect(**parameters):
        seen.update(parameters)
        raise KeyboardInterrupt

    resolve("10.9.8.7", "10.9.8.6")
    monkeypatch.setattr("psycopg.connect", connect)
    with pytest.raises(KeyboardInterrupt):
        get(GOOD).check()

    assert (seen["host"], seen["hostaddr"]) == ("db.agency.gov.vn,db.agency.gov.vn", "10.9.8.7,10.9.8.6")
    assert (seen["sslmode"], seen["user"], seen["dbname"]) == ("verify-full", "ndc_reader", "people")


@pytest.mark.parametrize(
    "host",
    [
        "", " ", "other.gov.vn", "db.agency.gov.vn,evil.example", "db.agency.gov.vn evil.example", "db.agency.gov.vn\0",
        "service=evil", "passfile=/etc/passwd", "db.agency.gov.vn host=evil", "postgresql://evil/", "169.254.169.254",
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "::ffff:10.1.2.3", "db.agency.gov.vn:5432", "evil@db.agency.gov.vn",
        "/run/pg2", "/run/pg/", "/run/pg/../pg2", "/run/../run/pg", "/var/run/postgresql", "@abstract", "db.agency.gov.vn\n",
        "db.agency.gov.vn%2f", "10.1.2.3",
    ],
)  # fmt: skip
def test_hosts_that_are_not_listed_are_refused(host, resolve, good):
    resolve("10.9.8.7")

    _refused(replace(good, host=host))


@pytest.mark.parametrize("port", [0, -1, 5433, 65536, 22])
def test_ports_that_are_not_listed_are_refused(port, resolve):
    resolve("10.9.8.7")

    _refused(replace(GOOD, port=port))


@pytest.mark.parametrize("field", ["database", "username"])
@pytest.mark.parametrize(
    "value", ["", "service=evil", "host=evil", "postgresql://evil/x", "dbname=x sslmode=disable", "a\0b", "a\nb"]
)
def test_names_that_a_driver_could_read_as_settings_are_refused(field, value, resolve, good):
    resolve("10.9.8.7")

    _refused(replace(good, **{field: value}))


@pytest.mark.parametrize("engine", NETWORK[1:])
@pytest.mark.parametrize(
    "database",
    [
        "x?allow_local_infile=1", "x?ssl_key=/etc/key", "x?local_infile", "x&unix_socket", "x;Server", "../x", "x/y", "x\\y",
        "(DESCRIPTION", "x)(ADDRESS", "//evil:1521/x",
    ],
)  # fmt: skip
def test_options_do_not_come_in_by_the_name_of_the_database(engine, database, resolve):
    resolve("10.9.8.7")

    _refused(replace(GOOD, engine=engine, database=database))


@pytest.mark.parametrize("engine", NETWORK[1:])
def test_sockets_are_for_postgresql_only(engine, resolve):
    resolve("10.9.8.7")

    for host in ("/run/pg", "/run/mysqld/mysqld.sock", "unix:/run/pg", "@abstract"):
        _refused(replace(GOOD, engine=engine, host=host))


@pytest.mark.parametrize("database", ["mysql", "MySQL", "information_schema", "performance_schema", "sys"])
def test_a_servers_own_accounts_are_no_source(database, resolve):
    resolve("10.9.8.7")

    _refused(replace(GOOD, engine=Engine.MYSQL, database=database))


def test_mariadb_is_reached_by_the_checked_address_and_checked_by_name(resolve, monkeypatch):
    seen = []

    def connect(place, timeout):
        seen.append(place)
        raise OSError

    resolve("10.9.8.7", "10.9.8.6")
    monkeypatch.setattr(socket, "create_connection", connect)
    made = {}
    original = pymysql.Connection.__init__
    monkeypatch.setattr(
        pymysql.Connection, "__init__", lambda self, **given: (made.update(given), original(self, **given))[1]
    )
    with pytest.raises(TemporarySourceError):
        get(replace(GOOD, engine=Engine.MYSQL)).check()

    assert seen == [("10.9.8.7", 5432), ("10.9.8.6", 5432)]
    assert (made["host"], made["ssl"].check_hostname) == ("db.agency.gov.vn", True)
    assert (made["local_infile"], made.get("unix_socket"), made.get("read_default_file")) == (False, None, None)


def test_password_may_hold_anything_but_a_zero_byte(resolve):
    resolve("10.9.8.7")

    assert check_address(replace(GOOD, password="a=b ' \\ host=evil"))
    _refused(replace(GOOD, password="secret\0"))


def test_unknown_transport_security_is_refused(resolve):
    resolve("10.9.8.7")

    _refused(replace(GOOD, sslmode="allow"))


def test_listed_socket_and_listed_loopback_are_allowed():
    assert check_address(replace(GOOD, host="/run/pg")).host == "/run/pg"
    assert check_address(replace(GOOD, host="localhost")).hostaddrs


def test_name_that_does_not_resolve_is_temporary(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TemporarySourceError):
        check_address(GOOD)


def test_password_stays_out_of_the_representation():
    assert "secret" not in repr(GOOD)


def test_unknown_engine_is_refused():
    with pytest.raises(PermanentSourceError):
        get(replace(GOOD, engine="dbase"))


PORTAL = {"NAME": "portal", "USER": "portal_role", "HOST": "db.agency.gov.vn", "PORT": "5432"}
FORBIDDEN = [
    {"database": "portal"}, {"username": "portal_role"}, {"database": "postgres"}, {"database": "template0"}, {"database": "template1"},
]  # fmt: skip


@pytest.fixture
def portal_at(monkeypatch):
    return lambda own: monkeypatch.setitem(django_settings.DATABASES, "default", own)


@pytest.mark.parametrize("parts", FORBIDDEN)
def test_portals_own_database_and_account_are_no_source(portal_at, resolve, parts):
    resolve("10.9.8.7")
    portal_at(PORTAL)

    assert check_address(GOOD)
    _refused(replace(GOOD, **parts))
    portal_at(PORTAL | {"PORT": "5433"})
    assert check_address(replace(GOOD, **parts))


@pytest.mark.parametrize("own", ["/run/pg", "", "127.0.0.1", "localhost", "::1", "10.9.8.7,localhost"])
@pytest.mark.parametrize("host", ["/run/pg", "localhost"])
def test_portals_own_server_is_known_by_each_of_its_names(portal_at, host, own):
    portal_at(PORTAL | {"HOST": own})

    _refused(replace(GOOD, host=host, database="portal"))
    assert check_address(replace(GOOD, host=host))


def test_other_name_for_the_portals_server_is_seen_through(settings, portal_at, resolve):
    resolve("10.9.8.7")
    settings.SOURCE_ALLOWED_ADDRESSES = ["alias.gov.vn:5432"]
    portal_at(PORTAL)

    _refused(replace(GOOD, host="alias.gov.vn", database="portal"))


def test_role_by_which_the_system_knows_the_portal_is_no_source(portal_at, monkeypatch):
    monkeypatch.delenv("PGUSER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "portal_account")
    portal_at(PORTAL | {"HOST": "/run/pg", "USER": ""})

    _refused(replace(GOOD, host="/run/pg", username="portal_account"))
    _refused(replace(GOOD, host="/run/pg", username=""))


def test_file_must_lie_in_an_allowed_folder(source_folder, tmp_path):
    outside = tmp_path / "outside.db"
    outside.touch()
    inside = source_folder / "inside.db"
    inside.touch()
    link = source_folder / "link.db"
    link.symlink_to(outside)
    folder_link = source_folder / "folder"
    folder_link.symlink_to(tmp_path)
    sibling = tmp_path / "sources-of-another"
    sibling.mkdir()
    (sibling / "x.db").touch()
    os.mkfifo(source_folder / "pipe")
    way_back = source_folder / "back.db"
    way_back.symlink_to(inside)

    for path in (
        outside, link, folder_link / "outside.db", source_folder / ".." / "outside.db", sibling / "x.db", source_folder,
        source_folder / "pipe", "inside.db", ":memory:", "", f"file:{inside}?mode=rwc", f"{inside}\0",
    ):  # fmt: skip
        _refused(Address(engine=Engine.SQLITE, database=str(path)))
    assert check_address(Address(engine=Engine.SQLITE, database=str(way_back))).path == inside


def test_file_name_is_never_read_as_options(source_folder):
    odd = source_folder / "a?mode=rwc&x=#.db"
    odd.touch()

    get(Address(engine=Engine.SQLITE, database=str(odd))).check()

    assert os.listdir(source_folder) == [odd.name]


def test_file_that_is_missing_is_temporary(source_folder):
    with pytest.raises(TemporarySourceError):
        check_address(Address(engine=Engine.SQLITE, database=str(source_folder / "tomorrow.db")))
