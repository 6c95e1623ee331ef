"""Tables as XLSX and CSV: written so that no cell is a formula, read so that no file can do harm."""

import csv
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import IllegalCharacterError

from registry import workbooks
from registry.errors import RegistryRefusal
from registry.fields import nfc
from registry.workbooks import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS

logger = logging.getLogger(__name__)

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_BYTES = 10 * 1024 * 1024
LONGEST_WAIT = 2 * workbooks.MOST_SECONDS
# What a spreadsheet program would take for a formula; the quotes before it are ours, one at a time.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def escaped(value: str) -> str:
    """A cell of a CSV file that no spreadsheet program runs; `unescaped` takes exactly one quote off again."""
    return f"'{value}" if FORMULA.match(value) else value


def unescaped(value: str) -> str:
    return value[1:] if value.startswith("'") and FORMULA.match(value[1:]) else value


def write_csv(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Line by line, with the mark that lets Excel read UTF-8."""
    line = io.StringIO()
    writer = csv.writer(line)
    yield "\ufeff"
    for row in rows:
        writer.writerow([escaped(value) for value in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def write_xlsx(rows: Iterable[Iterable[str]], file: BinaryIO) -> None:
    """Every cell is text, whatever it looks like."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([_text_cell(sheet, value) for value in row])
    book.save(file)


def _text_cell(sheet, value: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    try:
        cell.value = value
    except IllegalCharacterError:
        cell.value = ILLEGAL.sub("", value)
    if value:
        cell.data_type = "s"
    return cell


def read(file: BinaryIO) -> list[list[str]]:
    """All rows as text in NFC, whatever kind of table it is; the kind is seen from the content, never from the name."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise RegistryRefusal("too-large", _("The file is larger than %(size)s MB.") % {"size": MOST_BYTES // 1024**2})
    if content.startswith(b"PK\x03\x04"):
        rows = _read_xlsx(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise RegistryRefusal(
            "old-or-locked", _("This is an old or locked Excel file. Save it as XLSX without a password.")
        )
    else:
        rows = _read_csv(_decoded(content))
    kept = []
    for row in rows:
        if len(kept) > MOST_ROWS:
            raise RegistryRefusal("too-many-rows", _("The table has more than %(rows)s rows.") % {"rows": MOST_ROWS})
        if len(row) > MOST_COLUMNS:
            raise RegistryRefusal(
                "too-many-columns", _("The table has more than %(columns)s columns.") % {"columns": MOST_COLUMNS}
            )
        if any(len(value) > LONGEST_CELL for value in row):
            raise RegistryRefusal(
                "long-cell", _("A cell holds more than %(length)s characters.") % {"length": LONGEST_CELL}
            )
        kept.append([nfc(ILLEGAL.sub("", value)).replace("\r\n", "\n") for value in row])
    return kept


MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    if encoding is None:
        # Without a mark every other byte of Latin text in UTF-16 is zero.
        wide = content[:200].count(0) > 0
        encoding = ("utf-16-le" if content[1:2] == b"\x00" else "utf-16-be") if wide else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeError:
        text = "\x00"
    if "\x00" in text:
        raise RegistryRefusal("encoding", _("This is no table that can be read. Save it as XLSX, or as CSV in UTF-8."))
    return text


def _read_csv(text: str) -> Iterator[list[str]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL + 1))
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield [unescaped(value) for value in row]
    except csv.Error:
        raise RegistryRefusal("csv", _("The lines of this CSV file cannot be told apart. Save it anew.")) from None


def _read_xlsx(content: bytes) -> Iterator[list[str]]:
    """By a program of its own, which may use so much memory and time and no more."""
    try:
        reader = subprocess.run(
            [sys.executable, "-m", "registry.workbooks"],
            cwd=settings.BASE_DIR,
            env=workbooks.ENVIRONMENT,
            input=content,
            capture_output=True,
            timeout=LONGEST_WAIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreadable("unpacked") from None
    *rows, last = reader.stdout.splitlines() or [b""]
    if reader.returncode != 0:
        # Ended by the system at one of the limits, or without memory for as much as saying so.
        logger.warning("reading a workbook ended with %s: %s", reader.returncode, reader.stderr[-500:].decode())
        raise _unreadable("unpacked")
    end = json.loads(last)
    if end:
        raise _unreadable(end["refusal"])
    yield from map(json.loads, rows)


def _unreadable(code: str) -> RegistryRefusal:
    messages = {
        "entities": _("The file holds definitions that no spreadsheet needs."),
        "unpacked": _("The file unpacks to more than the portal reads."),
        "xlsx": _("This is no XLSX file that can be read. Save it anew."),
    }
    return RegistryRefusal(code, messages[code])
