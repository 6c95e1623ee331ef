"""A plan as PostgreSQL statements. Identifiers and values enter through psycopg.sql only."""

import re
from collections.abc import Callable

from psycopg import sql

from registry.choices import FieldKind, FileFormat, Masking, Operator
from registry.connectors import filters, formats, masking
from registry.connectors.base import Column, Condition, ExtractPlan

INNER, OUTER = "ndc.pseudonym_inner", "ndc.pseudonym_outer"

CASTS = {
    FieldKind.INTEGER: "bigint",
    FieldKind.NUMBER: "numeric",
    FieldKind.BOOLEAN: "boolean",
    FieldKind.DATE: "date",
}

COPY_CSV = sql.SQL("(FORMAT csv)")
# JSON escapes control characters, so these two never occur in a line and nothing is quoted twice.
COPY_JSON = sql.SQL("(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')")


def copy(plan: ExtractPlan) -> sql.Composed:
    options = COPY_JSON if plan.file_format == FileFormat.JSONL else COPY_CSV
    return sql.SQL("COPY ({}) TO STDOUT {}").format(select(plan), options)


def select(plan: ExtractPlan) -> sql.Composed:
    output = _json_record(plan) if plan.file_format == FileFormat.JSONL else sql.SQL(", ").join(_fields(plan))
    query = sql.SQL("SELECT {} FROM {}{}").format(output, _relation(plan), _where(plan))
    if plan.row_limit is not None:
        # One more than agreed, to know that there is more.
        query += sql.SQL(" LIMIT {}").format(sql.Literal(plan.row_limit + 1))
    return query


def header(plan: ExtractPlan) -> str:
    """The first line of a CSV file: not left to the server, whose column names end at 63 bytes."""
    return formats.csv_line([column.name for column in plan.columns])


def lookup(plan: ExtractPlan, *, key_field: str, key: str) -> tuple[sql.Composed, list[str]]:
    """The statement and its parameters for a raw cursor: the key of a person stays out of the statement's text."""
    kind = next((column.kind for column in plan.columns if column.source == key_field), FieldKind.TEXT)
    values = filters.checked_values(Condition(key_field, kind, Operator.EQUALS, (key,)))
    parameters = filters.spellings(values[0]) if kind == FieldKind.TEXT else list(values)
    places = (_cast(sql.SQL(f"${position}"), kind, key) for position in range(1, len(parameters) + 1))
    found = sql.SQL("{} IN ({})").format(sql.Identifier(key_field), sql.SQL(", ").join(places))
    statement = sql.SQL("SELECT {} FROM {}{} LIMIT 2").format(_json_record(plan), _relation(plan), _where(plan, found))
    return statement, parameters


def count(plan: ExtractPlan) -> sql.Composed:
    return sql.SQL("SELECT count(*) FROM {}{}").format(_relation(plan), _where(plan))


def pseudonym_settings(key: bytes) -> tuple[sql.SQL, list[str]]:
    inner, outer = masking.pads(key)
    return sql.SQL(f"SELECT set_config('{INNER}', %s, false), set_config('{OUTER}', %s, false)"), [
        inner.hex(),
        outer.hex(),
    ]


def uses_pseudonyms(plan: ExtractPlan) -> bool:
    return any(column.masking == Masking.PSEUDONYM for column in plan.columns)


def _relation(plan):
    return sql.Identifier(plan.schema or "public", plan.table)


def _fields(plan):
    for column in plan.columns:
        if column.masking != Masking.KEEP:
            yield MASKS[column.masking](column)
        elif column.kind == FieldKind.BOOLEAN:
            yield _text(column)
        else:
            yield sql.Identifier(column.source)


def _json_record(plan):
    """One compact JSON object, put together here because row_to_json() takes no key above 63 bytes."""
    parts = []
    for position, column in enumerate(plan.columns):
        opening = ("," if position else "{") + formats.json_text(column.name) + ":"
        parts.append(sql.SQL("{} || coalesce({}, 'null')").format(sql.Literal(opening), _json_value(column)))
    return sql.SQL(" || ").join([*parts, sql.Literal("}")])


def _json_value(column):
    if column.masking == Masking.ROUNDED:
        return _rounded(column)  # a number still
    if column.masking != Masking.KEEP:
        return sql.SQL("to_json({})::text").format(MASKS[column.masking](column))
    if column.kind == FieldKind.TEXT:
        return sql.SQL("to_json({})::text").format(_text(column))
    value = sql.SQL("to_json({})::text").format(sql.Identifier(column.source))
    if column.kind == FieldKind.OTHER:
        # A json column keeps the line breaks that its author typed between the tokens.
        return sql.SQL("translate({}, E'\\n\\r', '  ')").format(value)
    return value


def _text(column):
    return sql.SQL("{}::text").format(sql.Identifier(column.source))


def _null(column):
    return sql.SQL("NULL::text")


def _year(column):
    if column.kind == FieldKind.TEXT:
        return sql.SQL("substring({} from '^[0-9]{{4}}')").format(_text(column))
    return sql.SQL("to_char({}, 'YYYY')").format(sql.Identifier(column.source))


