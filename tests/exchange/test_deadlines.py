"""Deadlines in working days, from the calendar in the database."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.choices import DayKind, OnwardSharing
from exchange.models import Agreement, CalendarDay, DeadlineProfile
from exchange.services import cases, deadlines, requests
from exchange.terms import Term
from registry.choices import PersonalData
from registry.models import Field
from tests.exchange.past import put_due
from tests.scenarios import hash_of

MONDAY = date(2026, 3, 2)


def mark(day: date, kind: DayKind) -> None:
    CalendarDay.objects.create(day=day, kind=kind, title="Ngày đặc biệt")


def morning(day: int):
    return time_machine.travel(datetime(2026, 3, day, 9, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")), tick=False)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (MONDAY, 1, date(2026, 3, 3)),
        (MONDAY, 5, date(2026, 3, 9)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),
        (date(2026, 3, 7), 1, date(2026, 3, 9)),
        (MONDAY, 20, date(2026, 3, 30)),
    ],
)
def test_weekends_do_not_count(db, start, days, end):
    assert deadlines.due_on(start, days) == end
    assert deadlines.working_days_between(start, end) == days


def test_days_off_and_extra_working_days_come_from_the_calendar(db):
    mark(date(2026, 3, 3), DayKind.OFF)
    mark(date(2026, 3, 7), DayKind.WORKING)
    assert deadlines.due_on(MONDAY, 1) == date(2026, 3, 4)
    assert deadlines.due_on(MONDAY, 4) == date(2026, 3, 7)


def test_long_holiday_is_skipped(db):
    for number in range(16, 25):
        mark(date(2026, 2, number), DayKind.OFF)
    assert deadlines.due_on(date(2026, 2, 13), 2) == date(2026, 2, 26)


@pytest.mark.parametrize(("sensitive", "days"), [(False, 7), (True, 15)])
def test_profile_follows_the_sensitivity_of_the_fields(world, sensitive, days):
    DeadlineProfile.objects.filter(code=Term.SIMPLE).update(working_days=7)
    DeadlineProfile.objects.filter(code=Term.COMPLEX).update(working_days=15)
    if sensitive:
        Field.objects.filter(name="born").update(personal_data=PersonalData.SENSITIVE)
    with morning(2):
        assert world.submitted().cases.get().due_on == deadlines.due_on(MONDAY, days)


def test_longer_usual_term_counts_without_a_profile(world):
    DeadlineProfile.objects.all().delete()
    with morning(2):
        assert world.submitted().cases.get().due_on == date(2026, 3, 30)


def test_day_of_receipt_is_the_day_in_hanoi(world):
    with time_machine.travel(datetime(2026, 3, 2, 18, tzinfo=ZoneInfo("UTC")), tick=False):
        assert world.submitted().cases.get().due_on == deadlines.due_on(date(2026, 3, 3), 5)


def test_clock_stands_still_while_the_request_is_returned(world):
    DeadlineProfile.objects.filter(code=Term.SIMPLE).update(working_days=7)
    with morning(2):
        request = world.under_review()
    assert request.cases.get().due_on == date(2026, 3, 11)
    with morning(5):
        cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    with morning(16):
        world.submitted(world.proposed(request))
    assert request.cases.get().due_on == date(2026, 3, 20), "four working days were left"


def test_case_that_was_overdue_when_returned_is_due_the_next_working_day(world):
    with morning(2):
        request = world.under_review()
    put_due(date(2026, 3, 3))
    with morning(5):
        cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    with morning(16):
        world.submitted(world.proposed(request))
    assert request.cases.get().due_on == date(2026, 3, 17)


def test_what_comes_back_harder_gets_the_days_that_its_term_is_longer(world):
    DeadlineProfile.objects.filter(code=Term.SIMPLE).update(working_days=7)
    DeadlineProfile.objects.filter(code=Term.COMPLEX).update(working_days=9)
    with morning(2):
        request = world.under_review()
    with morning(5):
        cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    with morning(16):
        changes = {"onward_sharing": OnwardSharing.NAMED, "onward_agencies": "Sở Tư pháp"}
        requests.save_draft(request=request, by=world.requester, version=request.version, content=changes)
        world.submitted(world.proposed(request))
    case = request.cases.get()
    assert (case.term, case.due_on) == (Term.COMPLEX, date(2026, 3, 24)), "four were left, and two come on top"


# --- the calendar against a count day by day

days = st.dates(min_value=date(2024, 1, 1), max_value=date(2030, 12, 31))


def naive(start: date, working_days: int, marked: dict) -> date:
    day = start
    while working_days:
        day += timedelta(days=1)
        working_days -= marked.get(day, DayKind.OFF if day.weekday() >= 5 else DayKind.WORKING) != DayKind.OFF
    return day


@pytest.fixture
def year_2026(db):
    """The days off of 2026 as they were decided, a Saturday worked in exchange, and an afternoon off."""
    off = [date(2026, 1, 1), *(date(2026, 2, n) for n in range(16, 21)), date(2026, 4, 27), date(2026, 4, 30)]
    off += [date(2026, 5, 1), date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2)]
    marked = dict.fromkeys(off, DayKind.OFF) | {
        date(2026, 8, 22): DayKind.WORKING,
        date(2026, 2, 13): DayKind.SHORTENED,
    }
    for day, kind in marked.items():
        closes = time(12) if kind == DayKind.SHORTENED else None
        CalendarDay.objects.create(day=day, kind=kind, closes_at=closes, title="x")
    return marked


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=days, first=st.integers(1, 40), second=st.integers(1, 40))
def test_terms_are_counted_as_day_by_day(year_2026, start, first, second):
    end = deadlines.due_on(start, first)
    assert end == naive(start, first, year_2026)
    assert deadlines.is_working_day(end, year_2026)
    assert deadlines.working_days_between(start, end) == first
    assert deadlines.due_on(end, second) == deadlines.due_on(start, first + second)
    assert deadlines.due_on(start, first + 1) > end
    assert deadlines.working_days_between(deadlines.working_days_back(start, first), start) == first


@pytest.mark.parametrize(
    ("start", "working_days", "end"),
    [
        (date(2026, 2, 12), 2, date(2026, 2, 23)),  # over Tết, whose eve is shortened and counts
        (date(2026, 4, 24), 3, date(2026, 5, 4)),  # over the Kings' day, 30 April and 1 May
        (date(2026, 8, 21), 1, date(2026, 8, 22)),  # a Saturday worked in exchange
        (date(2026, 8, 28), 1, date(2026, 9, 3)),  # over the National Day
    ],
)
def test_holidays_of_2026(year_2026, start, working_days, end):
    assert deadlines.due_on(start, working_days) == end


def test_a_shortened_day_has_an_hour_and_others_have_none(year_2026):
    assert deadlines.closes_at(date(2026, 2, 13)) == time(12)
    assert deadlines.closes_at(date(2026, 2, 12)) is None
    for kind, closes in ((DayKind.SHORTENED, None), (DayKind.OFF, time(12))):
        with pytest.raises(IntegrityError), transaction.atomic():
            CalendarDay.objects.create(day=date(2027, 1, 4), kind=kind, closes_at=closes, title="x")


def test_nothing_is_approved_by_silence(world):
    from exchange import tasks

    with morning(2):
        request = world.under_review(period_to=date(2026, 12, 31), retention_until=date(2026, 12, 31))
    with time_machine.travel(datetime(2027, 6, 1, tzinfo=ZoneInfo("UTC")), tick=False):
        tasks.sweep()
    request.refresh_from_db()
    assert request.status == "submitted"  # the idle claim lapsed, and that is all
    assert not Agreement.objects.exists()
