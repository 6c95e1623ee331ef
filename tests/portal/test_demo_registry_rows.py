"""The facts that the story loads agree with each other, with the units, and with the lists of the registry."""

from ndc_portal.demo import registry_rows, units
from registry.choices import AgencyKind
from registry.services import reference


def test_agencies_form_a_tree_below_the_government():
    seen = set()
    for row in registry_rows.agencies():
        assert row.kind in AgencyKind.values
        assert row.certainty
        assert row.parent in seen if row.parent else row.code == "CP"
        seen.add(row.code)
    assert {"BCA", "BTC", "BHXH", "TTDLQG", "C06", "UBND-NA"} <= seen


def test_holidays_are_days_off_except_the_saturday_worked_in_exchange():
    rows = registry_rows.holidays()
    worked = [row.date for row in rows if not row.day_off]
    assert len({row.date for row in rows}) == len(rows)
    assert [day.isoweekday() for day in worked] == [6]


def test_provinces_in_force_are_those_of_the_units():
    provinces, _communes = units.read()
    assert {row.code: row.name for row in provinces} == {
        row["code"]: row["name_vi"] for row in reference.rows("provinces.csv") if not row["valid_to"]
    }
