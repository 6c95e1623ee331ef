"""One logical table in a source of each engine: a database beside the test database, and a file."""

import os
import sqlite3
from dataclasses import replace

import pytest

from registry import connectors
from registry.choices import Engine, FieldKind
from registry.connectors import Address, Column, ExtractPlan
from tests.source_servers import source_database

# Two runs at once on one server need two names.
SOURCE_NAME = f"{os.environ.get('NDC_TEST_NAME', 'test_ndc_portal')}_source_{os.getpid()}"
KEY = bytes(range(32))

COLUMNS = (
    Column("id", "id", FieldKind.INTEGER),
    Column("họ tên", "ho ten", FieldKind.TEXT),
    Column("born", "born", FieldKind.DATE),
    Column("note", "note", FieldKind.TEXT),
    Column("alive", "alive", FieldKind.BOOLEAN),
)
NASTY = (
    "", " ", "\\.", "\\", "\\n", '"', "'", "a,b", "two\nlines", "return\r", "tab\there", "\x01\x02\x1f\x7f", "\b\f\v",
    "null", "NULL", "{}", "%s %", "=1+1", "𠀀😀", "\u2028", "\ufeff", "\u202eabc", "Ngô Bảo Châu", "Ngo\u0302 Ba\u0309o",
    "x" * 100_000,
)  # fmt: skip
ROWS = [
    (number, f"Người {number}", f"{1950 + number}-03-0{number % 9 + 1}", note, number % 2 == 0)
    for number, note in enumerate(NASTY, start=1)
] + [(1_000, None, None, None, None)]


@pytest.fixture(scope="session")
def source_server():
    with source_database(SOURCE_NAME) as server:
        server.owner.execute(
            'CREATE TABLE "Công dân" (id bigint PRIMARY KEY, "ho ten" varchar(50), born date, note text, alive bool)'
        )
        with server.owner.cursor() as cursor:
            cursor.executemany('INSERT INTO "Công dân" VALUES (%s, %s, %s, %s, %s)', ROWS)
        yield server


@pytest.fixture
def source_owner(source_server):
    """A read-write connection to the source database, with autocommit, as its owner has."""
    return source_server.owner


@pytest.fixture
def postgresql_address(source_server):
    return Address(
        engine=Engine.POSTGRESQL,
        host=source_server.host,
        port=source_server.port,
        database=source_server.database,
        username=source_server.username,
        password=source_server.password,
        sslmode="prefer",
        statement_timeout=60,
    )


@pytest.fixture
def source_folder(tmp_path, settings):
    folder = (tmp_path / "sources").resolve()
    folder.mkdir()
    settings.SOURCE_ALLOWED_FOLDERS = [folder]
    return folder


@pytest.fixture
def sqlite_address(source_folder):
    path = source_folder / "công dân.db"
    with sqlite3.connect(path) as file:
        file.execute(
            'CREATE TABLE "Công dân" (id integer PRIMARY KEY, "ho ten" text, born date, note text, alive bool)'
        )
        file.executemany('INSERT INTO "Công dân" VALUES (?, ?, ?, ?, ?)', ROWS)
    file.close()
    return Address(engine=Engine.SQLITE, database=str(path), statement_timeout=60)


@pytest.fixture(params=[str(engine) for engine in Engine])
def address(request):
    return request.getfixturevalue(f"{request.param}_address")


@pytest.fixture
def connector(address):
    return connectors.get(address)


@pytest.fixture
def both(postgresql_address, sqlite_address):
    return connectors.get(postgresql_address), connectors.get(sqlite_address)


@pytest.fixture
def plan():
    return ExtractPlan(table="Công dân", columns=COLUMNS)


@pytest.fixture
def extracted():
    """The whole file of a plan, and the number of its rows."""

    def run(connector, plan, **changes):
        chunks = list(connector.extract(replace(plan, **changes), pseudonym_key=KEY))
        return b"".join(chunk.data for chunk in chunks), sum(chunk.rows for chunk in chunks)

    return run
