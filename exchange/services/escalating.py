"""Bringing overdue cases before the next superior. It decides nothing: silence never approves."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from evidence import ledger
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
    waiting = ReviewCase.objects.overdue().exclude(escalations__step=SUPERIOR)
    waiting = waiting.exclude(provider__parent=None, escalations__step=OWNER)  # nobody is above
    found = waiting.select_related("request", "provider").prefetch_related("escalations").order_by("due_on", "pk")
    return sweeping.each(found[:AT_ONCE], _escalate)


def steps_due(days_over: int, between: int) -> list[int]:
    """The first step on the first working day that is too late, each other one `between` working days after. Pure."""
    return [step for step in (DECIDERS, OWNER, SUPERIOR) if days_over >= 1 + (step - 1) * between]


def _escalate(case: ReviewCase) -> bool:
    days_over = deadlines.working_days_between(case.due_on, timezone.localdate())
    taken = {escalation.step for escalation in case.escalations.all()}
    due = steps_due(days_over, deadlines.working_days_of(Term.ESCALATE_AFTER))
    reachable = [step for step in due if step != SUPERIOR or case.provider.parent_id]
    new = [_take(case, step, days_over) for step in reachable if step not in taken]
    return any(new)


@transaction.atomic
def _take(case: ReviewCase, step: int, days_over: int) -> bool:
    _escalation, is_new = Escalation.objects.get_or_create(case=case, step=step)
    if is_new:
        ledger.record(
            action="request.escalate",
            actor=ledger.SYSTEM,
            subject=("request", case.request.code),
            correlation_id=case.request.code,
            details={"step": step, "working_days_over": days_over, "case": str(case.public_id)},
        )
    return is_new


def brought_before(user: User) -> QuerySet[ReviewCase]:
    """The overdue cases that were brought before the person as a superior, the oldest first."""
    approves_for = Membership.objects.today().filter(user=user, role=Role.APPROVER).values("agency")
    mine = Q(escalations__step=OWNER, provider__in=approves_for)
    below = Q(escalations__step=SUPERIOR, provider__parent__in=approves_for)
    return ReviewCase.objects.overdue().filter(mine | below).distinct().order_by("due_on", "pk")
