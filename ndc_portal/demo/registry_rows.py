"""Facts about the state that the story loads: agencies and days off.

`certainty` says how far a fact was checked. What is "from memory" serves the demonstration, and nothing else.
"""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class AgencyRow:
    code: str
    name_vi: str
    name_en: str
    kind: str  # a value of the registry's AgencyKind
    parent: str | None  # the code of an agency that comes earlier in the list
    legacy_code: str | None  # under Decision 20/2020/QĐ-TTg
    seat: str  # the place before the date of its letters
    certainty: str


@dataclass(frozen=True)
class HolidayRow:
    date: date
    name_vi: str
    day_off: bool  # False: a Saturday that is worked in exchange for another day
    certainty: str


def agencies() -> list[AgencyRow]:
    return [
        AgencyRow(**{**row, "parent": row["parent"] or None, "legacy_code": row["legacy_code"] or None})
        for row in _rows("agencies.csv")
    ]


def holidays() -> list[HolidayRow]:
    return [
        HolidayRow(**{**row, "date": _day(row["date"]), "day_off": row["day_off"] == "yes"})
        for row in _rows("holidays_2026.csv")
    ]


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
