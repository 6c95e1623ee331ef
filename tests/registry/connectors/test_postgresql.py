"""PostgreSQL as a source: refusals, cancellation, odd names, and memory."""

import gc
import socket
import struct
import threading
import time
import tracemalloc
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from django.db import connection

from registry.choices import FieldKind, FileFormat, Masking, Operator
from registry.connectors import Column, Condition, ExtractPlan, PermanentSourceError, TemporarySourceError, get
from registry.connectors import postgresql_statements as statements
from registry.connectors.postgresql import ACCOUNT, RELATIONS, SESSION, WRITABLE
from registry.connectors.postgresql_errors import on_executing
from tests.registry.connectors.conftest import KEY, SOURCE_NAME

pytestmark = pytest.mark.postgresql

ODD_NAMES = [
    'quo"te',
    "per%cent %s",
    "Ngo\u0302",
    "\u202eabc",
    "ư" * 31,
    "'; DROP TABLE x; --",
    "back\\slash",
    "new\nline",
]


@pytest.fixture
def source(postgresql_address):
    return get(postgresql_address)


@pytest.fixture
def big_plan():
    """More rows than the buffers between two machines hold, made as they are read."""
    columns = (Column("id", "id", FieldKind.INTEGER), Column("text", "text", FieldKind.TEXT))
    return ExtractPlan(table="big", columns=columns)


@pytest.fixture
def big(source_owner):
    source_owner.execute(
        "CREATE VIEW big AS SELECT g AS id, repeat('x', 100) AS text FROM generate_series(1, 300000) g"
    )
    yield
    source_owner.execute("DROP VIEW big")


def _portal_sessions(owner):
    return owner.execute(
        "SELECT query, state FROM pg_stat_activity WHERE application_name = 'ndc-portal' AND datname = %s",
        [SOURCE_NAME],
    ).fetchall()


def _wait_until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def _run(source, statement, *, autocommit):
    with source._session(5) as connection:
        connection.autocommit = autocommit
        connection.execute(statement)


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("statement", ['INSERT INTO "Công dân" (id) VALUES (0)', "CREATE TABLE public.x (a int)"])
def test_writes_are_refused(source, source_owner, statement, autocommit):
    with pytest.raises(PermanentSourceError):
        _run(source, statement, autocommit=autocommit)

    assert source_owner.execute('SELECT count(*) FROM "Công dân" WHERE id = 0').fetchone() == (0,)


def test_session_is_one_snapshot(source):
    with source._session(5) as connection:
        isolation = connection.execute("SHOW transaction_isolation").fetchone()
        read_only = connection.execute("SHOW transaction_read_only").fetchone()

    assert (isolation, read_only) == (("repeatable read",), ("on",))


def test_slow_statement_is_temporary(postgresql_address, source_owner):
    source_owner.execute("CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(60) IS NULL AS waited")
    try:
        source = get(replace(postgresql_address, statement_timeout=1))
        slow = ExtractPlan(table="slow", columns=(Column("waited", "waited", FieldKind.BOOLEAN),))
        with pytest.raises(TemporarySourceError) as caught:
            list(source.extract(slow, pseudonym_key=KEY))
        condition = Condition("waited", FieldKind.BOOLEAN, Operator.EQUALS, ("true",))
        counted = source.count(replace(slow, conditions=(condition,)), 1)
    finally:
        source_owner.execute("DROP VIEW slow")

    assert caught.value.code == "source-slow"
    assert counted is None


def test_locked_table_is_temporary(source, source_owner, plan, monkeypatch):
    monkeypatch.setitem(SESSION, "lock_timeout", "50")
    with source_owner.transaction():
        source_owner.execute('LOCK TABLE "Công dân" IN ACCESS EXCLUSIVE MODE')
        with pytest.raises(TemporarySourceError) as caught:
            list(source.extract(plan, pseudonym_key=KEY))

    assert caught.value.code == "source-busy"


@pytest.mark.usefixtures("big")
def test_server_that_goes_away_is_temporary(source, source_owner, big_plan):
    chunks = source.extract(big_plan, pseudonym_key=KEY)
    next(chunks)
    next(chunks)
    source_owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
        [SOURCE_NAME],
    )

    with pytest.raises(TemporarySourceError) as caught:
        list(chunks)
    assert caught.value.code == "interrupted"


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("file_format", FileFormat)
def test_early_close_cancels_the_query(source, source_owner, big_plan, file_format):
    chunks = source.extract(replace(big_plan, file_format=file_format), pseudonym_key=KEY)
    next(chunks)
    next(chunks)
    assert _portal_sessions(source_owner)[0][1] == "active"

    chunks.close()

    _wait_until(lambda: not _portal_sessions(source_owner))


def _fail_while_reading(chunks):
    with closing(chunks):
        for chunk in chunks:
            raise ZeroDivisionError(chunk.rows)


