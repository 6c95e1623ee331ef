"""How far a delivery is, and what a clerk can do when it ended without data."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.choices import AttemptOutcome, EndReason
from exchange.models import Delivery
from exchange.states import DeliveryStatus

# A rate measured over less is a guess.
SHORTEST_MEASURE = timedelta(seconds=3)
LONG_WAIT = timedelta(minutes=2)

ADVICE: dict[str, Promise] = {
    EndReason.FAILED: _(
        "The owner's database could not be read. Order the package again later; if it happens again, tell the contact of the database."
    ),
    EndReason.CHANGED: _(
        "The owner's database or terms no longer match what was agreed, so nothing was delivered. File a new request, or ask the owner."
    ),
    EndReason.LIMIT: _(
        "There are more rows than the agreement allows, and a part of them would mislead you. Ordering again would end the same way. Copy the request as new, and ask with a narrower filter or a higher limit."
    ),
    EndReason.STOPPED: _(
        "The agreement was suspended or has ended. Its page says why; the owner can answer questions."
    ),
    EndReason.REPLACED: _(
        "The agreement was changed while the package was made. Order it on the page of the new version."
    ),
    EndReason.CANCELLED: _("Somebody of your agency cancelled it. You can order the package again."),
}

# Where the message says more than the reason itself.
TELLING = {EndReason.FAILED, EndReason.CHANGED}


@dataclass(frozen=True, slots=True)
class Progress:
    """`rate` and `remaining` are None as long as nothing honest can be said."""

    is_running: bool
    rows: int
    expected: int | None
    percent: int | None
    size: int
    rate: int | None  # rows per second
    remaining: timedelta | None
    next_attempt_at: datetime | None
    message: str
    waits_long: bool

    @property
    def remaining_minutes(self) -> int | None:
        return None if self.remaining is None else int(self.remaining.total_seconds() // 60) + 1

    @property
    def is_nearly_done(self) -> bool:
        return self.remaining is not None and self.remaining < timedelta(minutes=1)


def progress_of(delivery: Delivery) -> Progress:
    now = timezone.now()
    attempt = delivery.attempts.filter(outcome=AttemptOutcome.RUNNING).last()
    running = delivery.status == DeliveryStatus.STARTED and attempt is not None
    rate = _rate(delivery.rows_done, now - attempt.started_at) if running else None
    postponed = not running and delivery.next_attempt_at > now
    return Progress(
        is_running=running,
        rows=delivery.rows_done,
        expected=delivery.rows_expected,
        percent=delivery.percent_done,
        size=delivery.bytes_done,
        rate=round(rate) if rate else None,
        remaining=_remaining(delivery, rate),
        next_attempt_at=delivery.next_attempt_at if postponed else None,
        message=delivery.message,
        waits_long=not running and not postponed and now - delivery.next_attempt_at > LONG_WAIT,
    )


def _rate(rows: int, elapsed: timedelta) -> float | None:
    if elapsed < SHORTEST_MEASURE or not rows:
        return None
    return rows / elapsed.total_seconds()


def _remaining(delivery: Delivery, rate: float | None) -> timedelta | None:
    if not rate or not delivery.rows_expected or delivery.rows_done > delivery.rows_expected:
        return None
    return timedelta(seconds=(delivery.rows_expected - delivery.rows_done) / rate)
