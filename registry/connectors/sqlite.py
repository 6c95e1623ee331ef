"""SQLite files as a source: small registers that agencies keep in one file."""

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _
from sqlalchemy import Connection as SourceConnection

from registry.choices import Engine, FieldKind, FileFormat, Masking, Operator
from registry.connectors import filters, formats, masking, reflection
from registry.connectors.addresses import check_address
from registry.connectors.base import (
    CheckResult,
    Chunk,
    Condition,
    Connector,
    ExtractPlan,
    PermanentSourceError,
    TableDescription,
    TemporarySourceError,
)

CHUNK_SIZE = 128 * 1024
ROWS_PER_FETCH = 1_000
INSTRUCTIONS_PER_CHECK = 10_000
LOOKUP_SECONDS = 5
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


class SQLiteConnector(Connector):
    engine = Engine.SQLITE

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

    def extract(self, plan: ExtractPlan, *, pseudonym_key: bytes) -> Iterator[Chunk]:
        filters.check_plan(plan, pseudonym_key=pseudonym_key)
        where, values = _where(plan)
        statement = f"SELECT {_fields(plan)} FROM {_relation(plan)}{where}"  # noqa: S608 - identifiers are quoted
        if plan.row_limit is not None:
            statement += f" LIMIT {plan.row_limit + 1:d}"
        return self._stream(plan, statement, values, pseudonym_key)

    def _stream(self, plan, statement, values, pseudonym_key):
        if plan.file_format == FileFormat.CSV:
            yield Chunk(formats.csv_line([column.name for column in plan.columns]).encode(), 0)
        line_of = _line_writer(plan)
        with self._session(self.address.statement_timeout, pseudonym_key) as connection:
            cursor, total, lines, size = connection.execute(statement, values), 0, [], 0
            while rows := cursor.fetchmany(ROWS_PER_FETCH):
                total += len(rows)
                if plan.row_limit is not None and total > plan.row_limit:
                    raise PermanentSourceError("row-limit")
                for row in rows:
                    line = line_of(row).encode()
                    lines.append(line)
                    size += len(line)
                    if size >= CHUNK_SIZE:
                        yield Chunk(b"".join(lines), len(lines))
                        lines, size = [], 0
            if lines:
                yield Chunk(b"".join(lines), len(lines))

    def lookup(self, plan: ExtractPlan, *, key_field: str, key: str, pseudonym_key: bytes) -> list[dict]:
        filters.check_plan(plan, pseudonym_key=pseudonym_key)
        kind = next((column.kind for column in plan.columns if column.source == key_field), FieldKind.TEXT)
        by_key = Condition(key_field, kind, Operator.EQUALS, (key,))
        where, values = _where(plan, by_key)
        statement = f"SELECT {_fields(plan)} FROM {_relation(plan)}{where} LIMIT 2"  # noqa: S608 - see above
        line_of = _json_writer(plan)
        with self._session(LOOKUP_SECONDS, pseudonym_key) as connection:
            return [formats.record(line_of(row)) for row in connection.execute(statement, values)]

    def count(self, plan: ExtractPlan, timeout: int) -> int | None:
        where, values = _where(plan)
        try:
            with self._session(timeout) as connection:
                statement = f"SELECT count(*) FROM {_relation(plan)}{where}"  # noqa: S608 - see above
                return connection.execute(statement, values).fetchone()[0]
        except TemporarySourceError as error:
            if error.code == "source-slow":
                return None
            raise

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
    masks = {
        # A number in a date column counts seconds or days: its first digits are no year.
        Masking.YEAR: lambda value: masking.year(value) if isinstance(value, str) else None,
        Masking.ROUNDED: lambda value: masking.rounded(formats.text_of(value)),
        Masking.PROVINCE: lambda value: masking.province(formats.text_of(value)),
        Masking.PARTIAL: lambda value: masking.partial(formats.text_of(value)),
        Masking.PSEUDONYM: lambda value: masking.pseudonym(pseudonym_key, formats.text_of(value)),
    }
    for name, mask in masks.items():
        connection.create_function(f"ndc_{name}", 1, mask, deterministic=True)
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


def _fields(plan):
    return ", ".join(_field(plan, column) for column in plan.columns)


def _field(plan, column):
    value = _column(plan, column.source)
    if column.kind == FieldKind.BOOLEAN:
        value = f"CASE {value} WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE {value} END"
    if column.masking == Masking.KEEP:
        return value
    return "NULL" if column.masking == Masking.NULL else f"ndc_{column.masking}({value})"


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


def _line_writer(plan):
    if plan.file_format == FileFormat.JSONL:
        return _json_writer(plan)
    return lambda row: formats.csv_line([formats.text_of(value) for value in row])


def _json_writer(plan):
    columns = [(column, formats.json_text(column.name)) for column in plan.columns]

    def line_of(row):
        values = zip(columns, row, strict=True)
        return "{" + ",".join([f"{name}:{_json_value(column, value)}" for (column, name), value in values]) + "}\n"

    return line_of


def _json_value(column, value):
    if value is None:
        return "null"
    text = formats.text_of(value)
    if column.masking == Masking.ROUNDED:
        return text
    masked = column.masking != Masking.KEEP
    if column.kind == FieldKind.BOOLEAN and not masked and text in ("true", "false"):
        return text
    numeric = isinstance(value, int | float) and not text.endswith("Infinity")
    return text if numeric and not masked and column.kind != FieldKind.TEXT else formats.json_text(text)
