"""What a legal instrument is worth on a day: in force, or not, since when, what follows it, and what has changed it."""

from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registry.models import LegalInstrument

LONGEST_CHAIN = 20  # replacements followed, in case the rows run in a circle


@dataclass(frozen=True, slots=True)
class Citation:
    """A legal instrument, and whether it is in force on the day of reading."""

    instrument: LegalInstrument
    state: str
    label: str | Promise

    @property
    def in_force(self) -> bool:
        return self.state == "in-force"


def cite(instrument: LegalInstrument, day: date | None = None) -> Citation:
    day = day or timezone.localdate()
    if instrument.is_in_force(day):
        return Citation(instrument, "in-force", _("In force"))
    if instrument.effective_to and instrument.effective_to <= day:
        return Citation(instrument, "no-longer", _("No longer in force"))
    if instrument.effective_from:
        return Citation(instrument, "not-yet", _("Not yet in force"))
    return Citation(instrument, "none", _("Day of effect not recorded"))


def successor(instrument: LegalInstrument, day: date | None = None) -> LegalInstrument | None:
    """The instrument that stands in its place on `day` (today): the first in the chain of replacements in force then."""
    seen, follower = {instrument.pk}, instrument.replaced_by
    while follower is not None and follower.pk not in seen and len(seen) < LONGEST_CHAIN:
        if follower.is_in_force(day):
            return follower
        seen.add(follower.pk)
        follower = follower.replaced_by
    return None


def warning(instrument: LegalInstrument, day: date | None = None) -> str | Promise:
    """Why the instrument should not be cited for `day` (today), and what to cite instead; empty where it may be."""
    day = day or timezone.localdate()
    state = cite(instrument, day).state
    if state == "in-force":
        return ""
    follower = successor(instrument, day)
    told = {"number": instrument.number, "day": day.strftime("%d/%m/%Y"), "successor": follower and follower.number}
    if state == "no-longer" and follower:
        return _("%(number)s is not in force on %(day)s: it was replaced by %(successor)s. Cite that one.") % told
    if state == "no-longer":
        return _("%(number)s is not in force on %(day)s: it has ended. Cite an instrument that is in force.") % told
    if state == "not-yet":
        return _("%(number)s is not in force on %(day)s: it begins later. Cite an instrument that is in force.") % told
    return _("%(number)s has no recorded day of effect: cite another, or have the day recorded.") % told
