"""How a column of a file is read: as text for what is delivered, and by its kind for what is compared."""

import re
from dataclasses import dataclass

from registry.choices import FieldKind
from registry.connectors.files.metadata import Described

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
MISFIT = "value does not fit"

KINDS = (
    (r"BOOLEAN", FieldKind.BOOLEAN),
    (r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", FieldKind.INTEGER),
    (r"(DECIMAL.*|FLOAT|DOUBLE)", FieldKind.NUMBER),
    (r"DATE", FieldKind.DATE),
    (r"TIMESTAMP.*", FieldKind.DATETIME),
    (r"(VARCHAR|UUID|ENUM.*)", FieldKind.TEXT),
)


@dataclass(frozen=True)
class FileColumn:
    """`text` and `value` are SQL: what is delivered, and what is compared and counted."""

    name: str
    native: str
    kind: FieldKind
    text: str
    value: str
    nullable: bool = True
    is_key: bool = False
    comment: str = ""


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def kind_of(native: str) -> FieldKind:
    return next((kind for pattern, kind in KINDS if re.fullmatch(pattern, native)), FieldKind.OTHER)


def of_csv(name: str, raw: str, said: Described, *, is_key: bool) -> FileColumn:
    """Without a description everything is text: a type that was guessed would change with the rows."""
    value = READERS[said.kind](raw, said)
    text = raw if said.kind == FieldKind.TEXT else f"CAST({value} AS VARCHAR)"
    if said.kind == FieldKind.NUMBER:
        text = f"CASE WHEN {value} IS NOT NULL THEN {_plain(raw, said)} END"  # all digits that the file has
    return FileColumn(
        name, said.datatype, said.kind, text, value, nullable=not said.required, is_key=is_key, comment=said.comment
    )


def of_parquet(name: str, native: str, *, comment: str, is_key: bool, required: bool) -> FileColumn:
    value = quoted(name)
    kind = kind_of(native)
    text = f"CAST({value} AS VARCHAR)"
    if native == "FLOAT":
        text = f"CAST(CAST({value} AS VARCHAR) AS DOUBLE)"  # the digits that were meant, not those of the wider type
    elif kind in (FieldKind.INTEGER, FieldKind.NUMBER):
        text = value
    elif native == "BLOB":
        text = f"'\\x' || lower(hex({value}))"
    elif re.search(r"\[|STRUCT|MAP|UNION", native):
        text = f"CAST(to_json({value}) AS VARCHAR)"
    return FileColumn(name, native.lower(), kind, text, value, nullable=not required, is_key=is_key, comment=comment)


def _checked(raw, pattern, value):
    # A cast alone would round, trim or cut what it does not quite understand.
    return f"CASE WHEN {raw} IS NULL THEN NULL WHEN regexp_full_match({raw}, '{pattern}') THEN {value} ELSE error('{MISFIT}') END"


def _plain(raw, said):
    ungrouped = f"replace({raw}, {literal(said.group_char)}, '')" if said.group_char else raw
    return ungrouped if said.decimal_char == "." else f"replace({ungrouped}, {literal(said.decimal_char)}, '.')"


def _number(raw, said):
    return _checked(_plain(raw, said), NUMBER, f"CAST({_plain(raw, said)} AS DOUBLE)")


def _boolean(raw, said):
    true, false = (literal(said.true), literal(said.false)) if said.true else ("'true', '1'", "'false', '0'")
    return (
        f"CASE WHEN {raw} IS NULL THEN NULL WHEN {raw} IN ({true}) THEN true WHEN {raw} IN ({false}) THEN false"
        f" ELSE error('{MISFIT}') END"
    )


def _date(raw, said):
    if said.pattern:
        return f"CAST(strptime({raw}, {literal(said.pattern)}) AS DATE)"
    return _checked(raw, "[0-9]{4}-[0-9]{2}-[0-9]{2}", f"CAST({raw} AS DATE)")


def _datetime(raw, said):
    if said.pattern:
        return f"strptime({raw}, {literal(said.pattern)})"
    return f"CAST({raw} AS TIMESTAMP)"


READERS = {
    FieldKind.TEXT: lambda raw, said: raw,
    FieldKind.INTEGER: lambda raw, said: _checked(raw, "[+-]?[0-9]+", f"CAST({raw} AS BIGINT)"),
    FieldKind.NUMBER: _number,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.DATE: _date,
    FieldKind.DATETIME: _datetime,
}
