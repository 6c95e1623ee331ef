"""The calendar from a file: shown first, taken over as a whole or not at all, and told where a year is missing."""

import json
from datetime import date, time

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evidence.models import Entry
from exchange.choices import DayKind
from exchange.models import CalendarDay
from exchange.services import calendar_files, deadlines
from registry.choices import Role, RowOutcome
from registry.errors import RegistryRefusal
from tests import factories
from tests.exchange.desk import as_user, told
from tests.exchange.past import put_due
from tests.factories import person

HEADER = "day,kind,closes_at,title,source\n"
IMPORT = "admin:exchange_calendarday_import"
TODAY = "2026-11-27T09:00:00+07:00"


@pytest.fixture
def operator(db):
    return person(factories.AgencyFactory(), Role.OPERATOR, is_staff=True)


def table(*lines: str) -> list[list[str]]:
    return calendar_files.read(SimpleUploadedFile("a.csv", (HEADER + "\n".join(lines)).encode()))


def preview(*lines: str) -> calendar_files.Preview:
    return calendar_files.preview(table=table(*lines))


def apply(operator, *lines: str) -> int:
    shown = preview(*lines)
    return calendar_files.apply(table=shown.table, digest=shown.digest, by=operator)


def send(user, text: str, **more):
    file = SimpleUploadedFile("lich.csv", text.encode())
    return as_user(user).post(reverse(IMPORT), {"file": file}, **more)


def test_a_year_is_taken_over(operator):
    taken = apply(
        operator,
        "2027-01-01,off,,Tết Dương lịch,Điều 112",
        "13/02/2027,Ngày làm bù,,Làm bù,QĐ 1",
        "2027-02-05,shortened,11h30,Giáp Tết,",
    )
    assert taken == 3
    assert list(CalendarDay.objects.values_list("day", "kind", "closes_at")) == [
        (date(2027, 1, 1), DayKind.OFF, None),
        (date(2027, 2, 5), DayKind.SHORTENED, time(11, 30)),
        (date(2027, 2, 13), DayKind.WORKING, None),
    ]
    assert Entry.objects.filter(action="exchange.calendarday.add").count() == 3


def test_words_of_either_language_name_a_kind(operator):
    assert [row.outcome for row in preview("2027-01-01,Ngày nghỉ,,Tết,", "2027-01-02,OFF,,Tết,").rows] == [
        RowOutcome.CHANGE
    ] * 2


def test_what_a_file_does_not_name_stays(operator):
    CalendarDay.objects.create(day=date(2027, 5, 1), kind=DayKind.OFF, title="Ngày Quốc tế lao động")
    apply(operator, "2027-01-01,off,,Tết Dương lịch,")
    assert CalendarDay.objects.count() == 2


def test_a_day_that_is_there_is_changed_with_both_values_on_record(operator):
    CalendarDay.objects.create(day=date(2027, 1, 1), kind=DayKind.OFF, title="Tết", source="cũ")
    shown = preview("2027-01-01,off,,Tết Dương lịch,mới")
    assert shown.rows[0].changes == {"title": ("Tết", "Tết Dương lịch"), "source": ("cũ", "mới")}
    assert apply(operator, "2027-01-01,off,,Tết Dương lịch,mới") == 1
    details = json.loads(Entry.objects.get(action="exchange.calendarday.change").details)
    assert details["values"]["source"] == {"old": "cũ", "new": "mới"}
    assert not preview("2027-01-01,off,,Tết Dương lịch,mới").can_apply


def test_a_column_that_is_missing_changes_nothing_of_it(operator):
    CalendarDay.objects.create(day=date(2027, 1, 1), kind=DayKind.OFF, title="Tết", source="Điều 112")
    shown = calendar_files.preview(table=[["day", "kind", "title"], ["2027-01-01", "off", "Tết Dương lịch"]])
    calendar_files.apply(table=shown.table, digest=shown.digest, by=operator)
    assert CalendarDay.objects.get().source == "Điều 112"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x,off,,Tết,", "day"),
        ("1027-01-01,off,,Tết,", "day"),
        ("2027-02-30,off,,Tết,", "day"),
        ("2027-01-01,nghỉ nhé,,Tết,", "kind"),
        ("2027-01-01,off,,,", "title"),
        ("2027-01-01,off,,{},".format("x" * 201), "title"),
        ("2027-01-01,off,11:30,Tết,", "closes_at"),
        ("2027-01-01,shortened,,Tết,", "closes_at"),
        ("2027-01-01,shortened,25:00,Tết,", "closes_at"),
    ],
)
def test_a_row_with_an_error_says_where_and_keeps_the_others_back(operator, line, words):
    shown = preview("2027-05-01,off,,Ngày Quốc tế lao động,", line)
    good, bad = shown.rows
    assert (good.outcome, bad.outcome, bad.line) == (RowOutcome.CHANGE, RowOutcome.INVALID, 3)
    assert bad.problems[0].startswith(f"{words}:")
    with pytest.raises(RegistryRefusal) as caught:
        calendar_files.apply(table=shown.table, digest=shown.digest, by=operator)
    assert caught.value.code == "not-ready"
    assert not CalendarDay.objects.exists()


def test_every_row_tells_all_of_its_errors(db):
    (row,) = preview("x,y,z,,").rows
    assert [problem.partition(":")[0] for problem in row.problems] == ["day", "kind", "closes_at", "title"]


def test_a_day_in_two_rows_is_neither(db):
    assert len(preview("2027-01-01,off,,A,", "01/01/2027,working,,B,").refused) == 2


