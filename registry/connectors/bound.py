"""What SQL Server and Oracle share: statements with parameters, structure from the server's own lists, masks in Python.

No server of theirs was to be had, so as little as can be depends on one: the source's query holds the columns and the filter,
and leaves out what is masked to nothing; the other masks are Python's, which the tests of all engines try.
"""

import importlib
import re
import time
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from types import ModuleType
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _
from sqlalchemy import Connection as SourceConnection

from registry.choices import FieldKind, Masking, Operator
from registry.connectors import filters, reflection, rows
from registry.connectors.addresses import Endpoint, check_address
from registry.connectors.base import (
    CheckResult,
    ColumnDescription,
    Condition,
    ExtractPlan,
    PermanentSourceError,
    SourceError,
    TableDescription,
    TemporarySourceError,
)

ROWS_PER_FETCH = 1_000
CONNECT_SECONDS = 5
CHECK_SECONDS = 15
DESCRIBE_SECONDS = 60


class BoundConnector(rows.RowConnector):
    """A server whose driver takes parameters. Subclasses say how a statement is spelt, and how to connect."""

    tried = False
    driver: str  # the module
    package: str  # where it comes from
    url: str  # of SQLAlchemy's dialect
    relations: str  # schema, name, kind, comment, estimated rows; takes schema, schema, table, table
    columns: str  # schema, table, column, native type, nullable, key, comment; the same
    account: str  # version, superuser, powerful, writable, encrypted
    kinds: tuple[tuple[str, FieldKind], ...]

    # How a statement is spelt

    @abstractmethod
    def quoted(self, identifier: str) -> str: ...

    @abstractmethod
    def placed(self, statement: str, values: list) -> str:
        """The statement with the driver's own places for parameters instead of `{}` marks."""

    @abstractmethod
    def limited(self, fields: str, rest: str, limit: int) -> str: ...

    @abstractmethod
    def text_in(self, column: str) -> str:
        """A condition with one parameter, a JSON list of texts: the column is one of them, letter by letter."""

    @abstractmethod
    def text_begins(self, column: str) -> str:
        """The same with a length and a text."""

    @abstractmethod
    def text_bytes(self, column: str) -> str:
        """The column as a text that sorts by its code points."""

    @abstractmethod
    def literal(self, kind: FieldKind, text: str) -> str:
        """A checked value that is no text."""

    # How to connect

    @abstractmethod
    def connect(self, driver: ModuleType, endpoint: Endpoint, seconds: int): ...

    @abstractmethod
    def translated(self, error: Exception) -> SourceError: ...

    def check(self) -> CheckResult:
        started = time.monotonic()
        with self._session(CHECK_SECONDS) as connection:
            version, superuser, powerful, writable, encrypted = self._fetched(connection, self.account)[0]
        found = {
            _(
                "Not tried against a server of this engine by the makers of the portal:"
                " compare a first delivery with the source."
            ): True,
            _("The account is a superuser."): superuser,
            _("The account may manage roles, databases or replication."): powerful,
            _("The account may change data."): writable,
            _("The connection is not encrypted."): not encrypted,
        }
        seconds = time.monotonic() - started
        return CheckResult(str(version), seconds, tuple(warning for warning, holds in found.items() if holds))

    def describe(self, schema: str | None = None, table: str | None = None) -> list[TableDescription]:
        wanted = [schema or None, schema or None, table, table]
        with self._session(DESCRIBE_SECONDS) as connection:
            found = [reflection.Relation(*row) for row in self._fetched(connection, self.relations, wanted)]
            reflection.check_number(found)
            columns = defaultdict(list)
            for schema_name, name, column, native, nullable, key, comment in self._fetched(
                connection, self.columns, wanted
            ):
                kind = self.kind_of(native.lower())
                columns[schema_name, name].append(
                    ColumnDescription(column, native.lower(), kind, bool(nullable), bool(key), comment or "")
                )
        return [
            TableDescription(
                r.schema, r.name, r.kind, r.comment or "", r.estimated_rows, tuple(columns[r.schema, r.name])
            )
            for r in found
            if columns[r.schema, r.name]
        ]

    def kind_of(self, native: str) -> FieldKind:
        return next((kind for pattern, kind in self.kinds if re.fullmatch(pattern, native)), FieldKind.OTHER)

    @contextmanager
    def reading(self, seconds: int) -> Iterator[SourceConnection]:
        with self._session(seconds) as raw, reflection.over(raw, self.url) as connection:
            yield connection

    def _query(
        self, plan: ExtractPlan, *more: Condition, limit: int | None = None, counting: bool = False
    ) -> tuple[str, list]:
        parts, values = [], []
        for condition in (*plan.conditions, *more):
            part, bound = self._condition(condition)
            parts.append(part)
            values += bound
        fields = "count(*)" if counting else ", ".join(self._field(column) for column in plan.columns)
        names = ".".join(self.quoted(name) for name in (plan.schema, plan.table) if name)
        rest = f"FROM {names}" + (f" WHERE {' AND '.join(parts)}" if parts else "")
        statement = f"SELECT {fields} {rest}" if limit is None else self.limited(fields, rest, limit)
        return self.placed(statement, values), values

    def _field(self, column):
        return "NULL" if column.masking == Masking.NULL else self.quoted(column.source)

    def _condition(self, condition):
        values = filters.checked_values(condition)
        column, kind = self.quoted(condition.field), condition.kind
        if condition.operator == Operator.IS_NULL:
            return f"{column} IS NULL", []
        is_text = kind in (FieldKind.TEXT, FieldKind.OTHER)
        match condition.operator:
            case Operator.EQUALS | Operator.IN:
                if is_text:
                    spelt = [spelling for value in values for spelling in filters.spellings(value)]
                    return self.text_in(column), [rows.json_list(spelt)]
                return f"{column} IN ({', '.join(self.literal(kind, value) for value in values)})", []
            case Operator.PREFIX:
                spelt = filters.spellings(values[0])
                parts = " OR ".join([self.text_begins(column)] * len(spelt))
                return f"({parts})", [part for text in spelt for part in (self.length(text), text)]
        bounds = ["{}" if is_text else self.literal(kind, value) for value in values]
        if is_text:
            column = self.text_bytes(column)
        bound = list(values) if is_text else []
        if condition.operator == Operator.AT_LEAST:
            return f"{column} >= {bounds[0]}", bound
        if condition.operator == Operator.AT_MOST:
            return f"{column} <= {bounds[0]}", bound
        return f"{column} BETWEEN {bounds[0]} AND {bounds[1]}", bound

    def length(self, text: str) -> int:
        return len(text)

    @contextmanager
    def _rows(self, query, seconds, pseudonym_key=b"", *, plan):
        places = [
            (place, rows.masks(pseudonym_key, column.kind)[column.masking])
            for place, column in enumerate(plan.columns)
            if column.masking not in (Masking.KEEP, Masking.NULL)
        ]
        with self._session(seconds) as connection, self._cursor(connection) as cursor:
            cursor.execute(*query)
            yield self._batches(cursor, places, time.monotonic() + seconds)

    @staticmethod
    def _batches(cursor, places, deadline):
        while batch := cursor.fetchmany(ROWS_PER_FETCH):
            if time.monotonic() > deadline:
                raise TemporarySourceError("source-slow")
            batch = [list(row) for row in batch]
            for row in batch:
                for place, mask in places:
                    row[place] = mask(row[place])
            yield batch

    @contextmanager
    def _cursor(self, connection):
        cursor = connection.cursor()
        try:
            yield cursor
        finally:
            with suppress(Exception):  # the session is closed next, whatever state it is in
                cursor.close()

    def _fetched(self, connection, statement, values=()):
        with self._cursor(connection) as cursor:
            cursor.execute(self.placed(statement, list(values)), list(values))
            return cursor.fetchall()

    @contextmanager
    def _session(self, seconds):
        modes = next(parameter.choices for parameter in self.parameters if parameter.name == "sslmode")
        if self.address.sslmode not in modes:
            raise PermanentSourceError("bad-address", _("Choose one of: %(choices)s.") % {"choices": ", ".join(modes)})
        endpoint = check_address(self.address)
        try:
            driver = importlib.import_module(self.driver)
        except ImportError:
            message = _("The driver for this engine is not installed: %(package)s.") % {"package": self.package}
            raise PermanentSourceError("unsupported", message) from None
        connection = None
        try:
            connection = self.connect(driver, endpoint, max(1, seconds))
            yield connection
        except (driver.Error, OSError) as error:
            raise self.translated(error) from None
        finally:
            if connection is not None:
                with suppress(driver.Error, OSError):
                    connection.close()


def local(text: str) -> str:
    """A moment with an offset as a time of the portal's zone; one without stays as it is."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return text
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None).isoformat(sep=" ")
