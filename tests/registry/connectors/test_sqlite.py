"""SQLite as a source: refusals, time limit, and memory."""

import gc
import sqlite3
import tracemalloc
from contextlib import closing
from dataclasses import replace

import pytest

from registry.choices import FieldKind, FileFormat, Masking
from registry.connectors import Column, ExtractPlan, PermanentSourceError, TemporarySourceError, get
from tests.registry.connectors.conftest import KEY


@pytest.fixture
def source(sqlite_address):
    return get(sqlite_address)


@pytest.fixture
def owner(sqlite_address):
    with closing(sqlite3.connect(sqlite_address.database, isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def big_plan(owner):
    """A view that makes its rows as they are read."""
    owner.execute("""
        CREATE VIEW big AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 60000)
        SELECT id, printf('%.600c', 'x') AS text FROM n
    """)
    columns = (Column("id", "id", FieldKind.INTEGER), Column("text", "text", FieldKind.TEXT))
    return ExtractPlan(table="big", columns=columns)


def _write(source, statement):
    with source._session(5) as connection:
        connection.execute("PRAGMA query_only = OFF")
        connection.execute(statement)


@pytest.mark.parametrize("statement", ['DELETE FROM "Công dân"', "CREATE TABLE x (a)", "PRAGMA user_version = 7"])
def test_writes_are_refused(source, owner, statement):
    with pytest.raises(PermanentSourceError):
        _write(source, statement)

    assert owner.execute('SELECT count(*) > 0 FROM "Công dân"').fetchone() == (1,)


def test_slow_statement_is_temporary(sqlite_address, owner):
    owner.execute("""
        CREATE VIEW slow AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT sum(id) AS id FROM n
    """)
    slow = ExtractPlan(table="slow", columns=(Column("id", "id", FieldKind.INTEGER),))
    source = get(replace(sqlite_address, statement_timeout=1))

    with pytest.raises(TemporarySourceError) as caught:
        list(source.extract(slow, pseudonym_key=KEY))

    assert caught.value.code == "source-slow"
    assert source.count(slow, 1) is None


def test_locked_file_is_temporary(source, owner, plan, monkeypatch):
    monkeypatch.setattr("registry.connectors.sqlite.BUSY_SECONDS", 0)
    owner.execute("BEGIN EXCLUSIVE")

    with pytest.raises(TemporarySourceError) as caught:
        list(source.extract(plan, pseudonym_key=KEY))
    assert caught.value.code == "source-busy"


def test_file_of_another_kind_is_permanent(source, sqlite_address, plan):
    with open(sqlite_address.database, "wb") as file:
        file.write(b"no database" * 1_000)

    with pytest.raises(PermanentSourceError):
        list(source.extract(plan, pseudonym_key=KEY))


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

    assert rows == 60_000
    assert peak < 4 * 1024 * 1024 < size


def test_numbers_have_no_year(source, owner, extracted):
    owner.execute("CREATE TABLE dated (day date)")
    owner.executemany("INSERT INTO dated VALUES (?)", [("2024-05-01",), (1_714_521_600,)])
    plan = ExtractPlan(table="dated", columns=(Column("day", "day", FieldKind.DATE, Masking.YEAR),))

    assert extracted(source, plan)[0] == b"day\n2024\n\n"


def test_early_close_releases_the_file(source, owner, plan):
    chunks = source.extract(plan, pseudonym_key=KEY)
    next(chunks)
    next(chunks)

    chunks.close()

    owner.execute("BEGIN EXCLUSIVE")


def test_odd_names_survive(source, owner, extracted):
    names = ['quo"te', "per%cent ?", "Ngo\u0302", "\u202eabc", "'; DROP TABLE x; --", "a]b[c`", "new\nline"]
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        owner.execute(f"CREATE TABLE {quoted} ({quoted} text)")
        owner.execute(f"INSERT INTO {quoted} VALUES ('x')")  # noqa: S608

        (table,) = source.describe(table=name)
        plan = ExtractPlan(table=table.name, columns=(Column("a", table.columns[0].name, FieldKind.TEXT),))

        assert table.columns[0].name == name
        assert extracted(source, plan) == (b"a\nx\n", 1)


def test_describe_lists_tables_and_views_only(source, owner):
    owner.execute('CREATE VIEW names AS SELECT "ho ten" FROM "Công dân"')
    owner.execute("CREATE TABLE keyed (a text UNIQUE, b integer PRIMARY KEY AUTOINCREMENT)")

    found = {table.name: table for table in source.describe()}

    assert {name: table.kind for name, table in found.items()} == {
        "Công dân": "table",
        "figures": "table",
        "keyed": "table",
        "names": "view",
    }
    assert [column.is_key for column in found["keyed"].columns] == [True, True]


def test_loose_types_are_written_as_postgresql_would(source, owner, extracted):
    owner.execute("CREATE TABLE loose (v)")
    owner.executemany("INSERT INTO loose VALUES (?)", [(1.5,), (100000.0,), (1e20,), (2**62,), (b"\x00\xff",), ("t",)])
    plan = ExtractPlan(table="loose", columns=(Column("v", "v", FieldKind.OTHER),))

    assert extracted(source, plan)[0] == b"v\n1.5\n100000\n1e+20\n4611686018427387904\n\\x00ff\nt\n"
    assert extracted(source, plan, file_format=FileFormat.JSONL)[0].split(b"\n")[:-1] == [
        b'{"v":1.5}', b'{"v":100000}', b'{"v":1e+20}', b'{"v":4611686018427387904}', b'{"v":"\\\\x00ff"}', b'{"v":"t"}',
    ]  # fmt: skip
