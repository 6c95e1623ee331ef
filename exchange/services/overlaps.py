"""What a request repeats, and what it tells together with packages that were already given. Reads facts, never data."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.fields import CharField

from exchange import differencing
from exchange.choices import OnwardSharing
from exchange.differencing import Bounds, Cut, Finding, Kind
from exchange.models import Agreement, Delivery, ExchangeRequest, ReviewCase, Revision
from exchange.refusals import Refusal
from exchange.scope import Filter, Scope, canonical, sha256
from exchange.services import scopes
from exchange.states import DeliveryStatus, RequestStatus
from registry.choices import PACKAGES, Masking, Mode, PersonalData
from registry.fields import nfc
from registry.models import Agency, Dataset, Field

MOST_COMPARED = 100  # agreements with packages, the latest first
MOST_SHOWN = 10  # of each kind
AT_THE_OWNER = (RequestStatus.SUBMITTED, RequestStatus.UNDER_REVIEW, RequestStatus.RETURNED, RequestStatus.OFFERED)


class Extent(StrEnum):
    """How what is asked for lies to what there is already."""

    SAME = "same"
    WITHIN = "within"  # all that is asked for is in it, and more
    AROUND = "around"  # all of it is asked for, and more
    PART = "part"
    APART = "apart"
    OPEN = "open"  # nothing is chosen yet


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another request or an agreement of the same agency on the same dataset, and what they have in common."""

    thing: ExchangeRequest | Agreement
    fields: Extent
    rows: Extent
    in_common: int = 0
    covers: bool = False  # an agreement that gives all that is asked for


@dataclass(frozen=True, slots=True)
class Together:
    """What a package that was given tells together with the one that is asked for."""

    delivery: Delivery
    to: Agency
    finding: Finding


@dataclass(frozen=True)
class Overlaps:
    """Everything that is to be known about one request, the gravest first."""

    request: ExchangeRequest
    asked: Scope
    overlaps: list[Overlap]
    together: list[Together]
    fields: dict[str, Field]  # all that the dataset ever had, by name

    @property
    def counts_people(self) -> bool:
        """Whether a row of the dataset is a person."""
        keys = _keys(self.fields)
        return len(keys) == 1 and self.fields[keys[0]].personal_data != PersonalData.NONE

    @cached_property
    def covering(self) -> Agreement | None:
        """The agreement under which the agency has all of it already."""
        return next((one.thing for one in self.overlaps if one.covers), None)

    @property
    def grave(self) -> list[Together]:
        return [one for one in self.together if one.finding.kind != Kind.APART]

    @cached_property
    def digest(self) -> str:
        """Of what was found, whatever language it was read in: what a decision names as having been on the page."""
        overlaps = [
            {"code": one.thing.code, "fields": one.fields, "rows": one.rows, "covers": one.covers}
            for one in self.overlaps
        ]
        together = [
            {
                "delivery": one.delivery.code,
                "kind": one.finding.kind,
                "low": one.finding.rows.low,
                "high": one.finding.rows.high,
                "names": [*one.finding.conditions, *one.finding.asked, *one.finding.given],
            }
            for one in self.together
        ]
        return sha256(canonical({"overlaps": overlaps, "together": together}))


def of_draft(request: ExchangeRequest) -> Overlaps | None:
    """For the clerk, before it is sent: from what the own agency has and asks for. None before a dataset is chosen."""
    if request.dataset is None:
        return None
    asked = _scope_of_draft(request)
    requests = ExchangeRequest.objects.open().filter(consumer=request.consumer)
    packages = [one for one in _packages(request.dataset) if one.agreement.consumer_id == request.consumer_id]
    return _overlaps(request, asked, requests, packages, {request.consumer})


def of_case(case: ReviewCase, revision: Revision) -> Overlaps:
    """For the owner: what the agency has at this desk, and what was given to it or to those it passes the data on to."""
    request, asked = case.request, scopes.scope_of_revision(revision)
    # What the agency has not sent yet is not the owner's business.
    requests = ExchangeRequest.objects.filter(
        status__in=AT_THE_OWNER, consumer=request.consumer, cases__provider=case.provider
    ).prefetch_related("cases")
    packages = _packages(request.dataset)
    return _overlaps(request, asked, requests, packages, _recipients(request, packages))


