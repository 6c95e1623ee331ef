"""What stops with an agreement, in plain words with figures and links, for whoever is about to stop it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exchange.models import Agreement
from exchange.services.stopping import LOOKUP_DAYS, Stops
from registry.choices import Mode
from registry.terms import grouped


@dataclass(frozen=True, slots=True)
class Link:
    """A thing with a page of its own."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence about what stops, or goes on, and where to look at it."""

    text: str | Promise
    links: list[Link] = field(default_factory=list)


def for_owner(stops: Stops) -> list[Line]:
    """With pages of the admin."""
    return list(_lines(stops, lambda one: reverse("admin:exchange_agreement_change", args=[one.pk])))


def for_consumer(stops: Stops) -> list[Line]:
    return list(_lines(stops, lambda one: one.get_absolute_url()))


def _lines(stops: Stops, page: Callable[[Agreement], str]) -> Iterator[Line]:
    yield from _under_way(stops)
    yield from _given(stops)
    if stops.user_count:
        yield Line(_named(stops))
    for one in stops.following:
        told = {"version": one.version, "day": date_format(one.valid_from, "SHORT_DATE_FORMAT")}
        text = _("Version %(version)s, which was to begin on %(day)s, shares its fate.") % told
        yield Line(text, [Link(page(one), str(one))])
    yield _going_on(stops, page)


def _under_way(stops: Stops) -> Iterator[Line]:
    if stops.running:
        text = ngettext(
            "It stops %(count)s delivery that is running: no file appears.",
            "It stops %(count)s deliveries that are running: no file appears.",
            stops.running,
        )
        yield Line(text % {"count": stops.running})
    if stops.waiting:
        text = ngettext(
            "It ends %(count)s delivery that waits.", "It ends %(count)s deliveries that wait.", stops.waiting
        )
        yield Line(text % {"count": stops.waiting})
    if not stops.running and not stops.waiting:
        yield Line(_("No delivery is under way."))


def _given(stops: Stops) -> Iterator[Line]:
    """What was given, and what would come again."""
    if stops.packages:
        text = ngettext(
            "%(count)s delivered package can no longer be downloaded.",
            "%(count)s delivered packages can no longer be downloaded.",
            stops.packages,
        )
        yield Line(text % {"count": grouped(stops.packages)})
    if stops.is_repeated:
        yield Line(_("Packages come when they are needed: none can be ordered any more."))
    if stops.mode != Mode.LOOKUP:
        return
    yield Line(_("Look-ups of single records are refused from then on."))
    text = ngettext(
        "In the last %(days)s days there was %(count)s look-up.",
        "In the last %(days)s days there were %(count)s look-ups.",
        stops.lookups,
    )
    yield Line(text % {"days": LOOKUP_DAYS, "count": grouped(stops.lookups)})
    if stops.systems:
        names = [f"{one.name} ({grouped(one.lookups)})" for one in stops.systems]
        told = {"systems": _listed(names, stops.system_count)}
        yield Line(_("Systems of the agency that look records up by themselves: %(systems)s.") % told)


def _named(stops: Stops) -> str:
    text = ngettext(
        "%(count)s named user can use it no longer: %(people)s.",
        "%(count)s named users can use it no longer: %(people)s.",
        stops.user_count,
    )
    people = _listed([str(user) for user in stops.users], stops.user_count)
    return text % {"count": grouped(stops.user_count), "people": people}


def _going_on(stops: Stops, page: Callable[[Agreement], str]) -> Line:
    if not stops.other_count:
        return Line(_("No other agreement between the two agencies is in force."))
    text = ngettext(
        "%(count)s other agreement between the two agencies goes on:",
        "%(count)s other agreements between the two agencies go on:",
        stops.other_count,
    )
    links = [Link(page(one), f"{one.code} – {one.dataset}") for one in stops.others]
    return Line(text % {"count": grouped(stops.other_count)}, links)


def _listed(names: Sequence[str], of: int) -> str:
    """The names, and how many there are beside them."""
    more = of - len(names)
    rest = [_("and %(count)s more") % {"count": grouped(more)}] if more else []
    return ", ".join([*names, *rest])
