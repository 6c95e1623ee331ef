"""Loading what is the same for every installation: laws and their amendments, provinces before and after 01/7/2025,
and what is written in more than one way.

Safe to run again: what is there stays as somebody may have corrected it; only what is missing is added.
"""

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from django.db import transaction

from registry.choices import InstrumentKind
from registry.models import AdministrativeUnit, Amendment, LegalInstrument, SearchSynonym, UnitCode

DATA = Path(__file__).resolve().parent.parent / "reference"


@transaction.atomic
def load() -> dict[str, int]:
    """Add what is missing; how many rows of each kind are new."""
    return {
        "laws": _load_laws(),
        "amendments": _load_amendments(),
        "units": _load_units(),
        "synonyms": _load_synonyms(),
    }


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _load_laws() -> int:
    facts = rows("laws.csv")
    added = 0
    for row in facts:
        instrument, created = LegalInstrument.objects.get_or_create(
            number=row["number"],
            defaults={
                "kind": row["kind"],
                "issuer": row["issuer"],
                "title_vi": row["title_vi"] or row["title_en"],
                "title_en": row["title_en"],
                "issued_on": day(row["issued"]),
                "effective_from": day(row["effective_from"]),
                "effective_to": day(row["effective_to"]),
                "certainty": row["certainty"][:150],
            },
        )
        added += created
        if instrument.kind == InstrumentKind.OTHER and not instrument.issuer:  # of a time before these were kept
            instrument.kind, instrument.issuer = row["kind"], row["issuer"]
            instrument.save(update_fields=["kind", "issuer"])
    _link_successors(facts)
    return added


def _link_successors(facts: Iterable[dict]) -> None:
    for row in facts:
        if row["replaced_by"]:
            successor = LegalInstrument.objects.get(number=row["replaced_by"])
            LegalInstrument.objects.filter(number=row["number"], replaced_by=None).update(replaced_by=successor)


def _load_amendments() -> int:
    known = LegalInstrument.objects.in_bulk(field_name="number")
    added = [
        Amendment.objects.get_or_create(
            amended=known[row["amended"]],
            amending=known[row["amending"]],
            effective_from=day(row["effective_from"]),
            defaults={"parts": row["parts"]},
        )[1]
        for row in rows("amendments.csv")
    ]
    return sum(added)


def _load_synonyms() -> int:
    return sum(SearchSynonym.objects.get_or_create(**row)[1] for row in rows("synonyms.csv"))


def _load_units() -> int:
    """A unit is known by its code and the first day on which it had it."""
    facts = rows("provinces.csv")
    units, added = {}, 0
    for row in facts:
        start, end = day(row["valid_from"]), day(row["valid_to"])
        code = UnitCode.objects.filter(code=row["code"], valid_from=start).select_related("unit").first()
        if code is None:
            names = {name: row[name] for name in ("name_vi", "name_en", "kind")}
            unit = AdministrativeUnit.objects.create(**names, valid_from=start, valid_to=end)
            code = UnitCode.objects.create(unit=unit, code=row["code"], valid_from=start, valid_to=end)
            added += 1
        units[row["code"], row["valid_from"]] = code.unit
    for row in facts:
        unit = units[row["code"], row["valid_from"]]
        if row["became_code"] and unit.became_id is None:
            unit.became = units[row["became_code"], row["became_on"]]
            unit.save(update_fields=["became"])
    return added