@pytest.mark.usefixtures("big")
def test_error_of_the_reader_cancels_the_query(source, source_owner, big_plan):
    with pytest.raises(ZeroDivisionError):
        _fail_while_reading(source.extract(big_plan, pseudonym_key=KEY))

    _wait_until(lambda: not _portal_sessions(source_owner))


@pytest.mark.usefixtures("big")
@pytest.mark.parametrize("file_format", FileFormat)
def test_memory_does_not_grow_with_the_rows(source, big_plan, file_format):
    gc.collect()
    tracemalloc.start()
    try:
        rows = size = 0
        for chunk in source.extract(replace(big_plan, file_format=file_format), pseudonym_key=KEY):
            rows += chunk.rows
            size += len(chunk.data)
            assert len(chunk.data) < 256 * 1024
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert rows == 300_000
    assert peak < 4 * 1024 * 1024 < size


@pytest.mark.usefixtures("big")
def test_pseudonym_key_is_in_no_statement(source, source_owner, big_plan):
    masked = replace(big_plan, columns=(replace(big_plan.columns[0], masking=Masking.PSEUDONYM), big_plan.columns[1]))
    chunks = source.extract(masked, pseudonym_key=KEY)
    next(chunks)
    next(chunks)

    running = " ".join(query for query, _state in _portal_sessions(source_owner))
    chunks.close()

    assert "COPY" in running
    inner, outer = statements.pseudonym_settings(KEY)[1]
    for secret in (KEY.hex(), inner, outer):
        assert secret[:32] not in running
        assert secret[:32] not in statements.copy(masked).as_string()


@pytest.mark.usefixtures("big")
def test_pseudonym_key_is_read_once_for_all_rows(source, big_plan):
    masked = replace(big_plan, columns=(replace(big_plan.columns[0], masking=Masking.PSEUDONYM),))
    query = statements.copy(masked).as_string().removeprefix("COPY (").rpartition(") TO STDOUT")[0]

    with source._session(5) as connection:
        connection.execute(*statements.pseudonym_settings(KEY))
        explained = "\n".join(line for (line,) in connection.execute("EXPLAIN (VERBOSE) " + query))

    output = next(line for line in explained.splitlines() if "Output:" in line)
    assert "current_setting" not in output
    # A line of its own for each; PostgreSQL 17 also names them where their result is used.
    assert [line.split()[0] for line in explained.splitlines()].count("InitPlan") == 2


def test_key_of_a_look_up_is_a_parameter(plan):
    statement, parameters = statements.lookup(plan, key_field="note", key="012345678901")

    assert "012345678901" not in statement.as_string()
    assert parameters == ["012345678901"]


def test_odd_names_survive(source, source_owner, extracted):
    quoted = [psycopg.sql.Identifier(name).as_string() for name in ODD_NAMES]
    try:
        for position, name in enumerate(quoted):
            source_owner.execute(f"CREATE SCHEMA {name}")
            source_owner.execute(f"CREATE TABLE {name}.{name} ({', '.join(f'{n} text' for n in quoted)})")
            source_owner.execute(f"INSERT INTO {name}.{name} ({name}) VALUES ('{position}')")  # noqa: S608

        for position, name in enumerate(ODD_NAMES):
            (table,) = source.describe(schema=name, table=name)
            columns = tuple(Column(c.name, c.name, c.kind) for c in table.columns)
            plan = ExtractPlan(schema=name, table=name, columns=columns, file_format=FileFormat.JSONL)
            found = source.lookup(plan, key_field=name, key=str(position), pseudonym_key=KEY)

            assert (table.schema, table.name, [c.name for c in table.columns]) == (name, name, ODD_NAMES)
            assert extracted(source, plan)[1] == 1
            assert found == [{other: str(position) if other == name else None for other in ODD_NAMES}]
    finally:
        for name in quoted:
            source_owner.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def test_describe_lists_what_may_be_read_and_no_partitions(source, source_owner):
    source_owner.execute("""
        CREATE SCHEMA census;
        CREATE TYPE census.sex AS ENUM ('m', 'f');
        CREATE DOMAIN census.code AS varchar(12);
        CREATE TABLE census.person (
            id uuid PRIMARY KEY, code census.code UNIQUE, sex census.sex, weight numeric(5, 2), seen timestamptz NOT NULL,
            extra jsonb, tags text[], paper xml, born date
        );
        CREATE UNIQUE INDEX ON census.person (born);
        COMMENT ON TABLE census.person IS 'Người';
        COMMENT ON COLUMN census.person.code IS 'Mã số';
        CREATE VIEW census.adults AS SELECT id, born FROM census.person;
        CREATE MATERIALIZED VIEW census.totals AS SELECT count(*) AS n FROM census.person;
        CREATE TABLE census.event (day date) PARTITION BY RANGE (day);
        CREATE TABLE census.event_2024 PARTITION OF census.event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    """)
    try:
        found = {table.name: table for table in source.describe(schema="census")}
    finally:
        source_owner.execute("DROP SCHEMA census CASCADE")

    assert {name: table.kind for name, table in found.items()} == {
        "person": "table", "adults": "view", "totals": "materialized-view", "event": "table",
    }  # fmt: skip
    person = {column.name: column for column in found["person"].columns}
    assert {name: str(column.kind) for name, column in person.items()} == {
        "id": "text", "code": "text", "sex": "text", "weight": "number", "seen": "datetime", "extra": "other",
        "tags": "other", "paper": "other", "born": "date",
    }  # fmt: skip
    assert (found["person"].comment, person["code"].comment) == ("Người", "Mã số")
    assert {name for name, column in person.items() if column.is_key} == {"id", "code", "born"}
    assert {name for name, column in person.items() if not column.nullable} == {"id", "seen"}
    assert person["weight"].native_type == "numeric(5, 2)"
    assert all(table.schema == "census" for table in found.values())


