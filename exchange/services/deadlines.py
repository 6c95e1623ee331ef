"""Counting working days in the calendar of the database."""

from datetime import date, timedelta

from django.utils import timezone

from exchange.choices import DayKind, Verdict
from exchange.models import CalendarDay, DeadlineProfile, ReviewCase
from exchange.services import scopes
from registry.choices import PersonalData

SIMPLE, COMPLEX = "simple", "complex"
FALLBACK_DAYS = 20  # the longer of the two usual terms, where no profile was entered


def due_on(start: date, working_days: int) -> date:
    """The day on which the term ends; the day of receipt does not count."""
    horizon = start + timedelta(days=working_days * 3 + 60)
    marked = dict(CalendarDay.objects.filter(day__gt=start, day__lte=horizon).values_list("day", "kind"))
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


def is_working_day(day: date, marked: dict[date, str]) -> bool:
    if day in marked:
        return marked[day] == DayKind.WORKING
    return day.weekday() < 5


def due_date_for(request, earlier: ReviewCase | None = None) -> date:
    """When the provider must have decided: sensitive personal data counts as complex.

    The clock stood still while the request was returned: what was left in the `earlier` case is left now.
    """
    returned = earlier and earlier.decisions.filter(verdict=Verdict.RETURN).order_by("-made_at").first()
    if returned:
        left = working_days_between(timezone.localdate(returned.made_at), earlier.due_on)
        return due_on(timezone.localdate(), max(left, 1))
    asked = request.dataset.fields.filter(name__in=scopes.asked_names(request), personal_data=PersonalData.SENSITIVE)
    profile = DeadlineProfile.objects.filter(code=COMPLEX if asked.exists() else SIMPLE).first()
    return due_on(timezone.localdate(), profile.working_days if profile else FALLBACK_DAYS)
