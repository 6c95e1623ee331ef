"""A plan as a statement of MariaDB or MySQL.

Texts enter as hexadecimal literals, which hold no quote in any mode of the server. They are compared as bytes of UTF-8: the
usual collations would take "Hoa" for "hóa", and "a " for "a". Where a mask is left to Python is said at MASKED_HERE.
"""

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from registry.choices import FieldKind, Masking, Operator
from registry.connectors import filters, masking
from registry.connectors.base import Column, Condition, ExtractPlan, PermanentSourceError

INNER, OUTER = "@ndc_inner", "@ndc_outer"
# Neither engine can bring text into NFC. What holds other characters than these comes as it is, behind this mark.
RAW = "="
SURELY_NFC = r"^[\x{0}-\x{2FF}\x{1E00}-\x{1EFF}]*$"
# Masked inside the query. Other kinds have a spelling of their own here, so the portal masks what PostgreSQL would print.
MASKED_HERE = (FieldKind.TEXT, FieldKind.INTEGER)


def select(plan: ExtractPlan, *more: Condition, schema: str, limit: int | None = None, counting: bool = False) -> str:
    if plan.schema not in ("", schema):
        raise PermanentSourceError("source-changed")
    fields = "count(*)" if counting else ", ".join(_field(column) for column in plan.columns)
    conditions = [_condition(condition) for condition in (*plan.conditions, *more)]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    end = "" if limit is None else f" LIMIT {limit:d}"
    return f"SELECT {fields} FROM {quoted(schema)}.{quoted(plan.table)}{where}{end}"  # noqa: S608 - quoted, or literals


def pseudonym_settings(key: bytes) -> str:
    inner, outer = masking.pads(key)
    return f"SET {INNER} = {_bytes(inner)}, {OUTER} = {_bytes(outer)}"


def masked_in_query(column: Column) -> bool:
    return column.masking in (Masking.KEEP, Masking.NULL, Masking.YEAR) or column.kind in MASKED_HERE


def quoted(identifier: str) -> str:
    return "`" + identifier.replace("`", "``") + "`"


def _bytes(value: bytes) -> str:
    return f"x'{value.hex()}'"


def _literal(text: str) -> str:
    return f"_utf8mb4 {_bytes(text.encode())}"


def _field(column):
    if column.masking == Masking.NULL:
        return "NULL"
    name = quoted(column.source)
    if column.kind == FieldKind.BOOLEAN:
        name = f"CASE {name} WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE {name} + 0 END"
    if column.masking == Masking.KEEP or not masked_in_query(column):
        return name
    return MASKS[column.masking](column)


def _text(column):
    value = quoted(column.source)
    if column.kind == FieldKind.INTEGER:
        value = f"({value} + 0)"  # of a bit field, too
    return f"CONVERT({value} USING utf8mb4) COLLATE utf8mb4_bin"


def _rounded(column):
    number = f"CAST({quoted(column.source)} AS DECIMAL(65))"
    return f"ROUND({number}, LEAST(0, {masking.SIGNIFICANT_DIGITS} - CHAR_LENGTH(ABS({number}))))"


def _year(column):
    if column.kind != FieldKind.TEXT:
        year = f"YEAR({quoted(column.source)})"
        return f"CASE WHEN {year} > 0 THEN LPAD({year}, 4, '0') END"
    text = _text(column)
    return f"CASE WHEN {text} REGEXP {_literal('^[0-9]{4}')} THEN LEFT({text}, 4) END"


def _province(column):
    text = _text(column)
    # An end of line may follow what "$" means by the end.
    is_number = f"CHAR_LENGTH({text}) = 12 AND {text} REGEXP {_literal('^[0-9]{12}$')}"
    blanks = f"[{masking.BLANKS}]+"
    last = f"REGEXP_REPLACE(SUBSTRING_INDEX({text}, ',', -1), {_literal(f'^{blanks}|{blanks}$')}, '')"
    is_address = f"LOCATE(',', {text}) > 0 AND CHAR_LENGTH({last}) > 0"
    return f"CASE WHEN {is_number} THEN LEFT({text}, 3) WHEN {is_address} THEN {last} END"


