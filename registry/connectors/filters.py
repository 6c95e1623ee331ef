"""The values of row filters: checked against the kind of their field before any source sees them."""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.choices import FieldKind, Masking, Operator
from registry.connectors.base import Condition, ExtractPlan, PermanentSourceError

LONGEST_TEXT = 1_000
SHORTEST_KEY = 16  # bytes
END_OF_DAY = " 23:59:59.999999"
RANGES = (Operator.AT_LEAST, Operator.AT_MOST, Operator.BETWEEN)
FITTING = {
    Masking.ROUNDED: (FieldKind.INTEGER, FieldKind.NUMBER),
    Masking.YEAR: (FieldKind.DATE, FieldKind.DATETIME, FieldKind.TEXT),
    Masking.PROVINCE: (FieldKind.TEXT,),
}
MISFITS = {
    Masking.ROUNDED: _("Only numbers can be rounded."),
    Masking.YEAR: _("Only dates can be cut down to their year."),
    Masking.PROVINCE: _("Only texts can be cut down to their province."),
}
VALUE_COUNTS = {
    Operator.EQUALS: (1, 1),
    Operator.IN: (1, 100_000),
    Operator.AT_LEAST: (1, 1),
    Operator.AT_MOST: (1, 1),
    Operator.BETWEEN: (2, 2),
    Operator.PREFIX: (1, 1),
    Operator.IS_NULL: (0, 0),
}


def check_plan(plan: ExtractPlan, *, pseudonym_key: bytes) -> None:
    """Refuse a plan that no engine could carry out, and pseudonyms that anybody could recompute."""
    names = [column.name for column in plan.columns]
    identifiers = [plan.table, *names, *(c.source for c in plan.columns), *(c.field for c in plan.conditions)]
    if not names or len(set(names)) < len(names) or not all(identifiers) or any("\0" in i for i in identifiers):
        raise PermanentSourceError("bad-plan")
    for column in plan.columns:
        if not masking_fits(column.masking, column.kind):
            raise PermanentSourceError("bad-plan", MISFITS[column.masking])
        if column.masking == Masking.PSEUDONYM and len(pseudonym_key) < SHORTEST_KEY:
            raise PermanentSourceError("bad-plan", gettext("Pseudonyms need a key."))
    if plan.row_limit is not None and plan.row_limit < 0:
        raise PermanentSourceError("bad-plan")


def masking_fits(masking: str, kind: str) -> bool:
    """Whether values of the kind can be masked so: a year needs a date, or a text that begins with one."""
    return masking not in FITTING or kind in FITTING[masking]


def checked_values(condition: Condition) -> tuple[str, ...]:
    """Return the values of a condition in one notation per kind; raise when one does not fit."""
    fewest, most = VALUE_COUNTS[condition.operator]
    if not fewest <= len(condition.values) <= most or not _operator_fits(condition):
        raise _misfit(condition)
    try:
        values = tuple(PARSERS[condition.kind](value) for value in condition.values)
    except (ValueError, KeyError):
        raise _misfit(condition) from None
    # "Until 31 December" means the whole day to a reader, so a time that is not given is the last one.
    if condition.kind == FieldKind.DATETIME and condition.operator in (Operator.AT_MOST, Operator.BETWEEN):
        last = values[-1]
        values = (*values[:-1], last.split(" ")[0] + END_OF_DAY if len(condition.values[-1]) == 10 else last)
    return values


def spellings(value: str) -> list[str]:
    """The forms in which a source may hold the same text: an index still serves them, unlike normalising its column."""
    return list(dict.fromkeys([unicodedata.normalize("NFC", value), unicodedata.normalize("NFD", value), value]))


def _operator_fits(condition):
    if condition.operator == Operator.PREFIX:
        return condition.kind == FieldKind.TEXT
    return condition.operator not in RANGES or condition.kind not in (FieldKind.BOOLEAN, FieldKind.OTHER)


def _misfit(condition):
    return PermanentSourceError(
        "bad-filter", gettext("The row filter on “%(field)s” does not fit its field.") % {"field": condition.field}
    )


def _text(value):
    value.encode()  # raises on lone surrogates
    if "\0" in value or len(value) > LONGEST_TEXT:
        raise ValueError
    return value


def _integer(value):
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", value) or not -(2**63) <= int(value) < 2**63:
        raise ValueError
    return str(int(value))


def _number(value):
    if not re.fullmatch(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?", value):
        raise ValueError
    return f"{Decimal(value):f}"


def _boolean(value):
    return {"true": "true", "1": "true", "false": "false", "0": "false"}[value]


def _date(value):
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError
    return date.fromisoformat(value).isoformat()


def _datetime(value):
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError
    return datetime.fromisoformat(value).isoformat(sep=" ")


PARSERS = {
    FieldKind.TEXT: _text,
    FieldKind.INTEGER: _integer,
    FieldKind.NUMBER: _number,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.DATE: _date,
    FieldKind.DATETIME: _datetime,
    FieldKind.OTHER: _text,
}
