"""CSV and JSON Lines, byte for byte as PostgreSQL writes them, so that a file never tells from which engine it came."""

import json
import re
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring

_needs_quotes = re.compile(r'[,"\r\n]').search


def text_of(value) -> str | None:
    """A value of a loosely typed engine, as PostgreSQL would print it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else text_of(float(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def is_number(value) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def csv_line(values: list[str | None]) -> str:
    alone = len(values) == 1
    if not alone and "" not in values:
        # Most lines need no quotes: one look at the whole takes a third of the time of a look at each value.
        line = ",".join(["" if value is None else value for value in values])
        if line.count(",") < len(values) and '"' not in line and "\n" not in line and "\r" not in line:
            return line + "\n"
    return ",".join(["" if value is None else _csv_field(value, alone) for value in values]) + "\n"


def _csv_field(text, alone):
    # A line that holds nothing but \. would end the data for older readers.
    if text == "" or _needs_quotes(text) or (alone and text == "\\."):
        return '"' + text.replace('"', '""') + '"'
    return text


def json_text(text: str) -> str:
    return encode_basestring(text)


def record(line: str) -> dict:
    """Read one line back; a number that a float cannot hold exactly stays text."""
    return json.loads(line, parse_float=_exact)


def _exact(text):
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text
