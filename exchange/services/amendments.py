"""Asking for a change or for another period of an agreement, which itself stays as it is until that is granted."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import versions, workflow
from exchange.choices import RequestKind
from exchange.models import Agreement, ExchangeRequest
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import requests, scopes
from exchange.services.agreements import USE
from exchange.states import Side
from registry import permissions
from registry.choices import Role
from registry.models import Membership, User


def begin(*, agreement: Agreement, kind: RequestKind, by: User) -> ExchangeRequest:
    """A draft with what the agreement gives; another period follows the present one, as long as the policy lets it be.

    One at a time. The letter number and the declarations are made anew.
    """
    refusals = workflow.recording_refusals(f"agreement.{kind}", agreement, by=by, side=Side.CONSUMER)
    with refusals, transaction.atomic():
        locked = workflow.lock(agreement)
        check(agreement=locked, kind=kind, by=by)
        request = requests.create(
            consumer=locked.consumer,
            by=by,
            content=_content(locked, kind),
            copied_from=locked.case.request,
            kind=kind,
            amends=locked,
        )
        if users := _users_today(locked):
            request.named_users.set(users)
    return request


def check(*, agreement: Agreement, kind: RequestKind, by: User) -> None:
    """Refuse unless the person may ask for it now; for buttons, too."""
    if not permissions.has_role(by, Role.REQUESTER, agency=agreement.consumer):
        raise Refusal("not-your-role", _("Only a requester of the consumer agency asks for a change of an agreement."))
    versions.check_followed(agreement, kind)
    if under_way := open_about(agreement):
        raise Refusal(
            "under-way",
            _("The request %(code)s about this agreement is under way: finish or withdraw that one first.")
            % {"code": under_way.code},
        )


def open_about(agreement: Agreement) -> ExchangeRequest | None:
    """The request for a change or another period that has not been decided."""
    return agreement.amendments.open().first()


def _content(agreement: Agreement, kind: RequestKind) -> dict:
    """What was asked for, as far as it was agreed."""
    scope = Scope.from_text(agreement.scope)
    content = {
        **requests.content_anew(agreement.case.request),
        "field_names": scope.field_names,
        "row_limit": scope.row_limit,
        "period_from": scope.period_from,
        "period_to": scope.period_to,
        "retention_until": scope.retention_until,
    }
    return content | _next_period(agreement, scope) if kind == RequestKind.RENEWAL else content


def _next_period(agreement: Agreement, scope: Scope) -> dict[str, date | None]:
    """As long as this period, and kept as long beyond it, within today's policy. Empty where that gives none."""
    first = max(scope.period_to + timedelta(days=1), timezone.localdate())
    widest = scopes.policy_scope(agreement.policy, scope.starting(first))
    last = min(first + (scope.period_to - scope.period_from), widest.period_to)
    if last < first:
        return {"period_from": first, "period_to": None, "retention_until": None}
    kept = min(last + (scope.retention_until - scope.period_to), widest.retention_until)
    return {"period_from": first, "period_to": last, "retention_until": kept}


def _users_today(agreement: Agreement) -> list[User]:
    """Whom the agreement names and who still works in the agency."""
    working = Membership.objects.today().filter(agency=agreement.consumer).values("user")
    return list(permissions.people_named(USE, agreement).filter(is_active=True, pk__in=working))
