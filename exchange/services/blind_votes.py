"""Blind votes that leave nothing in common: all of them are set aside, and who has to do with it is told to talk."""

from functools import reduce

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import revisions
from exchange.choices import Verdict
from exchange.models import ReviewCase
from exchange.scope import Scope
from exchange.services import scopes
from registry import notice_kinds
from registry.services import notices

APART = notice_kinds.define(
    "exchange.case.votes-apart",
    _("The votes leave nothing in common"),
    _(
        "All votes on %(request)s are in, and together they leave nothing to share. "
        "They were set aside: read them, talk, and vote anew."
    ),
)


def set_all_aside(case: ReviewCase) -> int:
    """Void the approvals of a blind review that share nothing, with evidence, and tell voters and case officer; how many.

    No vote is refused for it: a refusal would tell the voter about the others before all are in.
    """
    votes = list(scopes.live_approvals(case).select_related("made_by", "delegation__delegator").order_by("pk"))
    # One moment for all, after the last of them: by this the database knows them as the votes of one round.
    voided_at = max(timezone.now(), *(vote.made_at for vote in votes))
    for vote in votes:
        vote.voided_at = voided_at
        vote.save(update_fields=["voided_at"])
    ledger.record(
        action="request.votes_apart",
        actor=ledger.SYSTEM,
        subject=("request", case.request.code),
        correlation_id=case.request.code,
        details={"votes_voided": len(votes), "revision_sha256": votes[0].revision_hash},
    )
    told = [vote.made_by for vote in votes] + [vote.delegation.delegator for vote in votes if vote.delegation]
    notices.tell(
        kind=APART,
        to=[*told, *filter(None, [case.claimed_by])],
        path=reverse("admin:exchange_reviewcase_change", args=[case.pk]),
        request=case.request.code,
    )
    return len(votes)


def came_apart(case: ReviewCase) -> bool:
    """Whether the votes of the last full round on what is under review were set aside, as they shared nothing."""
    if not case.is_blind or case.votes_needed < 2:
        return False
    void = case.decisions.filter(
        verdict=Verdict.APPROVE, revision=revisions.latest(case.request), voided_at__isnull=False
    )
    last = void.order_by("-voided_at", "-pk").first()
    if last is None:
        return False
    # Of votes that are void for another reason, not all that were needed went at one moment, or they shared something.
    round_ = [Scope.from_text(text) for text in void.filter(voided_at=last.voided_at).values_list("scope", flat=True)]
    shared = reduce(Scope.shared_with, round_)
    return len(round_) >= case.votes_needed and shared.is_nothing_on(timezone.localdate(last.voided_at))
