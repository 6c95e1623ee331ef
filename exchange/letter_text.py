"""A decision letter in words of the reader's language, the same on the page and on paper.

What it says, and what things are called in it, stands in the letter's frozen text and not in today's registry.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, auto

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from exchange import summary
from exchange.choices import CertificateKind, DestructionMethod, EmergencyGround, Verdict
from exchange.models import Letter
from exchange.scope import Scope, canonical
from exchange.services import letters
from registry.choices import PersonalData
from registry.names import in_current_language


class Kind(StrEnum):
    """What a letter tells."""

    GRANTED = auto()
    OFFERED = auto()
    REJECTED = auto()
    CERTIFIED = auto()  # what became of the data that was received


VERDICTS = {
    Kind.GRANTED: gettext_lazy("Granted as stated below"),
    Kind.OFFERED: gettext_lazy("Offer to share in part"),
    Kind.REJECTED: gettext_lazy("Rejected"),
    Kind.CERTIFIED: gettext_lazy("Certificate of destruction"),
}
# The day of an official letter is written out, in Viet Nam with two digits where it could be changed by adding one.
DAYS = {"vi": r"\n\gà\y d \t\há\n\g m \nă\m Y", "en": "j F Y"}


@dataclass(frozen=True, slots=True)
class Name:
    """What something was called in both languages when the letter was written."""

    vi: str
    en: str = ""

    def __str__(self) -> str:
        return in_current_language(self.vi, self.en)


@dataclass(frozen=True, slots=True)
class NamedField:
    """A field as it was when the letter was written; on the page it stands where the registry's field stands elsewhere."""

    name: str
    vi: str
    en: str
    personal_data: str

    @property
    def title(self) -> str:
        return in_current_language(self.vi, self.en) or self.name

    def get_personal_data_display(self) -> str | Promise:
        return PersonalData(self.personal_data).label


@dataclass(frozen=True, slots=True)
class Office:
    """Who decided: a position of an agency, perhaps in the place of another one."""

    position: str
    agency: str
    in_place_of: str | None = None

    def __str__(self) -> str:
        office = ", ".join(filter(None, [self.position, self.agency]))
        if self.in_place_of is None:
            return office
        delegator = self.in_place_of or _("the approver")
        return _("%(office)s, in the place of: %(delegator)s") % {"office": office, "delegator": delegator}


@dataclass(frozen=True, slots=True)
class LetterText:
    """The parts of a letter. Texts are in the language that was current when they were made."""

    kind: Kind
    notation: str
    agency: str
    superior: str
    consumer: str
    seat: str
    day: str
    request: str
    your_letter: str
    subject: str
    dataset: str
    reason: str
    standing: str
    emergency: str
    legal_basis: str
    sharing_basis: str
    deciders: list[Office]
    fields: list[summary.FieldLine]
    lines: list[summary.Line]
    left_out: list[str]
    revision_sha256: str
    stated: tuple[tuple[str, str], ...] = ()  # of a certificate: what became of the data, in pairs of term and value
    received: tuple[str, ...] = ()
    is_kept: bool = False

    @property
    def verdict(self) -> str | Promise:
        return VERDICTS[self.kind]


def kind_of(content: dict) -> Kind:
    if content.get("kind") == letters.CERTIFICATE:
        return Kind.CERTIFIED
    if content["verdict"] == Verdict.REJECT:
        return Kind.REJECTED
    return Kind.OFFERED if content.get("left_out") else Kind.GRANTED


def text_of(letter: Letter) -> LetterText:
    content = json.loads(letter.content)
    # Letters from before names were kept are told with those of today.
    names = content.get("names") or letters.names_of(letter.case, content)
    agencies = {code: str(Name(**name)) for code, name in names["agencies"].items()}
    if kind_of(content) == Kind.CERTIFIED:
        return _certificate(letter, content, names, agencies)
    known = {name: NamedField(name, **field) for name, field in names["fields"].items()}
    fields, lines = [], []
    if "scope" in content:
        fields, lines = summary.of_scope_named(Scope.from_text(canonical(content["scope"])), known)
    return LetterText(
        kind=kind_of(content),
        notation=letter.notation,
        agency=agencies[content["from"]],
        superior=agencies.get(names["superior"], ""),
        consumer=agencies[content["to"]],
        seat=names.get("seat", ""),
        day=date_format(timezone.localtime(letter.issued_at), DAYS.get(get_language(), DAYS["en"])),
        request=content["request"],
        your_letter=content["your_letter"] or content["request"],
        subject=names["subject"],
        dataset=str(Name(names["dataset"]["vi"], names["dataset"]["en"])),
        reason=content["reason"],
        standing=_standing(content.get("standing")),
        emergency=_emergency(content.get("emergency")),
        legal_basis=_law(content.get("legal_basis"), names["laws"]),
        sharing_basis=_law(content.get("sharing_basis"), names["laws"]),
        deciders=[
            Office(one["position"], agencies.get(one["agency"], one["agency"]), one.get("in_place_of"))
            for one in content["decided_by"]
        ],
        fields=fields,
        lines=lines,
        left_out=_left_out(content.get("left_out", {}), known),
        revision_sha256=content["revision_sha256"],
    )


