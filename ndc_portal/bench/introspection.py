"""Reading the structure of a big source: 500 tables, taken over into the registry, then compared again, then with drift."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import override_settings
from psycopg import sql

from registry import credentials
from registry.choices import AgencyKind, Engine
from registry.models import Agency, Connection, Database, LegalInstrument
from registry.services import structure

TABLES, COLUMNS = 500, 20
SECONDS = 60
NAME = "ndc_bench_structure"
NOT_FOR_LIBPQ = {"context", "cursor_factory", "row_factory", "prepare_threshold", "autocommit"}


def measure(*, folder: Path) -> dict:
    """Build both sources, read them in a transaction that is rolled back, and remove them; figures and bars."""
    figures = {"tables": TABLES, "columns": COLUMNS}
    for engine, source in ((Engine.SQLITE, _file(folder)), (Engine.POSTGRESQL, _server())):
        with source as (address, run), transaction.atomic():
            figures |= {f"{engine}_{name}": value for name, value in _read(engine, address, run).items()}
            transaction.set_rollback(True)
    return {"figures": figures, "bars": _bars(figures)}


def _read(engine, address, run) -> dict[str, float | int]:
    law = LegalInstrument.objects.create(
        number="9998/2019/NĐ-CP", title_vi="Nghị định", effective_from=date(2020, 1, 1)
    )
    owner = Agency.objects.create(code=f"BENCH-{engine}", name_vi="Cơ quan", kind=AgencyKind.MINISTRY)
    database = Database.objects.create(code=f"bench-{engine}", name_vi="CSDL", owner=owner, legal_basis=law)
    made = Connection.objects.create(database=database, engine=engine, **address)
    first, report = _timed(made)
    again, _unchanged = _timed(made)
    run(f"ALTER TABLE t{TABLES - 1} DROP COLUMN c9")
    drifted, drift = _timed(made)
    return {
        "seconds_first": first,
        "seconds_again": again,
        "seconds_with_drift": drifted,
        "datasets": len(report.new),
        "fields": report.new_fields,
        "changed": len(drift.changed),
    }


def _timed(made: Connection) -> tuple[float, structure.Report]:
    started = time.perf_counter()
    report = structure.read(connection=made, by=None)
    return round(time.perf_counter() - started, 2), report


def _statements(varchar: str) -> Iterator[str]:
    for number in range(TABLES):
        columns = ", ".join(
            f"c{column} {varchar}({column + 10}) CHECK (length(c{column}) > 0)"
            if column % 5 == 0
            else f"c{column} integer"
            for column in range(COLUMNS - 2)
        )
        yield (
            f"CREATE TABLE t{number} (id integer PRIMARY KEY, parent integer REFERENCES t0 (id), {columns}, UNIQUE (c1, c2))"
        )
        yield f"CREATE INDEX i{number} ON t{number} (c3)"


@contextmanager
def _file(folder: Path):
    path = folder.resolve() / f"{NAME}.sqlite3"
    path.unlink(missing_ok=True)

    def run(*statements):
        with sqlite3.connect(path) as file:
            for statement in statements:
                file.execute(statement)
        file.close()

    run(*_statements("varchar"))
    try:
        with override_settings(SOURCE_ALLOWED_FOLDERS=[*settings.SOURCE_ALLOWED_FOLDERS, path.parent]):
            yield {"name": str(path)}, run
    finally:
        path.unlink()


@contextmanager
def _server():
    """A database on the portal's own server, and a role that may only read it."""
    own = {name: value for name, value in connection.get_connection_params().items() if name not in NOT_FOR_LIBPQ}
    name, password = sql.Identifier(NAME), secrets.token_urlsafe(24)
    with psycopg.connect(**own, autocommit=True) as server:
        _drop(server)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
        server.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE pg_read_all_data").format(name, sql.Literal(password))
        )
        try:
            with psycopg.connect(**{**own, "dbname": NAME}, autocommit=True) as source:
                for statement in _statements("varchar"):
                    source.execute(statement)
                host, port = server.info.host, server.info.port
                address = {"host": host, "port": port, "name": NAME, "username": NAME, "sslmode": "prefer"}
                allowed = [*settings.SOURCE_ALLOWED_ADDRESSES, f"{host}:{port}"]
                with override_settings(SOURCE_ALLOWED_ADDRESSES=allowed):
                    yield {**address, "credential": credentials.encrypt(password)}, source.execute
        finally:
            _drop(server)


def _drop(server: psycopg.Connection) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(NAME)))
    server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(NAME)))


def _bars(figures: dict) -> list[dict]:
    bars = []
    for engine in (Engine.SQLITE, Engine.POSTGRESQL):
        whole = figures[f"{engine}_datasets"] == TABLES and figures[f"{engine}_changed"] == 1
        for step in ("first", "again", "with_drift"):
            seconds = figures[f"{engine}_seconds_{step}"]
            bars.append(
                {
                    "name": f"{TABLES} tables of {COLUMNS} columns, {engine.label}, read: {step.replace('_', ' ')}",
                    "value": seconds,
                    "unit": "s",
                    "bar": SECONDS,
                    "holds": whole and seconds <= SECONDS,
                }
            )
    return bars
