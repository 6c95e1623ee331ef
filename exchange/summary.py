"""A request or a scope in words: the same for a draft, for the frozen text that is signed, and for an agreement."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from exchange.choices import ConsentBasis, Frequency, OnwardSharing, SystemLevel, Urgency
from exchange.models import ExchangeRequest, Revision
from exchange.offers import offer_to
from exchange.scope import Scope
from exchange.services.requests import CONTENT
from exchange.services.scopes import way_of
from registry.choices import FieldKind, FileFormat, Masking, Mode, Operator, Purpose
from registry.models import Dataset, Field, LegalInstrument, User
from registry.terms import limit_sentences

CHOICES = {
    "urgency": Urgency,
    "mode": Mode,
    "file_format": FileFormat,
    "frequency": Frequency,
    "purpose": Purpose,
    "consent_basis": ConsentBasis,
    "onward_sharing": OnwardSharing,
    "system_level": SystemLevel,
}
DAYS = {"letter_day", "period_from", "period_to", "retention_until"}
SHOWN_VALUES = 10  # of a long list in a row filter


@dataclass(frozen=True, slots=True)
class Line:
    """A term, and one value or several."""

    term: str | Promise
    values: tuple = ()


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field that is asked for or given; `field` is None when the registry no longer knows it."""

    name: str
    title: str
    masking: str | Promise
    field: Field | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a request says, screen by screen."""

    dataset: Dataset | None
    fields: list[FieldLine]
    data: list[Line]
    letter: list[Line]
    basis: list[Line]
    use: list[Line]


def of_draft(request: ExchangeRequest) -> Summary:
    content = {name: getattr(request, name) for name in CONTENT}
    offered = offer_to(request.consumer, request.dataset).fields
    way = way_of(request)
    maskings = {name: _either(one.by_mode.get(way, one.maskings)) for name, one in offered.items()}
    return _summary(content, request.dataset, request.legal_basis, maskings, list(request.named_users.all()))


def of_revision(revision: Revision) -> Summary:
    """The text that people sign, not the row: they could differ only by a fault, and then this one counts."""
    content = json.loads(revision.content)
    for name in DAYS:
        # A text from before there was such a day has none.
        content[name] = date.fromisoformat(content[name]) if content.get(name) else None
    maskings = {field["name"]: Masking(field["masking"]).label for field in content["scope"]["fields"]}
    return _summary(
        {**content, "limits": content["scope"].get("limits", {})},
        Dataset.objects.with_owner().filter(code=content["dataset"]).first(),
        LegalInstrument.objects.filter(number=content["legal_basis"]).first(),
        maskings,
        list(User.objects.filter(public_id__in=content["named_users"]).order_by("full_name", "pk")),
    )


def _either(maskings) -> str:
    return " / ".join(str(masking.label) for masking in maskings)


def _summary(content: dict, dataset, legal_basis, maskings: dict, people: list[User]) -> Summary:
    known = fields_of(dataset)

    def lines(*names: str) -> list[Line]:
        return [Line(label_of(name), _values(name, content[name])) for name in names]

    return Summary(
        dataset=dataset,
        fields=[_field_line(name, maskings.get(name, ""), known) for name in content["field_names"]],
        data=[
            Line(_("Only rows where"), filter_sentences(content["row_filter"], known)),
            *lines("row_limit"),
            *_limits(content.get("limits", {})),
            *lines("mode", "file_format", "frequency"),
        ],
        letter=lines(
            "letter_number",
            "letter_day",
            "letter_subject",
            "urgency",
            "signatory_name",
            "signatory_position",
            "focal_name",
            "focal_position",
            "focal_phone",
            "focal_email",
        ),
        basis=[
            Line(label_of("legal_basis"), (str(legal_basis),) if legal_basis else ()),
            *lines("legal_article", "purpose", "reason", "procedure_code", "consent_basis"),
        ],
        use=[
            *lines("period_from", "period_to", "retention_until", "onward_sharing", "onward_agencies"),
            *lines("security_measures", "system_level"),
            Line(label_of("named_users"), tuple(map(str, people))),
            *lines("has_state_secret", "undertaking"),
        ],
    )


def of_scope(scope: Scope, dataset: Dataset) -> tuple[list[FieldLine], list[Line]]:
    """The fields of a scope, and everything else about it."""
    return of_scope_named(scope, fields_of(dataset))


def of_scope_named(scope: Scope, known: Mapping) -> tuple[list[FieldLine], list[Line]]:
    """The same with the fields by name as `known` has them, with their titles."""
    fields = [_field_line(name, Masking(masking).label, known) for name, masking in scope.fields]
    filters = [{"field": one.field, "operator": one.operator, "values": one.values} for one in scope.filters]
    return fields, [
        Line(_("Only rows where"), filter_sentences(filters, known)),
        Line(label_of("row_limit"), (scope.row_limit,)),
        *_limits(dict(scope.limits)),
        *(
            Line(label_of(name), _values(name, getattr(scope, name)))
            for name in ("mode", "file_format", "purpose", "period_from", "period_to", "retention_until")
        ),
    ]


def _limits(found: dict[str, int]) -> list[Line]:
    """One line, where there are limits at all."""
    return [Line(_("Limits"), tuple(map(capfirst, limit_sentences(found))))] if found else []


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was asked for, and what is offered instead."""

    term: str | Promise
    asked: object
    offered: object
    is_same: bool


