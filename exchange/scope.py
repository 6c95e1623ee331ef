"""The scope of a request, an approval or an agreement: a value that can be hashed, and compared with another one.

delivered is within agreed, agreed within approved, approved within requested, requested within what may be shared now.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import rfc8785
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.choices import Masking, Operator
from registry.fields import nfc
from registry.terms import grouped, limit_sentence

# What an owner may stop to offer altogether.
NOT_OFFERED = {
    "mode": gettext_lazy("The owner no longer offers it in this way."),
    "purpose": gettext_lazy("The owner no longer offers it for this purpose."),
}
# What a scope says of when and how, not of which rows and values.
NOT_DATA = ("mode", "file_format", "period_from", "period_to", "retention_until", "limits")
_LISTING = {Operator.EQUALS, Operator.IN}


@dataclass(frozen=True, slots=True)
class Filter:
    """One row condition: `values` are texts; all conditions of a scope hold together."""

    field: str
    operator: str
    values: tuple[str, ...] = ()

    def implies(self, other: "Filter") -> bool:
        """Whether every row that this condition lets through also passes `other`. In doubt, no."""
        if self.field != other.field:
            return False
        if self == other:
            return True
        if self.operator in _LISTING and other.operator in _LISTING:
            return set(self.values) <= set(other.values)
        if self.operator in _LISTING and other.operator == Operator.PREFIX:
            return all(value.startswith(other.values[0]) for value in self.values)
        return False


@dataclass(frozen=True, slots=True)
class Scope:
    """What data, masked how, which rows, in which way, for what, from when to when. Dates are inclusive."""

    dataset: str
    fields: tuple[tuple[str, str], ...]  # (name, masking), in the order of the dataset
    filters: tuple[Filter, ...]
    row_limit: int
    mode: str
    file_format: str
    purpose: str
    period_from: date
    period_to: date
    retention_until: date
    limits: tuple[
        tuple[str, int], ...
    ] = ()  # (name, how many at most), by name; none in scopes from before there were any

    @property
    def field_names(self) -> list[str]:
        return [name for name, _masking in self.fields]

    def as_document(self) -> dict:
        # Without limits the text is what it was before there were any: hashes stay.
        limits = {"limits": {str(name): most for name, most in self.limits}} if self.limits else {}
        return {
            "dataset": self.dataset,
            "fields": [{"name": name, "masking": str(masking)} for name, masking in self.fields],
            "filters": [
                {"field": f.field, "operator": str(f.operator), "values": [nfc(value) for value in f.values]}
                for f in self.filters
            ],
            "row_limit": self.row_limit,
            "mode": str(self.mode),
            "file_format": str(self.file_format),
            "purpose": str(self.purpose),
            "period_from": self.period_from.isoformat(),
            "period_to": self.period_to.isoformat(),
            "retention_until": self.retention_until.isoformat(),
            **limits,
        }

    @property
    def text(self) -> str:
        """Canonical JSON (RFC 8785)."""
        return canonical(self.as_document())

    @property
    def digest(self) -> str:
        return sha256(self.text)

    @classmethod
    def from_text(cls, text: str) -> "Scope":
        document = json.loads(text)
        return cls(
            dataset=document["dataset"],
            fields=tuple((field["name"], field["masking"]) for field in document["fields"]),
            filters=tuple(Filter(f["field"], f["operator"], tuple(f["values"])) for f in document["filters"]),
            row_limit=document["row_limit"],
            mode=document["mode"],
            file_format=document["file_format"],
            purpose=document["purpose"],
            period_from=date.fromisoformat(document["period_from"]),
            period_to=date.fromisoformat(document["period_to"]),
            retention_until=date.fromisoformat(document["retention_until"]),
            limits=tuple(sorted(document.get("limits", {}).items())),
        )

    def narrowed(self, *, fields: set[str] | None = None, row_limit: int | None = None, period_to: date | None = None):
        """The same scope with fewer fields, fewer rows or an earlier end."""
        return replace(
            self,
            fields=tuple(pair for pair in self.fields if fields is None or pair[0] in fields),
            row_limit=min(self.row_limit, row_limit) if row_limit else self.row_limit,
            period_to=min(self.period_to, period_to) if period_to else self.period_to,
        )

    def shared_with(self, other: "Scope"):
        """What this scope and another one of the same request have in common; it may be nothing."""
        common = self.narrowed(row_limit=other.row_limit, period_to=other.period_to)
        return replace(
            common,
            fields=tuple(pair for pair in self.fields if pair in other.fields),
            retention_until=min(self.retention_until, other.retention_until),
        )

    def is_nothing_on(self, day: date) -> bool:
        """Whether it lets nothing out from that day on."""
        return not self.fields or self.period_to < max(self.period_from, day)

    def starting(self, day: date):
        """The same scope from another day on."""
        return replace(self, period_from=day)


def canonical(document: dict) -> str:
    return rfc8785.dumps(document).decode()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_as_closed(masking: str, than: str) -> bool:
    """Whether `masking` shows no more of a value than `than` does. The partial ones among them cannot be compared."""
    return masking == than or than == Masking.KEEP or masking == Masking.NULL


class Excess(NamedTuple):
    """One thing that goes too far: the field of the request's form where it is mended, and a sentence."""

    field: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def excess(inner: Scope, outer: Scope) -> Iterator[Excess]:
    """What `inner` has beyond `outer`, thing by thing."""
    for name in ("dataset", "mode", "purpose", "file_format"):
        if getattr(inner, name) != getattr(outer, name):
            if name in NOT_OFFERED and not getattr(outer, name):
                yield Excess(name, str(NOT_OFFERED[name]))
                continue
            values = {"inner": getattr(inner, name), "outer": getattr(outer, name)}
            yield Excess(name, _("“%(inner)s” is not “%(outer)s”.") % values)
    allowed = dict(outer.fields)
    for field, masking in inner.fields:
        if field not in allowed:
            yield Excess("field_names", _("Field “%(field)s” is not part of it.") % {"field": field})
        elif not is_as_closed(masking, allowed[field]):
            yield Excess("field_names", _("Field “%(field)s” would show more than allowed.") % {"field": field})
    for condition in outer.filters:
        if not any(own.implies(condition) for own in inner.filters):
            sentence = _("The condition on “%(field)s” is missing or wider.") % {"field": condition.field}
            yield Excess("row_filter", sentence)
    own = dict(inner.limits)
    for limit, most in outer.limits:
        if limit not in own or own[limit] > most:
            yield Excess("row_limit", _("Less may be taken: %(limit)s.") % {"limit": limit_sentence(limit, most)})
    if inner.row_limit > outer.row_limit:
        yield Excess("row_limit", _("At most %(rows)s rows are allowed.") % {"rows": grouped(outer.row_limit)})
    if inner.period_from < outer.period_from or inner.period_to > outer.period_to:
        wrong = "period_to" if inner.period_to > outer.period_to else "period_from"
        period = {"start": _short(outer.period_from), "end": _short(outer.period_to)}
        yield Excess(wrong, _("The period goes beyond %(start)s – %(end)s.") % period)
    if inner.retention_until > outer.retention_until:
        sentence = _("The data would be kept longer than until %(day)s.") % {"day": _short(outer.retention_until)}
        yield Excess("retention_until", sentence)


def is_data_within(inner: Scope, outer: Scope, *, rows: int | None = None) -> bool:
    """Whether `outer` gives every row and value that `inner` gives, for the same purpose, on whatever days and in whatever
    way; `rows` is how many there are of `inner`, where that is known."""
    same = {name: getattr(outer, name) for name in NOT_DATA}
    return not any(excess(replace(inner, **same, row_limit=inner.row_limit if rows is None else rows), outer))


def _short(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")
