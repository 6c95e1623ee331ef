"""Files as a source, by the same contract as a database server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import duckdb
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from sqlalchemy import Connection as SourceConnection

from registry.choices import Engine, FieldKind, FileFormat, Masking, Operator
from registry.connectors import filters, reflection, rows
from registry.connectors.addresses import check_address
from registry.connectors.base import (
    CheckResult,
    ColumnDescription,
    PermanentSourceError,
    TableDescription,
)
from registry.connectors.files import dialect, session, tables
from registry.connectors.files.bucket import Bucket
from registry.connectors.files.folder import Folder
from registry.connectors.files.tables import CSV
from registry.connectors.parameters import database, network
from registry.connectors.rows import RowConnector

ROWS_PER_FETCH = 1_000
CHECK_SECONDS = 15
DESCRIBE_SECONDS = 120

PLACE = database(gettext_lazy("Full path of the folder, or s3://bucket/folder"))

SQL_TYPES = {
    FieldKind.INTEGER: "HUGEINT",
    FieldKind.NUMBER: "DOUBLE",
    FieldKind.BOOLEAN: "BOOLEAN",
    FieldKind.DATE: "DATE",
    FieldKind.DATETIME: "TIMESTAMP",
}


class FilesConnector(RowConnector):
    engine = Engine.FILES
    # A folder needs its path only; for a bucket the others say where and as whom.
    parameters = tuple(replace(p, required=p.name == "name", default=None) for p in network(443, name=PLACE))

    def check(self) -> CheckResult:
        started = time.monotonic()
        with self._session(CHECK_SECONDS) as files:
            found, ambiguous = tables.found_in(files.store.files())
            left_out, writable = len(files.store.left_out), files.store.writable
        untyped = sum(1 for table in found.values() if table.suffix == CSV and table.described_in is None)
        warnings = [_("The account may change data.")] if writable else []
        if untyped:
            warnings.append(
                ngettext(
                    "%(count)s table of CSV has no description beside it: all its columns count as text.",
                    "%(count)s tables of CSV have no description beside them: all their columns count as text.",
                    untyped,
                )
                % {"count": untyped}
            )
        if ambiguous:
            warnings.append(
                _("Names that stand for more than one table: %(names)s.") % {"names": ", ".join(ambiguous[:5])}
            )
        if left_out:
            warnings.append(
                ngettext(
                    "%(count)s link or odd file is left out.", "%(count)s links or odd files are left out.", left_out
                )
                % {"count": left_out}
            )
        version = ngettext("%(count)s table", "%(count)s tables", len(found)) % {"count": len(found)}
        return CheckResult(version, time.monotonic() - started, tuple(warnings))

    def describe(self, schema: str | None = None, table: str | None = None) -> list[TableDescription]:
        if schema:
            return []
        with self._session(DESCRIBE_SECONDS) as files:
            found = files.tables() if table is None else [one for one in [files.table(table)] if one]
            if len(found) > reflection.MOST_TABLES:
                raise PermanentSourceError("too-many-tables")
            described = [_described(files, one) for one in found]
            files.store.check_unchanged(files.files.handed())
        return described

    def _query(self, plan, *more, limit=None, counting=False):
        if plan.schema:
            raise PermanentSourceError("source-changed")
        conditions = (*plan.conditions, *more)
        for condition in conditions:
            filters.checked_values(condition)
        return conditions, limit, counting

    @contextmanager
    def _rows(self, query, seconds, pseudonym_key=b"", *, plan):
        conditions, limit, counting = query
        with self._session(seconds, plan.table) as files:
            found = files.connection.execute(*_statement(files, plan, conditions, limit, counting))
            finish = _finisher(plan, [] if counting else plan.columns, pseudonym_key)
            yield _batches(files, plan.table, found, finish)

    @contextmanager
    def reading(self, seconds: int) -> Iterator[SourceConnection]:
        with self._session(seconds) as files:
            files.make_views()
            with reflection.over(dialect.Raw(files), f"{dialect.NAME}://") as connection:
                yield connection
            files.store.check_unchanged(files.files.handed())

    @contextmanager
    def _session(self, seconds, name=""):
        seconds = max(1, seconds)
        endpoint = check_address(self.address)
        store = Bucket(self.address, endpoint, time.monotonic() + seconds) if endpoint.bucket else Folder(endpoint)
        with session.opened(store, seconds, name) as files:
            yield files


def _described(files, table):
    try:
        _relation, columns = files.relation(table)
        number = files.number_of_rows(table)
    except duckdb.Error as error:
        raise session.translated(error, files, table.name) from None
    said = tables.metadata_of(files.store, table)
    has_key = {column.name for column in columns}.issuperset(said.keys)
    return TableDescription(
        schema="",
        name=table.name,
        kind="table",
        comment=said.comment,
        estimated_rows=number,
        columns=tuple(ColumnDescription(c.name, c.native, c.kind, c.nullable, c.is_key, c.comment) for c in columns),
        primary_key=said.keys if has_key else (),
    )


def _statement(files, plan, conditions, limit, counting):
    table = files.table(plan.table)
    if table is None:
        raise PermanentSourceError("source-changed")
    relation, columns = files.relation(table)
    known = {column.name: column for column in columns}
    needed = {c.field for c in conditions} | (set() if counting else {c.source for c in plan.columns})
    if not needed <= known.keys():
        raise PermanentSourceError("source-changed")
    parts, values = [], []
    for condition in conditions:
        part, bound = _condition(known[condition.field], condition)
        parts.append(part)
        values.extend(bound)
    wanted = ["count(*)"] if counting else [_wanted(known[column.source], column, plan) for column in plan.columns]
    statement = f"SELECT {', '.join(wanted)} FROM {relation}"  # noqa: S608 - expressions and paths of our own
    if parts:
        statement += " WHERE " + " AND ".join(parts)
    return (statement if limit is None else f"{statement} LIMIT {limit:d}"), values


def _wanted(found, column, plan):
    if column.masking == Masking.NULL:
        return "NULL"
    # Only JSON tells numbers from text, and the engine writes whole ones faster than Python does.
    return (
        f"CAST({found.text} AS VARCHAR)" if found.kind == FieldKind.INTEGER and not _tells_numbers(plan) else found.text
    )


def _tells_numbers(plan):
    return plan.file_format == FileFormat.JSONL


def _batches(files, name, found, finish):
    """One batch behind, so that the last one is given only when nothing was lost and nothing changed."""
    fetched = found.fetchmany(ROWS_PER_FETCH)
    while fetched:
        files.check_time()
        following = found.fetchmany(ROWS_PER_FETCH)
        if not following:
            break
        yield _finished(fetched, finish)
        fetched = following
    files.check_complete(name)
    if fetched:
        yield _finished(fetched, finish)


def _finished(fetched, finish):
    return [finish(row) for row in fetched] if finish else fetched


def _finisher(plan, columns, pseudonym_key):
    """What is left to do in Python with a row: masks, and numbers that the file has as text."""
    numeric = (FieldKind.INTEGER, FieldKind.NUMBER) if _tells_numbers(plan) else (FieldKind.NUMBER,)
    steps = [
        rows.masks(pseudonym_key, c.kind).get(c.masking) or (_number if c.kind in numeric else None) for c in columns
    ]
    if not any(steps):
        return None
    return lambda row: [step(value) if step else value for step, value in zip(steps, row, strict=True)]


def _number(value):
    if not isinstance(value, str):
        return value
    return float(value) if "e" in value.lower() else Decimal(value)


def _condition(column, condition):
    values = filters.checked_values(condition)
    if condition.operator == Operator.IS_NULL:
        return f"{column.value} IS NULL", []
    kind = condition.kind
    if kind == FieldKind.TEXT and condition.operator in (Operator.EQUALS, Operator.IN, Operator.PREFIX):
        values = tuple(dict.fromkeys(spelling for value in values for spelling in filters.spellings(value)))
    if kind in (FieldKind.TEXT, FieldKind.OTHER):
        compared, place = f"CAST({column.text} AS VARCHAR)", "?"
    else:
        compared, place = column.value, f"CAST(? AS {SQL_TYPES[kind]})"
    match condition.operator:
        case Operator.EQUALS | Operator.IN:
            many = f"unnest(CAST(? AS {SQL_TYPES.get(kind, 'VARCHAR')}[]))"
            return f"{compared} IN (SELECT {many})", [list(values)]
        case Operator.PREFIX:
            return f"({' OR '.join([f'starts_with({compared}, ?)'] * len(values))})", list(values)
        case Operator.AT_LEAST:
            return f"{compared} >= {place}", list(values)
        case Operator.AT_MOST:
            return f"{compared} <= {place}", list(values)
    return f"{compared} BETWEEN {place} AND {place}", list(values)
