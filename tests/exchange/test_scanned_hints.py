"""What a letter suggests, and how little the reading of a stranger's PDF may do."""

import subprocess
import sys
from datetime import date

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from exchange.scanned import hints, reading
from exchange.scanned.hints import Hints, of_text
from tests.exchange.letters import pdf_of

LETTER = """\
BẢO HIỂM XÃ HỘI VIỆT NAM          CỘNG HOÀ XÃ HỘI CHỦ NGHĨA VIỆT NAM
Số: 332/BHXH-CNTT                 Hà Nội, ngày 05 tháng 3 năm 2026
V/v đề nghị cung cấp dữ liệu
dân cư

Kính gửi: Bộ Công an
Căn cứ Nghị định số 278/2025/NĐ-CP ngày 22 tháng 10 năm 2025
"""


def test_a_letter_as_it_is_set_tells_number_day_and_subject():
    assert of_text(LETTER) == Hints("332/BHXH-CNTT", date(2026, 3, 5), "đề nghị cung cấp dữ liệu dân cư")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Hints()),
        ("Số: 12 / UBND - VP", Hints(letter_number="12/UBND-VP")),
        ("Căn cứ Nghị định số 278/2025/NĐ-CP", Hints()),
        ("ngày 31 tháng 02 năm 2026 … ngày 1 tháng 3 năm 2026", Hints(letter_day=date(2026, 3, 1))),
        ("ngày 1 tháng 3 năm 1026", Hints()),
        ("Về việc: rà soát\nKính gửi: A", Hints(letter_subject="rà soát")),
        ("V/v\u202e một\x07 hai", Hints(letter_subject="một hai")),
        ("Số: 1/" + "A" * 500, Hints(letter_number="1/" + "A" * 58)),
        ("V/v " + "x" * 5_000, Hints(letter_subject="x" * 300)),
    ],
)
def test_hints(text, found):
    assert of_text(text) == found


@given(st.text(max_size=400).map(lambda text: f"Số: 1/{text} V/v {text} ngày 1 tháng 1 năm 2026"))
def test_hints_are_bounded_single_lines(text):
    found = of_text(text)
    for value, most in ((found.letter_number, hints.LONGEST_NUMBER), (found.letter_subject, hints.LONGEST_SUBJECT)):
        assert len(value) <= most
        assert not set(value) & set("\n\r\0\u202e\u200b")


def test_the_text_layer_of_a_pdf_is_read():
    assert reading.hints_of(pdf_of("So: 12/UBND", "V/v kiem tra")).letter_subject == "kiem tra"


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", b"%PDF-1.7\n", b"%PDF-1.4 garbage" * 1_000, pdf_of("x")[:200]]
)
def test_what_holds_no_text_suggests_nothing(content):
    assert reading.hints_of(content) == Hints()


def test_the_reader_gets_no_secrets_and_no_django():
    code = "import sys, os, exchange.scanned.pdf_text; print('django' in sys.modules, sorted(os.environ))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env={}, capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith("False ")
    assert "SECRET_KEY" not in found.stdout


def test_a_reader_that_takes_too_long_suggests_nothing(monkeypatch):
    def run(*args, **options):
        raise subprocess.TimeoutExpired("reader", options["timeout"])

    monkeypatch.setattr(reading.subprocess, "run", run)
    assert reading.hints_of(b"%PDF-1.7") == Hints()


def test_a_reader_that_is_ended_suggests_nothing(monkeypatch):
    monkeypatch.setattr(reading.pdf_text, "MOST_SECONDS", 0)
    ended = subprocess.CompletedProcess([], -9, b"", b"")
    monkeypatch.setattr(reading.subprocess, "run", lambda *args, **options: ended)
    assert reading.hints_of(b"%PDF-1.7") == Hints()
