"""One attempt at one profile, from the claim to the figures. Safe to call twice and to crash anywhere."""

import itertools
import logging
import time
import traceback
from dataclasses import dataclass, field

from registry import connectors
from registry.choices import FieldKind, Sampling, Withheld
from registry.classifying import values
from registry.connectors import SourceError, TemporarySourceError
from registry.models import DatasetProfile, Field, FieldProfile
from registry.profiling import disclosure, sampling, statements
from registry.profiling.statements import Asked, Rows
from registry.services import classification, connections, profiles

logger = logging.getLogger(__name__)

SECONDS = 600  # that a whole profile may take, and each statement of it
COLUMNS_A_PASS = 40
RANGES_A_PASS = 12
VALUES_LOOKED_AT = 500


class Stopped(Exception):
    """The profile was cancelled or taken over."""


def profile(profile_id: int) -> None:
    """Work on the profile if it is due and nobody else profiles."""
    with profiles.holding() as taken:
        if not taken:
            logger.info("profile %s: another worker is profiling", profile_id)
            return
        claimed = profiles.begin(profile_id=profile_id)
        if claimed is not None:
            _attempt(claimed)
    profiles.nudge_due()


def _attempt(claimed: DatasetProfile) -> None:
    """Every way an attempt can end is recorded on its row; what is not foreseen here is a defect."""
    try:
        facts, found = _look(claimed)
        if profiles.finish(profile=claimed, facts=facts, fields=found):
            classification.suggest(dataset=claimed.dataset)
    except Stopped:
        logger.info("profile %s: stopped", claimed.pk)
    except SourceError as error:
        temporary = isinstance(error, TemporarySourceError) and error.code != "source-slow"
        profiles.fail(profile=claimed, code=error.code, message=str(error), temporary=temporary)
    except Exception as error:
        # The text of an unknown error may hold values of the source, so only its kind and place are kept.
        place = "".join(traceback.format_tb(error.__traceback__))
        logger.error("profile %s: %s\n%s", claimed.pk, type(error).__name__, place)
        profiles.fail(profile=claimed, code="defect", message=type(error).__name__, temporary=False)


def _look(claimed: DatasetProfile) -> tuple[dict, list[FieldProfile]]:
    dataset = claimed.dataset
    fields = list(dataset.fields.shown().order_by("position"))
    connector = connectors.get(connections.address_of(connections.connection_of(dataset.database)))
    with connector.reading(SECONDS) as source:
        return Look(claimed, source, fields).run()


@dataclass
class Figures:
    """What was found about one field so far."""

    field: Field
    asked: Asked
    filled: int = 0
    low: object = None
    high: object = None
    average: float | None = None
    length: float | None = None
    distinct: int | None = None
    estimated: bool = False
    top: list = field(default_factory=list)
    others: int | None = None
    buckets: list = field(default_factory=list)
    patterns: dict = field(default_factory=dict)


