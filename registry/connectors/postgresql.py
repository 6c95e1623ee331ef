"""PostgreSQL as a source: one read-only snapshot per call, and COPY for whole tables."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from django.conf import settings
from django.utils.translation import gettext as _
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection as SourceConnection

from registry.choices import Engine, FileFormat
from registry.connectors import filters, formats, postgresql_domains, reflection
from registry.connectors import postgresql_statements as statements
from registry.connectors.addresses import check_address
from registry.connectors.base import (
    CheckResult,
    Chunk,
    Connector,
    ExtractPlan,
    PermanentSourceError,
    TableDescription,
)
from registry.connectors.parameters import network
from registry.connectors.postgresql_errors import on_connecting, on_executing

CHUNK_SIZE = 128 * 1024
CONNECT_SECONDS = 5
LOOKUP_SECONDS = 5
CHECK_SECONDS = 15
DESCRIBE_SECONDS = 60
LOCK_SECONDS = 10
NO_FILE = os.path.join(os.devnull, "none")  # only passwords that were given count, not those lying around

# What a value looks like as text must not depend on how the source is configured, nor a name on its search path.
SESSION = {
    "default_transaction_read_only": "on",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "search_path": "pg_catalog",
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
}

RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), ''), c.reltuples::bigint,
        CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) ELSE '' END,
        CASE c.relkind WHEN 'p' THEN (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = c.oid) END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
      AND (%(schema)s::text IS NULL OR n.nspname = %(schema)s) AND (%(table)s::text IS NULL OR c.relname = %(table)s)
    ORDER BY 1, 2 LIMIT %(limit)s
"""
KINDS = {"v": "view", "m": "materialized-view", "f": "foreign-table"}

WRITABLE = """
    SELECT EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND has_schema_privilege(n.oid, 'USAGE')
          AND (has_any_column_privilege(c.oid, 'INSERT, UPDATE') OR has_table_privilege(c.oid, 'DELETE, TRUNCATE')))
"""
ACCOUNT = """
    SELECT rolsuper, rolcreaterole OR rolcreatedb OR rolreplication,
           inet_server_addr() IS NOT NULL AND NOT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
    FROM pg_roles WHERE rolname = current_user
"""


