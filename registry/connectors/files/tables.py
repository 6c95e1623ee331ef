"""Which files make up which table, and what its columns are called and hold."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote

from django.utils.translation import gettext as _

from registry.connectors.base import PermanentSourceError
from registry.connectors.files import metadata
from registry.connectors.files.metadata import Metadata
from registry.connectors.files.stores import Store, StoredFile, folded

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
        found = sorted({tuple(key for key, _value in partition_of(file)) for file in self.files})
        if len(found) != 1:
            one, other = (", ".join(keys) or _("no key") for keys in found[:2])
            told = _("The folders of “%(table)s” do not have the same keys: one has %(one)s, another %(other)s.")
            raise unreadable(self.name, told, one=one, other=other)
        return list(found[0])


def unreadable(name: str, message: str = "", **values: str) -> PermanentSourceError:
    told = message or _("“%(table)s” cannot be read: its contents are damaged, or not as described.")
    return PermanentSourceError("bad-file", told % {"table": name, **values} if name else None)


def partition_of(file: StoredFile) -> list[tuple[str, str]]:
    """Key and value of each folder above the file that is named key=value, as Hive writes them."""
    table, *folders, _name = file.path.split("/") if "/" in file.path else ("", "")
    named = [(folder, *folder.partition("=")) for folder in folders]
    return [
        (_decoded(key, folder, table), _decoded(value, folder, table))
        for folder, key, equals, value in named
        if equals and key
    ]


def _decoded(text, folder, table):
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        told = _("The name of the folder “%(folder)s” in “%(table)s” holds signs that are no text.")
        raise unreadable(table, told, folder=folder)
    return decoded


def found_in(files: list[StoredFile]) -> tuple[dict[str, Table], list[str]]:
    """The tables among the files, by name, and the names that stand for more than one and so for none.

    Names count as the same when they differ in their case or in the composition of their letters only.
    """
    tables: dict[tuple[str, bool], Table] = {}
    alike = defaultdict(set)
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
        alike[folded(name)].add(key)
        if table.suffix != suffix or (not slash and table.files):
            ambiguous.add(name)
        table.files.append(file)
    ambiguous.update(name for keys in alike.values() if len(keys) > 1 for name, _is_folder in keys)
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
    return told_apart(names), delimiter


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


def told_apart(names: Iterable[str]) -> list[str]:
    names = list(names)
    taken, result = set(names), []
    for position, name in enumerate(names, start=1):
        free, number = name or f"column {position}", 1
        while free in result or (free != name and free in taken):
            number += 1
            free = f"{name or 'column'} {number}"
        result.append(free)
    return result
