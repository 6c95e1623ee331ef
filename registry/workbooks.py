"""XLSX files that others made, read by a process that may use little: no file can take more, whatever it unpacks to.

Run as a program: the file on standard input, on standard output one JSON array per row and at last an object, empty or
with the code of a refusal. It knows neither Django nor the database, and gets no secrets from the environment.
"""

import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import errors

from registry.markup import DocumentTypeFound, Gate

MOST_MEMORY = 512 * 1024 * 1024  # bytes, with some 100 MB for Python and the reader itself
MOST_SECONDS = 30  # of one processor
MOST_UNPACKED = 120 * 1024 * 1024
MOST_PARTS = 300
MOST_TEXT = 30_000_000  # characters in all cells: one shared text can stand in each of them
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 20_000, 60, 10_000
PIECE = 32 * 1024 * 1024  # the parser begins a token that goes on anew with each piece
NO_MEMORY = errors.codes[errors.XML_ERROR_NO_MEMORY]
ENVIRONMENT = {"OPENPYXL_LXML": "False"}  # the reader's parser has to be of the kind that the gate is


class Unreadable(Exception):
    """With the code of the refusal: xlsx, entities, unpacked."""


def rows_of(content: bytes) -> Iterator[list[str]]:
    """The first sheet. Each limit is passed by one, so that who takes the rows can say which one it was."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        _check_parts(parts)
    from openpyxl import load_workbook  # after the limits are set, and only by the program

    book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # what the file says about its size need not be true
    characters = 0
    for row in sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS + 1):
        values = [_text(cell.value)[: LONGEST_CELL + 1] for cell in row]
        while values and not values[-1]:
            values.pop()  # the reader fills up every row to the last column
        characters += sum(map(len, values))
        if characters > MOST_TEXT:
            raise Unreadable("unpacked")
        yield values


def _check_parts(parts: zipfile.ZipFile) -> None:
    """Unpack in pieces and count, as the sizes in the file are its own words; no part may declare a document type."""
    if len(parts.infolist()) > MOST_PARTS:
        raise Unreadable("unpacked")
    if "xl/workbook.xml" not in parts.namelist():
        raise Unreadable("xlsx")
    size = 0
    for info in parts.infolist():
        gate = Gate()
        with parts.open(info) as part:
            while piece := part.read(PIECE):
                size += len(piece)
                if size > MOST_UNPACKED:
                    raise Unreadable("unpacked")
                gate.feed(piece)


def _text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _refusal_of(error: Exception) -> str:
    match error:
        case Unreadable():
            return str(error)
        case DocumentTypeFound():
            return "entities"
        case MemoryError():
            return "unpacked"
        case ParseError() if error.code == NO_MEMORY:
            return "unpacked"
    return "xlsx"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    end: dict[str, str] = {}
    rows = rows_of(sys.stdin.buffer.read())
    try:
        for number, row in enumerate(rows):
            if number > MOST_ROWS + 1:
                break
            sys.stdout.write(json.dumps(row) + "\n")
    except Exception as error:  # whatever the reader stumbles over, it is the file that is refused
        end = {"refusal": _refusal_of(error)}
    sys.stdout.write(json.dumps(end) + "\n")


if __name__ == "__main__":
    main()
