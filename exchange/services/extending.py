"""Lengthening the term of a case: once, before it is over, with a reason that the asking agency reads."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.models import ExchangeRequest, ReviewCase
from exchange.models.cases import CLOCK_RUNS
from exchange.refusals import Incomplete, Refusal, WrongState
from exchange.services import deadlines
from exchange.states import Side
from exchange.terms import Term
from registry import permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.models import User


def extend(*, request: ExchangeRequest, by: User, working_days: int, reason: str) -> ReviewCase:
    """Move the day that is due by so many working days, at most by the term itself."""
    with workflow.recording_refusals("request.extend", request, by=by, side=Side.PROVIDER), transaction.atomic():
        rules.check_text(reason=reason)
        locked = workflow.lock(request)
        check_extending(request=locked, by=by)
        case = rules.case_of(locked)
        _check_answers(case, working_days, reason)
        case.due_on = deadlines.due_on(case.due_on, working_days)
        case.extended_days, case.extension_reason = working_days, reason.strip()
        case.extended_by, case.extended_at = by, timezone.now()
        case.save()
        ledger.record(
            action="request.extend",
            actor=actor_of(by, case.provider),
            subject=("request", locked.code),
            correlation_id=locked.code,
            details={"working_days": working_days, "due_on": case.due_on.isoformat()},
            personal={"reason": case.extension_reason},
        )
    return case


def _check_answers(case: ReviewCase, working_days: int, reason: str) -> None:
    if not reason.strip():
        raise Incomplete("reason-needed", _("State the reason."), fields={"reason": [_("This field is needed.")]})
    most = most_days(case)
    if not 1 <= working_days <= most:
        problem = _("Between 1 and %(most)d working days.") % {"most": most}
        raise Incomplete("bad-days", problem, fields={"working_days": [problem]})


def most_days(case: ReviewCase) -> int:
    """As many working days as the term itself has today."""
    return deadlines.working_days_of(Term(case.term))


def check_extending(*, request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person handles or decides on the request, whose clock runs and is neither over nor lengthened."""
    provider, database = request.provider, request.dataset.database
    handles = permissions.has_role(by, Role.CASE_OFFICER, agency=provider) and permissions.is_named(
        by, permissions.HANDLE, database
    )
    decides = permissions.has_role(by, Role.APPROVER, agency=provider) and permissions.is_named(
        by, permissions.DECIDE, database
    )
    if not (handles or decides):
        raise Refusal(
            "not-your-role",
            _("Only a case officer or an approver who is assigned to %(database)s lengthens its terms.")
            % {"database": database},
        )
    if request.status not in CLOCK_RUNS:
        raise WrongState(request.get_status_display())
    case = rules.case_of(request)
    if case.extended_at:
        raise Refusal("extended-already", _("The term was lengthened once already."))
    if case.is_overdue:
        raise Refusal("overdue", _("The term is over: it can no longer be lengthened. Decide, or return the request."))


def can_extend(*, request: ExchangeRequest, by: User) -> bool:
    try:
        check_extending(request=request, by=by)
    except Refusal:
        return False
    return True
