"""MariaDB as a source: refusals, rights, odd types and names, errors, TLS, and ending what was given up."""

import gc
import socket
import threading
import time
import tracemalloc
import unicodedata
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pymysql
import pytest
import sqlalchemy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from registry.choices import Engine, FieldKind, FileFormat, Masking, Operator
from registry.connectors import (
    Address,
    Column,
    Condition,
    ExtractPlan,
    PermanentSourceError,
    SourceError,
    TemporarySourceError,
    get,
)
from registry.connectors import mysql_errors as errors
from registry.connectors import mysql_statements as statements
from registry.connectors.addresses import Endpoint
from registry.connectors.mysql_structure import Rights, rights
from tests.registry.connectors.conftest import KEY
from tests.source_servers import PASSWORD, mariadb_server

ODD_NAMES = [
    'quo"te',
    "per%cent %s",
    "Ngo\u0302",
    "\u202eabc",
    "'; DROP TABLE x; --",
    "back\\slash",
    "tick`tick",
    "new\nline",
]


@pytest.fixture
def source(mysql_address):
    return get(mysql_address)


@pytest.fixture
def owner(mysql_server):
    with mysql_server.owner.cursor() as cursor:
        yield cursor


@pytest.fixture
def big(owner):
    owner.execute("CREATE VIEW big AS SELECT seq AS id, repeat('x', 200) AS text FROM seq_1_to_200000")
    yield ExtractPlan(
        table="big", columns=(Column("id", "id", FieldKind.INTEGER), Column("text", "text", FieldKind.TEXT))
    )
    owner.execute("DROP VIEW big")


def _ours(owner):
    owner.execute("SELECT id, info FROM information_schema.processlist WHERE user = 'reader' AND command <> 'Killed'")
    return owner.fetchall()


def _wait_until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def _run(source, statement):
    with source._session(5) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _refusal(call, kind=PermanentSourceError):
    with pytest.raises(kind) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("before", ["SELECT 1", "COMMIT"])
@pytest.mark.parametrize(
    "statement", ["INSERT INTO `Công dân` (id) VALUES (0)", "CREATE TABLE x (a int)", "DROP TABLE figures"]
)
def test_writes_are_refused(source, owner, statement, before):
    def write():
        with source._session(5) as connection, connection.cursor() as cursor:
            cursor.execute(before)
            cursor.execute(statement)

    _refusal(write)
    owner.execute("SELECT count(*) FROM `Công dân` WHERE id = 0")
    assert owner.fetchone() == (0,)


def test_session_is_one_snapshot_and_one_statement_at_a_time(source):
    found = _run(source, "SELECT @@tx_isolation, @@tx_read_only, @@sql_mode, @@time_zone")

    assert found == (("REPEATABLE-READ", 1, "NO_BACKSLASH_ESCAPES", "+07:00"),)
    assert _refusal(lambda: _run(source, "SELECT 1; SELECT 2")) == "source-failed"
    assert _refusal(lambda: _run(source, "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE figures"))


def test_slow_statement_is_temporary(mysql_address, owner):
    owner.execute("CREATE VIEW slow AS SELECT sleep(60) AS waited")
    try:
        source = get(replace(mysql_address, statement_timeout=1))
        slow = ExtractPlan(table="slow", columns=(Column("waited", "waited", FieldKind.INTEGER),))
        code = _refusal(lambda: list(source.extract(slow, pseudonym_key=KEY)), TemporarySourceError)
        condition = Condition("waited", FieldKind.INTEGER, Operator.EQUALS, ("1",))
        counted = source.count(replace(slow, conditions=(condition,)), 1)
    finally:
        owner.execute("DROP VIEW slow")

    assert (code, counted) == ("source-slow", None)


def test_locked_table_is_temporary(source, owner, plan, monkeypatch):
    monkeypatch.setitem(__import__("registry.connectors.mysql", fromlist=["SESSION"]).SESSION, "lock_wait_timeout", 0)
    owner.execute("LOCK TABLES `Công dân` WRITE")
    try:
        code = _refusal(lambda: list(source.extract(plan, pseudonym_key=KEY)), TemporarySourceError)
    finally:
        owner.execute("UNLOCK TABLES")

    assert code == "source-busy"


