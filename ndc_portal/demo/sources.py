"""The source databases of the demonstration: population (PostgreSQL), social insurance and units (SQLite), figures (CSV)."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ndc_portal.demo import insurance, population, statistics_files, units
from ndc_portal.demo.errors import SourceError

__all__ = ["SourceError", "Sources", "build"]

MARK = "NDC Portal: fictitious population of the demonstration; may be dropped"
LOCK = 7_350_097_099
# Parameters that belong to psycopg or Django: adapters made for the portal's own rows have no place here.
NOT_FOR_LIBPQ = {"context", "cursor_factory", "row_factory", "prepare_threshold", "autocommit"}


@dataclass(frozen=True)
class Sources:
    """Where the source databases stand, for those who connect the portal to them."""

    population_dbname: str
    population_reader: str
    population_tables: tuple[str, ...]
    insurance_path: Path
    insurance_tables: tuple[str, ...]
    units_path: Path
    units_tables: tuple[str, ...]
    statistics_path: Path
    counts: Mapping[str, int]
    built: Mapping[str, bool]  # False: the right data was there already
    seconds: Mapping[str, float]


def build(
    *,
    admin: Mapping[str, Any],
    folder: Path,
    people: int = 1_000_000,
    reader_password: str,
    prefix: str = "ndc_demo",
) -> Sources:
    """Build what is missing or unfinished, leave what is right, and give the reader the password in any case.

    `admin` are connection parameters of the portal's own database, by a role that may create databases and roles.
    """
    if not reader_password:
        raise SourceError("The reader of the population database needs a password.")
    dbname, reader = f"{prefix}_population", f"{prefix}_population_reader"
    units_path, insurance_path = folder / "units.sqlite3", folder / "insurance.sqlite3"
    statistics_path = folder / "statistics"
    admin = {key: value for key, value in admin.items() if key not in NOT_FOR_LIBPQ}
    built, seconds = {}, {}

    with psycopg.connect(**admin, autocommit=True) as server, _alone(server):
        with _timed(seconds, "units"):
            built["units"] = units.build(units_path)
        with _timed(seconds, "rights"):
            _check_rights(server, dbname=dbname, reader=reader)
            _ensure_reader(server, reader=reader, password=reader_password)
            _ensure_database(server, admin, dbname=dbname)
            _keep_out(server, reader=reader, dbname=dbname)
        with psycopg.connect(**{**admin, "dbname": dbname}, autocommit=True) as source:
            with _timed(seconds, "population"):
                built["population"] = not population.is_built(source, people=people)
                if built["population"]:
                    population.build(source, people=people)
                _let_read(source, reader=reader)
            with _timed(seconds, "insurance"):
                built["insurance"] = insurance.build(insurance_path, source=source, people=people)
            with _timed(seconds, "statistics"):
                built["statistics"] = statistics_files.build(statistics_path, source=source, people=people)
    return Sources(
        population_dbname=dbname,
        population_reader=reader,
        population_tables=population.TABLES,
        insurance_path=insurance_path,
        insurance_tables=insurance.TABLES,
        units_path=units_path,
        units_tables=units.TABLES,
        statistics_path=statistics_path,
        counts={"cong_dan": people, **insurance.counts(insurance_path), **units.counts(units_path)},
        built=built,
        seconds=seconds,
    )


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - started, 3)


@contextmanager
def _alone(server: psycopg.Connection) -> Iterator[None]:
    """Two builds at once would drop each other's work: the second waits, and then finds everything done."""
    server.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        server.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _check_rights(server: psycopg.Connection, *, dbname: str, reader: str) -> None:
    name, is_superuser, may_create_databases, may_create_roles = server.execute(
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    missing = []
    if not (is_superuser or may_create_databases or _database_exists(server, dbname)):
        missing.append(f"CREATEDB (to create the database {dbname})")
    if not (is_superuser or may_create_roles):
        missing.append(f"CREATEROLE (to create the role {reader} and set its password)")
    if missing:
        raise SourceError(
            f"The PostgreSQL role {name} lacks {' and '.join(missing)}. "
            "Give it the right with ALTER ROLE, or run the demonstration on the portal's private server."
        )


def _ensure_reader(server: psycopg.Connection, *, reader: str, password: str) -> None:
    """A role that can log in and nothing else; its comment marks it as ours, in the transaction that makes it."""
    role = sql.Identifier(reader)
    with server.transaction():
        row = server.execute(
            "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", [reader]
        ).fetchone()
        if row is None:
            server.execute(sql.SQL("CREATE ROLE {} NOINHERIT").format(role))
            server.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(MARK)))
        elif row[0] != MARK:
            raise SourceError(f"The role {reader} was not made by the demonstration: rename it first.")
        # Hashed before it leaves this process: a statement may be logged by the server.
        secret = server.pgconn.encrypt_password(password.encode(), reader.encode(), b"scram-sha-256").decode()
        server.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(secret)))
        server.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role))


def _ensure_database(server: psycopg.Connection, admin: Mapping[str, Any], *, dbname: str) -> None:
    database = sql.Identifier(dbname)
    if not _database_exists(server, dbname):
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(database))
    elif not _is_marked(server, dbname):
        # Without a mark, only an empty database can be ours: the one whose making was cut short before the comment.
        with psycopg.connect(**{**admin, "dbname": dbname}, autocommit=True) as unmarked:
            relations = unmarked.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384").fetchone()[0]
        if relations:
            raise SourceError(f"The database {dbname} was not made by the demonstration: rename it first.")
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(MARK)))


def _keep_out(server: psycopg.Connection, *, reader: str, dbname: str) -> None:
    """PostgreSQL lets every role connect to every database: the reader of a source shall not reach the portal's."""
    portal = server.info.dbname
    for name in (dbname, portal):
        server.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    server.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(dbname), sql.Identifier(reader)))
    # A role that does not own the portal's database gets a warning from REVOKE, and no error.
    if server.execute("SELECT has_database_privilege(%s, %s, 'CONNECT')", [reader, portal]).fetchone()[0]:
        raise SourceError(
            f"The role {reader} can still connect to {portal}: "
            f"let the owner of {portal} run REVOKE CONNECT ON DATABASE {portal} FROM PUBLIC."
        )


def _let_read(source: psycopg.Connection, *, reader: str) -> None:
    role, schema = sql.Identifier(reader), sql.Identifier(population.SCHEMA)
    source.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
    source.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role))


def _database_exists(server: psycopg.Connection, dbname: str) -> bool:
    return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [dbname]).fetchone() is not None


def _is_marked(server: psycopg.Connection, dbname: str) -> bool:
    row = server.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [dbname]
    ).fetchone()
    return row is not None and row[0] == MARK
