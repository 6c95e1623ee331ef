"""Lengthening the term of a case: once, before it is over, with a reason that the asking agency reads."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import rules, workflow
from exchange.models import ExchangeRequest, ReviewCase
from exchange.refusals import Incomplete
from exchange.services import deadlines
from exchange.terms import Term
from registry.models import User


def extend(*, request: ExchangeRequest, by: User, working_days: int, reason: str) -> ReviewCase:
    """Move the day that is due by so many working days, at most by the term itself."""
    with workflow.making("extend", request, by=by, reason=reason) as step:
        case = rules.case_of(step.subject)
        _check_days(case, working_days)
        case.due_on = deadlines.due_on(case.due_on, working_days)
        case.extended_days, case.extension_reason = working_days, step.reason
        case.extended_by, case.extended_at = by, timezone.now()
        case.save()
        step.details.update(working_days=working_days, due_on=case.due_on.isoformat())
    return case


def _check_days(case: ReviewCase, working_days: int) -> None:
    most = most_days(case)
    if not 1 <= working_days <= most:
        problem = _("Between 1 and %(most)d working days.") % {"most": most}
        raise Incomplete("bad-days", problem, fields={"working_days": [problem]})


def most_days(case: ReviewCase) -> int:
    """As many working days as the term itself has today."""
    return deadlines.working_days_of(Term(case.term))


def check_extending(*, request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person may lengthen the term now; for pages."""
    workflow.check_move("extend", request, by)


def can_extend(*, request: ExchangeRequest, by: User) -> bool:
    return workflow.can_move("extend", request, by)
