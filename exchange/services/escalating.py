"""Bringing overdue cases before the next superior. It decides nothing: silence never approves."""

from datetime import date

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from evidence import ledger
from exchange import workflow
from exchange.models import Escalation, ReviewCase
from exchange.services import deadlines, sweeping
from exchange.terms import Term
from registry.choices import Role
from registry.models import Membership, User

# Who hears of it: first who decides, and whoever stands in; then every approver of the owner; then those above it.
DECIDERS, OWNER, SUPERIOR = 1, 2, 3
AT_ONCE = 500  # cases in one sweep


def escalate_due() -> int:
    """Take the steps that are due today; how many cases were brought before somebody new."""
    waiting = ReviewCase.objects.overdue().exclude(escalations__is_review=False, escalations__step=SUPERIOR)
    at_owner = Escalation.objects.filter(case=OuterRef("pk"), is_review=False, step=OWNER)
    waiting = waiting.exclude(Exists(at_owner), provider__parent=None)  # nobody is above
    found = waiting.select_related("request", "provider").prefetch_related("escalations").order_by("due_on", "pk")
    reviews = ReviewCase.objects.review_overdue().exclude(escalations__is_review=True, escalations__step=SUPERIOR)
    reviews = (
        reviews.select_related("request", "provider").prefetch_related("escalations").order_by("review_due_on", "pk")
    )
    return sweeping.each(found[:AT_ONCE], _escalate) + sweeping.each(reviews[:AT_ONCE], _escalate_review)


def steps_due(days_over: int, between: int) -> list[int]:
    """The first step on the first working day that is too late, each other one `between` working days after. Pure."""
    return [step for step in (DECIDERS, OWNER, SUPERIOR) if days_over >= 1 + (step - 1) * between]


def _escalate(case: ReviewCase) -> bool:
    return _bring(case, case.due_on, is_review=False)


def _escalate_review(case: ReviewCase) -> bool:
    """The review after an emergency that nobody finished in time goes the same way."""
    return _bring(case, case.review_due_on, is_review=True)


def _bring(case: ReviewCase, due_on: date, *, is_review: bool) -> bool:
    days_over = deadlines.working_days_between(due_on, timezone.localdate())
    taken = {one.step for one in case.escalations.all() if one.is_review == is_review}
    due = steps_due(days_over, deadlines.working_days_of(Term.ESCALATE_AFTER))
    reachable = [step for step in due if step != SUPERIOR or case.provider.parent_id]
    new = [_take(case, step, days_over, is_review=is_review) for step in reachable if step not in taken]
    return any(new)


@transaction.atomic
def _take(case: ReviewCase, step: int, days_over: int, *, is_review: bool) -> bool:
    _escalation, is_new = Escalation.objects.get_or_create(case=case, step=step, is_review=is_review)
    if is_new:
        ledger.record(
            action="request.escalate",
            actor=ledger.SYSTEM,
            subject=("request", case.request.code),
            correlation_id=case.request.code,
            details={
                "step": step,
                "working_days_over": days_over,
                "case": str(case.public_id),
                **({"review": True} if is_review else {}),
                **workflow.mark_of(case.request),
            },
        )
    return is_new


def brought_before(user: User) -> QuerySet[ReviewCase]:
    """The overdue cases that were brought before the person as a superior, the oldest first."""
    approves_for = Membership.objects.today().filter(user=user, role=Role.APPROVER).values("agency")
    brought = Escalation.objects.filter(
        Q(step=OWNER, case__provider__in=approves_for) | Q(step=SUPERIOR, case__provider__parent__in=approves_for)
    )
    decisions = ReviewCase.objects.overdue().filter(pk__in=brought.filter(is_review=False).values("case"))
    reviews = ReviewCase.objects.review_overdue().filter(pk__in=brought.filter(is_review=True).values("case"))
    found = ReviewCase.objects.filter(Q(pk__in=decisions.values("pk")) | Q(pk__in=reviews.values("pk")))
    return found.order_by("-request__is_emergency", "due_on", "pk")
