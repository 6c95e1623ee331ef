"""The provider's side: taking a case on, and deciding it."""

from datetime import date

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import rules, workflow
from exchange.choices import Verdict
from exchange.models import Decision, ExchangeRequest, ReviewCase
from exchange.refusals import Refusal
from exchange.scope import Scope, excess
from exchange.services import agreements, blind_votes, claims, letters, overlaps, scopes, sweeping
from exchange.states import REQUEST, RequestStatus
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import LegalInstrument, Membership, User
from registry.services import notices


def claim(*, request: ExchangeRequest, by: User) -> ExchangeRequest:
    with workflow.making("claim", request, by=by) as step:
        case = rules.case_of(step.subject)
        case.claimed_by, case.claimed_at = by, timezone.now()
        case.save(update_fields=["claimed_by", "claimed_at"])
    return request


def take_up(*, request: ExchangeRequest, by: User) -> ExchangeRequest:
    """Bring an emergency before the approvers without a case officer: nobody holds the case, any approver decides."""
    with workflow.making("take_up", request, by=by) as step:
        _free(step)
    return request


HANDED_OVER = notice_kinds.define(
    "exchange.case.handed-over",
    _("A case was handed over to you"),
    _("%(request)s of %(agency)s is yours from now on. It is due on %(due)s."),
)


def hand_over(*, request: ExchangeRequest, by: User, to: User) -> ExchangeRequest:
    """Make a colleague the case officer, who is told. The colleague must be one who could take the case on."""
    with workflow.making("hand_over", request, by=by) as step:
        case = rules.case_of(step.subject)
        if case.claimed_by_id == to.pk:
            raise Refusal("same-officer", _("%(person)s handles it already.") % {"person": to})
        try:
            rules.check_mover(REQUEST.moves["claim"], step.subject, to)
        except Refusal as refusal:
            raise Refusal(
                refusal.code, _("%(person)s cannot handle it: %(reason)s") % {"person": to, "reason": refusal}
            ) from None
        former = case.claimed_by
        case.claimed_by, case.claimed_at = to, timezone.now()
        case.save(update_fields=["claimed_by", "claimed_at"])
        step.details.update(officer=str(to.public_id), former=str(former.public_id) if former else "")
        if to != by:
            notices.tell(
                kind=HANDED_OVER,
                to=[to],
                path=reverse("admin:exchange_reviewcase_change", args=[case.pk]),
                request=request.code,
                agency=request.consumer,
                due=case.due_on,
            )
    return request


def release(*, request: ExchangeRequest, by: User) -> ExchangeRequest:
    """Put the case back, for anybody who may to take it on. The clock goes on."""
    with workflow.making("release", request, by=by) as step:
        _free(step)
    return request


def lapse_claim(*, request: ExchangeRequest) -> ExchangeRequest:
    """Put back what was taken on, where the claim is worth nothing any more."""
    with workflow.making("lapse_claim", request, by=None) as step:
        _free(step)
    return request


def _free(step: workflow.Step) -> None:
    case = rules.case_of(step.subject)
    case.claimed_by, case.claimed_at = None, None
    case.save(update_fields=["claimed_by", "claimed_at"])


def lapse_claims() -> int:
    """Put back the cases whose claims lapsed, or whose case officers left; how many."""
    return sweeping.each(claims.lapsed()[:500], lambda case: lapse_claim(request=case.request))


def officers_for(case: ReviewCase) -> QuerySet[User]:
    """Who could be handed the case: case officers of the owner who are assigned to the database, but for the present one."""
    serving = Membership.objects.today().filter(agency=case.provider, role=Role.CASE_OFFICER)
    named = permissions.people_named(permissions.HANDLE, case.request.dataset.database)
    found = User.objects.filter(pk__in=serving.values("user"), is_active=True).filter(pk__in=named.values("pk"))
    return found.exclude(pk=case.claimed_by_id).order_by("full_name", "pk")


def send_back(
    *, request: ExchangeRequest, by: User, reason: str, field_reasons: dict[str, str] | None = None, revision_hash: str
) -> ExchangeRequest:
    """Return the request for correction, with reasons in general and per field of the form."""
    with workflow.making("return", request, by=by, reason=reason) as step:
        rules.check_text(field_reasons=field_reasons)
        _decide(step, Verdict.RETURN, revision_hash, field_reasons=field_reasons or {})
    return request


def reject(
    *, request: ExchangeRequest, by: User, reason: str, legal_basis: LegalInstrument | None, revision_hash: str
) -> ExchangeRequest:
    """Refuse the request for good, with a reason and the law on which it rests."""
    with workflow.making("reject", request, by=by, reason=reason) as step:
        if legal_basis is None or not legal_basis.is_in_force():
            raise Refusal(
                "basis-needed",
                _("Name the legal basis of the rejection; it must be in force today."),
                fields={"legal_basis": [_("This field is needed.")]},
            )
        decision = _decide(step, Verdict.REJECT, revision_hash, legal_basis=legal_basis)
        letters.issue(case=decision.case, content=letters.of_rejection(decision))
    return request


