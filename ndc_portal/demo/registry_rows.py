"""Facts about the state that the story loads: agencies, law, days off and provinces.

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
    certainty: str


@dataclass(frozen=True)
class LegalInstrumentRow:
    number: str
    title_vi: str  # wording from memory; empty where it is not known
    title_en: str
    issued: date | None
    effective_from: date | None
    effective_to: date | None  # the first day on which it is no longer in force
    replaced_by: str | None
    certainty: str


@dataclass(frozen=True)
class HolidayRow:
    date: date
    name_vi: str
    day_off: bool  # False: a Saturday that is worked in exchange for another day
    certainty: str


@dataclass(frozen=True)
class ProvinceRow:
    code: str
    name_vi: str
    name_en: str
    kind: str
    communes: int
    valid_from: date
    note: str


def agencies() -> list[AgencyRow]:
    return [
        AgencyRow(**{**row, "parent": row["parent"] or None, "legacy_code": row["legacy_code"] or None})
        for row in _rows("agencies.csv")
    ]


def legal_instruments() -> list[LegalInstrumentRow]:
    days = ("issued", "effective_from", "effective_to")
    return [
        LegalInstrumentRow(
            **{**row, "replaced_by": row["replaced_by"] or None, **{name: _day(row[name]) for name in days}}
        )
        for row in _rows("legal_instruments.csv")
    ]


def holidays() -> list[HolidayRow]:
    return [
        HolidayRow(**{**row, "date": _day(row["date"]), "day_off": row["day_off"] == "yes"})
        for row in _rows("holidays_2026.csv")
    ]


def provinces() -> list[ProvinceRow]:
    return [
        ProvinceRow(**{**row, "communes": int(row["communes"]), "valid_from": _day(row["valid_from"])})
        for row in _rows("provinces.csv")
    ]


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
