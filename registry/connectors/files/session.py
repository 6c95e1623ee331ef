"""A locked-down DuckDB over the files of one source: no other files, no network, no extensions, limited memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from registry.connectors.base import PermanentSourceError, SourceError, TemporarySourceError
from registry.connectors.files import columns, handed, tables
from registry.connectors.files.columns import FileColumn, literal
from registry.connectors.files.metadata import Described
from registry.connectors.files.stores import Store
from registry.connectors.files.tables import PARQUET, Table

MEMORY = "512MB"
UNDESCRIBED = Described()
LONGEST_LINE = 16 * 1024 * 1024
SETTINGS = {
    "threads": 1,  # a delivery takes one core, and rows keep their order
    "memory_limit": MEMORY,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "temp_directory": "",
}


class FileSession:
    """One look at a source: its tables as they were found, and the engine that reads them."""

    def __init__(self, store: Store, deadline: float):
        self.store, self.deadline = store, deadline
        self.files = handed.HandedFiles(store)
        self.connection = duckdb.connect(":memory:", config=SETTINGS)
        self.connection.register_filesystem(self.files)
        self.connection.execute(f"SET allowed_directories = ['{handed.PROTOCOL}://']")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET lock_configuration = true")
        self._cursors = []

    def cursor(self):
        """A connection of its own to the same tables, which ends with the session."""
        self._cursors.append(self.connection.cursor())
        return self._cursors[-1]

    def interrupt(self) -> None:
        for connection in (self.connection, *self._cursors):
            connection.interrupt()

    def close(self) -> None:
        for connection in (*self._cursors, self.connection):
            connection.close()
        self.store.close()

    def make_views(self) -> None:
        """Give every table its name, with columns of their kinds."""
        for table in self.tables():
            rows, found = self.relation(table)
            shown = ", ".join(f"{one.value} AS {columns.quoted(one.name)}" for one in found)
            name = columns.quoted(table.name)
            self.connection.execute(f"CREATE VIEW IF NOT EXISTS {name} AS SELECT {shown} FROM {rows}")  # noqa: S608 - see below

    def tables(self) -> list[Table]:
        found, _ambiguous = tables.found_in(self.store.files())
        return [found[name] for name in sorted(found)]

    def table(self, name: str) -> Table | None:
        found, _ambiguous = tables.found_in(self.store.files(name))
        return found.get(name)

    def relation(self, table: Table) -> tuple[str, list[FileColumn]]:
        """SQL that stands for the table's rows, and its columns."""
        said = tables.metadata_of(self.store, table)
        if table.suffix == PARQUET:
            return self._parquet(table, said)
        partitions = table.partitions
        names, delimiter = tables.header_of(self.store, table, said)
        raw = [f"c{number}" for number in range(len(names))] + list(_hidden(partitions))
        found = [
            columns.of_csv(name, place, said.columns.get(name, UNDESCRIBED), is_key=name == said.key)
            for name, place in zip(tables.told_apart([*names, *partitions]), raw, strict=True)
        ]
        paths = ", ".join(
            literal(self.files.hand(file, quote_char=said.quote, partition=tables.partition_of(file)))
            for file in table.files
        )
        options = {
            "auto_detect": "false",
            "header": "true",
            "delim": literal(delimiter),
            "quote": literal(said.quote),
            "escape": literal(said.quote),
            "nullstr": "''",
            "allow_quoted_nulls": "false",  # "" is a text without letters, nothing at all is no value
            "strict_mode": "true",
            "parallel": "false",
            "max_line_size": str(LONGEST_LINE),
            "hive_partitioning": str(bool(partitions)),
            "hive_types_autocast": "false",
            "columns": "{" + ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(names))) + "}",
        }
        return f"read_csv([{paths}], {', '.join(f'{name} = {value}' for name, value in options.items())})", found

    def _parquet(self, table, said):
        partitions = table.partitions
        paths = ", ".join(literal(self.files.hand(file, partition=tables.partition_of(file))) for file in table.files)
        rows = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = {bool(partitions)}, hive_types_autocast = false)"
        if partitions:
            hidden = _hidden(partitions)
            renamed = ", ".join(
                f"{place} AS {columns.quoted(key)}" for place, key in zip(hidden, partitions, strict=True)
            )
            hidden = ", ".join(hidden)
            rows = f"(SELECT * EXCLUDE ({hidden}), {renamed} FROM {rows})"  # noqa: S608 - numbers and quoted names
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()  # noqa: S608 - see above
        found = []
        for name, native, *_more in described:
            about = said.columns.get(name, UNDESCRIBED)
            found.append(
                columns.of_parquet(
                    name, native, comment=about.comment, is_key=name == said.key, required=about.required
                )
            )
        return rows, found

    def number_of_rows(self, table: Table) -> int | None:
        """What the files themselves say, where they do."""
        if table.suffix != PARQUET:
            return None
        paths = ", ".join(literal(self.files.hand(file)) for file in table.files)
        query = f"SELECT sum(num_rows) FROM parquet_file_metadata([{paths}])"  # noqa: S608 - see above
        return int(self.connection.execute(query).fetchone()[0] or 0)

    def check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise TemporarySourceError("source-slow")

    def check_complete(self, name: str) -> None:
        """At the end of the rows: nothing was lost in a quotation that never ended, and nothing changed meanwhile."""
        self.store.check_unchanged(self.files.handed())
        if not self.files.quotes_are_balanced():
            raise tables.unreadable(name)


def _hidden(partitions: list[str]) -> list[str]:
    """What the engine calls the columns that folders give."""
    return [handed.PARTITION % number for number in range(len(partitions))]


@contextmanager
def opened(store: Store, seconds: int, name: str = "") -> Iterator[FileSession]:
    """A session that is interrupted after so many seconds; what goes wrong comes out as a SourceError."""
    session = FileSession(store, time.monotonic() + seconds)
    alarm = threading.Timer(seconds, session.interrupt)
    alarm.daemon = True
    alarm.start()
    try:
        yield session
    except duckdb.Error as error:
        raise translated(error, session, name) from None
    finally:
        alarm.cancel()
        session.close()


def translated(error: Exception, session: FileSession, name: str) -> SourceError:
    if session.files.problem is not None:
        return session.files.problem
    try:
        session.store.check_unchanged(session.files.handed())
    except SourceError as changed:
        return changed  # half a file is no damaged file: the rest may be on its way
    if isinstance(error, duckdb.InterruptException):
        return TemporarySourceError("source-slow")
    if isinstance(error, duckdb.OutOfMemoryException):
        return TemporarySourceError("source-busy")
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        return PermanentSourceError("source-changed")
    return tables.unreadable(name)
