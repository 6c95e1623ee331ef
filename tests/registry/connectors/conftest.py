"""One logical table in a source of each engine: a database beside the test database, and a file."""

import itertools
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from registry import connectors
from registry.choices import Engine, FieldKind
from registry.connectors import Address, Column, ExtractPlan, formats
from tests.source_servers import mariadb_server, source_database

# Of the others no server could be had: tests/registry/connectors/test_untried.py.
TRIED = [engine for engine in connectors.engines() if connectors.of(engine).tried]
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

# A number as a source may hold it, and what rounding leaves of it.
ROUNDED = [
    ("0", "0"), ("7", "7"), ("-7", "-7"), ("15", "15"), ("99", "99"), ("100", "100"), ("125", "130"), ("-125", "-130"), ("999", "1000"),
    ("12345678", "12000000"), ("12500000", "13000000"), ("999999999", "1000000000"), ("0.5", "0.5"), ("83.5", "84"), ("9.96", "10"),
    ("0.00123", "0.0012"), ("0.00995", "0.01"), ("-0.0455", "-0.046"), ("1250.25", "1300"), ("1249.75", "1200"), (None, None),
]  # fmt: skip
# A personal number or an address, and the province that is left of it.
PROVINCES = [
    ("001099000001", "001"), ("079200012345", "079"), ("00109900000", None), ("0010990000011", None), ("٠٠١٠٩٩٠٠٠٠٠١", None),
    ("Số 5, phố Huế, Hà Nội", "Hà Nội"), ("xã A,tỉnh  Cao Bằng \t\r\n", "tỉnh  Cao Bằng"), ("phố Huế", None), ("a, ", None), (",", None),
    (", Huế", "Huế"), ("two\nlines, Đà\nNẵng", "Đà\nNẵng"), ("", None), (None, None), ("001099000001\n", None), ('x, "Huế"', '"Huế"'),
]  # fmt: skip
# A date and time as a source may hold it; files spell it so in CSV, and with a T in JSON.
MOMENTS = [
    "2024-05-01 00:00:00", "2024-05-01 12:30:45", "2024-05-01 12:30:45.5", "2024-05-01 12:30:45.120000", "1954-10-10 08:00:00.000001", None,
]  # fmt: skip
FIGURES = [
    (number, None if value is None or "." in value else value, value, value, place, moment)
    for number, (value, place, moment) in enumerate(
        itertools.zip_longest((v for v, _left in ROUNDED), (p for p, _left in PROVINCES), MOMENTS), start=1
    )
]


@pytest.fixture(scope="session")
def source_server():
    with source_database(SOURCE_NAME) as server:
        server.owner.execute(
            'CREATE TABLE "Công dân" (id bigint PRIMARY KEY, "ho ten" varchar(50), born date, note text, alive bool)'
        )
        with server.owner.cursor() as cursor:
            cursor.executemany('INSERT INTO "Công dân" VALUES (%s, %s, %s, %s, %s)', ROWS)
            cursor.execute(
                "CREATE TABLE figures (id int PRIMARY KEY, whole bigint, exact numeric(20, 6), rough float8, place text,"
                " moment timestamp)"
            )
            cursor.executemany("INSERT INTO figures VALUES (%s, %s, %s, %s, %s, %s)", FIGURES)
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


@pytest.fixture(scope="session")
def mysql_server():
    with mariadb_server() as server, server.owner.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE `Công dân` (id bigint PRIMARY KEY, `ho ten` varchar(50), born date, note longtext, alive bool)"
        )
        cursor.executemany("INSERT INTO `Công dân` VALUES (%s, %s, %s, %s, %s)", ROWS)
        cursor.execute(
            "CREATE TABLE figures (id int PRIMARY KEY, whole bigint, exact decimal(20, 6), rough double, place text,"
            " moment datetime(6))"
        )
        cursor.executemany("INSERT INTO figures VALUES (%s, %s, %s, %s, %s, %s)", FIGURES)
        yield server


@pytest.fixture
def mysql_address(mysql_server, settings):
    settings.SOURCE_ALLOWED_ADDRESSES = [*settings.SOURCE_ALLOWED_ADDRESSES, f"localhost:{mysql_server.port}"]
    return Address(
        engine=Engine.MYSQL,
        host=mysql_server.host,
        port=mysql_server.port,
        database=mysql_server.database,
        username=mysql_server.username,
        password=mysql_server.password,
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
        file.execute(
            "CREATE TABLE figures (id integer PRIMARY KEY, whole bigint, exact numeric, rough real, place text, moment datetime)"
        )
        file.executemany("INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?)", FIGURES)
    file.close()
    return Address(engine=Engine.SQLITE, database=str(path), statement_timeout=60)


CSV_TYPES = {
    "Công dân": {"id": "integer", "ho ten": "string", "born": "date", "note": "string", "alive": "boolean"},
    "figures": {
        "id": "integer",
        "whole": "integer",
        "exact": "decimal",
        "rough": "double",
        "place": "string",
        "moment": "datetime",
    },
}


def write_csv(folder, name, header, rows, types=None):
    """A file as PostgreSQL would write it, and beside it what its columns hold."""
    lines = [formats.csv_line([None if v is None else str(v) for v in row]) for row in (header, *rows)]
    (folder / f"{name}.csv").write_text("".join(lines), newline="")
    if types:
        columns = [{"name": column, "datatype": kind} for column, kind in types.items()]
        described = {"@context": "http://www.w3.org/ns/csvw", "url": f"{name}.csv"}
        described["tableSchema"] = {"columns": columns, "primaryKey": "id"}
        (folder / f"{name}.csv-metadata.json").write_text(json.dumps(described))


@pytest.fixture
def files_address(source_folder):
    folder = source_folder / "công dân"
    folder.mkdir()
    rows = [(*row[:4], None if row[4] is None else str(row[4]).lower()) for row in ROWS]
    write_csv(folder, "Công dân", CSV_TYPES["Công dân"], rows, CSV_TYPES["Công dân"])
    write_csv(folder, "figures", CSV_TYPES["figures"], FIGURES, CSV_TYPES["figures"])
    return Address(engine=Engine.FILES, database=str(folder), statement_timeout=60)


@pytest.fixture
def make_table(request, address):
    """Make a table of one column, both of the same name, with one row that holds "x"; it goes at the end."""
    made = []

    def execute(statement):
        match address.engine:
            case Engine.POSTGRESQL:
                request.getfixturevalue("source_server").owner.execute(statement)
            case Engine.MYSQL:
                with request.getfixturevalue("mysql_server").owner.cursor() as cursor:
                    cursor.execute(statement)
            case Engine.SQLITE:
                with closing(sqlite3.connect(address.database)) as file, file:
                    file.execute(statement)

    def make(name):
        if address.engine == Engine.FILES:
            write_csv(Path(address.database), name, [name], [["x"]])
            return
        mark = "`" if address.engine == Engine.MYSQL else '"'
        quoted = mark + name.replace(mark, mark * 2) + mark
        execute(f"CREATE TABLE {quoted} ({quoted} varchar(9))")
        made.append(quoted)
        execute(f"INSERT INTO {quoted} VALUES ('x')")  # noqa: S608

    yield make
    for quoted in made:
        execute(f"DROP TABLE {quoted}")


@pytest.fixture(params=[str(engine) for engine in TRIED])
def address(request):
    return request.getfixturevalue(f"{request.param}_address")


@pytest.fixture
def connector(address):
    return connectors.get(address)


@pytest.fixture
def all_connectors(request):
    addresses = [request.getfixturevalue(f"{engine}_address") for engine in TRIED]
    return [connectors.get(address) for address in addresses]


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
