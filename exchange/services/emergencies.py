"""Access in an emergency: two signatures, a few days at most, and a review by others afterwards.

The signatory of the asking agency and one approver of the owner give it; everything else holds as always: policy, fields,
masking, purpose, separation of duties. An operator never stands in for the owner: where its approvers are away, their
dated delegations count. Afterwards as many other approvers as the full quorum, and the reviewers whose advice was not
waited for, confirm it or object. An objection of an approver ends what is still running.
"""

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.choices import AfterVerdict, ReviewPart
from exchange.models import AfterReview, Agreement, Decision, ExchangeRequest, ReviewCase
from exchange.refusals import Incomplete, Refusal
from exchange.services import agreements, emergency_notices, scopes
from exchange.states import AGREEMENT, Side
from registry import permissions
from registry.actors import actor_of
from registry.choices import PersonalData, Role
from registry.models import Agency, Delegation, SharingPolicy, User

MONTHS_BACK = 12
MOST_MONTHS = 100  # lines of the page: agencies and months together


@dataclass(frozen=True, slots=True)
class Voice:
    """As what somebody reviews, and under which delegation, if that is the only ground."""

    part: ReviewPart
    delegation: Delegation | None = None


def advice_needed(request: ExchangeRequest, policy: SharingPolicy) -> int:
    """How many reviewers have to speak: those of the policy; of an emergency about sensitive data at least one."""
    if not request.is_emergency:
        return policy.reviews_needed
    asked = request.dataset.fields.filter(name__in=scopes.asked_names(request), personal_data=PersonalData.SENSITIVE)
    return max(policy.reviews_needed, int(asked.exists()))


def review(*, request: ExchangeRequest, by: User, verdict: AfterVerdict, reason: str = "") -> AfterReview:
    """Confirm afterwards what was given in an emergency, or object. The last voice that is needed closes the review; an
    approver's objection closes it at once, and revokes what is still running."""
    with workflow.recording_refusals("request.review", request, by=by, side=Side.PROVIDER), transaction.atomic():
        rules.check_text(reason=reason)
        locked = workflow.lock(request)
        voice = check_reviewing(request=locked, by=by)
        if verdict == AfterVerdict.OBJECT and not reason.strip():
            raise Incomplete("reason-needed", _("State the reason."), fields={"reason": [_("This field is needed.")]})
        case = rules.case_of(locked)
        given = AfterReview.objects.create(
            case=case,
            part=voice.part,
            verdict=verdict,
            reason=reason.strip(),
            made_by=by,
            agency=case.provider,
            delegation=voice.delegation,
        )
        _record(given, locked)
        _close_if_done(case, given)
    return given


def _record(given: AfterReview, request: ExchangeRequest) -> None:
    details = {"part": str(given.part), "verdict": str(given.verdict), "case": str(given.case.public_id)}
    if given.delegation:
        details["on_behalf_of"] = str(given.delegation.delegator.public_id)
    ledger.record(
        action="request.review",
        actor=actor_of(given.made_by, given.agency),
        subject=("request", request.code),
        correlation_id=request.code,
        details=details | workflow.mark_of(request),
        personal={"reason": given.reason} if given.reason else None,
    )


def _close_if_done(case: ReviewCase, given: AfterReview) -> None:
    is_objection = given.part == ReviewPart.APPROVER and given.verdict == AfterVerdict.OBJECT
    if not is_objection and any(missing(case).values()):
        return
    case.reviewed_at = timezone.now()
    case.save(update_fields=["reviewed_at"])
    if is_objection:
        for agreement in Agreement.objects.filter(case=case, status__in=AGREEMENT.open):
            agreements.revoke(agreement=agreement, by=given.made_by, reason=given.reason)
    emergency_notices.tell_outcome(case, is_objection=is_objection)


def missing(case: ReviewCase) -> dict[ReviewPart, int]:
    """How many voices of each part are still needed."""
    given = dict(case.after_reviews.order_by().values_list("part").annotate(Count("pk")))
    needed = {ReviewPart.APPROVER: case.quorum, ReviewPart.REVIEWER: case.reviews_needed}
    return {part: max(count - given.get(part, 0), 0) for part, count in needed.items()}


