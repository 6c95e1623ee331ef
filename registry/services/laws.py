"""Finding the instrument that somebody means, and refusing what is not in force on the day."""

from datetime import date

from django.utils.translation import gettext as _

from registry import citations
from registry.errors import RegistryRefusal
from registry.models import LegalInstrument

MOST_NAMED = 5  # instruments listed where a number may mean several


def named(text: str) -> LegalInstrument:
    """The one instrument whose number this is, however it is typed; refused where there is none or more than one."""
    numbers = LegalInstrument.objects.with_successor()
    exact = numbers.filter(number=text).first()
    if exact is not None:
        return exact
    found = list(numbers.numbered(text).order_by("number")[: MOST_NAMED + 1])
    if len(found) == 1:
        return found[0]
    if not found:
        raise RegistryRefusal(
            "unknown-law",
            _("No legal instrument with this number is recorded. Look for it in the list of laws."),
        )
    raise RegistryRefusal(
        "several-laws",
        _("Several legal instruments have this number: %(numbers)s. Type all of it.")
        % {"numbers": "; ".join(one.number for one in found[:MOST_NAMED])},
    )


def check_in_force(*, instrument: LegalInstrument, day: date | None = None) -> None:
    """Refuse to rest anything on an instrument that is not in force on `day` (today)."""
    reason = citations.warning(instrument, day)
    if reason:
        raise RegistryRefusal("not-in-force", reason)
