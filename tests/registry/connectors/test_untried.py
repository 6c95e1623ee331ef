"""SQL Server and Oracle: what can be known of them without a server. Statements, errors, addresses, and rows by a stand-in."""

import re
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace

import oracledb
import pytds
import pytest

from registry import connectors
from registry.choices import Engine, FieldKind, FileFormat, Masking, Operator
from registry.connectors import (
    Address,
    Column,
    Condition,
    ExtractPlan,
    PermanentSourceError,
    TemporarySourceError,
    addresses,
    oracle,
    sqlserver,
)
from tests.registry.connectors.conftest import KEY

ENGINES = [Engine.SQLSERVER, Engine.ORACLE]
COLUMNS = (
    Column("id", "Id", FieldKind.INTEGER),
    Column("name", "Họ % tên", FieldKind.TEXT),
    Column("born", "born", FieldKind.DATE),
    Column("alive", "alive", FieldKind.BOOLEAN),
    Column("seen", "seen", FieldKind.DATETIME),
    Column("area", "area", FieldKind.NUMBER),
)
ROWS = [
    (1, "Ngo\u0302", date(1960, 3, 1), True, datetime.fromisoformat("2024-05-01 12:30:45.5"), Decimal("83.50")),
    (2, None, None, None, None, None),
]
PLAN = ExtractPlan(table="people", schema="app", columns=COLUMNS)


@pytest.fixture(params=ENGINES)
def untried(request):
    return connectors.get(_address(request.param))


def _address(engine, **parts):
    given = {"host": "db.agency.gov.vn", "port": 1433, "database": "people", "username": "reader", "password": "secret"}
    return Address(engine=engine, **given | parts)


@pytest.fixture
def stand_in(monkeypatch, untried):
    """A session that answers with ROWS, and remembers what it was asked."""
    asked = []

    class Cursor:
        def __init__(self):
            self.rows = list(ROWS)

        def execute(self, statement, values=()):
            asked.append((statement, list(values)))

        def fetchmany(self, size):
            found, self.rows = self.rows[:size], self.rows[size:]
            return found

        def close(self):
            self.rows = []

    @contextmanager
    def session(seconds):
        yield SimpleNamespace(cursor=Cursor)

    monkeypatch.setattr(untried, "_session", session)
    return asked


@pytest.mark.usefixtures("stand_in")
def test_rows_are_written_as_postgresql_would(untried):
    def written(**changes):
        chunks = untried.extract(replace(PLAN, **changes), pseudonym_key=KEY)
        return b"".join(chunk.data for chunk in chunks).decode()

    assert written().split("\n")[1:] == ["1,Ngo\u0302,1960-03-01,true,2024-05-01 12:30:45.5,83.50", "2,,,,,", ""]
    assert written(file_format=FileFormat.JSONL).split("\n")[0] == (
        '{"id":1,"name":"Ngo\u0302","born":"1960-03-01","alive":true,"seen":"2024-05-01T12:30:45.5","area":83.50}'
    )
    masked = (
        replace(COLUMNS[0], masking=Masking.PARTIAL),
        replace(COLUMNS[1], masking=Masking.PROVINCE),
        replace(COLUMNS[2], masking=Masking.YEAR),
        replace(COLUMNS[3], masking=Masking.PARTIAL),
        replace(COLUMNS[4], masking=Masking.YEAR),
        replace(COLUMNS[5], masking=Masking.ROUNDED),
    )
    assert written(columns=masked).split("\n")[1:3] == ["*,,1960,*rue,2024,84", "*,,,,,"]


def test_row_limit_and_look_up_hold(untried, stand_in):
    with pytest.raises(PermanentSourceError) as caught:
        list(untried.extract(replace(PLAN, row_limit=1), pseudonym_key=KEY))
    assert caught.value.code == "row-limit"
    found = untried.lookup(PLAN, key_field="Họ % tên", key="Ng'ô", pseudonym_key=KEY)
    assert [record["id"] for record in found] == [1, 2]
    statement, values = stand_in[-1]
    assert "Ng" not in statement
    assert "Ng'ô" in values[0]


def test_values_masked_to_nothing_are_not_asked_for(untried):
    closed = replace(PLAN, columns=(replace(COLUMNS[1], masking=Masking.NULL),))

    assert untried._query(closed)[0].startswith("SELECT NULL FROM ")


