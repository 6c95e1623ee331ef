"""Declaring a conflict of interest: whoever does stays out of the request for good, and a vote given before is void."""

import contextlib

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.choices import ConflictKind
from exchange.models import ExchangeRequest, Recusal, ReviewCase
from exchange.refusals import Refusal, WrongState
from exchange.services import cases
from exchange.states import REQUEST, Side
from registry import permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.models import Membership, User

ROLES = (Role.CASE_OFFICER, Role.REVIEWER, Role.APPROVER)


def declare(*, request: ExchangeRequest, by: User, kind: ConflictKind, note: str = "") -> Recusal:
    """Keep out of the request. A live vote of the person, or in the person's place, becomes void; a claim is given up."""
    with workflow.recording_refusals("request.recuse", request, by=by, side=Side.PROVIDER), transaction.atomic():
        rules.check_text(note=note)
        locked = workflow.lock(request)
        check_declaring(request=locked, by=by)
        case = rules.case_of(locked)
        recusal = Recusal.objects.create(
            request=locked, case=case, person=by, agency=case.provider, kind=kind, note=note.strip()
        )
        voided = _void_votes(case, by)
        was_officer = case.claimed_by_id == by.pk
        ledger.record(
            action="request.recuse",
            actor=actor_of(by, case.provider),
            subject=("request", locked.code),
            correlation_id=locked.code,
            details={"kind": str(kind), "votes_voided": voided},
            personal={"note": recusal.note} if recusal.note else None,
        )
    if was_officer:
        with contextlib.suppress(Refusal):  # votes of others are in: the case stays with the approvers
            cases.lapse_claim(request=request)
    return recusal


def _void_votes(case: ReviewCase, by: User) -> int:
    own = Q(made_by=by) | Q(delegation__delegator=by)
    votes = list(case.decisions.live().filter(own))
    for vote in votes:
        vote.voided_at = timezone.now()
        vote.save(update_fields=["voided_at"])
    return len(votes)


def check_declaring(*, request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person could have a part in the request for its owner, and it is not closed."""
    provider = request.provider
    serves = permissions.has_role(by, *ROLES, agency=provider)
    if not serves and not rules.delegations_to(by, request.dataset.database):
        raise Refusal(
            "not-your-role", _("Only who handles requests for %(agency)s declares a conflict.") % {"agency": provider}
        )
    if request.status in REQUEST.terminal:
        raise WrongState(request.get_status_display())
    if by.pk in rules.recused(request):
        raise Refusal("conflict-declared", _("You have declared a conflict with this request already."))


def can_declare(*, request: ExchangeRequest, by: User) -> bool:
    try:
        check_declaring(request=request, by=by)
    except Refusal:
        return False
    return True


def deciders_left(case: ReviewCase) -> int:
    """Approvers assigned to the database who hold the role today and have not declared a conflict."""
    assigned = permissions.people_named(permissions.DECIDE, case.request.dataset.database)
    approves = Membership.objects.today().filter(agency=case.provider, role=Role.APPROVER).values("user")
    today = assigned.filter(is_active=True, pk__in=approves)
    return today.exclude(recusals__request=case.request).distinct().count()