def _partial(column):
    text, tail = _text(column), masking.UNMASKED_TAIL
    return f"CONCAT(REPEAT('*', CHAR_LENGTH({text}) - IF(CHAR_LENGTH({text}) > {tail}, {tail}, 0)), IF(CHAR_LENGTH({text}) > {tail}, RIGHT({text}, {tail}), ''))"


def _pseudonym(column):
    text = _text(column)
    inner = f"UNHEX(SHA2(CONCAT({INNER}, CAST({text} AS BINARY)), 256))"
    digest = f"LEFT(SHA2(CONCAT({OUTER}, {inner}), 256), {masking.PSEUDONYM_LENGTH})"
    return f"CASE WHEN {text} REGEXP {_literal(SURELY_NFC)} THEN {digest} ELSE CONCAT('{RAW}', {text}) END"


MASKS: dict[Masking, Callable[[Column], str]] = {
    Masking.ROUNDED: _rounded,
    Masking.YEAR: _year,
    Masking.PROVINCE: _province,
    Masking.PARTIAL: _partial,
    Masking.PSEUDONYM: _pseudonym,
}


def _condition(condition):
    values = filters.checked_values(condition)
    column = quoted(condition.field)
    if condition.operator == Operator.IS_NULL:
        return _is_null(column, condition.kind)
    is_text = condition.kind in (FieldKind.TEXT, FieldKind.OTHER)
    match condition.operator:
        case Operator.EQUALS | Operator.IN:
            return (
                _is_one_of_texts(column, condition.kind, values) if is_text else _is_one_of(column, condition, values)
            )
        case Operator.PREFIX:
            return _begins_with(column, filters.spellings(values[0]))
    bounds = [_bytes(value.encode()) if is_text else _value(condition.kind, value) for value in values]
    if is_text:
        column = _as_bytes(column)
    if condition.operator == Operator.AT_LEAST:
        return f"{column} >= {bounds[0]}"
    if condition.operator == Operator.AT_MOST:
        return f"{column} <= {bounds[0]}"
    return f"{column} BETWEEN {bounds[0]} AND {bounds[1]}"


def _is_null(column, kind):
    if kind in (FieldKind.DATE, FieldKind.DATETIME):
        return f"({column} IS NULL OR LEFT({column}, 10) = '0000-00-00')"  # the way of this engine to know no date
    return f"{column} IS NULL"


def _is_one_of(column, condition, values):
    return f"{column} IN ({', '.join(_value(condition.kind, value) for value in values)})"


def _is_one_of_texts(column, kind, values):
    if kind == FieldKind.TEXT:
        values = [spelling for value in values for spelling in filters.spellings(value)]
    exactly = f"{_as_bytes(column)} IN ({', '.join(_bytes(value.encode()) for value in dict.fromkeys(values))})"
    if kind == FieldKind.TEXT and all(value.isascii() for value in values):
        # An index serves this one, which finds more. Beyond ASCII the column's character set may not know a value.
        return f"({column} IN ({', '.join(_literal(value) for value in dict.fromkeys(values))}) AND {exactly})"
    return exactly


def _begins_with(column, spellings):
    starts = [
        f"LEFT(CONVERT({column} USING utf8mb4), {len(text)}) COLLATE utf8mb4_bin LIKE BINARY {_literal(_pattern(text))}"
        for text in spellings
    ]
    return f"({' OR '.join(starts)})"


def _pattern(text):
    return re.sub(r"([\\%_])", r"\\\1", text)


def _as_bytes(column):
    return f"CAST(CONVERT({column} USING utf8mb4) AS BINARY)"


def _value(kind, text):
    if kind == FieldKind.DATETIME:
        return f"TIMESTAMP'{_local(text)}'"
    if kind == FieldKind.DATE:
        return f"DATE'{text}'"
    return {"true": "1", "false": "0"}.get(text, text)  # a number that was checked


def _local(text):
    """A moment with an offset as the session's own time; one without stays as it is."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return text
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None).isoformat(sep=" ")