def check_reviewing(*, request: ExchangeRequest, by: User) -> Voice:
    """Refuse unless there is an emergency to review, and the person is one of those who do, with no part in it."""
    case = rules.case_of(request)
    if not request.is_emergency or case.review_due_on is None:
        raise Refusal("nothing-to-review", _("Nothing was given here in an emergency."))
    if case.reviewed_at:
        raise Refusal("reviewed-already", _("The review of this emergency is finished."))
    if not by.is_active:
        raise Refusal("nobody", _("Sign in with an active account."))
    left = missing(case)
    own = Q(made_by=by) | Q(delegation__delegator=by)
    if case.after_reviews.filter(own).exists():
        raise Refusal("rule-2", _("%(person)s has already reviewed this emergency.") % {"person": by})
    if left[ReviewPart.REVIEWER] and _is_reviewer(request, by):
        rules.check_no_part(request, by)
        _check_signed_nothing(case, by)
        return Voice(ReviewPart.REVIEWER)
    delegation = rules.check_speaks_for_owner(case.agreements.get(), by)
    for person in [by, delegation.delegator] if delegation else [by]:
        rules.check_no_part(request, person)
        _check_signed_nothing(case, person)
    if (
        delegation
        and case.after_reviews.filter(
            Q(made_by=delegation.delegator) | Q(delegation__delegator=delegation.delegator)
        ).exists()
    ):
        raise Refusal("rule-2", _("%(person)s has already reviewed this emergency.") % {"person": delegation.delegator})
    return Voice(ReviewPart.APPROVER, delegation)


def _is_reviewer(request: ExchangeRequest, by: User) -> bool:
    is_named = permissions.is_named(by, permissions.REVIEW, request.dataset.database)
    return is_named and permissions.has_role(by, Role.REVIEWER, agency=request.provider)


def _check_signed_nothing(case: ReviewCase, person: User) -> None:
    if Decision.objects.filter(Q(made_by=person) | Q(delegation__delegator=person), case=case).exists():
        raise Refusal("rule-1", _("Whoever decided on an emergency does not review it afterwards."))


# --- how often


@dataclass(frozen=True, slots=True)
class Rate:
    """Emergencies that one agency declared towards an owner: this month, and in a year; and how many were objected to."""

    month: int
    year: int
    objected: int


def rate_of(consumer: Agency, provider: Agency) -> Rate:
    declared = ReviewCase.objects.filter(
        request__is_emergency=True, provider=provider, request__consumer=consumer, opened_at__date__gte=_since()
    ).order_by()
    objection = Q(after_reviews__part=ReviewPart.APPROVER, after_reviews__verdict=AfterVerdict.OBJECT)
    this_month = Q(opened_at__date__gte=timezone.localdate().replace(day=1))
    counted = declared.aggregate(
        year=Count("pk", distinct=True),
        month=Count("pk", filter=this_month, distinct=True),
        objected=Count("pk", filter=objection, distinct=True),
    )
    return Rate(**counted)


def by_month(providers: list[Agency]) -> list[dict]:
    """Emergencies towards these owners, for each asking agency and month of a year, the latest month first."""
    objection = Q(after_reviews__part=ReviewPart.APPROVER, after_reviews__verdict=AfterVerdict.OBJECT)
    declared = ReviewCase.objects.filter(
        request__is_emergency=True, provider__in=providers, opened_at__date__gte=_since()
    )
    lines = (
        declared.order_by()
        .annotate(month=TruncMonth("opened_at"))
        .values("month", "request__consumer")
        .annotate(count=Count("pk", distinct=True), objected=Count("pk", filter=objection, distinct=True))
        .order_by("-month", "-count", "request__consumer")[:MOST_MONTHS]
    )
    found = list(lines)
    names = Agency.objects.in_bulk({line["request__consumer"] for line in found})
    return [{**line, "consumer": names[line["request__consumer"]]} for line in found]


def _since() -> date:
    first = timezone.localdate().replace(day=1)
    return first.replace(year=first.year - 1)