def test_killed_query_is_temporary(source, owner, big):
    chunks = source.extract(big, pseudonym_key=KEY)
    next(chunks)
    next(chunks)
    for number, _info in _ours(owner):
        owner.execute(f"KILL {number}")

    assert _refusal(lambda: list(chunks), TemporarySourceError) == "interrupted"


@pytest.mark.parametrize("file_format", FileFormat)
def test_early_close_ends_the_query(source, owner, big, file_format):
    with closing(source.extract(replace(big, file_format=file_format), pseudonym_key=KEY)) as chunks:
        next(chunks)
        next(chunks)
        assert any(info and "big" in info for _number, info in _ours(owner))

    _wait_until(lambda: not _ours(owner))


@pytest.mark.parametrize("file_format", FileFormat)
def test_memory_does_not_grow_with_the_rows(source, big, file_format):
    gc.collect()
    tracemalloc.start()
    try:
        rows = size = 0
        for chunk in source.extract(replace(big, file_format=file_format, row_limit=20_000), pseudonym_key=KEY):
            rows, size = rows + chunk.rows, size + len(chunk.data)
            if rows > 15_000:
                break
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * 1024 * 1024 < size


@pytest.mark.parametrize("file_format", FileFormat)
def test_rows_longer_than_a_packet_of_the_protocol_come_whole(source, owner, extracted, file_format):
    owner.execute("CREATE VIEW wide AS SELECT repeat('x', 12000000) AS a, repeat('y', 12000000) AS b, 'z' AS c")
    plan = ExtractPlan(table="wide", columns=tuple(Column(name, name, FieldKind.TEXT) for name in "abc"))
    try:
        data, rows = extracted(source, plan, file_format=file_format)
    finally:
        owner.execute("DROP VIEW wide")

    assert rows == 1
    assert (data.count(b"x"), data.count(b"y"), data.count(b"z")) == (12_000_000, 12_000_000, 1)


def test_odd_names_survive(source, owner, extracted):
    for name in ODD_NAMES:
        quoted = statements.quoted(name)
        owner.execute(f"CREATE TABLE {quoted} ({quoted} text)".replace("%", "%%"), ())
        owner.execute(f"INSERT INTO {quoted} VALUES ('x')".replace("%", "%%"), ())  # noqa: S608

        (table,) = source.describe(table=name)
        plan = ExtractPlan(table=table.name, columns=(Column("a", table.columns[0].name, FieldKind.TEXT),))
        equal = replace(plan, conditions=(Condition(name, FieldKind.TEXT, Operator.EQUALS, ("x",)),))

        assert table.columns[0].name == name
        assert extracted(source, plan) == extracted(source, equal) == (b"a\nx\n", 1)
        owner.execute(f"DROP TABLE {quoted}".replace("%", "%%"), ())


