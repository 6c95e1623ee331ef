"""Overlaps and findings as sentences: plain for the owner, softer for the clerk, who learns no numbers of rows."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exchange.differencing import Kind
from exchange.models import Agreement
from exchange.services.overlaps import Extent, Overlap, Overlaps, Together
from registry.choices import Mode
from registry.terms import grouped


@dataclass(frozen=True, slots=True)
class Line:
    """One thing with a page: its number, its state, and what it has in common with the request."""

    url: str
    code: str
    status: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Warned:
    """One sentence about a package that was given, and whether it is grave."""

    url: str
    code: str
    words: str
    is_grave: bool


def covered(found: Overlaps) -> tuple[str, str, str] | None:
    """Where all of it can be had already: (number of the agreement, address of the page, what to do there)."""
    agreement = found.covering
    if agreement is None:
        return None
    if agreement.mode == Mode.LOOKUP:
        return agreement.code, reverse("exchange:lookup"), _("Look the record up")
    return agreement.code, _page(agreement), _("Open the agreement to download or order it")


def for_clerk(found: Overlaps) -> list[Line]:
    return [_line(one, _page(one.thing), found) for one in found.overlaps]


def for_owner(found: Overlaps) -> list[Line]:
    """With pages of the admin. Agreements and cases of a former owner have none there."""
    return [_line(one, _desk_page(one.thing, found), found) for one in found.overlaps]


def _line(one: Overlap, url: str, found: Overlaps) -> Line:
    return Line(url, one.thing.code, one.thing.status, one.thing.get_status_display(), _in_common(one, found))


def _page(thing) -> str:
    name = "agreement-detail" if isinstance(thing, Agreement) else "request-detail"
    return reverse(f"exchange:{name}", args=[thing.public_id])


def _desk_page(thing, found: Overlaps) -> str:
    provider = found.request.provider
    if isinstance(thing, Agreement):
        is_own = thing.provider_id == provider.pk
        return reverse("admin:exchange_agreement_change", args=[thing.pk]) if is_own else ""
    case = next((one for one in thing.cases.all() if one.provider_id == provider.pk), None)
    return reverse("admin:exchange_reviewcase_change", args=[case.pk]) if case else ""


def _in_common(one: Overlap, found: Overlaps) -> str:
    if one.fields == Extent.OPEN:
        return _("It is about the same dataset.")
    total = len(found.asked.fields)
    fields = {
        Extent.SAME: _("It has the same fields."),
        Extent.WITHIN: _("It has all fields asked for here, and more."),
        Extent.AROUND: _("All its fields are asked for here, and more."),
        Extent.PART: ngettext(
            "%(common)s of %(count)s field asked for here is in it.",
            "%(common)s of %(count)s fields asked for here are in it.",
            total,
        )
        % {"common": one.in_common, "count": total},
        Extent.APART: _("It has other fields."),
    }[one.fields]
    rows = {
        Extent.SAME: _("The rows are the same."),
        Extent.WITHIN: _("All rows asked for here are in it."),
        Extent.AROUND: _("All its rows are asked for here, and more."),
        Extent.PART: _("Its rows are chosen in another way."),
    }[one.rows]
    return f"{fields} {rows}"


def warnings_for_owner(found: Overlaps) -> list[Warned]:
    return [
        Warned(
            url=_desk_page(one.delivery.agreement, found),
            code=one.delivery.code,
            words=f"{_telling(one, found)} {_of_whom(one, found)}".strip(),
            is_grave=one.finding.kind in (Kind.SINGLES_OUT, Kind.JOINS),
        )
        for one in found.together
    ]


def _telling(one: Together, found: Overlaps) -> str:
    finding, known = one.finding, found.fields
    told = {"code": one.delivery.code, "day": _day(one), "conditions": _titles(finding.conditions, known)}
    if finding.kind == Kind.JOINS:
        return _(
            "With delivery %(code)s it can be joined by %(keys)s: the agency then has %(asked)s together with %(given)s."
        ) % {
            **told,
            "keys": _titles(finding.keys, known),
            "asked": _titles(finding.asked, known),
            "given": _titles(finding.given, known),
        }
    if finding.kind == Kind.MAY_SINGLE_OUT:
        return (
            _(
                "It differs from delivery %(code)s in one condition only (%(conditions)s), and nobody counted the rows between them: it may single people out."
            )
            % told
        )
    count = finding.rows.low if finding.kind == Kind.APART else finding.rows.high
    told |= {"count": grouped(count)}
    if finding.kind == Kind.APART:
        return (
            ngettext(
                "Between it and delivery %(code)s lies %(count)s row by the counts up to %(day)s: nobody stands out.",
                "Between it and delivery %(code)s lie %(count)s rows by the counts up to %(day)s: nobody stands out.",
                count,
            )
            % told
        )
    return _singling_out(finding, found, count) % told


def _singling_out(finding, found: Overlaps, count: int) -> str:
    if found.counts_people and finding.rows.is_exact:
        return ngettext(
            "Together with delivery %(code)s this singles out %(count)s person, by the counts up to %(day)s (%(conditions)s).",
            "Together with delivery %(code)s this singles out %(count)s people, by the counts up to %(day)s (%(conditions)s).",
            count,
        )
    if found.counts_people:
        return ngettext(
            "Together with delivery %(code)s this singles out at most %(count)s person (%(conditions)s).",
            "Together with delivery %(code)s this singles out at most %(count)s people (%(conditions)s).",
            count,
        )
    if finding.rows.is_exact:
        return ngettext(
            "Together with delivery %(code)s this singles out %(count)s row, by the counts up to %(day)s (%(conditions)s).",
            "Together with delivery %(code)s this singles out %(count)s rows, by the counts up to %(day)s (%(conditions)s).",
            count,
        )
    return ngettext(
        "Together with delivery %(code)s this singles out at most %(count)s row (%(conditions)s).",
        "Together with delivery %(code)s this singles out at most %(count)s rows (%(conditions)s).",
        count,
    )


def _of_whom(one: Together, found: Overlaps) -> str:
    if one.to == found.request.consumer:
        return ""
    return _("It went to %(agency)s, with which the data is shared.") % {"agency": one.to}


def warnings_for_clerk(found: Overlaps) -> list[Warned]:
    """One line for each package that the own agency has; what exactly comes of it is for the owner to judge."""
    words = {
        Kind.SINGLES_OUT: _(
            "Only a few rows lie between this request and a package that you have. The owner will look at whether people could be told from them: say in the reason why you need both."
        ),
        Kind.MAY_SINGLE_OUT: _(
            "It differs in one condition only from a package that you have. The owner will look at whether people could be told from the difference: say in the reason why you need both."
        ),
        Kind.JOINS: _(
            "It can be joined by its key with a package that you have. Say in the reason what the fields are needed together for."
        ),
    }
    told = {}
    for one in found.grave:
        url = reverse("exchange:delivery-detail", args=[one.delivery.public_id])
        told.setdefault(one.delivery.pk, Warned(url, one.delivery.code, words[one.finding.kind], False))
    return list(told.values())


def _titles(names, known) -> str:
    return ", ".join(known[name].title if name in known else name for name in names)


def _day(one: Together) -> str:
    return date_format(timezone.localtime(one.delivery.finished_at), "SHORT_DATE_FORMAT")