CONDITIONS = [
    (("id", FieldKind.INTEGER, Operator.IN, ("1", "2")), "[id] IN (1, 2)", '"id" IN (1, 2)', 0),
    (("id", FieldKind.NUMBER, Operator.AT_LEAST, ("1.5",)), "[id] >= 1.5", '"id" >= 1.5', 0),
    (("d", FieldKind.DATE, Operator.EQUALS, ("2024-01-31",)), "[d] IN (CONVERT(date, '2024-01-31', 23))", "\"d\" IN (DATE '2024-01-31')", 0),
    (
        ("d", FieldKind.DATETIME, Operator.AT_MOST, ("2024-01-31",)),
        "[d] <= CONVERT(datetime2, '2024-01-31 23:59:59.999999', 121)", "\"d\" <= TIMESTAMP '2024-01-31 23:59:59.999999'", 0,
    ),
    (
        ("d", FieldKind.DATETIME, Operator.AT_LEAST, ("2024-01-31T00:00:00Z",)),
        "[d] >= CONVERT(datetime2, '2024-01-31 07:00:00', 121)", "\"d\" >= TIMESTAMP '2024-01-31 07:00:00'", 0,
    ),
    (("b", FieldKind.BOOLEAN, Operator.EQUALS, ("true",)), "[b] IN (1)", '"b" IN (true)', 0),
    (("t", FieldKind.TEXT, Operator.IS_NULL, ()), "[t] IS NULL", '"t" IS NULL', 0),
    (
        ("t", FieldKind.TEXT, Operator.BETWEEN, ("a", "b")),
        "CAST([t] AS nvarchar(max)) COLLATE Latin1_General_100_BIN2 BETWEEN %s AND %s", '"t" BETWEEN :1 AND :2', 2,
    ),
    (
        ("t", FieldKind.TEXT, Operator.EQUALS, ("x'; DROP TABLE x; --",)),
        "CAST(CAST([t] AS nvarchar(max)) AS varbinary(max)) IN"
        " (SELECT CAST(CAST(value AS nvarchar(max)) AS varbinary(max)) FROM OPENJSON(%s))",
        "\"t\" IN (SELECT v FROM JSON_TABLE(:1, '$[*]' COLUMNS (v VARCHAR2(4000) PATH '$')))", 1,
    ),
    (
        ("t", FieldKind.TEXT, Operator.PREFIX, ("a%",)),
        "(CAST(LEFT(CAST([t] AS nvarchar(max)), %s) AS varbinary(max)) = CAST(CAST(%s AS nvarchar(max)) AS varbinary(max)))",
        '(SUBSTR("t", 1, :1) = :2)', 2,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "on_sqlserver", "on_oracle", "count"), CONDITIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_conditions_are_spelt_for_the_engine(engine, condition, on_sqlserver, on_oracle, count):
    plan = replace(PLAN, columns=COLUMNS[:1], conditions=(Condition(*condition),))

    statement, values = connectors.get(_address(engine))._query(plan)

    where = statement.partition(" WHERE ")[2]
    assert where == (on_sqlserver if engine == Engine.SQLSERVER else on_oracle)
    assert len(values) == count


def test_limits_names_and_signs_of_the_driver():
    server, oracle_server = (connectors.get(_address(engine)) for engine in ENGINES)
    by_name = (Condition("100% ]a", FieldKind.TEXT, Operator.EQUALS, ("x",)),)

    assert server._query(replace(PLAN, columns=COLUMNS[:1]), limit=3)[0] == "SELECT TOP (3) [Id] FROM [app].[people]"
    assert oracle_server._query(replace(PLAN, columns=COLUMNS[:1]), limit=3)[0] == (
        'SELECT "Id" FROM "app"."people" FETCH FIRST 3 ROWS ONLY'
    )
    statement, _values = server._query(replace(PLAN, conditions=by_name))
    assert "[100%% ]]a]" in statement
    assert "[Họ %% tên]" in statement
    assert (statement % ("@p",)).count("@p") == 1
    assert "[Họ % tên]" in server._query(PLAN)[0]
    with pytest.raises(PermanentSourceError):
        oracle_server._query(replace(PLAN, table='people" WHERE 1=1 --'))


def test_long_lists_of_identifiers_are_one_parameter(untried):
    many = tuple(str(number) for number in range(50_000))
    condition = Condition("Id", FieldKind.TEXT, Operator.IN, many)

    statement, values = untried._query(replace(PLAN, conditions=(condition,)))

    assert len(values) == 1
    assert len(statement) < 1_000


@pytest.mark.parametrize(("number", "code"), [*sqlserver.TEMPORARY.items(), *sqlserver.PERMANENT.items()])
def test_errors_of_sql_server(number, code):
    error = pytds.OperationalError("secret")
    error.msg_no = number
    found = connectors.get(_address(Engine.SQLSERVER)).translated(error)

    kind = TemporarySourceError if number in sqlserver.TEMPORARY else PermanentSourceError
    assert (type(found), found.code) == (kind, code)
    assert "secret" not in str(found)


@pytest.mark.parametrize(("number", "code"), [*oracle.TEMPORARY.items(), *oracle.PERMANENT.items()])
def test_errors_of_oracle(number, code):
    found = connectors.get(_address(Engine.ORACLE)).translated(
        oracledb.DatabaseError(SimpleNamespace(full_code=number))
    )

    kind = TemporarySourceError if number in oracle.TEMPORARY else PermanentSourceError
    assert (type(found), found.code) == (kind, code)


def test_other_errors_are_told_apart(untried):
    assert untried.translated(ConnectionResetError()).code == "interrupted"
    assert untried.translated(RuntimeError("secret")).code == "source-failed"


NATIVE = {
    Engine.SQLSERVER: {
        "bit": FieldKind.BOOLEAN, "bigint": FieldKind.INTEGER, "money": FieldKind.NUMBER, "datetime2": FieldKind.DATETIME,
        "datetimeoffset": FieldKind.DATETIME, "date": FieldKind.DATE, "time": FieldKind.OTHER, "nvarchar": FieldKind.TEXT,
        "uniqueidentifier": FieldKind.TEXT, "varbinary": FieldKind.OTHER, "xml": FieldKind.OTHER,
    },
    Engine.ORACLE: {
        "number(10,0)": FieldKind.INTEGER, "number(*,0)": FieldKind.INTEGER, "number": FieldKind.NUMBER, "date": FieldKind.DATETIME,
        "timestamp(6) with time zone": FieldKind.DATETIME, "nvarchar2": FieldKind.TEXT, "clob": FieldKind.TEXT, "raw": FieldKind.OTHER,
        "binary_double": FieldKind.NUMBER,
    },
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_native_types_come_down_to_kinds(engine):
    connector = connectors.get(_address(engine))

    assert {native: connector.kind_of(native) for native in NATIVE[engine]} == NATIVE[engine]


@pytest.fixture
def allowed(monkeypatch, settings):
    settings.SOURCE_ALLOWED_ADDRESSES = ["db.agency.gov.vn:1433"]
    found = [(2, 1, 6, "", (address, 1433)) for address in ("10.9.8.7", "10.9.8.6")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *args, **kwargs: found)


@pytest.mark.usefixtures("allowed")
def test_sql_server_is_reached_by_the_checked_address_and_checked_by_name(monkeypatch):
    places, made = [], {}
    monkeypatch.setattr(
        sqlserver.socket, "create_connection", lambda place, timeout: places.append(place) or sqlserver.socket.socket()
    )

    def connect(**given):
        made.update(given)
        given["sock"].close()
        raise pytds.LoginError("refused")

    monkeypatch.setattr(pytds, "connect", connect)
    with pytest.raises(PermanentSourceError):
        connectors.get(_address(Engine.SQLSERVER)).check()

    assert places == [("10.9.8.7", 1433)]
    assert (made["server"], made["validate_host"], bool(made["cafile"])) == ("db.agency.gov.vn", True, True)
    with pytest.raises(pytds.LoginError):
        pytds._connect(sock=None, host="169.254.169.254", port=80)


@pytest.mark.usefixtures("allowed")
def test_oracle_is_reached_by_the_checked_addresses_and_checked_by_name(monkeypatch):
    made = []

    def connect(**given):
        made.append(given)
        raise oracledb.OperationalError(SimpleNamespace(full_code="DPY-6005"))

    monkeypatch.setattr(oracledb, "connect", connect)
    with pytest.raises(TemporarySourceError):
        connectors.get(_address(Engine.ORACLE)).check()

    assert [given["host"] for given in made] == ["10.9.8.7", "10.9.8.6"]
    assert {given["protocol"] for given in made} == {"tcps"}
    assert made[0]["ssl_context"].check_hostname
    assert made[0]["ssl_context"].name == "db.agency.gov.vn"


@pytest.mark.parametrize("sslmode", ["prefer", "require"])
def test_half_security_is_refused(untried, sslmode):
    with pytest.raises(PermanentSourceError) as caught:
        connectors.get(replace(untried.address, sslmode=sslmode)).check()
    assert caught.value.code == "bad-address"


@pytest.mark.usefixtures("allowed")
def test_missing_driver_is_named(untried, monkeypatch):
    monkeypatch.setitem(sys.modules, untried.driver, None)

    with pytest.raises(PermanentSourceError) as caught:
        untried.check()
    assert caught.value.code == "unsupported"
    assert untried.package in str(caught.value)


def test_an_engine_says_that_it_was_not_tried(untried, monkeypatch):
    @contextmanager
    def session(seconds):
        yield None

    monkeypatch.setattr(untried, "_session", session)
    monkeypatch.setattr(untried, "_fetched", lambda connection, statement: [("19.0", 0, 0, 0, 1)])

    assert len(untried.check().warnings) == 1
    assert not untried.tried
    assert re.search(r"{} IS NULL", untried.relations)