TYPES = [
    ("tinyint(1)", "2", FieldKind.BOOLEAN, "2", '"2"'),
    ("tinyint(1)", "1", FieldKind.BOOLEAN, "true", "true"),
    ("bit(1)", "b'1'", FieldKind.BOOLEAN, "true", "true"),
    ("bit(12)", "b'101'", FieldKind.INTEGER, "5", "5"),
    ("bigint unsigned", "18446744073709551615", FieldKind.INTEGER, "18446744073709551615", "18446744073709551615"),
    ("int(5) zerofill", "7", FieldKind.INTEGER, "7", "7"),
    ("year", "2024", FieldKind.INTEGER, "2024", "2024"),
    ("decimal(10, 2)", "12.50", FieldKind.NUMBER, "12.50", "12.50"),
    ("decimal(20, 9)", "0", FieldKind.NUMBER, "0.000000000", "0.000000000"),
    ("double", "1e20", FieldKind.NUMBER, "1e+20", "1e+20"),
    ("double", "100000", FieldKind.NUMBER, "100000", "100000"),
    ("float", "0.5", FieldKind.NUMBER, "0.5", "0.5"),
    ("date", "'2024-02-29'", FieldKind.DATE, "2024-02-29", '"2024-02-29"'),
    ("date", "'0000-00-00'", FieldKind.DATE, "", "null"),
    ("datetime", "'0000-00-00 00:00:00'", FieldKind.DATETIME, "", "null"),
    ("timestamp", "'2024-05-01 07:00:00'", FieldKind.DATETIME, "2024-05-01 07:00:00", '"2024-05-01T07:00:00"'),
    ("time", "'-25:10:00'", FieldKind.OTHER, "-25:10:00", '"-25:10:00"'),
    ("enum('Nữ', 'Nam')", "'Nam'", FieldKind.TEXT, "Nam", '"Nam"'),
    ("set('a', 'b')", "'a,b'", FieldKind.TEXT, '"a,b"', '"a,b"'),
    ("blob", "x'00ff'", FieldKind.OTHER, "\\x00ff", '"\\\\x00ff"'),
    ("varbinary(3)", "x'61'", FieldKind.OTHER, "\\x61", '"\\\\x61"'),
    ("varchar(9) character set latin1", "'caf\u00e9'", FieldKind.TEXT, "caf\u00e9", '"caf\u00e9"'),
    ("json", """'{"a": 1}'""", FieldKind.TEXT, '"{""a"": 1}"', '"{\\"a\\": 1}"'),
]


def test_types_are_written_as_postgresql_would(source, owner, extracted):
    columns = ", ".join(f"c{number} {native}" for number, (native, *_rest) in enumerate(TYPES))
    owner.execute("SET SESSION sql_mode = '', time_zone = '+07:00'")
    owner.execute(f"CREATE TABLE typed ({columns}, nothing datetime)")
    owner.execute(f"INSERT INTO typed VALUES ({', '.join(value for _native, value, *_rest in TYPES)}, NULL)")  # noqa: S608
    try:
        (table,) = source.describe(table="typed")
        plan = ExtractPlan(table="typed", columns=tuple(Column(c.name, c.name, c.kind) for c in table.columns))
        as_csv, as_json = extracted(source, plan)[0], extracted(source, plan, file_format=FileFormat.JSONL)[0]
    finally:
        owner.execute("DROP TABLE typed")

    assert [column.kind for column in table.columns[:-1]] == [kind for _n, _v, kind, _c, _j in TYPES]
    assert as_csv.decode().split("\n")[1] == ",".join(csv for *_rest, csv, _json in TYPES) + ","
    assert as_json.decode() == (
        "{" + ",".join(f'"c{number}":{json}' for number, (*_rest, json) in enumerate(TYPES)) + ',"nothing":null}\n'
    )


def test_texts_are_compared_letter_by_letter(source, owner):
    owner.execute("CREATE TABLE letters (id int, name varchar(50), old varchar(50) CHARACTER SET latin1)")
    names = ["Hoa", "hoa", "Hòa", "hóa", "Hoa ", "Hoà", "Ho\u0300a".replace("o\u0300a", "oa\u0300")]
    owner.executemany("INSERT INTO letters VALUES (%s, %s, 'Hoa')", list(enumerate(names)))
    columns = (Column("id", "id", FieldKind.INTEGER),)

    def found(operator, *values, field="name"):
        conditions = (Condition(field, FieldKind.TEXT, operator, values),)
        plan = ExtractPlan(table="letters", columns=columns, conditions=conditions, file_format=FileFormat.CSV)
        data = b"".join(chunk.data for chunk in source.extract(plan, pseudonym_key=KEY))
        return [int(line) for line in data.split()[1:]]

    try:
        assert found(Operator.EQUALS, "Hoa") == [0]
        assert found(Operator.IN, "Hoa", "hóa") == [0, 3]
        assert found(Operator.EQUALS, "Hoà") == [5, 6]
        assert found(Operator.PREFIX, "Ho") == [0, 4, 5, 6]
        assert found(Operator.BETWEEN, "Hoa", "Hoa~") == [0, 4]
        assert found(Operator.EQUALS, "hóa", field="old") == []
    finally:
        owner.execute("DROP TABLE letters")