def approve(
    *,
    request: ExchangeRequest,
    by: User,
    revision_hash: str,
    fields: set[str] | None = None,
    row_limit: int | None = None,
    period_to: date | None = None,
    reason: str = "",
    warnings_hash: str | None = None,
) -> ExchangeRequest:
    """Vote for the request, whole or narrowed. With the last vote needed it becomes an agreement, or an offer if narrowed.

    In blind review a vote is compared with the request alone, and keeps its own scope. What all share is taken when the
    last one is in; where that is nothing, all votes are set aside and the request stays under review.

    `warnings_hash` is that of the overlaps which were on the approver's page, where there was one.
    """
    with workflow.making("approve", request, by=by, reason=reason) as step:
        case = rules.case_of(step.subject)
        requested = scopes.scope_of_revision(step.subject.revisions.first())
        # Others' blind votes were not on the page, and no refusal may tell of them.
        agreed = requested if case.is_blind else scopes.approved_scope(case, requested)
        if row_limit is not None and row_limit < 1:
            raise _nothing_left()
        if not case.is_blind:
            _check_none_left_out(case.request, fields, requested, agreed)
        scope = agreed.narrowed(fields=fields, row_limit=row_limit, period_to=period_to)
        _check_scope(scope, agreed, fields)
        if scope != agreed and not step.reason:
            raise Refusal(
                "reason-needed",
                _("Say why less is shared than was asked for."),
                fields={"reason": [_("This field is needed.")]},
            )
        decision = _decide(step, Verdict.APPROVE, revision_hash, scope=scope)
        if warnings_hash not in (None, step.details["warnings_sha256"]):
            raise Refusal(
                "rule-2",
                _("What this request overlaps with changed after you opened the page. Read the warnings, then decide."),
            )
        step.details.update(scope_sha256=scope.digest, quorum=case.votes_needed)
        step.to(RequestStatus.UNDER_REVIEW)
        if scopes.live_approvals(case).count() >= case.votes_needed:
            _close(step, case, decision, requested)
    return request


def _close(step: workflow.Step, case: ReviewCase, decision: Decision, requested: Scope) -> None:
    """Draw the conclusion from all votes, the last of which is `decision`."""
    rules.check_votes_stand(step.subject)
    scope = scopes.approved_scope(case, requested)
    if scope.is_nothing_on(timezone.localdate()):
        step.then(lambda: blind_votes.set_all_aside(case))
        return
    step.to(RequestStatus.APPROVED if scope == requested else RequestStatus.OFFERED)
    if case.blind_review:
        step.details["shared_scope_sha256"] = scope.digest
    letters.issue(case=case, content=letters.of_approval(decision, requested, scope))
    if step.target == RequestStatus.APPROVED:
        step.then(lambda: agreements.conclude(case=case, scope=scope))


def set_aside(*, request: ExchangeRequest, by: User) -> ExchangeRequest:
    """Void the approvals of people who joined the asking side after voting: others vote anew in their place."""
    with workflow.making("set_aside", request, by=by) as step:
        votes = rules.moved_votes(step.subject)
        for vote in votes:
            vote.voided_at = timezone.now()
            vote.save(update_fields=["voided_at"])
        step.details["votes_voided"] = len(votes)
    return request


def _check_none_left_out(request: ExchangeRequest, fields: set[str] | None, requested: Scope, agreed: Scope) -> None:
    """Refuse a vote that was made before a colleague narrowed: it would silently be about less than was read."""
    left_out = [name for name in requested.field_names if name in (fields or ()) and name not in agreed.field_names]
    if left_out:
        titles = {field.name: field.title for field in request.dataset.fields.all()}
        raise Refusal(
            "rule-3",
            _("Another approver has left out %(fields)s meanwhile: check what is left and approve again.")
            % {"fields": ", ".join(titles.get(name, name) for name in left_out)},
        )


def _check_scope(scope: Scope, agreed: Scope, fields: set[str] | None) -> None:
    beyond = [*excess(scope, agreed)]
    unknown = (fields or set()) - set(agreed.field_names)
    if beyond or unknown:
        raise Refusal(
            "rule-3",
            _("A decision can only narrow what was asked for: %(beyond)s")
            % {"beyond": " ".join([*map(str, beyond), *sorted(unknown)])},
        )
    if scope.is_nothing_on(timezone.localdate()):
        raise _nothing_left()


def _nothing_left() -> Refusal:
    return Refusal("nothing-left", _("Nothing would be left to share: reject the request instead."))


def _decide(
    step: workflow.Step, verdict: Verdict, revision_hash: str, *, scope: Scope | None = None, **fields
) -> Decision:
    request: ExchangeRequest = step.subject
    case = rules.case_of(request)
    revision = request.revisions.first()
    if revision.content_hash != revision_hash:
        raise Refusal(
            "rule-2", _("The request was changed after you opened this page. Read the new revision, then decide.")
        )
    decision = Decision.objects.create(
        case=case,
        revision=revision,
        revision_hash=revision_hash,
        verdict=verdict,
        scope=scope.text if scope else "",
        scope_hash=scope.digest if scope else "",
        reason=step.reason,
        made_by=step.by,
        agency=case.provider,
        delegation=step.delegation,
        **fields,
    )
    step.details.update(
        revision_sha256=revision_hash,
        verdict=str(verdict),
        warnings_sha256=overlaps.of_case(case, revision).digest,
    )
    if step.delegation:
        step.details["on_behalf_of"] = str(step.delegation.delegator.public_id)
    return decision