def singles_out(case: ReviewCase, revision: Revision) -> bool:
    """Whether so few rows lie between what is asked for and a package that was given that they stand out."""
    asked, packages = scopes.scope_of_revision(revision), _packages(case.request.dataset)
    if not packages:
        return False
    fields = {field.name: field for field in case.request.dataset.fields.all()}
    found = _together(asked, packages, _recipients(case.request, packages), fields)
    return any(one.finding.kind == Kind.SINGLES_OUT for one in found)


def _overlaps(request, asked: Scope, requests, packages: list[Delivery], recipients: Collection[Agency]) -> Overlaps:
    fields = {field.name: field for field in request.dataset.fields.all()}
    return Overlaps(
        request,
        asked,
        overlaps=[*_agreements(request, asked), *_requests(request, asked, requests)],
        together=_together(asked, packages, recipients, fields),
        fields=fields,
    )


def _keys(fields: dict[str, Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields.values() if field.is_key and field.removed_at is None)


def _scope_of_draft(request: ExchangeRequest) -> Scope:
    """As it would be frozen; before it is complete, what was chosen so far, as open as can be."""
    if request.period_from and request.period_to and request.retention_until:
        try:
            return scopes.best_policy(request)[1]
        except Refusal:
            pass  # what is wrong with it is told beside the button that sends it
    return Scope(
        dataset=request.dataset.code,
        fields=tuple((name, Masking.KEEP) for name in request.field_names),
        filters=_filters(request),
        row_limit=request.row_limit or 0,
        mode=scopes.way_of(request),
        file_format=request.file_format,
        purpose=request.purpose,
        period_from=request.period_from,
        period_to=request.period_to,
        retention_until=request.retention_until,
    )


def _filters(request: ExchangeRequest) -> tuple[Filter, ...]:
    return tuple(
        Filter(line["field"], line["operator"], tuple(nfc(value) for value in line.get("values", ())))
        for line in request.row_filter
    )


# What the agency has, and asks for, already


def _agreements(request: ExchangeRequest, asked: Scope) -> list[Overlap]:
    live = Agreement.objects.live().filter(consumer=request.consumer, dataset=request.dataset)
    live = live.exclude(case__request=request)
    if request.amends:  # what it asks for is meant to take the place of that one
        live = live.exclude(code=request.amends.code)
    found = [(one, Scope.from_text(one.scope)) for one in live.order_by("-pk")[:MOST_SHOWN]]
    overlaps = [
        _overlap(one, asked, scope.field_names, scope.filters, covers=_covers(scope, asked)) for one, scope in found
    ]
    return sorted(overlaps, key=lambda one: not one.covers)


def _requests(request: ExchangeRequest, asked: Scope, requests) -> list[Overlap]:
    others = requests.filter(dataset=request.dataset).exclude(pk=request.pk).defer("reason", "security_measures")
    return [
        _overlap(one, asked, one.field_names, _filters(one)) for one in others.distinct().order_by("-pk")[:MOST_SHOWN]
    ]


def _overlap(thing, asked: Scope, names: Collection[str], filters: tuple[Filter, ...], *, covers=False) -> Overlap:
    own, theirs = set(asked.field_names), set(names)
    wanted, there = Cut(asked.filters), Cut(filters)
    return Overlap(thing, _extent(own, theirs), _rows(wanted, there), len(own & theirs), covers)


def _extent(own: set[str], theirs: set[str]) -> Extent:
    if not own:
        return Extent.OPEN
    if own == theirs:
        return Extent.SAME
    if own < theirs:
        return Extent.WITHIN
    if own > theirs:
        return Extent.AROUND
    return Extent.PART if own & theirs else Extent.APART


def _rows(wanted: Cut, there: Cut) -> Extent:
    inside, around = wanted.is_within(there), there.is_within(wanted)
    if inside and around:
        return Extent.SAME
    if inside:
        return Extent.WITHIN
    return Extent.AROUND if around else Extent.PART


def _covers(scope: Scope, asked: Scope) -> bool:
    """Whether the agreement gives all that is asked for. A single package comes under one that gives them again, too."""
    modes = {asked.mode, Mode.RECURRING} if asked.mode == Mode.PACKAGE else {asked.mode}
    open_to = dict(scope.fields)
    return (
        bool(asked.fields)
        and scope.mode in modes
        and scope.purpose == asked.purpose
        and all(name in open_to and open_to[name] in (masking, Masking.KEEP) for name, masking in asked.fields)
        and Cut(asked.filters).is_within(Cut(scope.filters))
        and asked.row_limit <= scope.row_limit
        and asked.period_to is not None
        and asked.period_to <= scope.period_to
    )


# What was given already


def _packages(dataset: Dataset) -> list[Delivery]:
    """The last package of each agreement on the dataset, whoever received it; the latest agreements first."""
    completed = Delivery.objects.filter(status=DeliveryStatus.COMPLETED, agreement__dataset=dataset)
    latest = completed.order_by("-agreement_id", "-pk").distinct("agreement_id")
    return list(latest.select_related("agreement__consumer", "agreement__case__request")[:MOST_COMPARED])


def _together(asked: Scope, packages: list[Delivery], recipients: Collection[Agency], fields: dict[str, Field]):
    if asked.mode not in PACKAGES or not asked.fields:
        return []
    keys = _keys(fields)
    asked_rows = _count(asked, packages, keys)
    found = []
    for delivery in packages:
        if delivery.agreement.consumer not in recipients:
            continue
        given = Scope.from_text(delivery.agreement.scope)
        rows = Bounds(delivery.rows, delivery.rows)
        found += [
            Together(delivery, delivery.agreement.consumer, finding)
            for finding in differencing.findings(
                asked, asked_rows, given, rows, keys=keys, least=settings.RELEASE_LEAST_DIFFERENCE
            )
        ]
    order = list(Kind)
    return sorted(found, key=lambda one: (order.index(one.finding.kind), -one.delivery.pk))[:MOST_SHOWN]


def _count(asked: Scope, packages: Iterable[Delivery], keys: tuple[str, ...]) -> Bounds:
    """How many rows are asked for: as many as the last package with the same rows had; else what limits them."""
    wanted = Cut(asked.filters)
    for delivery in sorted(packages, key=lambda one: one.pk, reverse=True):
        there = Cut(Scope.from_text(delivery.agreement.scope).filters)
        if wanted.is_within(there) and there.is_within(wanted):
            return Bounds(delivery.rows, delivery.rows)
    return Bounds(0, differencing.most_rows(asked, keys)) if asked.row_limit else differencing.UNKNOWN


def _recipients(request: ExchangeRequest, packages: list[Delivery]) -> set[Agency]:
    """Whoever will hold what is asked for, and whoever passed on to the agency what was given before."""
    passing_on = {one.agreement.consumer for one in packages if _is_named(request.consumer, one.agreement.case.request)}
    return {request.consumer, *passing_on, *named_onward(request)}


def named_onward(request: ExchangeRequest) -> list[Agency]:
    """The agencies that the request names by code or by name as receiving the data too; the text is free."""
    if request.onward_sharing != OnwardSharing.NAMED or not request.onward_agencies:
        return []
    text = Value(request.onward_agencies, output_field=CharField())
    named = Q(code__in=_codes(request.onward_agencies)) | Q(text__icontains=F("name_vi"))
    named |= Q(text__icontains=F("name_en")) & ~Q(name_en="")
    return list(Agency.objects.annotate(text=text).filter(named).exclude(pk=request.consumer_id)[:MOST_COMPARED])


def _is_named(agency: Agency, request: ExchangeRequest) -> bool:
    if request.onward_sharing != OnwardSharing.NAMED:
        return False
    text = request.onward_agencies.lower()
    names = [name.lower() for name in (agency.name_vi, agency.name_en) if name]
    return agency.code in _codes(request.onward_agencies) or any(name in text for name in names)


def _codes(text: str) -> list[str]:
    return [word.strip(".-") for word in re.findall(r"[\w.-]+", text)]
