"""Provinces and their codes: what a code names depends on the day."""

from datetime import date

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.errors import RegistryRefusal
from registry.models import AdministrativeUnit, Amendment, LegalInstrument, UnitCode
from registry.services import places, reference

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


@pytest.fixture
def units(db):
    return reference.load()


def test_reference_is_loaded_once_however_often_it_is_run(units, capsys):
    assert units == {"laws": 23, "amendments": 1, "units": 87, "synonyms": 33}
    assert AdministrativeUnit.objects.on(BEFORE).count() == 63
    assert AdministrativeUnit.objects.on(AFTER).count() == 34
    LegalInstrument.objects.filter(number="278/2025/NĐ-CP").update(title_en="Corrected here")
    call_command("load_reference")
    assert "laws: 0 new" in capsys.readouterr().out
    assert LegalInstrument.objects.get(number="278/2025/NĐ-CP").title_en == "Corrected here"
    assert (AdministrativeUnit.objects.count(), Amendment.objects.count()) == (87, 1)


def test_instruments_end_when_their_successor_begins(units):
    replaced = LegalInstrument.objects.filter(replaced_by__isnull=False)
    assert replaced.count() == 4
    for instrument in replaced:
        assert instrument.replaced_by.effective_from == instrument.effective_to


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("15", "Yên Bái", "Lào Cai"),
        ("24", "Bắc Giang", "Bắc Ninh"),
        ("44", "Quảng Bình", "Quảng Trị"),
        ("52", "Bình Định", "Gia Lai"),
        ("80", "Long An", "Tây Ninh"),
        ("82", "Tiền Giang", "Đồng Tháp"),
        ("91", "Kiên Giang", "An Giang"),
        ("01", "Hà Nội", "Hà Nội"),
    ],
)
def test_a_code_means_what_it_meant_on_the_day(units, code, before, after):
    assert places.resolve(code, BEFORE).name_vi.endswith(before)
    assert places.resolve(code, AFTER).name_vi.endswith(after)


def test_seven_codes_name_another_province_now(units):
    changed = [
        code
        for code in UnitCode.objects.on(BEFORE).values_list("code", flat=True)
        if UnitCode.objects.on(AFTER).filter(code=code).exists()
        and places.resolve(code, BEFORE).name_vi.split(" ", 1)[1] not in places.resolve(code, AFTER).name_vi
    ]
    assert sorted(changed) == ["15", "24", "44", "52", "80", "82", "91"]


def test_a_unit_is_followed_to_what_it_became(units):
    binh_phuoc = places.resolve("70", BEFORE)
    assert places.became(binh_phuoc, BEFORE) == binh_phuoc
    assert places.became(binh_phuoc, date(2026, 4, 29)).name_vi == "Tỉnh Đồng Nai"
    assert places.became(binh_phuoc, date(2026, 4, 30)).name_vi == "Thành phố Đồng Nai"
    assert places.translate("10", of=BEFORE, to=AFTER) == "15"
    assert places.translate("72", of=BEFORE, to=AFTER) == "80"
    assert places.translate("1", of=BEFORE, to=AFTER) == "01"


def test_every_old_unit_became_one_that_lasts(units):
    for unit in AdministrativeUnit.objects.on(BEFORE):
        assert places.became(unit, date(2026, 7, 1)).valid_to is None


def test_a_code_that_names_nothing_is_refused(units):
    for code, day in (("10", AFTER), ("99", BEFORE), ("", BEFORE)):
        with pytest.raises(RegistryRefusal) as caught:
            places.resolve(code, day)
        assert caught.value.code == "unknown-unit"


def test_one_code_names_one_unit_a_day(units):
    with pytest.raises(IntegrityError, match="registry_unitcode_one_unit_a_day"):
        UnitCode.objects.create(unit=places.resolve("01"), code="15", valid_from=date(2025, 6, 30))


def test_page_shows_the_units_and_one_code_on_a_day(client, units):
    page = reverse("registry:province-list")
    assert len(client.get(page, {"day": "2025-06-30"}).context["units"]) == 63
    shown = client.get(page, {"day": "30/06/2025", "code": "15"})
    assert [unit.name_vi for unit in shown.context["units"]] == ["Tỉnh Yên Bái"]
    assert "Tỉnh Lào Cai" in shown.text
    assert not client.get(page, {"code": "10"}).context["units"]
    assert client.get(page, {"day": "x"}).status_code == 400
    with CaptureQueriesContext(connection) as captured:
        client.get(page)
    assert len(captured) <= 4
