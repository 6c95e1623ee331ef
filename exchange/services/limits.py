"""How much may be taken under an agreement in which time. Months, days and minutes are those of the calendar.

All versions of an agreement are counted together: asking for a change is no way to a second helping.
The database counts again when the row is written (by triggers), so two at once get no more than one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange.models import Agreement, Delivery, LookupRate
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.states import DeliveryStatus
from registry.choices import Limit
from registry.connectors import ExtractPlan
from registry.terms import grouped, limit_sentence

RATE = "exchange_lookup_rate"  # the name under which the database refuses a look-up too many


@dataclass(frozen=True, slots=True)
class Use:
    """One limit of an agreement: what it says, how much of it is used, and when there is more again."""

    limit: Limit
    most: int
    used: int
    again: datetime

    @property
    def sentence(self) -> str:
        return limit_sentence(self.limit, self.most)

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.most


def uses(agreement: Agreement) -> list[Use]:
    """Each limit of the agreement, and how much of it is used at this moment."""
    most = _limits(agreement)
    return [_use(agreement, limit, most[limit]) for limit in Limit if limit in most]


def check_order(agreement: Agreement) -> None:
    """Refuse a package that the month has no room for."""
    most = _limits(agreement)
    for limit, code in ((Limit.DELIVERIES_PER_MONTH, "deliveries-used"), (Limit.ROWS_PER_MONTH, "rows-used")):
        if limit in most and (use := _use(agreement, limit, most[limit])).is_used_up:
            raise _refusal(code, use)


def check_rows(agreement: Agreement, rows: int) -> None:
    """Refuse a finished package that holds more rows than the month has left."""
    left = _rows_left(agreement)
    if left is not None and rows > left[0]:
        raise _refusal("rows-used", left[1])


def within_month(plan: ExtractPlan, agreement: Agreement) -> ExtractPlan:
    """The same plan for no more rows than the month has left: the source is not read beyond it."""
    left = _rows_left(agreement)
    if left is None:
        return plan
    rows, use = left
    if rows < 1:
        raise _refusal("rows-used", use)
    return replace(plan, row_limit=rows if plan.row_limit is None else min(plan.row_limit, rows))


def rate_exceeded(error: IntegrityError, agreement: Agreement) -> Refusal | None:
    """The refusal behind what the database said about a look-up too many; None for any other error."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is None or diagnosis.constraint_name != RATE:
        return None
    limit, now = Limit(diagnosis.message_detail), timezone.localtime()
    most = _limits(agreement)[limit]
    use = Use(limit, most, most, _NEXT[limit](now))
    refusal = _refusal("rate-used", use)
    refusal.status, refusal.retry_after = 429, max(1, int((use.again - now).total_seconds()))
    return refusal


def _rows_left(agreement: Agreement) -> tuple[int, Use] | None:
    most = _limits(agreement).get(Limit.ROWS_PER_MONTH)
    if most is None:
        return None
    use = _use(agreement, Limit.ROWS_PER_MONTH, most)
    return most - use.used, use


def _limits(agreement: Agreement) -> dict[Limit, int]:
    return {Limit(name): most for name, most in Scope.from_text(agreement.scope).limits}


def _use(agreement: Agreement, limit: Limit, most: int) -> Use:
    now = timezone.localtime()
    return Use(limit, most, _USED[limit](agreement, now), _NEXT[limit](now))


def _deliveries(agreement: Agreement, now: datetime) -> int:
    this_month = Delivery.objects.filter(agreement__code=agreement.code, requested_at__gte=_month(now))
    return this_month.exclude(status=DeliveryStatus.TERMINATED).count()


def _rows(agreement: Agreement, now: datetime) -> int:
    given = Delivery.objects.filter(
        agreement__code=agreement.code, status=DeliveryStatus.COMPLETED, finished_at__gte=_month(now)
    )
    return given.aggregate(rows=Sum("rows"))["rows"] or 0


def _asked(span: str, begin: Callable[[datetime], datetime]) -> Callable[[Agreement, datetime], int]:
    def count(agreement: Agreement, now: datetime) -> int:
        rates = LookupRate.objects.filter(agreement__code=agreement.code, span=span)
        rate = rates.filter(starts_at__gte=begin(now)).first()
        return rate.asked if rate else 0

    return count


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _month(now: datetime) -> datetime:
    return _day(now).replace(day=1)


def _next_month(now: datetime) -> datetime:
    return _month(_month(now) + timedelta(days=32))


_USED = {
    Limit.ROWS_PER_MONTH: _rows,
    Limit.DELIVERIES_PER_MONTH: _deliveries,
    Limit.LOOKUPS_PER_DAY: _asked("day", _day),
    Limit.LOOKUPS_PER_MINUTE: _asked("minute", _minute),
}
_NEXT = {
    Limit.ROWS_PER_MONTH: _next_month,
    Limit.DELIVERIES_PER_MONTH: _next_month,
    Limit.LOOKUPS_PER_DAY: lambda now: _day(now) + timedelta(days=1),
    Limit.LOOKUPS_PER_MINUTE: lambda now: _minute(now) + timedelta(minutes=1),
}


def _refusal(code: str, use: Use) -> Refusal:
    told = {"limit": use.sentence, "used": grouped(use.used), "again": date_format(use.again, "SHORT_DATETIME_FORMAT")}
    return Refusal(
        code, _("The agreement gives %(limit)s; %(used)s were taken. It is possible again from %(again)s.") % told
    )