def test_dates_that_are_zero_are_empty(source, owner):
    owner.execute("SET SESSION sql_mode = ''")
    owner.execute("CREATE TABLE zeros (id int, day date NOT NULL)")
    owner.execute("INSERT INTO zeros VALUES (1, '0000-00-00'), (2, '2024-01-01')")
    by = (Condition("day", FieldKind.DATE, Operator.IS_NULL),)
    plan = ExtractPlan(table="zeros", columns=(Column("y", "day", FieldKind.DATE, Masking.YEAR),))
    try:
        assert source.lookup(plan, key_field="id", key="1", pseudonym_key=KEY) == [{"y": None}]
        assert source.lookup(plan, key_field="id", key="2", pseudonym_key=KEY) == [{"y": "2024"}]
        assert source.count(replace(plan, conditions=by), 5) == 1
    finally:
        owner.execute("DROP TABLE zeros")


def test_pseudonyms_come_from_the_source_unless_it_cannot_normalise():
    known = [*range(0x300), *range(0x1E00, 0x1F00)]
    assert all(
        unicodedata.normalize("NFC", chr(a) + chr(b)) == chr(a) + chr(b) for a in known[:400] for b in known[300:]
    )
    column = Column("a", "a", FieldKind.TEXT, Masking.PSEUDONYM)
    statement = statements.select(ExtractPlan(table="t", columns=(column,)), schema="s")
    assert "SHA2" in statement
    assert KEY.hex() not in statement


def test_account_that_may_only_read_sees_views_and_rights_are_named(source, mysql_address, owner):
    owner.execute("CREATE VIEW names AS SELECT `ho ten`, alive FROM `Công dân`")
    owner.execute(f"CREATE USER looker IDENTIFIED BY '{PASSWORD}'")
    owner.execute("GRANT SELECT ON source.names TO looker")
    looker = get(replace(mysql_address, username="looker"))
    try:
        (view,) = looker.describe()
        warnings = looker.check().warnings
        plan = ExtractPlan(table="Công dân", columns=(Column("a", "id", FieldKind.INTEGER),))
        code = _refusal(lambda: list(looker.extract(plan, pseudonym_key=KEY)))
    finally:
        owner.execute("DROP VIEW names")
        owner.execute("DROP USER looker")

    assert (view.kind, [column.kind for column in view.columns]) == ("view", [FieldKind.TEXT, FieldKind.BOOLEAN])
    assert code == "no-privilege"
    assert not any("change" in str(warning) for warning in warnings)
    assert len(source.check().warnings) == len(warnings) + 1


def test_account_that_may_read_some_columns_sees_them(mysql_address, owner):
    owner.execute(f"CREATE USER peeper IDENTIFIED BY '{PASSWORD}'")
    owner.execute("GRANT SELECT (id, alive) ON source.`Công dân` TO peeper")
    try:
        (table,) = get(replace(mysql_address, username="peeper")).describe()
    finally:
        owner.execute("DROP USER peeper")

    assert [column.name for column in table.columns] == ["id", "alive"]


def test_a_passing_fault_is_not_taken_for_keys_that_are_gone(source, monkeypatch):
    def interrupted(*_arguments):
        raise sqlalchemy.exc.OperationalError("SHOW", {}, pymysql.err.OperationalError(2013, "lost"))

    monkeypatch.setattr("registry.connectors.reflection.describe", interrupted)

    assert _refusal(source.describe, TemporarySourceError) == "interrupted"


@pytest.mark.parametrize(
    ("grant", "found"),
    [
        ("GRANT USAGE ON *.* TO `a`@`%`", Rights(False, False, False)),
        ("GRANT SELECT (`insert`, b) ON `s`.`t` TO `a`@`%`", Rights(False, False, False)),
        ("GRANT SELECT, UPDATE (`b`) ON `s`.`t` TO `a`@`%`", Rights(False, False, True)),
        ("GRANT ALL PRIVILEGES ON `s`.* TO `a`@`%`", Rights(False, False, True)),
        ("GRANT SELECT ON `s`.* TO `a`@`%` WITH GRANT OPTION", Rights(False, True, False)),
        ("GRANT FILE ON *.* TO `a`@`%`", Rights(False, True, False)),
        ("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION", Rights(True, True, True)),
    ],
)
def test_grants_are_read(grant, found):
    assert rights([grant, "GRANT `role` TO `a`@`%`"]) == found