def test_types_of_every_kind_are_filtered_and_written(source, source_owner, extracted):
    source_owner.execute("""
        CREATE TABLE kinds (id uuid, n numeric(30, 4), f float8, r int, at timestamptz, plain timestamp, j json, c char(5),
            e bytea, i interval);
        INSERT INTO kinds VALUES ('6b7a1c1e-0000-4000-8000-000000000001', 12345678901234567890.1250, 0.1, 7,
            '2024-12-31 10:00+07', '2024-12-31 23:59:59.5', E'{"a":\n 1}', 'ab', 'x', '1 day 2 hours');
    """)
    kinds = {"id": "text", "n": "number", "f": "number", "r": "integer", "at": "datetime", "plain": "datetime",
             "j": "other", "c": "text", "e": "other", "i": "other"}  # fmt: skip
    plan = ExtractPlan(table="kinds", columns=tuple(Column(n, n, FieldKind(k)) for n, k in kinds.items()))
    hits = [
        ("id", Operator.EQUALS, ("6b7a1c1e-0000-4000-8000-000000000001",)),
        ("n", Operator.IN, ("12345678901234567890.125", "1")),
        ("f", Operator.IN, ("0.1", "2")),
        ("f", Operator.AT_LEAST, ("0.1",)),
        ("at", Operator.AT_MOST, ("2024-12-31",)),
        ("plain", Operator.AT_MOST, ("2024-12-31",)),
        ("plain", Operator.BETWEEN, ("2024-12-31", "2024-12-31")),
        ("at", Operator.EQUALS, ("2024-12-31T03:00:00+00:00",)),
        ("at", Operator.IN, ("2024-12-31 10:00",)),
        ("c", Operator.EQUALS, ("ab",)),
    ]
    misses = [("at", Operator.AT_MOST, ("2024-12-30",)), ("plain", Operator.AT_MOST, ("2024-12-31 12:00",))]
    try:
        for cases, expected in ((hits, 1), (misses, 0)):
            for field, operator, values in cases:
                condition = Condition(field, FieldKind(kinds[field]), operator, values)
                assert source.count(replace(plan, conditions=(condition,)), 5) == expected, condition
        bad = Condition("id", FieldKind.TEXT, Operator.EQUALS, ("no uuid",))
        with pytest.raises(PermanentSourceError) as caught:
            source.count(replace(plan, conditions=(bad,)), 5)
        changed = Condition("c", FieldKind.INTEGER, Operator.AT_LEAST, ("1",))
        with pytest.raises(PermanentSourceError) as changed_kind:
            source.count(replace(plan, conditions=(changed,)), 5)
        (found,) = source.lookup(plan, key_field="r", key="7", pseudonym_key=KEY)
        csv = extracted(source, plan)[0].decode().split("\n", 1)[1]
        jsonl = extracted(source, plan, file_format=FileFormat.JSONL)[0].decode()
    finally:
        source_owner.execute("DROP TABLE kinds")

    assert (caught.value.code, changed_kind.value.code) == ("bad-filter", "source-changed")
    assert found["n"] == "12345678901234567890.1250"
    assert (found["f"], found["j"], found["at"]) == (0.1, {"a": 1}, "2024-12-31T10:00:00+07:00")
    assert csv == (
        "6b7a1c1e-0000-4000-8000-000000000001,12345678901234567890.1250,0.1,7,2024-12-31 10:00:00+07,"
        '2024-12-31 23:59:59.5,"{""a"":\n 1}",ab   ,\\x78,P1DT2H\n'
    )
    assert jsonl.count("\n") == 1


