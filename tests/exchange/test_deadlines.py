"""Deadlines in working days, from the calendar in the database."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine

from exchange.choices import DayKind
from exchange.models import CalendarDay, DeadlineProfile
from exchange.services import cases, deadlines
from registry.choices import PersonalData
from registry.models import Field
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
    DeadlineProfile.objects.create(code="simple", title="Đơn giản", working_days=7, source="Quy chế")
    DeadlineProfile.objects.create(code="complex", title="Phức tạp", working_days=15, source="Quy chế")
    if sensitive:
        Field.objects.filter(name="born").update(personal_data=PersonalData.SENSITIVE)
    with morning(2):
        assert world.submitted().cases.get().due_on == deadlines.due_on(MONDAY, days)


def test_longer_usual_term_counts_without_a_profile(world):
    with morning(2):
        assert world.submitted().cases.get().due_on == date(2026, 3, 30)


def test_day_of_receipt_is_the_day_in_hanoi(world):
    with time_machine.travel(datetime(2026, 3, 2, 18, tzinfo=ZoneInfo("UTC")), tick=False):
        assert world.submitted().cases.get().due_on == deadlines.due_on(date(2026, 3, 3), 20)


def test_clock_stands_still_while_the_request_is_returned(world):
    DeadlineProfile.objects.create(code="simple", title="Đơn giản", working_days=7, source="Quy chế")
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
    type(request.cases.get()).objects.update(due_on=date(2026, 3, 3))
    with morning(5):
        cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    with morning(16):
        world.submitted(world.proposed(request))
    assert request.cases.get().due_on == date(2026, 3, 17)


def test_nothing_is_approved_by_silence(world):
    from exchange import tasks

    with morning(2):
        request = world.under_review(period_to=date(2026, 12, 31), retention_until=date(2026, 12, 31))
    with time_machine.travel(datetime(2027, 6, 1, tzinfo=ZoneInfo("UTC")), tick=False):
        tasks.sweep()
    request.refresh_from_db()
    assert request.status == "under-review"