def _rounded(column):
    """The text of the number, with no zeros after its last digit."""
    return sql.SQL(
        "(SELECT CASE WHEN digits > 0 THEN rtrim(rtrim(round(number, digits)::text, '0'), '.')"
        " ELSE round(number, digits)::text END"
        " FROM (SELECT number, CASE WHEN number = 0 THEN 0"
        " WHEN abs(number) >= 1 THEN {digits} - char_length(trunc(abs(number))::text)"
        " ELSE {digits} - 1 - floor(log(abs(number)))::int END AS digits"
        " FROM (SELECT CASE WHEN {text} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {text}::numeric END AS number) n) d)"
    ).format(text=_text(column), digits=sql.Literal(masking.SIGNIFICANT_DIGITS))


def _province(column):
    return sql.SQL(
        "CASE WHEN {text} ~ '^[0-9]{{12}}$' THEN left({text}, 3)"
        " ELSE nullif(btrim(substring({text} from ',([^,]*)$'), {blanks}), '') END"
    ).format(text=_text(column), blanks=sql.Literal(masking.BLANKS))


def _partial(column):
    return sql.SQL(
        "CASE WHEN char_length({0}) > {1} THEN repeat('*', char_length({0}) - {1}) || right({0}, {1})"
        " ELSE repeat('*', char_length({0})) END"
    ).format(_text(column), sql.Literal(masking.UNMASKED_TAIL))


def _pseudonym(column):
    # Sub-selects without a row of their own are evaluated once, not for every row.
    inner, outer = (sql.SQL(f"(SELECT decode(current_setting('{name}'), 'hex'))") for name in (INNER, OUTER))
    return sql.SQL(
        "left(encode(sha256({outer} || sha256({inner} || convert_to(normalize({text}, NFC), 'UTF8'))), 'hex'), {length})"
    ).format(outer=outer, inner=inner, text=_text(column), length=sql.Literal(masking.PSEUDONYM_LENGTH))


MASKS: dict[Masking, Callable[[Column], sql.Composable]] = {
    Masking.NULL: _null,
    Masking.ROUNDED: _rounded,
    Masking.YEAR: _year,
    Masking.PROVINCE: _province,
    Masking.PARTIAL: _partial,
    Masking.PSEUDONYM: _pseudonym,
}


def _where(plan, *more):
    conditions = [*(_condition(condition) for condition in plan.conditions), *more]
    return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("")


def _condition(condition):
    values = filters.checked_values(condition)
    column = sql.Identifier(condition.field)
    match condition.operator:
        case Operator.IS_NULL:
            return sql.SQL("{} IS NULL").format(column)
        case Operator.EQUALS | Operator.IN:
            return _is_one_of(column, condition.kind, values)
        case Operator.PREFIX:
            patterns = (sql.Literal(_like_pattern(spelling)) for spelling in filters.spellings(values[0]))
            likes = [sql.SQL("{}::text LIKE {}").format(column, pattern) for pattern in patterns]
            return sql.SQL("({})").format(sql.SQL(" OR ").join(likes))
    if condition.kind == FieldKind.TEXT:
        # Ranges of codes must not depend on the collation that the source happens to have.
        column = sql.SQL('{}::text COLLATE "C"').format(column)
    bounds = [_cast(sql.Literal(value), condition.kind, value) for value in values]
    if condition.operator == Operator.AT_LEAST:
        return sql.SQL("{} >= {}").format(column, *bounds)
    if condition.operator == Operator.AT_MOST:
        return sql.SQL("{} <= {}").format(column, *bounds)
    return sql.SQL("{} BETWEEN {} AND {}").format(column, *bounds)


def _is_one_of(column, kind, values):
    if kind == FieldKind.DATETIME:
        places = (_cast(sql.Literal(value), kind, value) for value in values)
        return sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(places))
    if kind == FieldKind.OTHER:
        column = sql.SQL("{}::text").format(column)
    if kind == FieldKind.TEXT:
        values = [spelling for value in values for spelling in filters.spellings(value)]
    # One literal for all of them: a hundred thousand separate ones would take the parser seconds.
    array = "{" + ",".join('"' + re.sub(r'(["\\])', r"\\\1", value) + '"' for value in dict.fromkeys(values)) + "}"
    cast = sql.SQL(f"::{CASTS[kind]}[]") if kind in CASTS else sql.SQL("")
    return sql.SQL("{} = ANY ({}{})").format(column, sql.Literal(array), cast)


def _cast(value, kind, text):
    """Say the type, so that a column that changed its own fails instead of comparing as something else.

    A text stays untyped: the server reads it as whatever the column is (varchar, uuid, enum), and uses its index.
    """
    if kind == FieldKind.DATETIME:
        zoned = re.search(r"[+-][0-9]{2}:[0-9]{2}", text[10:])
        return sql.SQL("{}::timestamptz" if zoned else "{}::timestamp").format(value)
    return sql.SQL(f"{{}}::{CASTS[kind]}").format(value) if kind in CASTS else value


def _like_pattern(text):
    return re.sub(r"([\\%_])", r"\\\1", text) + "%"
