"""SQLite files as a source: small registers that agencies keep in one file."""

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from sqlalchemy import Connection as SourceConnection

from registry.choices import Engine, FieldKind, Masking, Operator
from registry.connectors import filters, reflection, rows
from registry.connectors.addresses import check_address
from registry.connectors.base import (
    CheckResult,
    PermanentSourceError,
    TableDescription,
    TemporarySourceError,
)
from registry.connectors.parameters import database
from registry.connectors.rows import RowConnector

ROWS_PER_FETCH = 1_000
INSTRUCTIONS_PER_CHECK = 10_000
CHECK_SECONDS = 15
DESCRIBE_SECONDS = 60
BUSY_SECONDS = 5
SCHEMA = "main"

RELATIONS = """
    SELECT name, type FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND (:table IS NULL OR name = :table)
    ORDER BY name LIMIT :limit
"""

BINDINGS = {FieldKind.INTEGER: int, FieldKind.NUMBER: float, FieldKind.BOOLEAN: lambda value: int(value == "true")}

TEMPORARY = {
    sqlite3.SQLITE_BUSY: "source-busy",
    sqlite3.SQLITE_LOCKED: "source-busy",
    sqlite3.SQLITE_INTERRUPT: "source-slow",
    sqlite3.SQLITE_IOERR: "interrupted",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
}


class SQLiteConnector(RowConnector):
    engine = Engine.SQLITE
    parameters = (database(gettext_lazy("Full path of the file")),)

    def check(self) -> CheckResult:
        started = time.monotonic()
        with self._session(CHECK_SECONDS) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        writable = os.access(check_address(self.address).path, os.W_OK)
        warnings = (_("The account may change data."),) if writable else ()
        return CheckResult(sqlite3.sqlite_version, time.monotonic() - started, warnings)

    def describe(self, schema: str | None = None, table: str | None = None) -> list[TableDescription]:
        if schema not in (None, "", SCHEMA):
            return []
        with self.reading(DESCRIBE_SECONDS) as connection:
            wanted = {"table": table, "limit": reflection.MOST_TABLES + 1}
            relations = [
                reflection.Relation(SCHEMA, name, kind, "", None)
                for name, kind in connection.exec_driver_sql(RELATIONS, wanted)
            ]
            return reflection.describe(connection, relations)

    def _query(self, plan, *more, limit=None, counting=False):
        where, values = _where(plan, *more)
        fields = "count(*)" if counting else ", ".join(_field(plan, column) for column in plan.columns)
        statement = f"SELECT {fields} FROM {_relation(plan)}{where}"  # noqa: S608 - identifiers are quoted
        return (statement if limit is None else f"{statement} LIMIT {limit:d}"), values

    @contextmanager
    def _rows(self, query, seconds, pseudonym_key=b"", *, plan):
        with self._session(seconds, pseudonym_key) as connection:
            cursor = connection.execute(*query)
            yield iter(lambda: cursor.fetchmany(ROWS_PER_FETCH), [])

    @contextmanager
    def reading(self, seconds: int) -> Iterator[SourceConnection]:
        with self._session(seconds) as raw, reflection.over(raw, "sqlite://") as connection:
            connection.exec_driver_sql("BEGIN")  # the snapshot: SQLAlchemy ended the one that the session began
            yield connection

    @contextmanager
    def _session(self, statement_timeout, pseudonym_key=b""):
        endpoint = check_address(self.address)
        connection = None
        try:
            connection = sqlite3.connect(
                f"{endpoint.path.as_uri()}?mode=ro",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # an iterator may be closed by another thread
            )
            _prepare(connection, max(1, statement_timeout), pseudonym_key)
            yield connection
        except sqlite3.Error as error:
            raise _translated(error) from None
        finally:
            if connection is not None:
                connection.close()


def _prepare(connection, statement_timeout, pseudonym_key):
    connection.execute("PRAGMA query_only = ON")
    # Views in the file must not reach functions beyond the harmless built-in ones.
    connection.execute("PRAGMA trusted_schema = OFF")
    deadline = time.monotonic() + statement_timeout
    connection.set_progress_handler(lambda: time.monotonic() > deadline, INSTRUCTIONS_PER_CHECK)
    for kind in ("", FieldKind.DATETIME):
        for name, mask in rows.masks(pseudonym_key, kind).items():
            connection.create_function(f"ndc_{name}{kind}", 1, mask, deterministic=True)
    connection.execute("BEGIN")


def _translated(error):
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and (code & 0xFF) in TEMPORARY:
        return TemporarySourceError(TEMPORARY[code & 0xFF])
    if re.match(r"no such (table|column)", str(error)):
        return PermanentSourceError("source-changed")
    return PermanentSourceError("source-failed")


def _quoted(identifier):
    return '"' + identifier.replace('"', '""') + '"'


def _relation(plan):
    if plan.schema not in ("", SCHEMA):
        raise PermanentSourceError("source-changed")
    return f"{SCHEMA}.{_quoted(plan.table)}"


def _column(plan, name):
    # Qualified, because SQLite takes a quoted name that it does not find for a string.
    return f"{_quoted(plan.table)}.{_quoted(name)}"


def _field(plan, column):
    value = _column(plan, column.source)
    if column.kind == FieldKind.BOOLEAN:
        value = f"CASE {value} WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE {value} END"
    if column.masking == Masking.KEEP:
        return value
    kind = FieldKind.DATETIME if column.kind == FieldKind.DATETIME else ""
    return "NULL" if column.masking == Masking.NULL else f"ndc_{column.masking}{kind}({value})"


def _where(plan, *more):
    parts, values = [], []
    for condition in (*plan.conditions, *more):
        part, bound = _condition(_column(plan, condition.field), condition)
        parts.append(part)
        values.extend(bound)
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def _condition(column, condition):
    values = filters.checked_values(condition)
    if condition.operator == Operator.IS_NULL:
        return f"{column} IS NULL", []
    if condition.kind == FieldKind.TEXT and condition.operator in (Operator.EQUALS, Operator.IN, Operator.PREFIX):
        values = tuple(dict.fromkeys(spelling for value in values for spelling in filters.spellings(value)))
    bound = [BINDINGS.get(condition.kind, str)(value) for value in values]
    place = "?"
    if condition.kind == FieldKind.DATETIME:
        column, place = f"datetime({column})", "datetime(?)"
    match condition.operator:
        case Operator.EQUALS | Operator.IN:
            if condition.kind == FieldKind.DATETIME:
                return f"{column} IN ({', '.join([place] * len(bound))})", bound
            # One parameter for all values, because their number is limited.
            return f"{column} IN (SELECT value FROM json_each(?))", [json.dumps(bound)]  # noqa: S608 - see above
        case Operator.PREFIX:
            # LIKE would ignore the case of ASCII letters here.
            return f"({' OR '.join([f'substr({column}, 1, ?) = ?'] * len(bound))})", [
                part for value in bound for part in (len(value), value)
            ]
        case Operator.AT_LEAST:
            return f"{column} >= {place}", bound
        case Operator.AT_MOST:
            return f"{column} <= {place}", bound
    return f"{column} BETWEEN {place} AND {place}", bound
