"""The sample databases on their engines, and what a query of one's own gives for the dataset that is delivered."""

import gzip
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from registry.choices import Engine
from tests.samples.packages import FOLDER
from tests.source_servers import mariadb_server, source_database

ZABBIX = FOLDER / "zabbix"
CACTI = FOLDER / "cacti" / "cacti.sql"
WORLD = FOLDER / "world"
AIRPORTS = FOLDER / "airports" / "airports.sqlite"
LAHMAN = FOLDER / "lahman"


@dataclass
class Sample:
    """A source as an operator registers it; `own` asks it for a dataset's rows by a way that is not the portal's."""

    name: str
    connection: dict
    credential: str
    delivered: dict[str, list[str]]  # table: columns
    own: object
    addresses: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    packages: tuple[str, ...] = ()

    def __post_init__(self):
        self.packages = self.packages or (self.name,)


@contextmanager
def zabbix(name: str) -> Iterator[Sample]:
    """A monitoring system on PostgreSQL: 173 tables, images as bytea."""
    with source_database(name) as server:
        for part in ("schema", "images", "data"):
            server.owner.execute(gzip.decompress((ZABBIX / f"{part}.sql.gz").read_bytes()).decode())
        server.owner.execute("ANALYZE")

        def own(table, columns):
            chosen = ", ".join(f'"{column}"' for column in columns)
            with server.owner.cursor() as cursor:
                return cursor.execute(f'SELECT {chosen} FROM "{table}"').fetchall()  # noqa: S608

        yield Sample(
            "zabbix",
            _of(server, Engine.POSTGRESQL, "prefer"),
            server.password,
            {
                "items": ["itemid", "name", "key_", "delay", "units", "description", "formula"],
                "images": ["imageid", "imagetype", "name", "image"],
            },
            own,
            addresses=[f"{server.host}:{server.port}"],
        )


@contextmanager
def cacti_and_world() -> Iterator[Sample]:
    """Graphs of a network and the cities of the world on MariaDB: enums, zero dates, tables in latin1, odd keys."""
    with mariadb_server("--sql-mode=") as server:
        with server.owner.cursor() as cursor:
            cursor.execute("ALTER DATABASE source CHARACTER SET latin1")
        _load(server, WORLD / "world_schema.inc", WORLD / "world.inc")
        with server.owner.cursor() as cursor:
            cursor.execute("ALTER DATABASE source CHARACTER SET utf8mb4")
        _load(server, CACTI)

        def own(table, columns):
            chosen = ", ".join(f"`{column}`" for column in columns)
            with server.owner.cursor() as cursor:
                cursor.execute(f"SELECT {chosen} FROM source.`{table}`")  # noqa: S608
                return cursor.fetchall()

        yield Sample(
            "cacti",
            _of(server, Engine.MYSQL, "prefer"),
            server.password,
            {
                "City": ["ID", "Name", "Country", "Population"],
                "CountryLanguage": ["Country", "Language", "Percentage"],
                "automation_networks": ["id", "name", "subnet_range", "enabled", "start_at", "last_started"],
            },
            own,
            addresses=[f"{server.host}:{server.port}"],
            packages=("world", "cacti"),
        )


def _load(server, *scripts):
    text = b"".join(script.read_bytes() for script in scripts)
    client = ["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={server.port}", "--user=root"]
    subprocess.run([*client, "--default-character-set=utf8mb4", "source"], input=text, check=True, capture_output=True)


def _of(server, engine, sslmode):
    return {
        "engine": engine,
        "host": server.host,
        "port": server.port,
        "name": server.database,
        "username": server.username,
        "sslmode": sslmode,
    }


@contextmanager
def airports(folder: Path) -> Iterator[Sample]:
    """Airports, runways and frequencies in one SQLite file."""
    path = folder / "airports.sqlite"
    shutil.copy(AIRPORTS, path)

    def own(table, columns):
        chosen = ", ".join(f'"{column}"' for column in columns)
        with closing(sqlite3.connect(path)) as file:
            return file.execute(f'SELECT {chosen} FROM "{table}"').fetchall()  # noqa: S608

    yield Sample(
        "airports",
        {"engine": Engine.SQLITE, "name": str(path)},
        "",
        {"airports": ["id", "icao", "iata", "name", "latitude", "is_public_use", "created_at"]},
        own,
        folders=[folder],
    )


@contextmanager
def lahman(folder: Path) -> Iterator[Sample]:
    """Baseball since 1871 in 27 Parquet files."""
    target = folder / "lahman"
    shutil.copytree(LAHMAN, target)

    def own(table, columns):
        chosen = ", ".join(f'"{column}"' for column in columns)
        with closing(duckdb.connect()) as engine:
            return engine.execute(f"SELECT {chosen} FROM '{target / table}.parquet'").fetchall()  # noqa: S608

    yield Sample(
        "lahman",
        {"engine": Engine.FILES, "name": str(target)},
        "",
        {"Batting": ["playerID", "yearID", "teamID", "G", "AB", "H"]},
        own,
        folders=[folder],
    )