def test_account_that_may_only_read_gets_no_warning(source_owner):
    role = f"{SOURCE_NAME}_careful"
    source_owner.execute(f"DROP ROLE IF EXISTS {role}")
    source_owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT SELECT ON \"Công dân\" TO {role}")
    source_owner.execute("CREATE TABLE hidden (id int)")
    try:
        with source_owner.transaction(force_rollback=True):
            source_owner.execute(f"SET LOCAL ROLE {role}")
            superuser, powerful, _plain = source_owner.execute(ACCOUNT).fetchone()
            writable = source_owner.execute(WRITABLE).fetchone()
            relations = source_owner.execute(RELATIONS, {"schema": None, "table": None, "limit": 9}).fetchall()
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
                source_owner.execute("SELECT * FROM hidden")
    finally:
        source_owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}; DROP TABLE hidden")

    assert (superuser, powerful, writable) == (False, False, (False,))
    assert [relation[1] for relation in relations] == ["Công dân"]
    assert on_executing(caught.value).code == "no-privilege"


def test_server_that_is_down_is_temporary(postgresql_address, settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{port}"]

    with pytest.raises(TemporarySourceError) as caught:
        get(replace(postgresql_address, host="127.0.0.1", port=port)).check()
    assert caught.value.code == "unreachable"


def test_database_that_is_gone_is_permanent(postgresql_address):
    with pytest.raises(PermanentSourceError) as caught:
        get(replace(postgresql_address, database="no such database")).check()

    assert caught.value.code == "unknown-database"


class FakeServer:
    """A server that answers the start of a session with one error, as pg_hba and its like do."""

    def __init__(self, *, state="28P01", text="", asks_password=True, secure=b"N"):
        self.state, self.text, self.asks_password, self.secure = state, text, asks_password, secure
        self.secure_asked = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            while True:
                client, _peer = self.listener.accept()
                with client:
                    self._answer(client)
        except OSError:
            return

    def _answer(self, client):
        length, code = struct.unpack("!II", client.recv(8, socket.MSG_WAITALL))
        if code == 80877103:
            self.secure_asked = True
            client.sendall(self.secure)
            first = client.recv(8, socket.MSG_WAITALL)
            if len(first) < 8:
                return
            length, code = struct.unpack("!II", first)
        client.recv(length - 8, socket.MSG_WAITALL)
        if self.asks_password:
            client.sendall(struct.pack("!cII", b"R", 8, 3))
            client.recv(1000)
        fields = b"".join(k + v.encode() + b"\0" for k, v in ((b"S", "FATAL"), (b"C", self.state), (b"M", self.text)))
        client.sendall(b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0")


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ({"text": 'password authentication failed for user "x"'}, PermanentSourceError, "access-denied"),
        ({"text": 'xác thực mật khẩu thất bại cho người dùng "x"'}, PermanentSourceError, "access-denied"),
        ({"text": 'no pg_hba.conf entry for host "1"', "asks_password": False}, PermanentSourceError, "access-denied"),
        ({"text": 'role "x" does not exist', "asks_password": False}, PermanentSourceError, "access-denied"),
        ({"text": "sorry, too many clients already"}, TemporarySourceError, "source-busy"),
        ({"text": "the database system is starting up", "asks_password": False}, TemporarySourceError, "interrupted"),
        ({"text": "?", "asks_password": False}, TemporarySourceError, "unreachable"),
    ],
)
def test_refused_connection_is_told_apart(postgresql_address, settings, answer, error, code):
    server = FakeServer(**answer)
    settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{server.port}"]
    address = replace(postgresql_address, host="127.0.0.1", port=server.port, password="the secret")

    with pytest.raises(error) as caught:
        get(address).check()
    server.listener.close()

    assert caught.value.code == code
    assert "the secret" not in repr(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("sslmode", "asked", "code"),
    [("disable", False, "access-denied"), ("prefer", True, "access-denied"), ("require", True, "tls-failed"),
     ("verify-full", True, "tls-failed")],
)  # fmt: skip
def test_transport_security_is_honoured(postgresql_address, settings, monkeypatch, tmp_path, sslmode, asked, code):
    root = tmp_path / "root.crt"
    root.touch()
    monkeypatch.setenv("PGSSLROOTCERT", str(root))
    server = FakeServer(text="password authentication failed")
    settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{server.port}"]
    address = replace(postgresql_address, host="127.0.0.1", port=server.port, password="x", sslmode=sslmode)

    with pytest.raises(PermanentSourceError) as caught:
        get(address).check()
    server.listener.close()

    assert (caught.value.code, server.secure_asked) == (code, asked)


def test_portals_own_database_is_not_opened(postgresql_address):
    own = connection.settings_dict
    for parts in ({"database": own["NAME"]}, {"username": own["USER"]}, {"database": "postgres"}):
        with pytest.raises(PermanentSourceError) as caught:
            get(replace(postgresql_address, **parts)).describe()
        assert caught.value.code == "bad-address"
