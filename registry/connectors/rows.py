"""What engines share whose rows pass through Python: files byte for byte as PostgreSQL writes them, look-ups, counts."""

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from registry.choices import FieldKind, FileFormat, Masking, Operator
from registry.connectors import filters, formats, masking
from registry.connectors.base import (
    Chunk,
    Column,
    Condition,
    Connector,
    ExtractPlan,
    PermanentSourceError,
    TemporarySourceError,
)

CHUNK_SIZE = 128 * 1024
LOOKUP_SECONDS = 5
NOT_FINITE = ("NaN", "Infinity", "-Infinity")

_moment = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9:]{8})(?:(\.[0-9]*?)0*)?(Z|[+-][0-9:]{2,8})?").fullmatch

Rows = Iterator[Sequence[Sequence]]


class RowConnector(Connector):
    """An engine that hands over rows, masked, in columns as the plan has them. It says how to ask and how to read."""

    @abstractmethod
    def _query(self, plan: ExtractPlan, *more: Condition, limit: int | None = None, counting: bool = False) -> Any:
        """What `_rows` carries out: the rows of the plan that meet `more`, too, or with `counting` only their number.

        Raises where the plan cannot be carried out. Nothing is sent to the source yet.
        """

    @abstractmethod
    def _rows(
        self, query: Any, seconds: int, pseudonym_key: bytes = b"", *, plan: ExtractPlan
    ) -> AbstractContextManager[Rows]:
        """The rows in batches of moderate size, from one snapshot; leaving the block early ends the query at the source.

        Values are None, text, or whatever `formats.text_of` knows; a number is no text, so that JSON has it as a number.
        """

    def extract(self, plan: ExtractPlan, *, pseudonym_key: bytes) -> Iterator[Chunk]:
        filters.check_plan(plan, pseudonym_key=pseudonym_key)
        # One more than agreed, to know that there is more.
        query = self._query(plan, limit=None if plan.row_limit is None else plan.row_limit + 1)
        return self._stream(plan, query, pseudonym_key)

    def _stream(self, plan, query, pseudonym_key):
        if plan.file_format == FileFormat.CSV:
            yield Chunk(formats.csv_line([column.name for column in plan.columns]).encode(), 0)
        line_of = self._line_writer(plan)
        total, lines, size = 0, [], 0
        with self._rows(query, self.address.statement_timeout, pseudonym_key, plan=plan) as batches:
            for rows in batches:
                total += len(rows)
                if plan.row_limit is not None and total > plan.row_limit:
                    raise PermanentSourceError("row-limit")
                for row in rows:
                    line = line_of(row)
                    lines.append(line)
                    size += len(line)
                    if size >= CHUNK_SIZE:
                        yield Chunk(b"".join(lines), len(lines))
                        lines, size = [], 0
            if lines:
                yield Chunk(b"".join(lines), len(lines))

    def _line_writer(self, plan: ExtractPlan) -> Callable[[Any], bytes]:
        """From what `_rows` yields for an extract to a line of the file."""
        line_of = line_writer(plan)
        return lambda row: line_of(row).encode()

    def lookup(self, plan: ExtractPlan, *, key_field: str, key: str, pseudonym_key: bytes) -> list[dict]:
        filters.check_plan(plan, pseudonym_key=pseudonym_key)
        plan = replace(plan, file_format=FileFormat.JSONL)
        kind = next((column.kind for column in plan.columns if column.source == key_field), FieldKind.TEXT)
        query = self._query(plan, Condition(key_field, kind, Operator.EQUALS, (key,)), limit=2)
        line_of = json_writer(plan)
        with self._rows(query, LOOKUP_SECONDS, pseudonym_key, plan=plan) as batches:
            return [formats.record(line_of(row)) for rows in batches for row in rows]

    def count(self, plan: ExtractPlan, timeout: int) -> int | None:
        try:
            # What comes back has one column, so nothing of it is masked.
            with self._rows(self._query(plan, counting=True), timeout, plan=replace(plan, columns=())) as batches:
                return next(int(rows[0][0]) for rows in batches)
        except TemporarySourceError as error:
            if error.code == "source-slow":
                return None
            raise


