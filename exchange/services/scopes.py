"""From a request or a sharing policy to a Scope, and from a Scope back to what the source is asked."""

import json
from dataclasses import replace
from datetime import date
from functools import reduce

from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import revisions
from exchange.choices import Frequency, Verdict
from exchange.models import Agreement, ExchangeRequest, ReviewCase, Revision
from exchange.refusals import SUSPENDED, Incomplete, Refusal, Suspended
from exchange.scope import Excess, Filter, Scope, excess
from registry.choices import Masking, Mode
from registry.connectors import Column, Condition, ExtractPlan, PermanentSourceError, filters
from registry.fields import nfc
from registry.models import Field, PolicyField, SharingPolicy
from registry.remembering import remembered
from registry.services import policies

NOT_NAMED = _("The sharing policy no longer names the consumer agency.")
MOST_FILTERS = 20
MOST_VALUES = 1_000
LONGEST_VALUE = 200  # characters


def way_of(request: ExchangeRequest) -> Mode:
    """The way of giving that a request needs: packages that come more than once are another one than a package."""
    again = request.mode == Mode.PACKAGE and request.frequency != Frequency.ONCE
    return Mode.RECURRING if again else Mode(request.mode)


def policies_for(request: ExchangeRequest):
    """Policies of the dataset under which the consumer may ask today in the mode and for the purpose wanted."""
    return (
        SharingPolicy.objects.in_force()
        .for_recipient(request.consumer)
        .filter(dataset=request.dataset, modes__contains=[way_of(request)], purposes__contains=[request.purpose])
        .prefetch_related("policy_fields__field")
    )


def requested_scope(request: ExchangeRequest, policy: SharingPolicy) -> Scope:
    """What the draft asks for, with the masking that the policy prescribes. Raises Incomplete for what it does not offer."""
    offered = {line.field.name: line for line in shared_lines(policy)}
    unknown = [name for name in request.field_names if name not in offered]
    if unknown:
        raise Incomplete(
            "fields-not-offered",
            _("These fields are not offered: %(names)s. Untick them, or ask the owner to change the policy.")
            % {"names": ", ".join(unknown)},
            fields={"field_names": unknown},
        )
    conditions = tuple(
        Filter(line["field"], line["operator"], tuple(nfc(value) for value in line.get("values", ())))
        for line in request.row_filter
    )
    _check_size(conditions)
    for condition in conditions:
        _check_filter(condition, offered)
    way = way_of(request)
    chosen = sorted(set(request.field_names), key=lambda name: offered[name].field.position)
    return Scope(
        dataset=request.dataset.code,
        fields=tuple((name, offered[name].masking) for name in chosen),
        filters=conditions,
        row_limit=request.row_limit or policy.max_rows,
        mode=way,
        file_format=request.file_format,
        purpose=request.purpose,
        period_from=request.period_from,
        period_to=request.period_to,
        retention_until=request.retention_until,
        limits=_limits(policy, way),
    )


def _check_size(conditions: tuple[Filter, ...]) -> None:
    """A scope stands in letters, decisions and agreements: it has to stay readable."""
    if len(conditions) > MOST_FILTERS:
        raise Incomplete(
            "too-many-filters",
            _("At most %(count)d conditions can be combined.") % {"count": MOST_FILTERS},
            fields={"row_filter": [condition.field for condition in conditions]},
        )
    for condition in conditions:
        if len(condition.values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in condition.values):
            raise Incomplete(
                "filter-too-long",
                _("At most %(values)d values of up to %(length)d characters fit into the condition on “%(field)s”.")
                % {"values": MOST_VALUES, "length": LONGEST_VALUE, "field": condition.field},
                fields={"row_filter": [condition.field]},
            )


def _is_filter_offered(condition: Filter, offered: dict[str, PolicyField]) -> bool:
    """Whether the policy lets rows be chosen by it: a filter on a masked field would tell its values."""
    line = offered.get(condition.field)
    return line is not None and policies.is_open_to_filters(line)


def _check_filter(condition: Filter, offered: dict[str, PolicyField]) -> None:
    if not _is_filter_offered(condition, offered):
        raise Incomplete(
            "filter-not-offered",
            _("Rows cannot be filtered by “%(field)s”. Choose one of the fields offered for filtering.")
            % {"field": condition.field},
            fields={"row_filter": [condition.field]},
        )
    line = offered[condition.field]
    try:
        filters.checked_values(Condition(line.field.name, line.field.kind, condition.operator, condition.values))
    except PermanentSourceError as error:
        raise Incomplete("bad-filter", str(error), fields={"row_filter": [condition.field]}) from None


def policy_scope(policy: SharingPolicy, like: Scope) -> Scope:
    """The most that the policy lets out to a request that is otherwise like `like`."""
    lines = shared_lines(policy)
    last_day = _days_later(like.period_from, policy.max_days - 1)
    return replace(
        like,
        dataset=policy.dataset.code,
        fields=tuple((line.field.name, line.masking) for line in lines),
        filters=(),
        row_limit=policy.max_rows,
        mode=like.mode if like.mode in policy.modes else "",
        purpose=like.purpose if like.purpose in policy.purposes else "",
        period_from=policy.valid_from,
        period_to=min(last_day, policy.valid_to) if policy.valid_to else last_day,
        retention_until=_days_later(like.period_from, policy.max_retention_days),
        limits=_limits(policy, like.mode),
    )


def _limits(policy: SharingPolicy, way: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(limit), most) for limit, most in policy.limits_for(way).items()))


