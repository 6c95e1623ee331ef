"""Which part of all exchanges is digital, by month and agency, and which dataset would replace most letters.

An exchange counts for the agency that asks, in the month in which it happened:
  digital  requests granted, packages delivered, look-ups asked for
  letters  letters sent by the agency, or received from it by another one; a letter that both sides recorded counts once
The share is digital / (digital + letters). Letters from outside the registry have no agency of their own to count for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.cache import cache
from django.db.models import Case, CharField, Count, F, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, TruncMonth
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import Direction
from exchange.models import Delivery, ExchangeRequest, PaperExchange
from exchange.states import DeliveryStatus, RequestStatus
from registry.models import Agency, Dataset

MONTHS = 12
SECONDS_KEPT = 600  # look-ups are counted in the ledger, which is long
MOST_DATASETS = 20
KINDS = ("granted", "deliveries", "lookups", "letters")


@dataclass(slots=True)
class Figures:
    """How many exchanges of each kind; `share` in whole per cent, None where there was none at all."""

    granted: int = 0
    deliveries: int = 0
    lookups: int = 0
    letters: int = 0

    @property
    def digital(self) -> int:
        return self.granted + self.deliveries + self.lookups

    @property
    def total(self) -> int:
        return self.digital + self.letters

    @property
    def share(self) -> int | None:
        """100 only where there was no letter at all, and 0 only where nothing was digital."""
        if not self.total:
            return None
        percent = round(100 * self.digital / self.total)
        if percent == 100 and self.letters:
            return 99
        return 1 if percent == 0 and self.digital else percent

    def add(self, other: "Figures") -> None:
        for kind in KINDS:
            setattr(self, kind, getattr(self, kind) + getattr(other, kind))


@dataclass(frozen=True, slots=True)
class Share:
    """The figures of some agencies: month by month with the latest first, agency by agency, and all together."""

    counted_at: datetime
    by_month: list[tuple[date, Figures]]
    by_agency: list[tuple[Agency, Figures]]
    total: Figures


def months(today: date | None = None) -> list[date]:
    """The first days of the last twelve months, this one included, the latest first."""
    day = (today or timezone.localdate()).replace(day=1)
    found = []
    for _number in range(MONTHS):
        found.append(day)
        day = (day - timedelta(days=1)).replace(day=1)
    return found


def share_of(agencies: Iterable[Agency]) -> Share:
    counted_at, counts = _counted()
    by_id = {agency.pk: agency for agency in agencies}
    by_month = {month: Figures() for month in months()}
    by_agency: dict[int, Figures] = defaultdict(Figures)
    for (agency, month), figures in counts.items():
        if agency in by_id and month in by_month:
            by_month[month].add(figures)
            by_agency[agency].add(figures)
    total = Figures()
    for figures in by_month.values():
        total.add(figures)
    lines = [(by_id[pk], figures) for pk, figures in by_agency.items() if figures.total]
    lines.sort(key=lambda line: (-line[1].letters, line[0].code))
    return Share(counted_at, list(by_month.items()), lines, total)


def replaceable(letters: QuerySet[PaperExchange]) -> list[tuple[Dataset, int]]:
    """The datasets that would replace most of these letters, of the last twelve months, with how many."""
    recent = letters.current().filter(letter_day__gte=months()[-1], dataset__isnull=False).order_by()
    lines = list(
        recent.values("dataset")
        .annotate(letters=Count(_letter(), distinct=True))
        .order_by("-letters", "dataset")[:MOST_DATASETS]
    )
    # What was withdrawn since replaces nothing.
    datasets = Dataset.objects.published().with_owner().in_bulk([line["dataset"] for line in lines])
    return [(datasets[line["dataset"]], line["letters"]) for line in lines if line["dataset"] in datasets]


def _counted() -> tuple[datetime, dict[tuple[int, date], Figures]]:
    """All figures by agency and month, at most ten minutes old."""
    key = f"digital-share:{months()[0]}"
    kept = cache.get(key)
    if kept is None:
        kept = (timezone.now(), _count())
        cache.set(key, kept, SECONDS_KEPT)
    return kept


def _count() -> dict[tuple[int, date], Figures]:
    first = months()[-1]
    start = timezone.make_aware(datetime.combine(first, time.min))
    counts: dict[tuple[int, date], Figures] = defaultdict(Figures)

    granted = ExchangeRequest.objects.filter(status=RequestStatus.APPROVED, closed_at__gte=start)
    _into(counts, "granted", _by_month(granted, "consumer", "closed_at"))
    delivered = Delivery.objects.filter(status=DeliveryStatus.COMPLETED, finished_at__gte=start)
    _into(counts, "deliveries", _by_month(delivered, "agreement__consumer", "finished_at"))
    # What is asked of a source is in the ledger for good; the rows with case numbers are erased in time.
    asked = Entry.objects.filter(action="lookup.ask", outcome=Outcome.SUCCESS, at__gte=start).exclude(agency="")
    codes = dict(Agency.objects.values_list("code", "pk"))
    _into(counts, "lookups", _by_month(asked, "agency", "at"), codes)
    letters = PaperExchange.objects.current().filter(letter_day__gte=first).annotate(asker=_asker())
    letters = letters.filter(asker__isnull=False).order_by()
    by_month = letters.annotate(month=TruncMonth("letter_day")).values("asker", "month")
    found = by_month.annotate(count=Count(_letter(), distinct=True)).values_list("asker", "month", "count")
    _into(counts, "letters", found)
    return dict(counts)


def _by_month(rows: QuerySet, agency: str, moment: str):
    grouped = rows.order_by().annotate(month=TruncMonth(moment)).values(agency, "month")
    return grouped.annotate(count=Count("pk")).values_list(agency, "month", "count")


def _into(counts, kind: str, lines: Iterable[tuple], keys: Mapping | None = None) -> None:
    for agency, month, count in lines:
        key = keys.get(agency) if keys is not None else agency
        if key is not None:
            day = timezone.localdate(month) if isinstance(month, datetime) else month
            setattr(counts[key, day], kind, count)


def _asker() -> Case:
    """The agency that asked by the letter; none where it is not in the registry."""
    return Case(When(direction=Direction.SENT, then=F("agency")), default=F("other"))


def _letter():
    """What makes a letter the same one for both sides: its number, and its day."""
    text = CharField()
    asker = Coalesce(Cast(_asker(), text), Cast("other_name", text))
    return Concat(Cast("letter_day", text), Value(" "), Cast("letter_key", text), Value(" "), asker)