def masks(pseudonym_key: bytes, kind: str = FieldKind.OTHER) -> dict[Masking, Callable[[Any], str | None]]:
    """How a value of the kind is masked, for engines that let Python do it; `Masking.NULL` needs no function."""

    def text_of(value):
        text = value if value.__class__ is str else formats.text_of(value)
        return _spelt(text, " ") if kind == FieldKind.DATETIME else text

    return {
        Masking.ROUNDED: lambda value: masking.rounded(text_of(value)),
        # A number in a date column counts seconds or days: its first digits are no year.
        Masking.YEAR: lambda value: None if isinstance(value, int | float) else masking.year(text_of(value)),
        Masking.PROVINCE: lambda value: masking.province(text_of(value)),
        Masking.PARTIAL: lambda value: masking.partial(text_of(value)),
        Masking.PSEUDONYM: lambda value: masking.pseudonym(pseudonym_key, text_of(value)),
    }


def line_writer(plan: ExtractPlan) -> Callable[[Sequence], str]:
    """From a row to its line in the file of the plan."""
    if plan.file_format == FileFormat.JSONL:
        return json_writer(plan)
    moments = [place for place, column in enumerate(plan.columns) if _is_moment(column)]

    def line_of(row):
        texts = [value if value.__class__ is str else formats.text_of(value) for value in row]
        for place in moments:
            texts[place] = _spelt(texts[place], " ")
        return formats.csv_line(texts)

    return line_of


def json_writer(plan: ExtractPlan) -> Callable[[Sequence], str]:
    columns = [(formats.json_text(column.name), _json_cell(column)) for column in plan.columns]

    def line_of(row):
        return "{" + ",".join([f"{name}:{cell(v)}" for (name, cell), v in zip(columns, row, strict=True)]) + "}\n"

    return line_of


def _json_cell(column: Column) -> Callable[[Any], str]:
    if column.masking == Masking.ROUNDED:
        return lambda value: "null" if value is None else formats.text_of(value)  # a number still
    if column.masking != Masking.KEEP or column.kind == FieldKind.TEXT:
        return _json_text
    if column.kind == FieldKind.DATETIME:
        return lambda value: "null" if value is None else formats.json_text(_spelt(formats.text_of(value), "T"))
    if column.kind == FieldKind.BOOLEAN:
        return _json_boolean
    return _json_value


def _json_text(value):
    if value is None:
        return "null"
    return formats.json_text(value if value.__class__ is str else formats.text_of(value))


def _json_boolean(value):
    text = formats.text_of(value)
    return text if text in ("true", "false") else _json_value(value)


def _json_value(value):
    if value is None:
        return "null"
    if value.__class__ is int:
        return str(value)
    if value.__class__ is str:
        return formats.json_text(value)
    text = formats.text_of(value)
    numeric = formats.is_number(value) and text not in NOT_FINITE
    return text if numeric else formats.json_text(text)


def _is_moment(column):
    return column.kind == FieldKind.DATETIME and column.masking == Masking.KEEP


def _spelt(text, separator):
    """A date and time as PostgreSQL spells it: a blank between in CSV, a T in JSON, no zeros after the last digit."""
    if text and len(text) == 19 and text[10] == " " and text[4] == text[7] == "-" and text[13] == text[16] == ":":
        return text if separator == " " else f"{text[:10]}{separator}{text[11:]}"  # nearly all of them
    found = text and _moment(text)
    if not found:
        return text
    day, time, fraction, zone = found.groups()
    return f"{day}{separator}{time}{fraction if fraction and fraction != '.' else ''}{zone or ''}"


def json_list(values: Sequence[str]) -> str:
    """The values once each, for engines that take a long list as one parameter."""
    return json.dumps(list(dict.fromkeys(values)), ensure_ascii=False)
