"""How well rules tell personal data by the names of columns, and what they say about it."""

import csv
from pathlib import Path

import pytest

from registry.choices import FieldKind, Masking, PersonalData
from registry.classifying import rules, values
from registry.classifying.judging import Subject, judge
from registry.classifying.words import words_of
from registry.connectors import filters

LABELLED = Path(__file__).parent / "data" / "column_names.csv"
TEXT = FieldKind.TEXT


@pytest.fixture(scope="module")
def judged() -> list[tuple[dict, str]]:
    """Every labelled column with the category that was suggested; empty where nothing was."""
    with LABELLED.open(encoding="utf-8", newline="") as file:
        return [(row, _suggested(row)) for row in csv.DictReader(file)]


def _suggested(row: dict) -> str:
    found = judge(Subject(name=row["name"], kind=row["kind"], table=row["table"], title=row["title"]))
    return str(found.category) if found else ""


def test_quality_on_labelled_names(judged, capsys):
    personal = [(row["category"] != "none", found not in ("", "none")) for row, found in judged]
    hits, wanted, told = sum(a and b for a, b in personal), sum(a for a, _ in personal), sum(b for _, b in personal)
    sensitive = [(row["category"], found) for row, found in judged if row["category"] == "sensitive"]
    opened = [row["name"] for row, found in judged if row["category"] != "none" and found == "none"]
    with capsys.disabled():
        pass
    assert hits / told >= 0.95
    assert hits / wanted >= 0.95
    assert all(a == b for a, b in sensitive)
    assert opened == [], "a suggestion to open personal data is the one mistake that matters"


@pytest.mark.parametrize("spelling", ["ho_ten", "hoTen", "HoTen", "HO_TEN", "Họ tên", "Họ và tên", "hoten", "HOTENCHA"])
def test_spellings_of_one_name_are_one(spelling):
    assert judge(Subject(name=spelling, kind=TEXT)).rule == "full-name"


def test_words_are_cut_at_cases_and_signs():
    assert words_of("SoCCCD_cũ").spaced == " so cccd cu "
    assert words_of("ngàyĐăngKý2").spaced == " ngay dang ky 2 "


@pytest.mark.parametrize(
    ("shown", "rule"),
    [
        ({"personal-number": 98}, "personal-number"),
        ({"phone": 95}, "contact"),
        ({"email": 100}, "contact"),
        ({"person-name": 90}, "full-name"),
        ({"ethnic-group": 100}, "ethnic-group"),
        ({"religion": 100}, "belief"),
        ({"card-number": 99}, "finance"),
    ],
)
def test_values_tell_what_a_name_hides(shown, rule):
    assert judge(Subject(name="c17", kind=TEXT)) is None
    assert judge(Subject(name="c17", kind=TEXT, values=shown)).rule == rule


def test_a_harmless_name_does_not_cover_values():
    assert judge(Subject(name="ma_don_vi", kind=TEXT)).category == PersonalData.NONE
    assert judge(Subject(name="ma_don_vi", kind=TEXT, values={"personal-number": 95})).category == PersonalData.BASIC


def test_nothing_is_opened_on_ignorance():
    assert judge(Subject(name="ghi_chu", kind=TEXT)) is None


def test_a_name_of_the_wrong_kind_weighs_little():
    assert judge(Subject(name="so_tai_khoan", kind=TEXT)).score > 70
    boolean = judge(Subject(name="email", kind=FieldKind.BOOLEAN))
    assert boolean is None or boolean.category == PersonalData.NONE


def test_lists_of_codes_are_not_people():
    assert judge(Subject(name="ten_dan_toc", kind=TEXT, table="dm_dan_toc")).category == PersonalData.NONE
    assert judge(Subject(name="ten_dan_toc", kind=TEXT, table="cong_dan")).category == PersonalData.SENSITIVE


def test_reasons_name_no_value():
    found = judge(Subject(name="so_cccd", kind=TEXT, title="Số căn cước", values={"personal-number": 97}))
    assert {"code", "rule", "words"} == set(found.reasons[0])
    assert found.reasons[-1] == {"code": "values", "rule": "personal-number", "pattern": "personal-number", "share": 97}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.code)
def test_every_rule_is_whole(rule):
    assert rule.label
    assert rule.source
    assert set(rule.values) <= {*values.PATTERNS, "birth-dates"}
    for kind in rule.kinds:
        judged = judge(Subject(name=next(iter(rule.names)).replace(" ", "_"), kind=kind))
        assert judged is None or filters.masking_fits(judged.masking, kind)
    assert rule.category != PersonalData.SENSITIVE or rule.masking == Masking.NULL


SAMPLES = {
    "personal-number": "097012345678",
    "phone": "0912 345 678",
    "email": "dau.moi@example.gov.vn",
    "person-name": "Nguyễn Thị Minh Khai",
    "health-card": "GD4010123456789",
    "plate": "29A-123.45",
    "ethnic-group": "Xơ Đăng",
    "religion": "Phật giáo",
    "disease-code": "J18.9",
    "network-address": "10.0.0.1",
    "card-number": "4111 1111 1111 1111",
    "latitude": "21.0285",
    "longitude": "105.8542",
}


@pytest.mark.parametrize("pattern", SAMPLES)
def test_patterns_know_their_values(pattern):
    assert values.shares([SAMPLES[pattern]] * 30)[pattern] == 100
    assert pattern not in values.shares(["Quyết định"] * 30)


def test_too_few_values_say_nothing():
    assert values.shares(["097012345678"] * 19) == {}


def test_dates_over_generations_look_like_births():
    from datetime import date

    assert values.shares([date(1940 + n % 70, 5, 1) for n in range(100)]) == {"birth-dates": 100}
    assert values.shares([date(2020 + n % 6, 5, 1) for n in range(100)]) == {}
