"""The facts that the story loads agree with each other, with the units, and with the lists of the registry."""

from ndc_portal.demo import registry_rows, units
from registry.choices import AgencyKind


def test_agencies_form_a_tree_below_the_government():
    seen = set()
    for row in registry_rows.agencies():
        assert row.kind in AgencyKind.values
        assert row.certainty
        assert row.parent in seen if row.parent else row.code == "CP"
        seen.add(row.code)
    assert {"BCA", "BTC", "BHXH", "TTDLQG", "C06", "UBND-NA"} <= seen


def test_legal_instruments_end_when_their_successor_begins():
    rows = {row.number: row for row in registry_rows.legal_instruments()}
    for row in rows.values():
        assert row.title_vi or row.title_en
        if row.replaced_by:
            assert rows[row.replaced_by].effective_from == row.effective_to


def test_holidays_are_days_off_except_the_saturday_worked_in_exchange():
    rows = registry_rows.holidays()
    worked = [row.date for row in rows if not row.day_off]
    assert len({row.date for row in rows}) == len(rows)
    assert [day.isoweekday() for day in worked] == [6]


def test_provinces_are_those_of_the_units():
    provinces, communes = units.read()
    known = {row.code: row for row in provinces}
    for row in registry_rows.provinces():
        assert row.name_vi == known.pop(row.code).name
        assert row.communes == sum(commune.province == row.code for commune in communes)
    assert not known
