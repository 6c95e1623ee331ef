"""Counting working days in the calendar of the database."""

from datetime import date, timedelta

from django.utils import timezone

from exchange.choices import DayKind
from exchange.models import CalendarDay, DeadlineProfile
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


def is_working_day(day: date, marked: dict[date, str]) -> bool:
    if day in marked:
        return marked[day] == DayKind.WORKING
    return day.weekday() < 5


def due_date_for(request) -> date:
    """When the provider must have decided: sensitive personal data counts as complex."""
    asked = request.dataset.fields.filter(name__in=request.field_names, personal_data=PersonalData.SENSITIVE)
    profile = DeadlineProfile.objects.filter(code=COMPLEX if asked.exists() else SIMPLE).first()
    return due_on(timezone.localdate(), profile.working_days if profile else FALLBACK_DAYS)
