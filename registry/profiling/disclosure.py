"""What may be told of values: aggregates only, none about fewer people than the least count, none of sensitive data.

What a category forbids is not asked of the source, so nothing has to be thrown away afterwards.
"""

from bisect import bisect_right
from dataclasses import dataclass

from registry.choices import FieldKind, PersonalData, Withheld

MOST_TOP = 10
SIGNIFICANT = 3  # digits of what is counted or averaged
CLOSED_LIST = 50  # different values up to which those of a personal field count as a closed list, such as provinces
LONGEST_SHOWN = 60  # a longer value is a text and not a category
GROUPABLE = {FieldKind.TEXT, FieldKind.INTEGER, FieldKind.NUMBER, FieldKind.BOOLEAN, FieldKind.DATE, FieldKind.DATETIME}
MEASURES = {FieldKind.INTEGER, FieldKind.NUMBER}
DATES = {FieldKind.DATE, FieldKind.DATETIME}
CATEGORIES = {FieldKind.TEXT, FieldKind.INTEGER, FieldKind.BOOLEAN}


@dataclass(frozen=True)
class Allowed:
    """What may be asked of the source about one field."""

    distinct: bool = False
    average: bool = False
    length: bool = False
    spread: bool = False  # lowest and highest, to cut the range into buckets
    extremes: bool = False  # whether lowest and highest may be told as they are
    patterns: bool = False
    withheld: Withheld = Withheld.NOTHING


def allowed(category: str, kind: str, is_key: bool = False) -> Allowed:
    if category == PersonalData.SENSITIVE:
        return Allowed(withheld=Withheld.SENSITIVE)
    if kind not in GROUPABLE:
        return Allowed(withheld=Withheld.KIND)
    personal = category != PersonalData.NONE
    # Numbers that name a record are no quantities: their range and mean would only tell names.
    measured = not (is_key and kind in MEASURES)
    return Allowed(
        distinct=True,
        average=kind in MEASURES and measured and not personal,  # of few more people it would tell the last one
        length=kind == FieldKind.TEXT,
        spread=(kind in DATES or kind in MEASURES) and measured,
        extremes=not personal,
        patterns=True,
        withheld=Withheld.PERSONAL if personal else Withheld.NOTHING,
    )


def null_percent(*, rows: int, filled: int, least: int) -> int | None:
    """The share of missing values in whole per cent; None where it would be about a few rows."""
    nulls = rows - filled
    if not rows or 0 < nulls < least or 0 < filled < least:
        return None
    # Whole only where it is: 99.6 % missing is not all of it.
    percent = round(100 * nulls / rows)
    if percent in (0, 100) and nulls and filled:
        return 1 if percent == 0 else 99
    return percent


def may_show_values(category: str, distinct: int | None) -> bool:
    """Whether single values may be told: of what is not personal, or is a choice from a small closed list."""
    if category == PersonalData.NONE:
        return True
    return category == PersonalData.BASIC and distinct is not None and distinct <= CLOSED_LIST


def told_values(counts: list[tuple[str, int]], *, rows: int, least: int) -> tuple[list[dict], int | None]:
    """The most frequent values, and how many rows have another or none.

    A value that few rows have is among the others; and where the others were few, so that subtracting would tell how
    many, the rarest of the shown ones joins them. Counts are coarse.
    """
    shown = [(value, count) for value, count in counts if count >= least and len(value) <= LONGEST_SHOWN][:MOST_TOP]
    others = rows - sum(count for _value, count in shown)
    while shown and 0 < others < least:
        others += shown.pop()[1]
    if not shown:
        return [], None
    return [{"value": value, "count": coarse(count, least=least)} for value, count in shown], coarse(
        others, least=least
    )


def merged(edges: list, counts: list[int], *, least: int) -> list[tuple]:
    """Buckets (from, to, count) of which none holds a few values: a small one joins its neighbour. An empty one may stay."""
    buckets = [[edges[place], edges[place + 1], count] for place, count in enumerate(counts)]
    while len(buckets) > 1:
        small = next((place for place, bucket in enumerate(buckets) if 0 < bucket[2] < least), None)
        if small is None:
            break
        left = buckets[small - 1][2] if small else -1
        right = buckets[small + 1][2] if small + 1 < len(buckets) else -1
        start = small - 1 if left > right else small
        first, second = buckets[start], buckets.pop(start + 1)
        first[1], first[2] = second[1], first[2] + second[2]
    if any(0 < bucket[2] < least for bucket in buckets):
        return []
    return [tuple(bucket) for bucket in buckets]


def in_shares(buckets: list[tuple], spell, *, is_open: bool) -> list[dict]:
    """Buckets with their share of all values in whole per cent: counts would tell by subtraction how many are missing.

    Where `is_open` the first has no start and the last no end: both would tell of whoever is farthest out.
    """
    total = sum(count for _from, _to, count in buckets)
    shares = [
        {"from": spell(start), "to": spell(end), "share": max(1, round(100 * count / total)) if count else 0}
        for start, end, count in buckets
        if total
    ]
    if is_open and shares:
        shares[0]["from"] = shares[-1]["to"] = ""
    return shares


def coarse(count: int, *, least: int) -> int:
    """To three digits and to whole `least`: two profiles, with a few rows more between them, tell nothing of those rows."""
    step = max(least, 10 ** (len(str(count)) - SIGNIFICANT))
    return round(count / step) * step


def significant(number: float) -> float:
    return float(f"{number:.{SIGNIFICANT}g}")


def estimated_distinct(*, seen: int, once: int, sample: int, all_rows: int) -> int:
    """How many different values there are in all rows, from a sample: Haas and Stokes' Duj1, as ANALYZE does."""
    if not sample or sample >= all_rows:
        return seen
    estimate = sample * seen / (sample - once + once * sample / all_rows)
    return max(seen, min(all_rows, round(estimate)))


def nice_steps() -> list[float]:
    return [base * 10.0**power for power in range(-6, 18) for base in (1, 2, 5)]


def number_edges(low: float, high: float, *, wanted: int = 12) -> list[float]:
    """Round edges from at or below `low` to above `high`, about as many as wanted."""
    width = (high - low) / wanted or 1
    steps = nice_steps()
    step = steps[min(bisect_right(steps, width * 0.999), len(steps) - 1)]
    whole = step >= 1
    first = (low // step) * step
    edges = [first]
    while edges[-1] <= high and len(edges) <= 2 * wanted:
        edges.append(round(first + len(edges) * step, 10))
    return [int(edge) if whole else edge for edge in edges]


def year_edges(low: int, high: int, *, wanted: int = 12) -> list[int]:
    """Round years from at or below `low` to after `high`."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 500, 1_000) if (high - low + 1) / step <= wanted)
    first = low // step * step
    return list(range(first, high + step + 1, step))