def _certificate(letter: Letter, content: dict, names: dict, agencies: dict[str, str]) -> LetterText:
    signed = content["certificate"]
    days = {name: _day(signed[name]) for name in ("destroyed_on", "kept_until") if name in signed}
    law = _law(content.get("legal_basis"), names["laws"])
    stated = (
        (_("What became of the data"), str(CertificateKind(signed["kind"]).label)),
        (_("Method of destruction"), str(DestructionMethod(signed["method"]).label) if "method" in signed else ""),
        (_("Destroyed on"), days.get("destroyed_on", "")),
        (_("Kept under"), law),
        (_("Kept until"), days.get("kept_until", "")),
        (_("Reason"), signed.get("reason", "")),
        (_("Where copies were"), signed["places"]),
        (_("Statement"), signed["statement"]),
    )
    return LetterText(
        kind=Kind.CERTIFIED,
        notation=letter.notation,
        agency=agencies[content["from"]],
        superior=agencies.get(names["superior"], ""),
        consumer=agencies[content["to"]],
        day=date_format(timezone.localtime(letter.issued_at), DAYS.get(get_language(), DAYS["en"])),
        seat=names.get("seat", ""),
        request=content["request"],
        your_letter=signed["agreement"],
        subject="",
        dataset=str(Name(names["dataset"]["vi"], names["dataset"]["en"])),
        reason="",
        standing="",
        emergency="",
        legal_basis="",
        sharing_basis="",
        deciders=[Office(content["signed_by"]["position"], agencies[content["signed_by"]["agency"]])],
        fields=[],
        lines=[],
        left_out=[],
        revision_sha256=content["certificate_sha256"],
        stated=tuple(pair for pair in stated if pair[1]),
        received=tuple(_received(signed["received"])),
        is_kept=signed["kind"] == CertificateKind.KEPT,
    )


def _received(received: dict) -> Iterator[str]:
    for package in received["packages"]:
        yield _("Package %(delivery)s of %(day)s, %(rows)s rows, SHA-256 %(sha256)s") % {
            **package,
            "day": _day(package["delivered_on"]),
            "rows": number_format(package["rows"], force_grouping=True),
        }
    if received["looked_up_records"]:
        records = number_format(received["looked_up_records"], force_grouping=True)
        yield _("Single records that were looked up: %(records)s") % {"records": records}


def _day(text: str) -> str:
    return date_format(date.fromisoformat(text), "SHORT_DATE_FORMAT")


def _law(number: str | None, laws: dict) -> str:
    """Number and title; the number alone where the registry did not know it."""
    if not number:
        return ""
    return f"{number} – {Name(**laws[number])}" if number in laws else number


def _standing(standing: dict | None) -> str:
    """Under which decision it was granted, where nobody had to decide anew."""
    if not standing:
        return ""
    day = date_format(date.fromisoformat(standing["decided_on"]), "SHORT_DATE_FORMAT")
    return _("Standing permission, decided on %(day)s for every request that lies wholly inside it") % {"day": day}


def _emergency(ground: str | None) -> str:
    if not ground:
        return ""
    told = _("Emergency (%(ground)s): decided by one approver, and reviewed afterwards by others of the agency")
    return told % {"ground": EmergencyGround(ground).label}


def _left_out(left_out: dict, known: dict[str, NamedField]) -> list[str]:
    """What was asked for and is not offered, one sentence for each thing."""
    sentences = [
        _("Not given: %(field)s") % {"field": f"{known[name].title} ({name})" if name in known else name}
        for name in left_out.get("fields", [])
    ]
    if "row_limit" in left_out:
        rows = number_format(left_out["row_limit"], force_grouping=True)
        sentences.append(_("Fewer rows: %(rows)s were asked for") % {"rows": rows})
    if "period_to" in left_out:
        day = date_format(date.fromisoformat(left_out["period_to"]), "SHORT_DATE_FORMAT")
        sentences.append(_("A shorter time: use until %(day)s was asked for") % {"day": day})
    return sentences
