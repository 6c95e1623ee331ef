"""What the portal asks of a source database, and what it gets back, whatever the engine."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import rfc8785
from django.utils.translation import gettext_lazy as _
from sqlalchemy import Connection as SourceConnection

from registry.choices import Engine, FieldKind, FileFormat, Masking, Operator
from registry.connectors.parameters import Parameter

MESSAGES = {
    "unreachable": _("The source database cannot be reached."),
    "source-busy": _("The source database is busy."),
    "source-slow": _("The source database took too long to answer."),
    "interrupted": _("The connection to the source database was interrupted."),
    "bad-address": _("The address of the source database is not allowed."),
    "access-denied": _("The source database refused the account."),
    "unknown-database": _("The source server has no database of this name."),
    "no-privilege": _("The account may not read this table."),
    "tls-failed": _("The source database did not offer the secure connection that is required."),
    "source-changed": _("The table in the source database no longer has the shape that was agreed."),
    "connection-changed": _("The connection was changed while the source was being read. Read it again."),
    "state-secret": _("The source says that this table is a state secret: nothing of it can be given."),
    "bad-filter": _("A value of the row filter does not fit its field."),
    "bad-plan": _("The selection of fields cannot be carried out."),
    "row-limit": _("The table holds more rows than were agreed."),
    "too-many-tables": _("The source database holds more tables than can be described at once."),
    "unsupported": _("The source database cannot do what is asked of it."),
    "file-changed": _("A file of the source was changed while it was being read."),
    "bad-file": _("A file of the source is damaged, or not as it was described."),
    "source-failed": _("The source database reported an error."),
}


class SourceError(Exception):
    """A source could not answer. Neither code nor text ever holds a value, a credential or a driver's message."""

    def __init__(self, code: str, message=None):
        super().__init__(code, message)
        self.code = code
        self.message = MESSAGES[code] if message is None else message

    def __str__(self):
        return str(self.message)


class TemporarySourceError(SourceError):
    """The same plan may succeed later."""


class PermanentSourceError(SourceError):
    """The same plan will fail again until a person changes something."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a source is. For SQLite `database` is the path of the file and the network fields stay empty.

    The timeout is in seconds and runs until the last row of an extract was read.
    """

    engine: Engine
    database: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    sslmode: str = "verify-full"
    statement_timeout: int = 300


@dataclass(frozen=True)
class Column:
    """One column of the output: `name` is the header, `source` the column it is read from."""

    name: str
    source: str
    kind: FieldKind
    masking: Masking = Masking.KEEP


@dataclass(frozen=True)
class Condition:
    """One row filter; `field` is a source column and `values` are texts in the notation of its kind."""

    field: str
    kind: FieldKind
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExtractPlan:
    """Exactly what may leave the source. All conditions hold together."""

    table: str
    columns: tuple[Column, ...]
    schema: str = ""
    conditions: tuple[Condition, ...] = ()
    file_format: FileFormat = FileFormat.CSV
    row_limit: int | None = None

    def canonical(self) -> dict:
        return {
            "schema": self.schema,
            "table": self.table,
            "columns": [
                {"name": c.name, "source": c.source, "kind": str(c.kind), "masking": str(c.masking)}
                for c in self.columns
            ],
            "conditions": [
                {"field": c.field, "kind": str(c.kind), "operator": str(c.operator), "values": list(c.values)}
                for c in self.conditions
            ],
            "file_format": str(self.file_format),
            "row_limit": self.row_limit,
        }

    def digest(self) -> str:
        return hashlib.sha256(rfc8785.dumps(self.canonical())).hexdigest()


@dataclass(frozen=True)
class Chunk:
    """A piece of the file and the number of rows that end in it; the header of a CSV file counts as none."""

    data: bytes
    rows: int


@dataclass(frozen=True)
class CheckResult:
    server_version: str
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnDescription:
    """One column. Of a default only its presence is known: its text may hold a value."""

    name: str
    native_type: str
    kind: FieldKind
    nullable: bool
    is_key: bool
    comment: str = ""
    enum: tuple[str, ...] = ()  # the values that are allowed, in their order
    domain: str = ""
    base_type: str = ""  # of a domain
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    is_generated: bool = False
    is_identity: bool = False
    has_default: bool = False


@dataclass(frozen=True)
class ForeignKey:
    columns: tuple[str, ...]
    schema: str
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """A condition that the source holds its rows to; `name` is empty where the source gave none."""

    name: str
    expression: str


@dataclass(frozen=True)
class TableDescription:
    """`kind` is "table", "view", "materialized-view" or "foreign-table". Partitions stand in their parent only."""

    schema: str
    name: str
    kind: str
    comment: str
    estimated_rows: int | None
    columns: tuple[ColumnDescription, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()  # those that are not unique
    partition_by: str = ""  # strategy and key as the source writes them, e.g. RANGE (day)
    partitions: int | None = None


class Connector(ABC):
    """One source database, read-only. A method opens its own connection, closes it, and raises `SourceError` only."""

    engine: Engine
    parameters: tuple[Parameter, ...]
    tried = True  # against a server of its engine, by the tests

    def __init__(self, address: Address):
        self.address = address

    @abstractmethod
    def check(self) -> CheckResult:
        """Connect, and say what an operator should know about the account."""

    @abstractmethod
    def describe(self, schema: str | None = None, table: str | None = None) -> list[TableDescription]:
        """Describe the tables and views that the account can see, without the engine's own."""

    @abstractmethod
    def reading(self, seconds: int) -> AbstractContextManager[SourceConnection]:
        """One read-only connection for SQLAlchemy Core, for statements of the portal's own that together may take so long.

        A driver's error inside the block comes out of it as a SourceError.
        """

    @abstractmethod
    def extract(self, plan: ExtractPlan, *, pseudonym_key: bytes) -> Iterator[Chunk]:
        """Stream the lines of the plan from one snapshot: JSON for JSON Lines, else CSV, with the names only in a CSV file.

        Closing the iterator early cancels the query at the source.

        More rows than `row_limit` raise at the end of the stream, so nothing may be released before it ended.
        """

    @abstractmethod
    def lookup(self, plan: ExtractPlan, *, key_field: str, key: str, pseudonym_key: bytes) -> list[dict]:
        """Return the records with `key` in the source column `key_field`: two at most, so that ambiguity shows."""

    @abstractmethod
    def count(self, plan: ExtractPlan, timeout: int) -> int | None:
        """Count the rows of the plan, or return None when that takes longer than `timeout` seconds."""
