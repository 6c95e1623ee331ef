"""Who has to act next on a request, in words that a clerk understands."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import ExchangeRequest
from exchange.states import RequestStatus
from registry.choices import Role
from registry.models import Agency, Membership, User

_S = RequestStatus
SENTENCES = {
    _S.DRAFT: _("A clerk of %(consumer)s completes the draft and sends it for signature."),
    _S.PENDING_ENDORSEMENT: _("A signatory of %(consumer)s reads it, then signs it or sends it back."),
    _S.SUBMITTED: _("%(provider)s takes the request on."),
    _S.UNDER_REVIEW: _("%(provider)s decides."),
    _S.RETURNED: _("A clerk of %(consumer)s corrects what the owner asked for, then sends it for signature again."),
    _S.OFFERED: _("%(provider)s grants a part. A signatory of %(consumer)s accepts or declines."),
    _S.APPROVED: _("Nobody: it is granted. The data comes under the agreement below."),
    _S.REJECTED: _("Nobody: it is closed. You can copy it as a new request."),
    _S.WITHDRAWN: _("Nobody: it is closed. You can copy it as a new request."),
    _S.EXPIRED: _("Nobody: it is closed. You can copy it as a new request."),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is: a sentence, the people who may act where they are colleagues, and the day it is due."""

    sentence: str | Promise
    people: list[User]
    due_on: date | None = None
    office: Agency | None = None  # the agency that handles it, which answers for its people
    since: datetime | None = None
    extension: str = ""  # why the owner lengthened the term


def whose_turn(request: ExchangeRequest) -> Turn:
    sentence = SENTENCES[request.status] % {"consumer": request.consumer, "provider": request.provider or "—"}
    if request.status in (_S.PENDING_ENDORSEMENT, _S.OFFERED):
        return Turn(sentence, _signatories(request))
    if request.status in (_S.SUBMITTED, _S.UNDER_REVIEW):
        case = request.cases.filter(provider=request.provider).first()
        if case is None:
            return Turn(sentence, [])
        since = case.claimed_at or request.endorsed_at
        return Turn(sentence, [], case.due_on, request.provider, since, case.extension_reason)
    return Turn(sentence, [])


def _signatories(request: ExchangeRequest) -> list[User]:
    """Colleagues who may sign: not the ones who filed or edited it."""
    today = Membership.objects.today().filter(agency=request.consumer, role=Role.ENDORSER).values("user")
    took_part = [request.created_by_id, request.last_edited_by_id]
    return list(User.objects.filter(pk__in=today, is_active=True).exclude(pk__in=took_part).order_by("full_name", "pk"))
