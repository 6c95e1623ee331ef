"""What two packages tell together. Bounds are checked against plain evaluation on small tables."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.differencing import NONE, UNKNOWN, Bounds, Cut, Kind, apart, findings, most_rows
from exchange.scope import Filter, Scope
from registry.choices import FileFormat, Masking, Mode, Operator, Purpose

COLUMNS = ("id", "a", "b")
TEXTS = ["", "a", "ab", "b", "c"]
IDS = [f"{number:03}" for number in range(12)]
DAY = date(2026, 1, 1)


@st.composite
def tables(draw):
    """Rows with a key of their own; the other values repeat, and some are missing."""
    value = st.sampled_from([*TEXTS, None])
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, max_size=len(IDS)))
    return [{"id": one, "a": draw(value), "b": draw(value)} for one in ids]


@st.composite
def conditions(draw):
    field = draw(st.sampled_from(COLUMNS))
    operator = draw(st.sampled_from([*Operator, Operator.IN, Operator.EQUALS]))
    values = tuple(draw(st.lists(st.sampled_from(IDS if field == "id" else TEXTS), min_size=1, max_size=4)))
    count = {Operator.IN: len(values), Operator.BETWEEN: 2, Operator.IS_NULL: 0}.get(operator, 1)
    return Filter(field, operator, (values * 2)[:count])


@st.composite
def pairs(draw):
    """The conditions of two packages; often the second has all of the first ones and a few more."""
    first = draw(st.lists(conditions(), max_size=2))
    more = draw(st.lists(conditions(), max_size=2))
    second = [*first, *more] if draw(st.booleans()) else more
    return (tuple(first), tuple(second)) if draw(st.booleans()) else (tuple(second), tuple(first))


def passes(row: dict, condition: Filter) -> bool:
    value, values = row[condition.field], condition.values
    if condition.operator == Operator.IS_NULL:
        return value is None
    if value is None:
        return False
    return {
        Operator.EQUALS: lambda: value == values[0],
        Operator.IN: lambda: value in values,
        Operator.AT_LEAST: lambda: value >= values[0],
        Operator.AT_MOST: lambda: value <= values[0],
        Operator.BETWEEN: lambda: values[0] <= value <= values[1],
        Operator.PREFIX: lambda: value.startswith(values[0]),
    }[condition.operator]()


def chosen(table: list[dict], filters: tuple[Filter, ...]) -> set[str]:
    return {row["id"] for row in table if all(passes(row, condition) for condition in filters)}


def scope(
    *filters: Filter, fields=(("id", Masking.KEEP), ("a", Masking.KEEP)), row_limit=1_000_000, **changes
) -> Scope:
    return Scope(
        **{
            "dataset": "d",
            "fields": fields,
            "filters": filters,
            "row_limit": row_limit,
            "mode": Mode.PACKAGE,
            "file_format": FileFormat.CSV,
            "purpose": Purpose.STATISTICS,
            "period_from": DAY,
            "period_to": DAY,
            "retention_until": DAY,
            **changes,
        }
    )


def counted(rows: int) -> Bounds:
    return Bounds(rows, rows)


@given(tables(), pairs(), st.booleans(), st.booleans())
def test_bounds_hold_whatever_is_in_the_table(table, filters, knows_asked, knows_given):
    asked, held = (chosen(table, one) for one in filters)
    asked_rows = counted(len(asked)) if knows_asked else Bounds(0, most_rows(scope(*filters[0]), ["id"]))
    given_rows = counted(len(held)) if knows_given else UNKNOWN
    only_asked, only_given = apart(Cut(filters[0], asked_rows), Cut(filters[1], given_rows))
    for bounds, true in ((only_asked, len(asked - held)), (only_given, len(held - asked))):
        assert bounds.low <= true
        assert bounds.high is None or true <= bounds.high
        if bounds.is_exact:
            assert bounds.low == true


@given(tables(), pairs(), st.integers(2, 6))
def test_an_exact_finding_never_understates_the_difference(table, filters, least):
    asked, held = (chosen(table, one) for one in filters)
    found = findings(
        scope(*filters[0]), counted(len(asked)), scope(*filters[1]), counted(len(held)), keys=["id"], least=least
    )
    for one in found:
        if one.kind == Kind.SINGLES_OUT:
            assert one.rows.is_exact
            assert one.rows.high == len(asked ^ held) < least
        if one.kind == Kind.APART:
            assert one.rows.low == len(asked ^ held) >= least


@given(tables(), pairs(), st.integers(2, 6))
def test_no_small_difference_of_nested_packages_goes_unsaid(table, filters, least):
    """Where one package is inside the other by its conditions, and a condition on more than the key tells them apart."""
    one, other = Cut(filters[0]), Cut(filters[1])
    differing = [c for c in (*filters[0], *filters[1]) if not (c in filters[0] and c in filters[1])]
    asked, held = (chosen(table, cut) for cut in filters)
    rows = len(asked ^ held)
    named_only = all(c.field == "id" for c in differing)
    if not (one.is_within(other) or other.is_within(one)) or not 0 < rows < least or named_only:
        return
    kinds = {
        finding.kind
        for finding in findings(
            scope(*filters[0]), counted(len(asked)), scope(*filters[1]), counted(len(held)), keys=["id"], least=least
        )
    }
    assert Kind.SINGLES_OUT in kinds


@given(tables(), st.lists(conditions(), max_size=3), st.integers(1, 20))
def test_a_package_has_no_more_rows_than_its_limits_say(table, filters, limit):
    rows = len(chosen(table, tuple(filters)))
    if rows <= limit:  # more than that are not delivered
        assert rows <= most_rows(scope(*filters, row_limit=limit), ["id"])


def only(found: list):
    [one] = found
    return one


YOUNG = Filter("born", Operator.AT_LEAST, ("1990-01-01",))
HANOI = Filter("province", Operator.EQUALS, ("01",))
TWO = Filter("province", Operator.IN, ("01", "79"))


def compared(asked: Scope, rows, given: Scope, given_rows, least=10):
    return findings(asked, rows, given, given_rows, keys=["id"], least=least)


def test_one_more_condition_singles_out_who_does_not_meet_it():
    one = only(compared(scope(HANOI, YOUNG), counted(88), scope(HANOI), counted(97)))
    assert (one.kind, one.rows, one.conditions) == (Kind.SINGLES_OUT, counted(9), ("born",))


def test_one_condition_less_singles_out_who_comes_with_it():
    one = only(compared(scope(HANOI), counted(97), scope(HANOI, YOUNG), counted(88)))
    assert (one.kind, one.rows) == (Kind.SINGLES_OUT, counted(9))


@pytest.mark.parametrize(("rows", "kind"), [(87, Kind.APART), (88, Kind.SINGLES_OUT), (96, Kind.SINGLES_OUT)])
def test_the_threshold_is_the_least_number_that_does_not_stand_out(rows, kind):
    assert only(compared(scope(HANOI, YOUNG), counted(rows), scope(HANOI), counted(97))).kind == kind


def test_a_limit_of_rows_bounds_the_difference():
    one = only(compared(scope(HANOI, row_limit=100), Bounds(0, 100), scope(HANOI, YOUNG), counted(93)))
    assert (one.kind, one.rows) == (Kind.SINGLES_OUT, Bounds(0, 7))


def test_nobody_stands_out_between_packages_with_the_same_rows():
    assert compared(scope(TWO), counted(9), scope(replace(TWO, values=("79", "01"))), counted(9)) == []


def test_uncounted_rows_may_single_out_where_one_condition_differs():
    one = only(compared(scope(HANOI, YOUNG), UNKNOWN, scope(HANOI), counted(97)))
    assert (one.kind, one.conditions) == (Kind.MAY_SINGLE_OUT, ("born",))
    assert compared(scope(HANOI, YOUNG), UNKNOWN, scope(), counted(97)) == []


def test_counts_that_contradict_each_other_prove_nothing():
    one = only(compared(scope(HANOI, YOUNG), counted(98), scope(HANOI), counted(97)))
    assert one.kind == Kind.MAY_SINGLE_OUT
    assert counted(3).minus(counted(5)) == UNKNOWN
    assert counted(5).minus(counted(5)) == NONE


def test_who_names_the_rows_by_key_learns_nothing_from_the_difference():
    some, more = (Filter("id", Operator.IN, values) for values in (("1", "2"), ("1", "2", "3")))
    assert compared(scope(more), counted(3), scope(some), counted(2)) == []


def test_provinces_apart_have_no_row_in_common():
    assert compared(scope(HANOI), UNKNOWN, scope(Filter("province", Operator.EQUALS, ("79",))), counted(5)) == []


def test_a_package_without_a_value_in_common_tells_nobody_apart():
    masked = scope(HANOI, YOUNG, fields=(("a", Masking.NULL), ("b", Masking.KEEP)))
    assert compared(masked, counted(88), scope(HANOI), counted(97)) == []


def test_the_same_key_joins_fields_that_were_not_asked_for_together():
    one = only(
        compared(
            scope(HANOI, fields=(("id", Masking.KEEP), ("income", Masking.KEEP), ("born", Masking.KEEP))),
            counted(5),
            scope(HANOI, fields=(("id", Masking.KEEP), ("phone", Masking.PARTIAL), ("born", Masking.YEAR))),
            counted(5),
        )
    )
    assert (one.kind, one.keys) == (Kind.JOINS, ("id",))
    assert (one.asked, one.given) == (("income", "born"), ("phone",))


@pytest.mark.parametrize("masking", [Masking.PSEUDONYM, Masking.PARTIAL, Masking.NULL])
def test_a_masked_key_joins_nothing(masking):
    asked = scope(HANOI, fields=(("id", masking), ("income", Masking.KEEP)))
    assert (
        compared(asked, counted(5), scope(HANOI, fields=(("id", Masking.KEEP), ("a", Masking.KEEP))), counted(5)) == []
    )


def test_a_key_of_several_fields_joins_only_as_a_whole():
    asked = scope(fields=(("id", Masking.KEEP), ("income", Masking.KEEP)))
    assert findings(asked, counted(5), scope(), counted(5), keys=["id", "part"], least=10) == []


def test_a_key_of_one_field_names_one_row_each():
    named = Filter("id", Operator.IN, ("1", "2", "2"))
    assert most_rows(scope(named), ["id"]) == 2
    assert most_rows(scope(named, row_limit=1), ["id"]) == 1
    assert most_rows(scope(named), ["id", "part"]) == 1_000_000
    assert most_rows(scope(Filter("id", Operator.IN, ("ô",))), ["id"]) == 1_000_000
