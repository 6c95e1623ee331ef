"""How much each case officer of an owner has to do, and how fast it went lately. A few grouped queries, however many cases."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from django.db.models import Count, F, Q
from django.utils import timezone

from exchange.models import CalendarDay, ReviewCase
from exchange.services.deadlines import is_working_day
from exchange.states import RequestStatus
from registry.models import Agency, User

SOON_DAYS = 3  # calendar days, today included
DAYS_BACK = 30
MOST_CLOSED = 5_000  # for the median: the latest ones
ON_THE_CLOCK = (RequestStatus.SUBMITTED, RequestStatus.UNDER_REVIEW)


@dataclass(slots=True)
class Line:
    """What one case officer has, or what nobody has taken on yet; `median` is in working days."""

    officer: User | None
    open: int = 0
    soon: int = 0
    overdue: int = 0
    closed: int = 0
    median: float | None = None


def of(providers: Iterable[Agency]) -> list[Line]:
    """One line for each case officer of these owners, the most overdue first."""
    today = timezone.localdate()
    cases = ReviewCase.objects.filter(provider__in=list(providers)).order_by()
    lines: dict[int | None, Line] = defaultdict(lambda: Line(None))

    # A case whose request came back about another owner's dataset is left behind.
    running = cases.filter(request__status__in=ON_THE_CLOCK, provider=F("request__dataset__database__owner"))
    counted = running.values("claimed_by").annotate(
        open=Count("pk"),
        soon=Count("pk", filter=Q(due_on__gte=today, due_on__lt=today + timedelta(days=SOON_DAYS))),
        overdue=Count("pk", filter=Q(due_on__lt=today)),
    )
    for row in counted:
        line = lines[row["claimed_by"]]
        line.open, line.soon, line.overdue = row["open"], row["soon"], row["overdue"]

    taken = _closed(cases)
    for officer, days in taken.items():
        lines[officer].closed, lines[officer].median = len(days), median(days)

    people = User.objects.in_bulk([pk for pk in lines if pk is not None])
    for pk, line in lines.items():
        line.officer = people.get(pk)
    return sorted(lines.values(), key=lambda line: (-line.overdue, -line.open, str(line.officer or "")))


def _closed(cases) -> dict[int, list[int]]:
    """By case officer, how many working days each case took that was closed lately."""
    since = timezone.now() - timedelta(days=DAYS_BACK)
    rows = cases.filter(request__closed_at__gte=since, claimed_by__isnull=False)
    spans = [
        (officer, timezone.localdate(opened), timezone.localdate(closed))
        for officer, opened, closed in rows.order_by("-request__closed_at").values_list(
            "claimed_by", "opened_at", "request__closed_at"
        )[:MOST_CLOSED]
    ]
    if not spans:
        return {}
    until = _working_days_until(min(opened for _officer, opened, _closed in spans), max(span[2] for span in spans))
    found = defaultdict(list)
    for officer, opened, closed in spans:
        found[officer].append(until[closed] - until[opened])
    return found


def _working_days_until(first: date, last: date) -> dict[date, int]:
    """For each day from the first to the last, how many working days there were after the first up to it."""
    marked = dict(CalendarDay.objects.filter(day__gt=first, day__lte=last).values_list("day", "kind"))
    until, count = {first: 0}, 0
    for number in range(1, (last - first).days + 1):
        day = first + timedelta(days=number)
        count += is_working_day(day, marked)
        until[day] = count
    return until