class PostgreSQLConnector(Connector):
    engine = Engine.POSTGRESQL
    parameters = network(5432)

    def check(self) -> CheckResult:
        started = time.monotonic()
        with self._session(CHECK_SECONDS) as connection:
            superuser, powerful, plain = connection.execute(ACCOUNT).fetchone()
            (writable,) = connection.execute(WRITABLE).fetchone()
            version = connection.info.parameter_status("server_version")
        found = {
            _("The account is a superuser."): superuser,
            _("The account may manage roles, databases or replication."): powerful,
            _("The account may change data."): writable,
            _("The connection is not encrypted."): plain,
        }
        seconds = time.monotonic() - started
        return CheckResult(version, seconds, tuple(warning for warning, holds in found.items() if holds))

    def describe(self, schema: str | None = None, table: str | None = None) -> list[TableDescription]:
        with self.reading(DESCRIBE_SECONDS) as connection:
            wanted = {"schema": schema, "table": table, "limit": reflection.MOST_TABLES + 1}
            relations = [
                reflection.Relation(
                    schema,
                    name,
                    KINDS.get(kind, "table"),
                    comment,
                    rows if rows >= 0 else None,
                    partition_by,
                    partitions,
                )
                for schema, name, kind, comment, rows, partition_by, partitions in connection.exec_driver_sql(
                    RELATIONS, wanted
                )
            ]
            described = reflection.describe(connection, relations)
            return postgresql_domains.completed(connection, described, table=table)

    def extract(self, plan: ExtractPlan, *, pseudonym_key: bytes) -> Iterator[Chunk]:
        filters.check_plan(plan, pseudonym_key=pseudonym_key)
        return self._stream(plan, statements.copy(plan), pseudonym_key)

    def _stream(self, plan, statement, pseudonym_key):
        if plan.file_format == FileFormat.CSV:
            yield Chunk(statements.header(plan).encode(), 0)
        with self._session(self.address.statement_timeout) as connection:
            self._set_pseudonym_key(connection, plan, pseudonym_key)
            total = 0
            with connection.cursor() as cursor:
                with cursor.copy(statement) as lines:
                    for chunk in _chunks(lines):
                        total += chunk.rows
                        _check_chunk(plan, chunk, total)
                        yield chunk
                if cursor.rowcount != total:
                    raise PermanentSourceError("source-failed")

    def lookup(self, plan: ExtractPlan, *, key_field: str, key: str, pseudonym_key: bytes) -> list[dict]:
        filters.check_plan(plan, pseudonym_key=pseudonym_key)
        statement, parameters = statements.lookup(plan, key_field=key_field, key=key)
        with self._session(LOOKUP_SECONDS) as connection:
            self._set_pseudonym_key(connection, plan, pseudonym_key)
            with psycopg.RawCursor(connection) as cursor:
                return [formats.record(line) for (line,) in cursor.execute(statement, parameters)]

    def count(self, plan: ExtractPlan, timeout: int) -> int | None:
        statement = statements.count(plan)
        with self._session(timeout) as connection:
            try:
                return connection.execute(statement).fetchone()[0]
            except psycopg.errors.QueryCanceled:
                return None

    @contextmanager
    def reading(self, seconds: int) -> Iterator[SourceConnection]:
        with (
            self._session(seconds) as raw,
            reflection.over(raw, "postgresql+psycopg://", use_native_hstore=False) as connection,
        ):
            yield connection

    @contextmanager
    def _session(self, statement_timeout):
        connection = self._connect(max(1, statement_timeout))
        try:
            yield connection
        except psycopg.Error as error:
            raise on_executing(error) from None
        finally:
            if connection.info.transaction_status == TransactionStatus.ACTIVE:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=CONNECT_SECONDS)
            connection.close()

    def _connect(self, statement_timeout):
        endpoint = check_address(self.address)
        session = SESSION | {"statement_timeout": f"{statement_timeout}s", "TimeZone": settings.TIME_ZONE}
        try:
            connection = psycopg.connect(
                # One host per address, so that the driver tries them in turn and still checks certificates by name.
                host=",".join([endpoint.host] * max(1, len(endpoint.hostaddrs))),
                hostaddr=",".join(endpoint.hostaddrs),
                port=self.address.port,
                dbname=self.address.database,
                user=self.address.username,
                password=self.address.password,
                passfile=NO_FILE,
                sslmode=self.address.sslmode,
                gssencmode="disable",
                client_encoding="utf8",
                connect_timeout=CONNECT_SECONDS,
                keepalives_idle=30,
                application_name="ndc-portal",
                options=" ".join(f"-c {name}={value}" for name, value in session.items()),
            )
        except psycopg.Error as error:
            raise on_connecting(error) from None
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.prepare_threshold = None
        return connection

    @staticmethod
    def _set_pseudonym_key(connection, plan, key):
        if not statements.uses_pseudonyms(plan):
            return
        # normalize() came with version 13 and works on UTF-8 only.
        if connection.info.server_version < 130_000 or connection.info.parameter_status("server_encoding") != "UTF8":
            raise PermanentSourceError("unsupported", _("Pseudonyms need PostgreSQL 13 or later and UTF-8."))
        connection.execute(*statements.pseudonym_settings(key))


def _chunks(lines):
    """Gather lines: the server sends one message per row."""
    gathered, rows = bytearray(), 0  # copying into one buffer takes two thirds of the time of joining a list
    for line in lines:
        gathered += line
        rows += 1
        if len(gathered) >= CHUNK_SIZE:
            yield Chunk(bytes(gathered), rows)
            gathered.clear()
            rows = 0
    if rows:
        yield Chunk(bytes(gathered), rows)


def _check_chunk(plan, chunk, total):
    if plan.row_limit is not None and total > plan.row_limit:
        raise PermanentSourceError("row-limit")
    # A column that became json since it was registered may bring line breaks, and with them more lines than records.
    if plan.file_format == FileFormat.JSONL and chunk.data.count(b"\n") != chunk.rows:
        raise PermanentSourceError("source-changed")