def _days_later(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


@remembered
def best_policy(request: ExchangeRequest) -> tuple[SharingPolicy, Scope]:
    """The policy that the request is wholly inside, a standing one first. Raises Incomplete with what lies outside."""
    refusal: Refusal | None = None
    for policy in policies_for(request).order_by("-is_standing", "quorum", "reviews_needed", "pk"):
        try:
            scope = requested_scope(request, policy)
        except Incomplete as error:
            refusal = refusal or error
            continue
        beyond = list(excess(scope, policy_scope(policy, scope)))
        if not beyond:
            return policy, scope
        refusal = refusal or Incomplete("outside-policy", " ".join(map(str, beyond)), fields=_by_field(beyond))
    if refusal is None and policies.is_suspended(dataset=request.dataset, recipient=request.consumer):
        raise Suspended("sharing-suspended", SUSPENDED)
    raise refusal or Incomplete(
        "no-policy",
        _("The owner offers this dataset neither in this way nor for this purpose. Choose another method or purpose."),
        fields={"dataset": [], "mode": [], "purpose": []},
    )


def _by_field(beyond: list[Excess]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in beyond:
        found.setdefault(one.field, []).append(one.sentence)
    return found


def scope_of_revision(revision: Revision) -> Scope:
    """The scope that was frozen in the revision."""
    return scope_in(revision.content)


def scope_in(content: str) -> Scope:
    """The scope in the frozen text of a request."""
    return Scope.from_text(json.dumps(json.loads(content)["scope"]))


def check_shareable_now(agreement: Agreement) -> None:
    """Refuse when today's registry no longer offers what was agreed: policy or law ended, field gone or masked, filter
    withdrawn."""
    named = SharingPolicy.objects.for_recipient(agreement.consumer).select_related("dataset", "legal_basis")
    policy = named.filter(pk=agreement.policy_id).first()
    if policy is None:
        raise Refusal("outside-policy", NOT_NAMED)
    agreement.policy = policy  # as it is today, for whoever asks next
    check_covered(policy, Scope.from_text(agreement.scope))


def check_covered(policy: SharingPolicy, scope: Scope) -> None:
    """Refuse a scope that the policy, as it is today, does not offer. Whether it names the agency is asked elsewhere."""
    today = timezone.localdate()
    if policy.valid_from > today or (policy.valid_to and policy.valid_to < today):
        raise Refusal("policy-ended", _("The sharing policy behind this agreement has ended."))
    if not policy.legal_basis.is_in_force(today):
        raise Refusal(
            "law-ended",
            _("%(number)s, on which the sharing policy rests, is not in force today.")
            % {"number": policy.legal_basis.number},
        )
    withdrawn = filters_not_offered(policy, scope)
    if withdrawn:
        raise Refusal(
            "outside-policy",
            _("The owner no longer lets rows be filtered by: %(names)s.") % {"names": ", ".join(withdrawn)},
        )
    # The period of the agreement is counted from its own start; everything else is compared with the policy of today.
    beyond = list(excess(scope, policy_scope(policy, scope)))
    if beyond:
        raise Refusal("outside-policy", " ".join(map(str, beyond)))


def filters_not_offered(policy: SharingPolicy, scope: Scope) -> list[str]:
    """The fields by which the scope chooses rows, and by which the policy does not let them be chosen."""
    offered = {line.field.name: line for line in shared_lines(policy)}
    return [condition.field for condition in scope.filters if not _is_filter_offered(condition, offered)]


def extract_plan(scope: Scope, fields: dict[str, Field]) -> ExtractPlan:
    """What the source is asked for: exactly the scope. `fields` are the dataset's, by name. Pure.

    Refuses when the dataset has lost a field that is given out or filtered by.
    """
    gone = [name for name in (*scope.field_names, *(f.field for f in scope.filters)) if name not in fields]
    if gone:
        raise Refusal("fields-gone", _("The dataset no longer has: %(names)s.") % {"names": ", ".join(gone)})
    dataset = next(iter(fields.values())).dataset
    return ExtractPlan(
        schema=dataset.schema_name,
        table=dataset.table_name,
        columns=tuple(
            Column(name=name, source=name, kind=fields[name].kind, masking=Masking(masking))
            for name, masking in scope.fields
        ),
        conditions=tuple(
            Condition(field=f.field, kind=fields[f.field].kind, operator=f.operator, values=f.values)
            for f in scope.filters
        ),
        file_format=scope.file_format,
        row_limit=scope.row_limit,
    )


def asked_names(request: ExchangeRequest) -> set[str]:
    """The fields of which the request learns something: those it asks for, and those by which it chooses rows."""
    return {*request.field_names, *(line["field"] for line in request.row_filter)}


def fields_of(dataset) -> dict[str, Field]:
    """The fields that the source still has, by name."""
    fields = dataset.fields.shown().select_related("dataset")
    return {field.name: field for field in fields}


def shared_lines(policy: SharingPolicy) -> list[PolicyField]:
    """The fields that a policy offers, in the dataset's order; read at once, and once for each policy in hand."""
    prefetch_related_objects([policy], "policy_fields__field")
    return [line for line in policy.policy_fields.all() if line.field.removed_at is None]


def approved_scope(case: ReviewCase, requested: Scope) -> Scope:
    """What all approvers so far let out: what their votes share, in whichever order they came.

    Open votes lie within one another. Blind ones know nothing of each other, and may share nothing at all.
    """
    votes = live_approvals(case).values_list("scope", flat=True)
    return reduce(Scope.shared_with, map(Scope.from_text, votes), requested)


def live_approvals(case: ReviewCase):
    return case.decisions.live().filter(verdict=Verdict.APPROVE, revision=revisions.latest(case.request))
