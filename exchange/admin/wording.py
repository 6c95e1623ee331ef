"""Stored values of an exchange in the words of the page: scopes, filters, revisions and entries of the ledger."""

import json
from collections.abc import Iterable
from datetime import date, datetime

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from evidence.models import Entry
from exchange import summary
from exchange.ledger_words import OBJECTS, said
from exchange.models import ExchangeRequest
from exchange.scope import Scope
from exchange.states import TABLES
from registry.models import Field

# What stands behind the codes that the ledger keeps of refusals.
REFUSALS = {
    "rule-1": gettext_lazy("separation of duties"),
    "rule-2": gettext_lazy("one decision per person, on the revision that was read"),
    "rule-3": gettext_lazy("a decision only narrows what was asked for"),
    "not-your-role": gettext_lazy("the role is missing"),
    "not-assigned": gettext_lazy("not assigned to the database"),
    "blind-review": gettext_lazy("the votes are hidden in this review"),
    "decided-already": gettext_lazy("somebody has decided already"),
    "wrong-state": gettext_lazy("somebody else was faster"),
    "reason-needed": gettext_lazy("the reason was missing"),
    "basis-needed": gettext_lazy("the legal basis was missing"),
    "incomplete": gettext_lazy("the request was not complete"),
    "voter-moved": gettext_lazy("an approver moved to the asking agency after voting"),
    "advice-missing": gettext_lazy("the advice of reviewers was not in"),
    "deliveries-used": gettext_lazy("no package left in this month"),
    "rows-used": gettext_lazy("no rows left in this month"),
    "rate-used": gettext_lazy("more look-ups than agreed in a day or a minute"),
    "one-by-one": gettext_lazy("it deserves a page of its own"),
    "outside-policy": gettext_lazy("beyond what the owner shares"),
}


def badge(value: str, label: str | Promise) -> SafeString:
    return format_html('<span class="status status-{}">{}</span>', value, label)


def number(value: int | None) -> str:
    return "" if value is None else number_format(value, force_grouping=True)


def day(value: str | date | None) -> str:
    """A date, given as such or as it stands in a frozen text."""
    if not value:
        return ""
    return date_format(date.fromisoformat(value) if isinstance(value, str) else value, "SHORT_DATE_FORMAT")


def moment(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else ""


def label_of(choices: type[models.TextChoices], value: str) -> str:
    return str(choices(value).label) if value in choices.values else str(value)


def count_fields(count: int) -> str:
    return ngettext("%(count)s field", "%(count)s fields", count) % {"count": count}


def sum_up(scope: Scope, to) -> str:
    """What leaves the house, in one sentence."""
    return _("%(fields)s of at most %(rows)s rows to %(agency)s, until %(day)s") % {
        "fields": count_fields(len(scope.fields)),
        "rows": number(scope.row_limit),
        "agency": to,
        "day": day(scope.period_to),
    }


def titles(names: Iterable[str], fields: dict[str, Field]) -> str:
    return ", ".join(fields[name].title if name in fields else name for name in names)


def narrowing(granted: Scope, requested: Scope, fields: dict[str, Field]) -> list[str]:
    """What `granted` leaves out of `requested`; nothing when it is all of it."""
    words = []
    left_out = [name for name in requested.field_names if name not in granted.field_names]
    if left_out:
        words.append(_("Without: %(fields)s") % {"fields": titles(left_out, fields)})
    if granted.row_limit != requested.row_limit:
        words.append(_("At most %(rows)s rows") % {"rows": number(granted.row_limit)})
    if granted.period_to != requested.period_to:
        words.append(_("Until %(day)s") % {"day": day(granted.period_to)})
    return words


def term(name: str) -> str:
    """How a field of the request's form is called."""
    if name == "named_users":
        return _("Who may use the data")
    return summary.label_of(name)


def value(name: str, stored, fields: dict[str, Field], people: dict[str, str] | None = None) -> str:
    """One value of a frozen revision."""
    if stored in (None, "", []):
        return ""
    if name == "field_names":
        return titles(stored, fields)
    if name == "row_filter":
        return "; ".join(summary.filter_sentences(stored, fields))
    if name == "named_users":
        return ", ".join((people or {}).get(public_id, public_id) for public_id in stored)
    if isinstance(stored, bool):
        return _("Yes") if stored else _("No")
    field = ExchangeRequest._meta.get_field(name)
    if field.choices:
        return str(dict(field.flatchoices).get(stored, stored))
    if isinstance(field, models.DateField):
        return day(stored)
    return number(stored) if isinstance(stored, int) else str(stored)


def action(entry: Entry) -> str:
    """What happened, in the words of every timeline; with the number of the object where it is not the request itself."""
    object_name = entry.action.partition(".")[0]
    title = said(entry)
    thing = OBJECTS.get(object_name) if entry.subject_id != entry.correlation_id else None
    return f"{thing} {entry.subject_id}: {title}" if thing else title


def outcome(entry: Entry, people: dict[str, str]) -> str:
    """From which state to which, or why it was refused, and for whom."""
    details = json.loads(entry.details)
    table = next((table for table in TABLES if entry.action.startswith(f"{table.name}.")), None)
    words: list[str] = []
    if table and details.get("from") != details.get("to") and "to" in details:
        states = [label_of(table.statuses, details[key]) for key in ("from", "to")]
        words.append(" → ".join(states))
    if code := details.get("code"):
        words.append(f"{REFUSALS[code]} ({code})" if code in REFUSALS else str(code))
    if delegator := details.get("on_behalf_of"):
        words.append(_("in the place of %(person)s") % {"person": people.get(delegator, delegator)})
    return "; ".join(words)


def people_in(entries: Iterable[Entry]) -> set[str]:
    """The public ids that entries name."""
    found = set()
    for entry in entries:
        found |= {entry.actor, json.loads(entry.details).get("on_behalf_of", "")}
    return found - {"", "system"}
