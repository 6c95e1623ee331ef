"""What two packages of one dataset tell together that neither tells alone.

Pure: it compares which rows and fields they give and how many rows were counted, and reads no data. What it calls exact
holds for a source that did not change between the two counts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from exchange.scope import Filter, Scope
from registry.choices import Masking, Operator

NAMING = {Operator.EQUALS, Operator.IN}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many rows: `low` at least, `high` at most. None where no bound is known."""

    low: int = 0
    high: int | None = None

    @property
    def is_exact(self) -> bool:
        return self.low == self.high

    def minus(self, part: "Bounds") -> "Bounds":
        """The rows outside of a part of them. Counts that contradict each other, taken at different times, say nothing."""
        if self.high is not None and self.high < part.low:
            return UNKNOWN
        low = 0 if part.high is None else max(0, self.low - part.high)
        return Bounds(low, None if self.high is None else self.high - part.low)


UNKNOWN = Bounds()
NONE = Bounds(0, 0)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows of a dataset: all conditions hold together. And how many they are."""

    filters: tuple[Filter, ...]
    rows: Bounds = UNKNOWN

    def is_within(self, other: "Cut") -> bool:
        """Whether every row of this cut is one of the other's. In doubt, no."""
        return all(any(own.implies(condition) for own in self.filters) for condition in other.filters)


class Kind(StrEnum):
    """What a finding says, from the gravest to the least."""

    SINGLES_OUT = "singles-out"  # so few rows are in one and not in the other that they stand out
    JOINS = "joins"  # the same key in both: fields come together that were never asked for together
    MAY_SINGLE_OUT = "may-single-out"  # one condition apart, and nobody counted
    APART = "apart"  # counted, and enough rows lie between them


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that two packages tell together: rows that are in only one of them, or fields that are joined by `keys`."""

    kind: Kind
    rows: Bounds = UNKNOWN
    conditions: tuple[str, ...] = ()  # fields of the conditions that differ
    keys: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()  # fields that only the one asked for has
    given: tuple[str, ...] = ()  # fields that only the one given has


def apart(asked: Cut, given: Cut) -> tuple[Bounds, Bounds]:
    """How many rows only the first has, and only the second. Never less than there are, if the counts are right."""
    inside, around = asked.is_within(given), given.is_within(asked)
    if inside and around:
        return NONE, NONE
    if inside:
        return NONE, given.rows.minus(asked.rows)
    if around:
        return asked.rows.minus(given.rows), NONE
    return Bounds(0, asked.rows.high), Bounds(0, given.rows.high)


def most_rows(scope: Scope, keys: Collection[str]) -> int:
    """How many rows a package of the scope can have: more than the limit are not delivered, and a key names one row."""
    unique = keys if len(keys) == 1 else ()
    named = [
        len(set(one.values))
        for one in scope.filters
        # Of a text with marks, a source may hold a composed and a decomposed spelling as two keys.
        if one.field in unique and one.operator in NAMING and all(value.isascii() for value in one.values)
    ]
    return min([scope.row_limit, *named])


def findings(
    asked: Scope, asked_rows: Bounds, given: Scope, given_rows: Bounds, *, keys: Collection[str], least: int
) -> list[Finding]:
    """What whoever holds `given` learns beyond it from `asked`. `keys` are the key fields of the dataset together.

    Fewer than `least` rows that are in only one of the two stand out.
    """
    found = [
        _singled_out(asked, Cut(asked.filters, asked_rows), given, Cut(given.filters, given_rows), keys, least),
        _joined(asked, given, keys),
    ]
    return [one for one in found if one is not None]


def _singled_out(asked: Scope, wanted: Cut, given: Scope, held: Cut, keys: Collection[str], least: int):
    if not _told(asked) & _told(given):
        return None  # no value by which rows of the two could be told apart or recognised
    differing = _differing(wanted, held)
    # Whoever names rows by their key knows already which rows these are.
    if all(one.field in keys and one.operator in NAMING for one in differing):
        return None
    conditions = tuple(dict.fromkeys(one.field for one in differing))
    if wanted.is_within(held) or held.is_within(wanted):
        rows = next((one for one in apart(wanted, held) if one != NONE), NONE)
        if rows.high is not None and rows.high < least:
            return Finding(Kind.SINGLES_OUT, rows, conditions) if rows.high else None
        if rows.is_exact or rows.low >= least:
            return Finding(Kind.APART, rows, conditions)
    elif _are_disjoint(differing):
        return None
    return Finding(Kind.MAY_SINGLE_OUT, conditions=conditions) if len(conditions) == 1 else None


def _told(scope: Scope) -> set[str]:
    return {name for name, masking in scope.fields if masking != Masking.NULL}


def _differing(one: Cut, other: Cut) -> list[Filter]:
    """The conditions of either that the other does not have in the same or another wording."""

    def alone(own: Cut, foreign: Cut) -> list[Filter]:
        return [
            condition
            for condition in own.filters
            if not any(condition.implies(theirs) and theirs.implies(condition) for theirs in foreign.filters)
        ]

    return [*alone(one, other), *alone(other, one)]


def _are_disjoint(differing: list[Filter]) -> bool:
    """Whether two lists of values for one field have nothing in common: then no row can be in both."""
    lists = [one for one in differing if one.operator in NAMING]
    return any(
        one.field == other.field and not set(one.values) & set(other.values)
        for place, one in enumerate(lists)
        for other in lists[place + 1 :]
    )


def _joined(asked: Scope, given: Scope, keys: Collection[str]):
    def as_they_are(scope: Scope) -> set[str]:
        return {name for name, masking in scope.fields if masking == Masking.KEEP}

    # Pseudonyms differ from agreement to agreement: they join nothing.
    if not keys or not set(keys) <= as_they_are(asked) & as_they_are(given):
        return None
    if _are_disjoint(_differing(Cut(asked.filters), Cut(given.filters))):
        return None
    new, old = _beyond(asked, given), _beyond(given, asked)
    return Finding(Kind.JOINS, keys=tuple(keys), asked=new, given=old) if new and old else None


def _beyond(scope: Scope, other: Scope) -> tuple[str, ...]:
    """The fields of which the scope tells what the other leaves out or masks."""
    theirs = dict(other.fields)
    return tuple(
        name
        for name, masking in scope.fields
        if masking != Masking.NULL and masking != theirs.get(name) and theirs.get(name) != Masking.KEEP
    )