class Look:
    """The statements of one profile over one connection, in order; between two of them it shows progress."""

    def __init__(self, claimed: DatasetProfile, source, fields: list[Field]):
        self.claimed, self.source, self.least = claimed, source, claimed.least
        self.figures = [
            Figures(one, Asked(one.name, one.kind, disclosure.allowed(one.personal_data, one.kind, one.is_key)))
            for one in fields
        ]
        self.deadline = time.monotonic() + SECONDS
        self.done, self.total = (
            0,
            2 + len(fields) // COLUMNS_A_PASS + sum(f.asked.allowed.distinct for f in self.figures),
        )

    def run(self) -> tuple[dict, list[FieldProfile]]:
        self._step()
        dataset = self.claimed.dataset
        asked = [one.asked for one in self.figures]
        whole = statements.table(dataset.schema_name, dataset.table_name, asked, self.source.dialect.name)
        self.rows = sampling.choose(
            self.source, whole, whole_wanted=self.claimed.whole, seed=self.claimed.pk, known=dataset.estimated_rows
        )
        self.seen = self._ranges_and_means()
        if self.rows.chosen.sampling == Sampling.ALL:
            self.rows.total, self.rows.estimated = self.seen, False
        for one in self._enough("distinct"):
            self._different(one)
        self._distributions()
        self._patterns()
        facts = {
            "rows": max(self.rows.total, self.seen),
            "rows_are_estimated": self.rows.estimated,
            "sampling": self.rows.chosen.sampling,
            "sample_rows": self.seen,
            "steps_done": self.total,
            "steps_total": self.total,
        }
        return facts, [self._told(one) for one in self.figures]

    def _step(self) -> None:
        if not profiles.report(profile=self.claimed, done=min(self.done, self.total), total=self.total):
            raise Stopped
        if time.monotonic() > self.deadline:
            raise TemporarySourceError("source-slow")
        self.done += 1

    @property
    def _source_rows(self) -> Rows:
        return self.rows.chosen

    def _enough(self, what: str) -> list[Figures]:
        """The fields about which this may be asked, and of which enough values are there."""
        return [one for one in self.figures if getattr(one.asked.allowed, what) and one.filled >= self.least]

    def _ranges_and_means(self) -> int:
        seen = 0
        for start in range(0, len(self.figures), COLUMNS_A_PASS):
            batch = self.figures[start : start + COLUMNS_A_PASS]
            self._step()
            row = (
                self.source.execute(statements.figures(self._source_rows, [one.asked for one in batch])).one()._mapping
            )
            seen = max(seen, row["rows"])
            for number, one in enumerate(batch):
                one.filled = row[f"filled{number}"]
                one.low = _edge(row.get(f"low{number}"), one.field.kind)
                one.high = _edge(row.get(f"high{number}"), one.field.kind)
                one.average = _number(row.get(f"mean{number}"))
                one.length = _number(row.get(f"length{number}"))
        return seen

    def _different(self, one: Figures) -> None:
        self._step()
        seen, once = self.source.execute(statements.different(self._source_rows, one.asked)).one()
        one.distinct = seen
        if self._source_rows.sampling != Sampling.ALL:
            # As many are filled outside the sample as in it.
            everywhere = round(one.filled * self.rows.total / max(1, self.seen))
            one.distinct = disclosure.estimated_distinct(
                seen=seen, once=int(once), sample=one.filled, all_rows=everywhere
            )
            one.estimated = one.distinct != seen
        is_category = one.field.kind in disclosure.CATEGORIES and not (
            one.field.is_key and seen > disclosure.CLOSED_LIST
        )
        if is_category and int(once) < seen and disclosure.may_show_values(one.field.personal_data, seen):
            found = self.source.execute(statements.frequent(self._source_rows, one.asked, most=disclosure.MOST_TOP))
            counts = [(_spelled(value, one.field.kind), times) for value, times in found]
            one.top, one.others = disclosure.told_values(counts, rows=self.seen, least=self.least)

    def _distributions(self) -> None:
        ranged = [one for one in self._enough("spread") if one.low is not None and one.high is not None]
        for start in range(0, len(ranged), RANGES_A_PASS):
            batch = [(one, _edges(one)) for one in ranged[start : start + RANGES_A_PASS]]
            self._step()
            statement = statements.reached(self._source_rows, [(one.asked, edges) for one, edges in batch])
            row = self.source.execute(statement).one()._mapping
            for number, (one, edges) in enumerate(batch):
                at_least = [int(row[f"at{number}_{place}"]) for place in range(len(edges))]
                counts = [upper - lower for upper, lower in itertools.pairwise(at_least)]
                buckets = disclosure.merged(edges, counts, least=self.least)
                one.buckets = disclosure.in_shares(buckets, _spell, is_open=not one.asked.allowed.extremes)

    def _patterns(self) -> None:
        looked = [one for one in self._enough("patterns") if one.field.kind != FieldKind.BOOLEAN]
        if not looked:
            return
        self._step()
        statement = statements.looks(self._source_rows, [one.asked for one in looked], most=VALUES_LOOKED_AT)
        columns = list(zip(*self.source.execute(statement), strict=True))
        for one, column in zip(looked, columns, strict=False):
            is_day = one.field.kind in disclosure.DATES
            shown = [statements.day_of(str(value)) for value in column] if is_day else column
            one.patterns = values.shares(shown)

    def _told(self, one: Figures) -> FieldProfile:
        may, few = one.asked.allowed, one.filled < self.least
        told = FieldProfile(
            field=one.field,
            personal_data=one.field.personal_data,
            withheld=may.withheld if may.withheld != Withheld.NOTHING or not few else Withheld.FEW,
            null_percent=disclosure.null_percent(rows=self.seen, filled=one.filled, least=self.least),
        )
        if few or not may.distinct:
            return told
        told.distinct, told.distinct_is_estimated = one.distinct, one.estimated
        if not may.extremes and one.distinct is not None and one.distinct > disclosure.CLOSED_LIST:
            told.distinct, told.distinct_is_estimated = disclosure.coarse(one.distinct, least=self.least), True
        told.average = None if one.average is None else disclosure.significant(one.average)
        told.length = None if one.length is None else disclosure.significant(one.length)
        told.buckets, told.top, told.others, told.patterns = one.buckets, one.top, one.others, one.patterns
        if may.extremes and one.low is not None and one.high is not None:
            told.lowest, told.highest = _spell(one.low), _spell(one.high)
        return told


def _number(text: str | None) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _edge(text: str | None, kind: str):
    """The lowest or highest value; None where it cannot be counted from."""
    if kind in disclosure.DATES:
        return statements.day_of(text)
    number = _number(text)
    if number is None or abs(number) > 1e17:
        return None
    return int(number) if kind == FieldKind.INTEGER else number


def _edges(one: Figures) -> list:
    if one.field.kind in disclosure.DATES:
        return sampling.days(disclosure.year_edges(one.low.year, one.high.year))
    return disclosure.number_edges(one.low, one.high)


def _spell(edge) -> str:
    if isinstance(edge, float):
        return f"{edge:.6g}" if abs(edge) < 1e15 else f"{edge:.0f}"
    return edge.isoformat() if hasattr(edge, "isoformat") else str(edge)


def _spelled(value, kind: str) -> str:
    if kind == FieldKind.BOOLEAN:
        return "true" if str(value).lower() in ("1", "true", "t") else "false"
    return str(value)
