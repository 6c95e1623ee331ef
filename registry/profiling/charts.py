"""Profiles as pages show them: small charts with the same figures in words, and only what each reader may know."""

from dataclasses import dataclass, field
from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.choices import Classification, FieldKind, PersonalData, Withheld
from registry.models import Dataset, DatasetProfile, Field, FieldProfile, SchemaSnapshot
from registry.profiling.disclosure import DATES

WIDTH, HEIGHT, GAP = 240, 48, 1


@dataclass(frozen=True)
class Bar:
    """One rectangle of a chart: its place as SVG spells numbers, and what it stands for in words."""

    x: str
    y: str
    width: str
    height: str
    label: str
    share: str


@dataclass
class Line:
    """What is shown of one field."""

    field: Field
    missing: str
    distinct: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)
    missing_width: str = ""
    withheld: str = ""

    @property
    def summary(self) -> str:
        """The chart for whoever does not see it."""
        return "; ".join(f"{bar.label}: {bar.share}" for bar in self.bars)


@dataclass(frozen=True)
class Shown:
    """A profile with its lines, for one kind of reader."""

    profile: DatasetProfile
    lines: list[Line]
    is_outdated: bool
    rows: str
    sample: str

    @property
    def instead(self) -> str:
        """One sentence in place of lines that would all say the same."""
        if self.profile.rows == 0:
            return _("The table is empty.")
        if self.profile.rows < self.profile.least:
            return _(
                "The table has fewer than %(least)s records. Figures could give single records away, so none are published."
            ) % {"least": self.profile.least}
        return ""


def latest(dataset: Dataset) -> DatasetProfile | None:
    return dataset.profiles.done().with_fields().order_by("-pk").first()


def public(dataset: Dataset) -> Shown | None:
    """What the catalogue shows: how many, how much is missing, and the spread of what is neither personal nor restricted."""
    return _shown(dataset, latest(dataset), is_public=True)


def desk(dataset: Dataset) -> Shown | None:
    """What stewards see: all that was kept, which is never a value of a person."""
    return _shown(dataset, latest(dataset), is_public=False)


def _shown(dataset: Dataset, profile: DatasetProfile | None, *, is_public: bool) -> Shown | None:
    if profile is None:
        return None
    figures = {one.field_id: one for one in profile.field_profiles.all()}
    fields = [one for one in dataset.fields.all() if one.removed_at is None and one.pk in figures]
    lines = [_line(one, figures[one.pk], dataset, profile, is_public) for one in fields]
    now = SchemaSnapshot.objects.filter(dataset=dataset).values_list("digest", flat=True).first()
    rows = _number(profile.rows)
    return Shown(
        profile,
        lines,
        bool(profile.structure_digest and now and now != profile.structure_digest),
        _("about %(count)s") % {"count": rows} if profile.rows_are_estimated else rows,
        _number(profile.sample_rows) if profile.is_sampled else "",
    )


def _line(one: Field, figures: FieldProfile, dataset: Dataset, profile: DatasetProfile, is_public: bool) -> Line:
    line = Line(one, _missing(figures, profile), missing_width=str(round(figures.null_percent or 0)))
    line.withheld = str(Withheld(figures.withheld).label) if figures.withheld else ""
    # The category of today counts, should it have become stricter since.
    if PersonalData.SENSITIVE in (one.personal_data, figures.personal_data):
        return line
    if figures.distinct is not None:
        line.distinct = _distinct(figures)
    level = one.classification or dataset.database.classification
    is_open = one.personal_data == figures.personal_data == PersonalData.NONE and level != Classification.RESTRICTED
    if is_public and not is_open:
        personal = PersonalData.NONE not in (one.personal_data, figures.personal_data)
        line.withheld = _("Personal data: not shown") if personal else _("Restricted data: not shown")
        return line
    line.facts = _facts(one, figures)
    line.bars = _bars(one.kind, figures.buckets)
    if not is_public or level == Classification.PUBLIC:
        line.values = [(_value(one.kind, top["value"]), _number(top["count"])) for top in figures.top]
        if figures.others:
            line.values.append((_("Others, or none"), _number(figures.others)))
    return line


def _missing(figures: FieldProfile, profile: DatasetProfile) -> str:
    if figures.null_percent is None:
        return _("all or none, but for fewer than %(count)s") % {"count": profile.least}
    return f"{figures.null_percent}\u00a0%"


def _distinct(figures: FieldProfile) -> str:
    count = _number(figures.distinct)
    return _("about %(count)s") % {"count": count} if figures.distinct_is_estimated else count


def _facts(one: Field, figures: FieldProfile) -> list[tuple[str, str]]:
    facts = []
    if figures.lowest and figures.highest:
        spelled = (_edge(one.kind, figures.lowest), _edge(one.kind, figures.highest))
        facts.append((_("Range"), " – ".join(spelled)))
    if figures.average is not None:
        facts.append((_("Average"), number_format(round(figures.average, 2), use_l10n=True, force_grouping=True)))
    if figures.length is not None:
        facts.append(
            (
                _("Length"),
                ngettext("%(count)s character on average", "%(count)s characters on average", round(figures.length))
                % {"count": number_format(round(figures.length, 1), use_l10n=True)},
            )
        )
    return facts


def _bars(kind: str, buckets: list[dict]) -> list[Bar]:
    """Bars of one width each; what each stands for is said with it, as merged buckets are wider than others."""
    if not buckets:
        return []
    width, tallest = WIDTH / len(buckets), max(bucket["share"] for bucket in buckets) or 1
    bars = []
    for place, bucket in enumerate(buckets):
        height = HEIGHT * bucket["share"] / tallest
        bars.append(
            Bar(
                f"{place * width:.1f}",
                f"{HEIGHT - height:.1f}",
                f"{width - GAP:.1f}",
                f"{height:.1f}",
                _span(kind, bucket["from"], bucket["to"]),
                f"{bucket['share']}\u00a0%",
            )
        )
    return bars


def _span(kind: str, start: str, end: str) -> str:
    if not start and not end:
        return _("all")
    if not start:
        return _("below %(to)s") % {"to": _bound(kind, end)}
    if not end:
        return _("%(from)s and above") % {"from": _bound(kind, start)}
    if kind in DATES:
        first, last = int(start[:4]), int(end[:4]) - 1
        return str(first) if first == last else f"{first}–{last}"
    return _("%(from)s to below %(to)s") % {"from": _edge(kind, start), "to": _edge(kind, end)}


def _bound(kind: str, text: str) -> str:
    return text[:4] if kind in DATES else _edge(kind, text)


def _edge(kind: str, text: str) -> str:
    if kind in DATES:
        return date_format(date.fromisoformat(text[:10]), "SHORT_DATE_FORMAT")
    number = float(text)
    return _number(int(number)) if number.is_integer() else number_format(number, use_l10n=True)


def _value(kind: str, value: str) -> str:
    if kind == FieldKind.BOOLEAN:
        return _("yes") if value == "true" else _("no")
    return value or _("(empty text)")


def _number(count: int) -> str:
    return number_format(count, use_l10n=True, force_grouping=True)
