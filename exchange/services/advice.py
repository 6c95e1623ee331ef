"""What reviewers advise on a revision. It decides nothing, but a policy may want it before anybody approves."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.choices import Recommendation
from exchange.models import Advice, ExchangeRequest
from exchange.refusals import Refusal, WrongState
from exchange.states import RequestStatus, Side
from registry.actors import actor_of
from registry.models import User


def give(
    *, request: ExchangeRequest, by: User, recommendation: Recommendation, text: str, revision_hash: str
) -> Advice:
    """Advise on the revision that was read; once for each person and revision."""
    with workflow.recording_refusals("request.advise", request, by=by, side=Side.PROVIDER), transaction.atomic():
        rules.check_text(text=text)
        locked = workflow.lock(request)
        check_giving(request=locked, by=by)
        revision = locked.revisions.first()
        if revision.content_hash != revision_hash:
            raise Refusal(
                "rule-2", _("The request was changed after you opened this page. Read the new revision, then advise.")
            )
        if not text.strip():
            raise Refusal("reason-needed", _("Write your advice."), fields={"text": [_("This field is needed.")]})
        case = rules.case_of(locked)
        advice = Advice.objects.create(
            case=case,
            revision=revision,
            revision_hash=revision_hash,
            recommendation=recommendation,
            text=text.strip(),
            made_by=by,
            agency=case.provider,
        )
        ledger.record(
            action="request.advise",
            actor=actor_of(by, case.provider),
            subject=("request", locked.code),
            correlation_id=locked.code,
            details={"revision_sha256": revision_hash, "recommendation": str(recommendation)},
            personal={"advice": advice.text},
        )
    return advice


def check_giving(*, request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person may advise on the request now."""
    if request.status != RequestStatus.UNDER_REVIEW:
        raise WrongState(request.get_status_display())
    rules.check_reviewer(request, by)


def can_give(*, request: ExchangeRequest, by: User) -> bool:
    try:
        check_giving(request=request, by=by)
    except Refusal:
        return False
    return True
