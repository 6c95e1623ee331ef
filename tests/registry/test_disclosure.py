"""What profiles may tell of values: nothing about few people, not even by subtraction."""

import pytest

from registry.choices import FieldKind, PersonalData, Withheld
from registry.profiling import disclosure

LEAST = 10


@pytest.mark.parametrize("kind", FieldKind)
def test_nothing_is_asked_of_sensitive_fields(kind):
    allowed = disclosure.allowed(PersonalData.SENSITIVE, kind)
    assert allowed == disclosure.Allowed(withheld=Withheld.SENSITIVE)


def test_lowest_and_highest_of_people_are_not_told():
    assert not disclosure.allowed(PersonalData.BASIC, FieldKind.DATE).extremes
    assert disclosure.allowed(PersonalData.NONE, FieldKind.DATE).extremes


def test_numbers_that_name_records_have_no_range():
    assert not disclosure.allowed(PersonalData.NONE, FieldKind.INTEGER, is_key=True).spread
    assert disclosure.allowed(PersonalData.NONE, FieldKind.INTEGER).spread


@pytest.mark.parametrize(
    ("rows", "filled", "percent"),
    [(100, 100, 0), (100, 0, 100), (100, 91, None), (100, 9, None), (100, 90, 10), (10_000, 9_990, 1), (5_000, 12, 99)],
)
def test_missing_values_are_told_in_whole_shares_and_never_of_a_few(rows, filled, percent):
    assert disclosure.null_percent(rows=rows, filled=filled, least=LEAST) == percent


def test_rare_values_are_among_the_others():
    told, others = disclosure.told_values([("Nam", 60), ("Nữ", 30), ("Khác", 2)], rows=102, least=LEAST)
    assert told == [{"value": "Nam", "count": 60}, {"value": "Nữ", "count": 30}]
    assert others == 10  # 12, told coarsely


def test_others_are_never_few_by_subtraction():
    told, others = disclosure.told_values([("Nam", 60), ("Nữ", 38), ("Khác", 2)], rows=100, least=LEAST)
    assert told == [{"value": "Nam", "count": 60}]
    assert others == 40


@pytest.mark.parametrize(("count", "told"), [(57, 60), (58, 60), (1_234_567, 1_230_000), (1_004, 1_000), (10, 10)])
def test_counts_are_told_to_three_digits_and_whole_tens(count, told):
    assert disclosure.coarse(count, least=LEAST) == told


def test_one_person_more_changes_no_figure_of_a_closed_list():
    before = disclosure.told_values([("Nam", 57), ("Nữ", 31)], rows=88, least=LEAST)
    assert disclosure.told_values([("Nam", 58), ("Nữ", 31)], rows=89, least=LEAST) == before


def test_nothing_but_spread_is_asked_of_what_people_have():
    may = disclosure.allowed(PersonalData.BASIC, FieldKind.NUMBER)
    assert (may.average, may.extremes, may.spread) == (False, False, True)


def test_distributions_of_people_have_no_ends():
    buckets = [(0, 10, 50), (10, 500, 51)]
    assert disclosure.in_shares(buckets, str, is_open=True) == [
        {"from": "", "to": "10", "share": 50},
        {"from": "10", "to": "", "share": 50},
    ]
    assert disclosure.in_shares(buckets, str, is_open=False)[0]["from"] == "0"


def test_a_closed_list_without_others_has_none():
    assert disclosure.told_values([("a", 50), ("b", 50)], rows=100, least=LEAST)[1] == 0


@pytest.mark.parametrize("counts", [[("a", 9)], [("a", 95), ("b", 5)], [("x" * 61, 100)], []])
def test_nothing_is_told_where_too_little_would_be_left(counts):
    assert disclosure.told_values(counts, rows=100, least=LEAST) == ([], None)


def test_values_of_people_are_told_from_closed_lists_only():
    assert disclosure.may_show_values(PersonalData.NONE, 10_000)
    assert disclosure.may_show_values(PersonalData.BASIC, 34)
    assert not disclosure.may_show_values(PersonalData.BASIC, 51)
    assert not disclosure.may_show_values(PersonalData.SENSITIVE, 2)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([50, 3, 0, 40], [(0, 2, 53), (2, 3, 0), (3, 4, 40)]),
        ([3, 4, 40, 50], [(0, 3, 47), (3, 4, 50)]),
        ([50, 0, 2, 0], [(0, 1, 50), (1, 3, 2)]),
        ([4, 0, 3], []),
        ([20, 20], [(0, 1, 20), (1, 2, 20)]),
    ],
)
def test_small_buckets_join_their_neighbours(counts, expected):
    found = disclosure.merged(list(range(len(counts) + 1)), counts, least=LEAST)
    assert all(count == 0 or count >= LEAST for _from, _to, count in found)
    assert sum(count for _from, _to, count in found) in (sum(counts), 0)
    if all(count == 0 or count >= LEAST for *_, count in expected):
        assert found == expected


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (1, 99), (-7.5, 3.2), (0.001, 0.002), (5, 10**15), (1_000_003, 1_000_009)]
)
def test_edges_are_round_and_hold_all_values(low, high):
    edges = disclosure.number_edges(low, high)
    assert edges[0] <= low
    assert edges[-1] > high
    assert 2 <= len(edges) <= 25
    assert edges == sorted(set(edges))


def test_years_are_cut_into_round_spans():
    assert disclosure.year_edges(1931, 2018) == list(range(1930, 2021, 10))
    assert disclosure.year_edges(2026, 2026) == [2026, 2027]


@pytest.mark.parametrize(
    ("seen", "once", "expected"), [(1_000, 1_000, 100_000), (2, 0, 2), (34, 0, 34), (500, 100, 554)]
)
def test_different_values_of_all_rows_are_estimated(seen, once, expected):
    found = disclosure.estimated_distinct(seen=seen, once=once, sample=1_000, all_rows=100_000)
    assert found == pytest.approx(expected, rel=0.05)
