"""The calendar out to a file and back: what a file would change is shown first, and then taken over as a whole or not at all.

Half a calendar is worse than none, as nobody sees what is missing. Days that a file does not name stay as they are.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from exchange.choices import DayKind
from exchange.models import CalendarDay, ReviewCase
from registry import spreadsheets
from registry.choices import RowOutcome
from registry.errors import RegistryRefusal
from registry.models import User
from registry.services import records

HEADER = ["day", "kind", "closes_at", "title", "source"]
NEEDED = ["day", "kind", "title"]
MOST_ROWS = 1_000
# Article 112 of the Labour Code: the days off that the solar calendar fixes. Tết, the day of the Hùng Kings, the second
# day around 2 September and days that are swapped are announced for each year.
LABOUR_CODE = "Điều 112 Bộ luật Lao động số 45/2019/QH14"
FIXED = (
    (1, 1, "Tết Dương lịch"),
    (4, 30, "Ngày Chiến thắng"),
    (5, 1, "Ngày Quốc tế lao động"),
    (9, 2, "Quốc khánh"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file: what it says, and what it would do; `changes` has the old and the new value by column."""

    line: int
    said: tuple[str, ...]
    day: date | None = None
    outcome: RowOutcome = RowOutcome.INVALID
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do to the calendar; `digest` stands for the file and for the days as they are now."""

    table: list[list[str]]
    rows: list[Row]
    digest: str

    @property
    def waiting(self) -> list[Row]:
        return [row for row in self.rows if row.outcome == RowOutcome.CHANGE]

    @property
    def refused(self) -> list[Row]:
        return [row for row in self.rows if row.outcome in (RowOutcome.INVALID, RowOutcome.TWICE)]

    @property
    def can_apply(self) -> bool:
        return bool(self.waiting) and not self.refused


def exported(found) -> Iterator[list[str]]:
    yield HEADER
    for one in found:
        yield list(_texts(one).values())


def template(year: int) -> Iterator[list[str]]:
    """A file to begin a year with: the days off that are the same in every year."""
    yield HEADER
    for month, day, title in FIXED:
        yield [date(year, month, day).isoformat(), str(DayKind.OFF), "", title, LABOUR_CODE]


def years_without_days_off(today: date | None = None) -> list[int]:
    """This year and the next one, and those in which something is due, as far as nobody entered their days off."""
    today = today or timezone.localdate()
    due = ReviewCase.objects.running().values_list("due_on__year", flat=True).distinct().order_by("due_on__year")
    years = {today.year, today.year + 1, *(year for year in due if year >= today.year)}
    off = CalendarDay.objects.filter(kind=DayKind.OFF, day__year__in=years)
    return sorted(years - set(off.values_list("day__year", flat=True)))


def read(file: BinaryIO) -> list[list[str]]:
    """The table of a file, without its empty lines. Raises RegistryRefusal."""
    table = spreadsheets.read(file)
    return [row for row in table[:1] if row] + [row for row in table[1:] if any(value.strip() for value in row)]


def preview(*, table: list[list[str]]) -> Preview:
    """Judge every line; nothing changes. Raises RegistryRefusal where it is no calendar at all."""
    names = [name.strip().lower() for name in table[0]] if table else []
    missing = [name for name in NEEDED if name not in names]
    if missing or len(set(names)) != len(names):
        raise RegistryRefusal(
            "header",
            _("The first row has to hold the names of the columns: %(names)s.") % {"names": ", ".join(HEADER)},
        )
    if len(table) < 2:
        raise RegistryRefusal("empty", _("There is nothing in this file that could be taken over."))
    if len(table) > MOST_ROWS + 1:
        raise RegistryRefusal("too-many-rows", _("The table has more than %(rows)s rows.") % {"rows": MOST_ROWS})
    read_lines = [_read(number, names, cells) for number, cells in enumerate(table[1:], start=2)]
    days = Counter(one.day for _number, one, _problems in read_lines if one.day)
    known = {one.day: one for one in CalendarDay.objects.filter(day__in=list(days))}
    rows = [_judged(number, day, problems, known, days, names) for number, day, problems in read_lines]
    state = repr([table, sorted((str(day), list(_texts(one).values())) for day, one in known.items())])
    return Preview(table, rows, hashlib.sha256(state.encode()).hexdigest())


def apply(*, table: list[list[str]], digest: str, by: User) -> int:
    """Take a file over that was shown, as a whole; how many days. Raises RegistryRefusal and then changes nothing."""
    if not (by.has_perm("exchange.add_calendarday") and by.has_perm("exchange.change_calendarday")):
        raise RegistryRefusal("not-your-role", _("Only operators keep the calendar."))
    with transaction.atomic():
        # A new day has no row to lock yet: whoever enters it in between meets the unique day, and this is refused.
        list(CalendarDay.objects.select_for_update().order_by("day").values_list("pk", flat=True))
        shown = preview(table=table)
        if shown.digest != digest:
            raise _changed()
        if not shown.can_apply:
            raise RegistryRefusal("not-ready", _("Nothing is taken over before every row is right."))
        for row in shown.waiting:
            _save(row, by)
    return len(shown.waiting)


def _changed() -> RegistryRefusal:
    return RegistryRefusal("changed", _("The calendar was changed in between. Look at what would change now."))


def _read(number: int, names: list[str], cells: list[str]) -> tuple[int, CalendarDay, list[str]]:
    """A line as the day that it means, as far as it can be read, and what cannot."""
    line = dict(zip(names, [*cells, *[""] * len(names)], strict=False))
    problems: list[str] = []
    one = CalendarDay(
        day=_attempt(problems, "day", _day, line["day"]),
        kind=_attempt(problems, "kind", _kind, line["kind"]) or "",
        closes_at=_attempt(problems, "closes_at", _hour, line.get("closes_at", "")),
        title=line["title"].strip(),
        source=line.get("source", "").strip(),
    )
    try:
        one.clean_fields(exclude=["day", "kind"])
    except ValidationError as error:
        problems += [f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()]
    if one.kind and "closes_at" not in " ".join(problems) and (one.kind == DayKind.SHORTENED) != bool(one.closes_at):
        problems.append(_("closes_at: a shortened day has an hour at which it closes; other days have none."))
    return number, one, problems


def _attempt(problems: list[str], name: str, read, text: str):
    try:
        return read(text.strip())
    except ValidationError as error:
        problems.append(f"{name}: {' '.join(error.messages)}")
        return None


def _day(text: str) -> date:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            found = datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        if 2000 <= found.year <= 2100:
            return found
        raise ValidationError(_("This year cannot be meant."))
    raise ValidationError(_("No day: write it as 2026-07-01 or 01/07/2026."))


def _kind(text: str) -> str:
    for kind in DayKind:
        if text.lower() in (kind.value, str(kind.label).lower()):
            return kind.value
    known = ", ".join(f"{kind.value} ({kind.label})" for kind in DayKind)
    raise ValidationError(_("Unknown code: %(codes)s. Known are: %(known)s.") % {"codes": text[:50], "known": known})


def _hour(text: str) -> time | None:
    for pattern in ("%H:%M", "%H:%M:%S", "%Hh%M"):
        try:
            return datetime.strptime(text, pattern).time() if text else None  # noqa: DTZ007 - an hour of any day
        except ValueError:
            continue
    raise ValidationError(_("No hour: write it as 11:30."))


def _judged(number: int, one: CalendarDay, problems: list[str], known: dict, days: Counter, names: list[str]) -> Row:
    said = tuple(_texts(one).values())
    if one.day and days[one.day] > 1:
        problems = [*problems, _("This day stands in more than one row.")]
    if problems:
        return Row(number, said, one.day, RowOutcome.INVALID, problems=tuple(problems))
    now = known.get(one.day)
    after = _texts(one)
    before = _texts(now) if now else dict.fromkeys(after, "")
    changes = {name: (before[name], after[name]) for name in HEADER if name in names and before[name] != after[name]}
    notes = list(_remarks(one)) if changes else []
    outcome = RowOutcome.CHANGE if changes else RowOutcome.SAME
    return Row(number, said, one.day, outcome, changes, notes=tuple(notes), is_new=now is None)


def _remarks(one: CalendarDay) -> Iterator[str]:
    is_weekend = one.day.weekday() >= 5
    if one.kind == DayKind.OFF and is_weekend:
        yield _("It falls on a weekend, which is off anyway: is another day given instead?")
    if one.kind == DayKind.WORKING and not is_weekend:
        yield _("It falls on a weekday, which is worked anyway.")
    if one.day < timezone.localdate():
        yield _("It lies in the past: days that were counted already stay as they were.")


def _save(row: Row, by: User) -> None:
    one = CalendarDay.objects.filter(day=row.day).first() or CalendarDay(day=row.day)
    meant = dict(zip(HEADER, row.said, strict=True))
    for name in row.changes:
        setattr(one, name, _hour(meant[name]) if name == "closes_at" else meant[name])
    one.day = row.day
    try:
        with transaction.atomic():
            one.full_clean()
            one.save()
    except (IntegrityError, ValidationError):  # somebody entered the day in between
        raise _changed() from None
    values = {name: {"old": old, "new": new} for name, (old, new) in row.changes.items()}
    action = f"exchange.calendarday.{'add' if row.is_new else 'change'}"
    records.record(action=action, thing=one, by=by, details={"fields": sorted(values), "values": values, "file": True})


def _texts(one: CalendarDay) -> dict[str, str]:
    return {
        "day": one.day.isoformat() if one.day else "",
        "kind": str(one.kind),
        "closes_at": one.closes_at.strftime("%H:%M") if one.closes_at else "",
        "title": one.title,
        "source": one.source,
    }
