"""Counting working days in the calendar of the database, and what is due when."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from exchange.choices import DayKind, OnwardSharing, Verdict
from exchange.models import CalendarDay, DeadlineProfile, ReviewCase, Revision
from exchange.services import scopes
from exchange.terms import DEFAULTS, EMERGENCY_MOST_DAYS, Ground, Term, Wish, classify
from registry.choices import PersonalData


@dataclass(frozen=True, slots=True)
class Due:
    """When the owner must have decided, under which term, and why under that one."""

    day: date
    term: Term
    grounds: tuple[Ground, ...] = ()
    paused_days: int = 0  # working days in which the clock stood still, so far


def working_days_of(term: Term) -> int:
    """How many working days a term has today."""
    return DeadlineProfile.objects.filter(code=term).values_list("working_days", flat=True).first() or DEFAULTS[term]


def due_on(start: date, working_days: int) -> date:
    """The day on which the term ends; the day of receipt does not count."""
    return due_days([start], working_days)[start]


def due_days(starts: Iterable[date], working_days: int) -> dict[date, date]:
    """The day on which the term ends for each of the days on which it begins, with one look at the calendar."""
    starts = set(starts)
    if not starts:
        return {}
    horizon = max(starts) + timedelta(days=working_days * 3 + 60)
    marked = dict(CalendarDay.objects.filter(day__gt=min(starts), day__lte=horizon).values_list("day", "kind"))
    return {start: _count_on(start, working_days, marked) for start in starts}


def _count_on(start: date, working_days: int, marked: dict[date, str]) -> date:
    day, left = start, working_days
    while left:
        day += timedelta(days=1)
        if is_working_day(day, marked):
            left -= 1
    return day


def working_days_between(start: date, end: date) -> int:
    """The working days after `start` up to and including `end`."""
    marked = dict(CalendarDay.objects.filter(day__gt=start, day__lte=end).values_list("day", "kind"))
    days = (start + timedelta(days=number) for number in range(1, (end - start).days + 1))
    return sum(is_working_day(day, marked) for day in days)


def working_days_back(end: date, working_days: int) -> date:
    """The latest day from which at least so many working days have passed until `end`."""
    horizon = end - timedelta(days=working_days * 3 + 60)
    marked = dict(CalendarDay.objects.filter(day__gte=horizon, day__lte=end).values_list("day", "kind"))
    day, left = end, working_days
    while left:
        if is_working_day(day, marked):
            left -= 1
        day -= timedelta(days=1)
    return day


def moment_back(working_days: int) -> datetime:
    """Whatever last moved before this moment did so more than so many whole working days ago."""
    day = working_days_back(timezone.localdate(), working_days)
    return timezone.make_aware(datetime.combine(day, time.min))


def is_working_day(day: date, marked: dict[date, str]) -> bool:
    """A shortened day is one, too: it only ends earlier."""
    if day in marked:
        return marked[day] != DayKind.OFF
    return day.weekday() < 5


def is_today_a_working_day() -> bool:
    today = timezone.localdate()
    return is_working_day(today, dict(CalendarDay.objects.filter(day=today).values_list("day", "kind")))


def closes_at(day: date) -> time | None:
    """The hour at which a shortened day ends; None where the day has its usual hours."""
    return CalendarDay.objects.filter(day=day, kind=DayKind.SHORTENED).values_list("closes_at", flat=True).first()


def has_calendar(year: int) -> bool:
    """Whether anybody entered the days off of a year: what is counted in another one may come out too early."""
    return CalendarDay.objects.filter(day__year=year, kind=DayKind.OFF).exists()


def due_of(request, earlier: ReviewCase | None = None) -> Due:
    """When the provider must have decided.

    The clock stood still while the request was returned: what was left in the `earlier` case is left now, and where
    something harder is asked for since, the days by which its term is longer come on top. Another dataset begins anew.
    """
    term, grounds = classify(_wish_of(request))
    today = timezone.localdate()
    returned = earlier and earlier.decisions.filter(verdict=Verdict.RETURN).order_by("-made_at").first()
    if not returned or _dataset_in(returned.revision) != request.dataset.code:
        return Due(due_on(today, working_days_of(term)), term, tuple(grounds))
    since = timezone.localdate(returned.made_at)
    harder = max(working_days_of(term) - working_days_of(Term(earlier.term)), 0)
    left = working_days_between(since, earlier.due_on) + harder
    paused = earlier.paused_days + working_days_between(since, today)
    return Due(due_on(today, max(left, 1)), term, tuple(grounds), paused)


def _dataset_in(revision: Revision) -> str:
    return json.loads(revision.content)["dataset"]


def due_date_for(request, earlier: ReviewCase | None = None) -> date:
    return due_of(request, earlier).day


def _wish_of(request) -> Wish:
    asked = request.dataset.fields.filter(name__in=scopes.asked_names(request), personal_data=PersonalData.SENSITIVE)
    return Wish(
        mode=scopes.way_of(request),
        rows=request.row_limit,
        conditions=len(request.row_filter),
        is_sensitive=asked.exists(),
        is_passed_on=request.onward_sharing != OnwardSharing.NONE,
        is_emergency=request.is_emergency,
    )


def longest_emergency() -> int:
    """How many days of the calendar access in an emergency lasts at most, its first and last day included."""
    return min(working_days_of(Term.EMERGENCY_PERIOD), EMERGENCY_MOST_DAYS)