def test_wrong_password_database_and_server_are_told_apart(mysql_address, settings):
    def check(**parts):
        return get(replace(mysql_address, **parts)).check()

    assert _refusal(lambda: check(password="wrong \u1ed1")) == "access-denied"
    assert _refusal(lambda: check(database="nowhere")) in ("access-denied", "unknown-database")
    assert _refusal(lambda: check(sslmode="require")) == "tls-failed"
    settings.SOURCE_ALLOWED_ADDRESSES = ["localhost:1"]
    assert _refusal(lambda: check(port=1), TemporarySourceError) == "unreachable"


@pytest.mark.parametrize(("number", "code"), sorted(errors.TEMPORARY.items()))
def test_errors_that_pass_are_temporary(number, code):
    found = errors.translated(pymysql.err.OperationalError(number, "secret"))

    assert (type(found), found.code) == (TemporarySourceError, code)
    assert "secret" not in str(found)


@pytest.mark.parametrize(("number", "code"), [*sorted(errors.PERMANENT.items()), (9999, "source-failed")])
def test_errors_that_stay_are_permanent(number, code):
    found = errors.translated(pymysql.err.OperationalError(number, "secret"))

    assert (type(found), found.code) == (PermanentSourceError, code)


def _certificate(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / f"{name}.pem", folder / f"{name}.key"


def test_tls_checks_the_name_of_the_server(tmp_path, settings, monkeypatch, mysql_address):
    path, key = _certificate(tmp_path, "db.agency.gov.vn")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with mariadb_server(f"--ssl-cert={path}", f"--ssl-key={key}") as server:
        settings.SOURCE_ALLOWED_ADDRESSES = [f"localhost:{server.port}", f"127.0.0.1:{server.port}"]
        there = replace(mysql_address, port=server.port)
        for sslmode in ("require", "verify-ca", "prefer"):
            assert len(get(replace(there, sslmode=sslmode)).check().warnings) == 1
        assert _refusal(lambda: get(replace(there, sslmode="verify-full")).check()) == "tls-failed"
        monkeypatch.setattr(
            "registry.connectors.mysql.check_address", lambda address: Endpoint("db.agency.gov.vn", ("127.0.0.1",))
        )
        assert get(replace(there, sslmode="verify-full")).check()
        monkeypatch.delenv("SSL_CERT_FILE")
        assert _refusal(lambda: get(replace(there, sslmode="verify-ca")).check()) == "tls-failed"


GREETING = (
    b"\x0a8.0.0\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\x81\x15"
    + b"\0" * 10
    + b"ijklmnopqrst\0mysql_native_password\0"
)
SIGNED_IN = b"\0\0\0\x02\0\0\0"


@pytest.mark.parametrize("answer", [b"\xfb/etc/passwd", b"\xfb", b"\x05", b"\xfe\0"])
def test_a_server_that_asks_for_a_file_gets_an_error(settings, answer):
    received = []

    def serve(listening):
        one, _address = listening.accept()
        with one:
            for number, packet in ((0, GREETING), (2, SIGNED_IN), (1, SIGNED_IN), (1, answer)):
                one.sendall(len(packet).to_bytes(3, "little") + bytes([number]) + packet)
                received.append(one.recv(65_536))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        settings.SOURCE_ALLOWED_ADDRESSES = [f"127.0.0.1:{port}"]
        server = threading.Thread(target=serve, args=[listening], daemon=True)
        server.start()
        address = Address(
            engine=Engine.MYSQL, host="127.0.0.1", port=port, database="x", username="x", sslmode="disable"
        )
        assert _refusal(get(address).check, SourceError) in ("source-failed", "interrupted")
        server.join(10)
    assert not any(b"root" in one for one in received)