def differences(asked: Scope, offered: Scope, dataset: Dataset) -> list[Difference]:
    known = fields_of(dataset)
    kept = dict(offered.fields)
    found = []
    for name, masking in asked.fields:
        given = Masking(kept[name]).label if name in kept else _("not given")
        found.append(
            Difference(_title(name, known), Masking(masking).label, given, name in kept and kept[name] == masking)
        )
    for name in ("row_limit", "period_from", "period_to", "retention_until"):
        before, after = getattr(asked, name), getattr(offered, name)
        found.append(Difference(label_of(name), _values(name, before)[0], _values(name, after)[0], before == after))
    return found


def fields_of(dataset: Dataset | None) -> dict[str, Field]:
    """All fields the dataset ever had, by name: a text may name one that is gone."""
    return {field.name: field for field in dataset.fields.all()} if dataset else {}


def _field_line(name: str, masking, known: dict[str, Field]) -> FieldLine:
    return FieldLine(name, _title(name, known), masking, known.get(name))


def _title(name: str, known: dict[str, Field]) -> str:
    return known[name].title if name in known else name


def filter_sentences(conditions, known: dict[str, Field]) -> tuple[str, ...]:
    return tuple(_sentence(condition, known) for condition in conditions)


def _sentence(condition: dict, known: dict[str, Field]) -> str:
    values = list(condition.get("values", ()))
    shown = ", ".join(values[:SHOWN_VALUES])
    if len(values) > SHOWN_VALUES:
        shown = _("%(values)s … (%(count)d values)") % {"values": shown, "count": len(values)}
    return f"{_title(condition['field'], known)} {Operator(condition['operator']).label} {shown}".strip()


def shown(kind: str, value):
    """A value of a record as people write it; what is not a day or a yes stays as the source says it."""
    if kind == FieldKind.BOOLEAN and isinstance(value, bool):
        return _("Yes") if value else _("No")
    if kind not in (FieldKind.DATE, FieldKind.DATETIME) or not re.match(r"\d{4}-\d\d-\d\d", str(value), re.ASCII):
        return value
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return value
    if moment.tzinfo:
        moment = timezone.localtime(moment)
    return f"{moment:%d/%m/%Y %H:%M}" if len(str(value)) > len("2000-01-01") else f"{moment:%d/%m/%Y}"


def label_of(name: str) -> str:
    return capfirst(ExchangeRequest._meta.get_field(name).verbose_name)


def _values(name: str, value) -> tuple:
    if value is None or value == "":
        return ()
    if name in CHOICES:
        return (CHOICES[name](value).label,)
    if name in DAYS:
        return (date_format(value, "SHORT_DATE_FORMAT"),)
    if isinstance(value, bool):
        return (_("Yes") if value else _("No"),)
    return (value,)
