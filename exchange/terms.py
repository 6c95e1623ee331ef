"""The terms that the exchange counts in working days: each is a row that can be changed, found by its code.

The rows come with a migration. Where one was taken away, the safe default below counts: the longer time for deciding,
the longer life for what would lapse.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from registry.choices import Mode


class Term(TextChoices):
    READY_MADE = "ready-made", _("Account for a ready-made service")
    SIMPLE = "simple", _("Simple request")
    COMPLEX = "complex", _("Complex request")
    VERY_COMPLEX = "very-complex", _("Very complex request")
    COMPLETION = "completion", _("Asking for what is missing")
    DRAFT_LIFE = "draft-life", _("Life of a draft or a return that nobody touches")
    OFFER_LIFE = "offer-life", _("Life of an offer that nobody answers")
    CLAIM_LIFE = "claim-life", _("Life of a claim in which nothing happens")
    REMIND_BEFORE = "remind-before", _("Reminder before a day that is due")
    ESCALATE_AFTER = "escalate-after", _("Between two steps to the superior, after the day that was due")
    CONFIRM_EVERY = "confirm-every", _("Between two confirmations that an agreement is still needed")
    CONFIRM_SENSITIVE = "confirm-sensitive", _("The same for an agreement about sensitive personal data")
    CONFIRM_REMIND = "confirm-remind", _("Reminder before an agreement has to be confirmed")
    STOP_NOTICE = "stop-notice", _("Notice before an agreement is suspended or revoked, unless it is done at once")
    EMERGENCY = "emergency", _("Request in an emergency")
    EMERGENCY_PERIOD = "emergency-period", _("Longest access in an emergency, in days of the calendar")
    EMERGENCY_REVIEW = "emergency-review", _("Review after access was given in an emergency")
    DESTRUCTION = "destruction", _("Certificate of destruction, after the last day on which data may be kept")


DEFAULTS = {
    Term.READY_MADE: 20,
    Term.SIMPLE: 20,
    Term.COMPLEX: 20,
    Term.VERY_COMPLEX: 35,
    Term.COMPLETION: 3,
    Term.DRAFT_LIFE: 65,
    Term.OFFER_LIFE: 22,
    Term.CLAIM_LIFE: 10,
    Term.REMIND_BEFORE: 2,
    Term.ESCALATE_AFTER: 2,
    Term.STOP_NOTICE: 5,
    Term.CONFIRM_EVERY: 125,
    Term.CONFIRM_SENSITIVE: 62,
    Term.CONFIRM_REMIND: 10,
    Term.DESTRUCTION: 10,
    Term.EMERGENCY: 1,
    Term.EMERGENCY_PERIOD: 3,
    Term.EMERGENCY_REVIEW: 5,
}
DECIDING = (Term.READY_MADE, Term.SIMPLE, Term.COMPLEX, Term.VERY_COMPLEX, Term.EMERGENCY)
EMERGENCY_MOST_DAYS = 7  # whatever the row says: the database lets no emergency last longer


class Ground(TextChoices):
    """Why a request takes the term that it takes."""

    READY_MADE = "ready-made", _("only an account for a look-up that exists already is asked for")
    SENSITIVE = "sensitive", _("sensitive personal data is asked for, or rows are chosen by it")
    LARGE = "large", _("very many rows are asked for")
    RECURRING = "recurring", _("packages are asked for again and again")
    ONWARD = "onward", _("the data would be passed on to other agencies")
    EMERGENCY = "emergency", _("it is an emergency: two signatures, and a review afterwards")
    MANY_CONDITIONS = "many-conditions", _("rows are chosen by many conditions")


LARGE_FROM = 1_000_000  # rows
MANY_CONDITIONS_FROM = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a request decides how long it takes to examine."""

    mode: str
    rows: int | None = None
    conditions: int = 0
    is_sensitive: bool = False
    is_passed_on: bool = False
    is_emergency: bool = False


def classify(wish: Wish) -> tuple[Term, list[Ground]]:
    """The term for deciding, and the grounds for it. One ground makes a request complex, sensitive data with another
    one very complex. Pure."""
    if wish.is_emergency:
        return Term.EMERGENCY, [Ground.EMERGENCY]
    grounds = list(_grounds(wish))
    if not grounds:
        return (Term.READY_MADE, [Ground.READY_MADE]) if wish.mode == Mode.LOOKUP else (Term.SIMPLE, [])
    if Ground.SENSITIVE in grounds and len(grounds) > 1:
        return Term.VERY_COMPLEX, grounds
    return Term.COMPLEX, grounds


def _grounds(wish: Wish) -> Iterable[Ground]:
    if wish.is_sensitive:
        yield Ground.SENSITIVE
    if wish.rows is not None and wish.rows >= LARGE_FROM:
        yield Ground.LARGE
    if wish.mode == Mode.RECURRING:
        yield Ground.RECURRING
    if wish.is_passed_on:
        yield Ground.ONWARD
    if wish.conditions >= MANY_CONDITIONS_FROM:
        yield Ground.MANY_CONDITIONS
