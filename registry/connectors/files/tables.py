"""Which files make up which table, and what its columns are called and hold."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote

from django.utils.translation import gettext as _

from registry.connectors.base import PermanentSourceError
from registry.connectors.files import metadata
from registry.connectors.files.metadata import Metadata
from registry.connectors.files.stores import Store, StoredFile

CSV, PARQUET = ".csv", ".parquet"
LONGEST_HEADER = 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")
BYTE_ORDER_MARK = "\ufeff"


@dataclass
class Table:
    """One file, or all files below one subfolder. `partitions` are the keys of folders named key=value."""

    name: str
    suffix: str
    files: list[StoredFile] = field(default_factory=list)
    described_in: StoredFile | None = None

    @property
    def partitions(self) -> list[str]:
        found = {tuple(key for key, _value in partition_of(file)) for file in self.files}
        if len(found) != 1:
            raise unreadable(self.name)
        return list(found.pop())


def unreadable(name: str, message: str = "") -> PermanentSourceError:
    told = message or _("“%(table)s” cannot be read: its contents are damaged, or not as described.")
    return PermanentSourceError("bad-file", told % {"table": name} if name else None)


def partition_of(file: StoredFile) -> list[tuple[str, str]]:
    """Key and value of each folder above the file that is named key=value, as Hive writes them."""
    folders = [part.partition("=") for part in file.path.split("/")[1:-1]]
    return [(unquote(key), unquote(value)) for key, equals, value in folders if equals and key]


def found_in(files: list[StoredFile]) -> tuple[dict[str, Table], list[str]]:
    """The tables among the files, by name, and the names that stand for more than one and so for none."""
    tables: dict[tuple[str, bool], Table] = {}
    sidecars, ambiguous = {}, set()
    for file in files:
        first, slash, _rest = file.path.partition("/")
        if not slash and first.endswith(metadata.SUFFIX):
            sidecars[first.removesuffix(metadata.SUFFIX)] = file
            continue
        suffix = PurePosixPath(file.path).suffix.lower()
        if suffix not in (CSV, PARQUET):
            continue
        name = first if slash else first[: -len(suffix)]
        key = (name, bool(slash))
        table = tables.setdefault(key, Table(name, suffix))
        if table.suffix != suffix or (not slash and table.files) or (name, not slash) in tables:
            ambiguous.add(name)
        table.files.append(file)
    for (name, is_folder), table in tables.items():
        table.described_in = sidecars.get(name if is_folder else table.files[0].path)
    known = {name: table for (name, _is_folder), table in tables.items() if name and name not in ambiguous}
    return known, sorted(ambiguous)


def metadata_of(store: Store, table: Table) -> Metadata:
    if table.described_in is None:
        return Metadata()
    if table.described_in.size > metadata.LONGEST:
        raise unreadable(table.name)
    with store.open(table.described_in) as handle:
        return metadata.parsed(handle.read(), table.name)


def header_of(store: Store, table: Table, said: Metadata) -> tuple[list[str], str]:
    """The names in the first line, which all files of the table must share, and the character between them."""
    headers = {_header(store, file, table, said) for file in table.files}
    if len(headers) != 1:
        raise unreadable(table.name, _("The files of “%(table)s” do not have the same columns."))
    names, delimiter = headers.pop()
    return _told_apart(names), delimiter


def _header(store, file, table, said):
    with store.open(file) as handle:
        begin = handle.read(LONGEST_HEADER)
    try:
        text = begin.decode("utf-8-sig", errors="strict" if len(begin) == file.size else "ignore")
    except UnicodeDecodeError:
        raise unreadable(table.name, _("“%(table)s” is not in UTF-8.")) from None
    if "\0" in text[:4]:
        raise unreadable(table.name, _("“%(table)s” is not in UTF-8."))
    delimiter = said.delimiter or _delimiter(text, said.quote)
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=said.quote, strict=True))
    except (StopIteration, csv.Error):
        raise unreadable(table.name, _("“%(table)s” does not begin with the names of its columns.")) from None
    if not any(names):
        raise unreadable(table.name, _("“%(table)s” does not begin with the names of its columns."))
    return tuple(names), delimiter


def _delimiter(text, quote):
    """The usual character that stands most often between the names; always the same for the same first line."""
    outside = "".join(text.split(quote)[::2])
    line = outside.splitlines()[0] if outside.strip() else ""
    return max(DELIMITERS, key=line.count)


def _told_apart(names):
    taken, result = set(names), []
    for position, name in enumerate(names, start=1):
        free, number = name or f"column {position}", 1
        while free in result or (free != name and free in taken):
            number += 1
            free = f"{name or 'column'} {number}"
        result.append(free)
    return result
