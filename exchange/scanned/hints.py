"""What in the text of an official letter may be its number, day and subject. Pure, and never more than a suggestion."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

LONGEST_NUMBER, LONGEST_SUBJECT = 60, 300
EARLIEST, LATEST = 2000, 2100
# As letters are set (Decree 30/2020/NĐ-CP): “Số: 12/UBND-VP”, “ngày 05 tháng 3 năm 2026”, “V/v …” above “Kính gửi”.
NUMBER = re.compile(r"\bsố\s*:\s*(\d[\d.]*\s*/\s*[\w.&/-]+(?:\s*-\s*[\w.&/]+)*)", re.IGNORECASE)
DAY = re.compile(r"\bngày\s+(\d{1,2})\s+tháng\s+(\d{1,2})\s+năm\s+(\d{4})\b", re.IGNORECASE)
SUBJECT = re.compile(r"\b(?:V/v|Về việc)\b[:\s]*", re.IGNORECASE)
SUBJECT_ENDS = re.compile(r"\n\s*\n|\bKính gửi\b|\bngày\s+\d{1,2}\s+tháng\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hints:
    """What was found; empty where nothing was."""

    letter_number: str = ""
    letter_day: date | None = None
    letter_subject: str = ""


def of_text(text: str) -> Hints:
    """The first of each that the text has. It comes from outside: one line each, nothing invisible, bounded."""
    text = unicodedata.normalize("NFC", text)
    return Hints(_number(text), _day(text), _subject(text))


def _number(text: str) -> str:
    found = NUMBER.search(text)
    return re.sub(r"\s+", "", _plain(found.group(1)))[:LONGEST_NUMBER] if found else ""


def _day(text: str) -> date | None:
    for day, month, year in DAY.findall(text):
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if EARLIEST <= found.year <= LATEST:
            return found
    return None


def _subject(text: str) -> str:
    begun = SUBJECT.search(text)
    if begun is None:
        return ""
    rest = text[begun.end() : begun.end() + 2 * LONGEST_SUBJECT]
    ends = SUBJECT_ENDS.search(rest)
    return _plain(rest[: ends.start()] if ends else rest.partition("\n")[0])[:LONGEST_SUBJECT].strip()


def _plain(text: str) -> str:
    """On one line, without control and other invisible characters."""
    shown = "".join(sign if sign.isspace() or unicodedata.category(sign)[0] != "C" else "" for sign in text)
    return re.sub(r"\s+", " ", shown).strip()
