"""Scopes as values: comparing, narrowing, hashing. Filter implication is checked against plain evaluation."""

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.scope import Filter, Scope, excess, is_as_closed
from registry.choices import FileFormat, Limit, Masking, Mode, Operator, Purpose

pytestmark = pytest.mark.postgresql

NAMES = ["a", "b", "c"]
DAY = date(2026, 1, 1)
days = st.integers(0, 4).map(lambda number: DAY + timedelta(days=number))
texts = st.lists(st.sampled_from(["", "a", "ab", "abc", "b", "ô"]), min_size=1, max_size=3)


def is_within(inner: Scope, outer: Scope) -> bool:
    return not list(excess(inner, outer))


@st.composite
def filters(draw):
    operator = draw(st.sampled_from(list(Operator)))
    values = tuple(draw(texts))
    count = {Operator.IN: len(values), Operator.BETWEEN: 2, Operator.IS_NULL: 0}.get(operator, 1)
    return Filter(draw(st.sampled_from(NAMES)), str(operator), (values * 2)[:count])


@st.composite
def limits(draw):
    most = draw(st.dictionaries(st.sampled_from(Limit.values), st.integers(1, 3), max_size=2))
    return tuple(sorted(most.items()))


@st.composite
def scopes(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    return Scope(
        dataset=draw(st.sampled_from(["d", "e"])),
        fields=tuple((name, str(draw(st.sampled_from(list(Masking))))) for name in names),
        filters=tuple(draw(st.lists(filters(), max_size=2))),
        row_limit=draw(st.integers(1, 3)),
        mode=str(draw(st.sampled_from(list(Mode)))),
        file_format=str(FileFormat.CSV),
        purpose=str(Purpose.PROCEDURE),
        period_from=draw(days),
        period_to=draw(days),
        retention_until=draw(days),
        limits=draw(limits()),
    )


@given(scopes())
def test_scope_is_within_itself(scope):
    assert is_within(scope, scope)


@st.composite
def chains(draw):
    """Three scopes of which each is mostly inside the next: unrelated ones would hardly ever be."""
    outer = draw(scopes())
    middle = draw(smaller(outer))
    return draw(smaller(middle)), middle, outer


@st.composite
def smaller(draw, outer):
    kept = [pair for pair in outer.fields if draw(st.booleans())] or list(outer.fields[:1])
    return replace(
        outer,
        fields=tuple((name, str(draw(st.sampled_from([masking, Masking.NULL, *Masking])))) for name, masking in kept),
        filters=outer.filters + tuple(draw(st.lists(filters(), max_size=1))),
        row_limit=draw(st.integers(1, 3)),
        period_to=draw(days),
        limits=tuple(sorted({**dict(outer.limits), **dict(draw(limits()))}.items())),
    )


@given(chains())
def test_within_is_transitive(chain):
    inner, middle, outer = chain
    if is_within(inner, middle) and is_within(middle, outer):
        assert is_within(inner, outer)


@given(scopes(), st.sets(st.sampled_from(NAMES)), st.integers(1, 5), days)
def test_narrowed_scope_is_always_within(scope, fields, rows, last_day):
    assert is_within(scope.narrowed(fields=fields, row_limit=rows, period_to=last_day), scope)


@given(scopes())
def test_canonical_text_gives_the_same_scope_and_hash_back(scope):
    again = Scope.from_text(scope.text)
    assert again == scope
    assert (again.text, again.digest) == (scope.text, scope.digest)


def test_digest_is_stable():
    scope = Scope(
        "population", (("full_name", "keep"),), (Filter("province", "eq", ("01",)),), 10, "package", "csv",
        "procedure", DAY, DAY, DAY,
    )  # fmt: skip
    assert scope.digest == "dac427da211619082b69a72a954dfb14acd748e639d06f071901fc520f84be51"


def test_digest_is_the_same_for_both_forms_of_a_letter():
    one, other = (
        Scope("d", (), (Filter("a", "eq", (value,)),), 1, "m", "f", "p", DAY, DAY, DAY) for value in ("ô", "o\u0302")
    )
    assert one.digest == other.digest


@pytest.mark.parametrize("masking", list(Masking))
def test_masking_order_has_everything_below_keep_and_above_null(masking):
    assert is_as_closed(masking, Masking.KEEP)
    assert is_as_closed(Masking.NULL, masking)
    assert is_as_closed(masking, masking)


@pytest.mark.parametrize(
    ("inner", "outer"), list(itertools.permutations([m for m in Masking if m not in (Masking.KEEP, Masking.NULL)], 2))
)
def test_different_maskings_cannot_replace_each_other(inner, outer):
    assert not is_as_closed(inner, outer)


VALUES = ["", "a", "ab", "abc", "b", "ô", None]


def _passes(condition: Filter, value: str | None) -> bool:
    """What the condition means for one value of a text column."""
    first = condition.values[0] if condition.values else None
    match condition.operator:
        case "null":
            return value is None
        case "eq" | "in":
            return value in condition.values
        case "prefix":
            return value is not None and value.startswith(first)
        case "ge":
            return value is not None and value >= first
        case "le":
            return value is not None and value <= first
    return value is not None and first <= value <= condition.values[1]


@given(filters(), filters())
def test_implication_never_claims_more_than_evaluation_shows(one, other):
    if one.field == other.field and one.implies(other):
        assert all(_passes(other, value) for value in VALUES if _passes(one, value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Filter("a", "eq", ("01",)), Filter("a", "in", ("01", "79"))),
        (Filter("a", "in", ("01", "79")), Filter("a", "in", ("01", "79", "48"))),
        (Filter("a", "in", ("011", "012")), Filter("a", "prefix", ("01",))),
        (Filter("a", "ge", ("5",)), Filter("a", "ge", ("5",))),
    ],
)
def test_implication_sees_the_narrower_list(one, other):
    assert one.implies(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Filter("a", "in", ("01", "79")), Filter("a", "eq", ("01",))),
        (Filter("b", "eq", ("01",)), Filter("a", "eq", ("01",))),
        (Filter("a", "null"), Filter("a", "eq", ("01",))),
        (Filter("a", "prefix", ("0",)), Filter("a", "eq", ("01",))),
    ],
)
def test_implication_refuses_what_is_wider_or_something_else(one, other):
    assert not one.implies(other)


def _scope(**changes) -> Scope:
    usual = Scope(
        "d", (("a", "keep"), ("b", "year")), (Filter("a", "eq", ("1",)),), 10, "package", "csv", "procedure",
        DAY, DAY + timedelta(days=10), DAY + timedelta(days=20),
    )  # fmt: skip
    return replace(usual, **changes)


FORM_FIELDS = {"fields": "field_names", "filters": "row_filter"}


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "e"},
        {"mode": "lookup"},
        {"purpose": "statistics"},
        {"file_format": "jsonl"},
        {"fields": (("a", "keep"), ("c", "null"))},
        {"fields": (("b", "keep"),)},
        {"fields": (("b", "partial"),)},
        {"filters": ()},
        {"filters": (Filter("a", "in", ("1", "2")),)},
        {"row_limit": 11},
        {"period_from": DAY - timedelta(days=1)},
        {"period_to": DAY + timedelta(days=11)},
        {"retention_until": DAY + timedelta(days=21)},
    ],
)
def test_excess_names_each_thing_that_goes_beyond(changes):
    beyond = list(excess(_scope(**changes), _scope()))
    assert [one.field for one in beyond] == [FORM_FIELDS.get(name, name) for name in changes]
