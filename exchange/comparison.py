"""What one scope has that another has not, in words: a version of an agreement beside the one before, or beside what is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from exchange import summary
from exchange.choices import RequestKind
from exchange.models import Agreement, Revision
from exchange.scope import Scope, is_as_closed
from exchange.services import scopes
from registry.choices import FileFormat, Masking, Mode, Purpose
from registry.models import Dataset, Field
from registry.terms import grouped, limit_sentences

NOT_GIVEN = _("not given")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs; `widens` where the newer scope lets out more, or for another use."""

    term: str | Promise
    before: str | Promise
    after: str | Promise
    widens: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs, in the order of a scope, and in one sentence what that means."""

    kind: RequestKind
    changes: list[Change]

    @property
    def wider(self) -> int:
        return sum(change.widens for change in self.changes)

    @property
    def sentence(self) -> str | Promise:
        if self.wider:
            return ngettext(
                "%(count)d point goes beyond what was agreed so far.",
                "%(count)d points go beyond what was agreed so far.",
                self.wider,
            ) % {"count": self.wider}
        others = [change for change in self.changes if change.term not in (_PERIOD, _KEPT)]
        if self.kind == RequestKind.RENEWAL and not others:
            return _("The same data for another period: nothing goes beyond what was agreed so far.")
        if not self.changes:
            return _("Nothing differs from what was agreed so far.")
        return _("Nothing goes beyond what was agreed so far: it only becomes narrower.")


_PERIOD, _KEPT = _("Period"), _("Kept until")


def with_running(revision: Revision) -> Comparison | None:
    """What a signed request asks for beside the version that it is about; None where it is about none."""
    request = revision.request
    if request.amends is None:
        return None
    agreed, asked = Scope.from_text(request.amends.scope), scopes.scope_of_revision(revision)
    return compare(agreed, asked, request.amends.dataset, kind=RequestKind(request.kind))


def with_former(agreement: Agreement, former: Agreement) -> Comparison:
    """What a version gives beside the one before."""
    kind = RequestKind(agreement.case.request.kind)
    return compare(Scope.from_text(former.scope), Scope.from_text(agreement.scope), agreement.dataset, kind=kind)


def compare(before: Scope, after: Scope, dataset: Dataset, *, kind: RequestKind = RequestKind.AMENDMENT) -> Comparison:
    """Both scopes are of this dataset. Another period counts as wider only where it is longer."""
    known = summary.fields_of(dataset)
    found = [*_fields(before, after, known), *_rows(before, after, known), *_ways(before, after)]
    return Comparison(kind, [*found, *_days(before, after, is_next=kind == RequestKind.RENEWAL)])


def _fields(before: Scope, after: Scope, known: dict[str, Field]) -> Iterator[Change]:
    was, now = dict(before.fields), dict(after.fields)
    for name in [*was, *(name for name in now if name not in was)]:
        old, new = was.get(name), now.get(name)
        if old == new:
            continue
        widens = new is not None and (old is None or not is_as_closed(new, old))
        yield Change(known[name].title if name in known else name, _masking(old), _masking(new), widens)


def _masking(value: str | None) -> str | Promise:
    return NOT_GIVEN if value is None else Masking(value).label


def _rows(before: Scope, after: Scope, known: dict[str, Field]) -> Iterator[Change]:
    if set(before.filters) != set(after.filters):
        kept = all(any(own.implies(condition) for own in after.filters) for condition in before.filters)
        yield Change(_("Only rows where"), _conditions(before, known), _conditions(after, known), not kept)
    if before.row_limit != after.row_limit:
        numbers = grouped(before.row_limit), grouped(after.row_limit)
        yield Change(summary.label_of("row_limit"), *numbers, after.row_limit > before.row_limit)
    if before.limits != after.limits:
        own = dict(after.limits)
        widens = any(limit not in own or own[limit] > most for limit, most in before.limits)
        yield Change(_("Limits"), _limits(before), _limits(after), widens)


def _conditions(scope: Scope, known: dict[str, Field]) -> str:
    filters = [{"field": one.field, "operator": one.operator, "values": one.values} for one in scope.filters]
    return "; ".join(summary.filter_sentences(filters, known)) or str(_("all rows"))


def _limits(scope: Scope) -> str:
    return "; ".join(map(capfirst, limit_sentences(dict(scope.limits)))) or str(_("none"))


def _ways(before: Scope, after: Scope) -> Iterator[Change]:
    # Another use or way of giving is none that was agreed, so it counts as wider; another format gives the same data.
    for name, choices, widens in (("purpose", Purpose, True), ("mode", Mode, True), ("file_format", FileFormat, False)):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Change(summary.label_of(name), choices(old).label, choices(new).label, widens)


def _days(before: Scope, after: Scope, *, is_next: bool) -> Iterator[Change]:
    if (before.period_from, before.period_to) != (after.period_from, after.period_to):
        longer = after.period_to - after.period_from > before.period_to - before.period_from
        outside = after.period_from < before.period_from or after.period_to > before.period_to
        yield Change(_PERIOD, _period(before), _period(after), longer if is_next else outside)
    if before.retention_until != after.retention_until:
        longer = after.retention_until - after.period_to > before.retention_until - before.period_to
        days = _day(before.retention_until), _day(after.retention_until)
        yield Change(_KEPT, *days, longer if is_next else after.retention_until > before.retention_until)


def _period(scope: Scope) -> str:
    return f"{_day(scope.period_from)} – {_day(scope.period_to)}"


def _day(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")