def test_odd_days_are_told_and_taken(operator):
    with time_machine.travel(TODAY, tick=False):
        shown = preview("2027-01-02,off,,Thứ bảy,", "2027-01-04,working,,Thứ hai,", "2026-01-01,off,,Đã qua,")
    assert [len(row.notes) for row in shown.rows] == [1, 1, 1]
    assert shown.can_apply


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", HEADER, "day,day,kind,title\n1,2,3,4\n"])
def test_what_is_no_calendar_is_refused(db, content):
    with pytest.raises(RegistryRefusal):
        calendar_files.preview(table=calendar_files.read(SimpleUploadedFile("a.csv", content.encode())))


def test_what_changed_in_between_is_looked_at_anew(operator):
    shown = preview("2027-01-01,off,,Tết Dương lịch,")
    CalendarDay.objects.create(day=date(2027, 1, 1), kind=DayKind.WORKING, title="Khác")
    with pytest.raises(RegistryRefusal) as caught:
        calendar_files.apply(table=shown.table, digest=shown.digest, by=operator)
    assert caught.value.code == "changed"
    assert CalendarDay.objects.get().title == "Khác"


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPERATOR}))
def test_only_operators_take_a_calendar_over(db, role):
    shown = preview("2027-01-01,off,,Tết Dương lịch,")
    someone = person(factories.AgencyFactory(), role, is_staff=True)
    with pytest.raises(RegistryRefusal) as caught:
        calendar_files.apply(table=shown.table, digest=shown.digest, by=someone)
    assert caught.value.code == "not-your-role"
    assert as_user(someone).get(reverse(IMPORT)).status_code == 403


def test_an_export_comes_back_without_a_change(operator):
    apply(operator, "2027-01-01,off,,=Tết,Điều 112", "2027-02-05,shortened,11:30,Giáp Tết,")
    text = b"".join(as_user(operator).get(reverse("admin:exchange_calendarday_export")).streaming_content)
    shown = calendar_files.preview(table=calendar_files.read(SimpleUploadedFile("a.csv", text)))
    assert [row.outcome for row in shown.rows] == [RowOutcome.SAME] * 2


def test_the_template_of_a_year_can_be_taken_over_as_it_is(operator):
    text = b"".join(
        as_user(operator).get(reverse("admin:exchange_calendarday_template", args=[2027])).streaming_content
    )
    shown = calendar_files.preview(table=calendar_files.read(SimpleUploadedFile("a.csv", text)))
    assert [row.day for row in shown.waiting] == [date(2027, m, d) for m, d in ((1, 1), (4, 30), (5, 1), (9, 2))]
    assert shown.can_apply


# --- pages


def test_an_operator_looks_at_a_file_and_takes_it_over(operator):
    answer = send(operator, HEADER + "2027-01-01,off,,Tết Dương lịch,Điều 112\n")
    assert answer.status_code == 200
    assert "Tết Dương lịch" in answer.content.decode()
    assert not CalendarDay.objects.exists()
    done = as_user(operator).post(reverse(IMPORT), {"kept": answer.context["kept"]}, follow=True)
    assert told(done)
    assert CalendarDay.objects.get().day == date(2027, 1, 1)


def test_a_page_with_errors_has_no_button_to_go_on(operator):
    answer = send(operator, HEADER + "2027-01-01,off,,Tết,\nx,off,,Tết,\n")
    assert answer.status_code == 422
    assert answer.context["kept"] == ""
    assert answer.content.decode().count('role="alert"') == 1


def test_a_page_that_somebody_made_up_takes_nothing_over(operator):
    answer = as_user(operator).post(reverse(IMPORT), {"kept": "made:up"}, follow=True)
    assert told(answer)
    assert not CalendarDay.objects.exists()


def test_a_page_from_before_a_change_shows_the_new_state(operator):
    kept = send(operator, HEADER + "2027-01-01,off,,Tết Dương lịch,\n").context["kept"]
    CalendarDay.objects.create(day=date(2027, 1, 1), kind=DayKind.OFF, title="Khác")
    answer = as_user(operator).post(reverse(IMPORT), {"kept": kept})
    assert answer.context["rows"][0]["row"].changes == {"title": ("Khác", "Tết Dương lịch")}
    assert answer.context["kept"] not in ("", kept)
    assert Entry.objects.filter(action="exchange.calendarday.refuse").count() == 1


def test_a_file_costs_the_same_with_two_days_and_with_twenty(operator):
    counts = []
    for days in (2, 20):
        lines = "".join(f"2027-03-{day:02},off,,Ngày {day},\n" for day in range(1, days + 1))
        send(operator, HEADER + lines)
        with CaptureQueriesContext(connection) as captured:
            send(operator, HEADER + lines)
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- years that are missing


def test_years_without_days_off_are_told(world):
    with time_machine.travel(TODAY, tick=False):
        assert calendar_files.years_without_days_off() == [2026, 2027]
        CalendarDay.objects.create(day=date(2026, 1, 1), kind=DayKind.OFF, title="Tết Dương lịch")
        CalendarDay.objects.create(day=date(2027, 2, 13), kind=DayKind.WORKING, title="Làm bù")
        assert calendar_files.years_without_days_off() == [2027]
        assert not deadlines.has_calendar(2027)
        put_due(date(2028, 1, 10), world.submitted())
        assert calendar_files.years_without_days_off() == [2027, 2028]


def test_operators_read_which_year_is_missing(operator):
    CalendarDay.objects.create(day=date(2026, 1, 1), kind=DayKind.OFF, title="Tết Dương lịch")
    with time_machine.travel(TODAY, tick=False):
        answer = as_user(operator).get(reverse("admin:exchange_calendarday_changelist"))
        assert answer.context["bare_years"] == [2027]
    assert "Năm 2027 chưa có ngày nghỉ" in answer.content.decode()
