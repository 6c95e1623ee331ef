"""The same move on many cases at once: each is made on its own, and each has its own result.

Nothing is decided unread. A choice names the revision and the scope that stood on the page, and what deserves a page of
its own is not approved among others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from exchange import workflow
from exchange.choices import Recommendation
from exchange.models import ExchangeRequest, ReviewCase
from exchange.refusals import Refusal, WrongState
from exchange.services import cases, overlaps, scopes
from exchange.states import Side
from registry.choices import PersonalData
from registry.models import LegalInstrument, User

MOVES = ("claim", "approve", "return", "reject")
MOST = 100  # cases at once: each takes a few hundredths of a second, while the person waits


@dataclass(frozen=True, slots=True)
class Choice:
    """A case as it stood on the page: the hash of its revision, and of what the approvers so far let out."""

    case: ReviewCase
    revision_hash: str
    scope_hash: str


@dataclass(frozen=True, slots=True)
class Result:
    case: ReviewCase
    refusal: Refusal | None = None

    @property
    def done(self) -> bool:
        return self.refusal is None


def choice_of(case: ReviewCase) -> Choice:
    """The case as it stands now."""
    revision = case.request.revisions.first()
    requested = scopes.scope_of_revision(revision)
    agreed = requested if case.is_blind else scopes.approved_scope(case, requested)
    return Choice(case, revision.content_hash, agreed.digest)


def check(name: str, case: ReviewCase, by: User) -> None:
    """Raise the Refusal that the case would meet in a bulk move."""
    if case.request.provider != case.provider:
        raise WrongState(case.request.get_status_display())
    workflow.check_move(name, case.request, by)
    if name == "approve":
        _check_simple(case)


def make(
    name: str, choices: Iterable[Choice], *, by: User, reason: str = "", legal_basis: LegalInstrument | None = None
) -> list[Result]:
    """Make the move on each case, in the order given; a Refusal is that case's result, and keeps no other back."""
    return [_made(name, choice, by, reason, legal_basis) for choice in choices]


def _made(name: str, choice: Choice, by: User, reason: str, legal_basis: LegalInstrument | None) -> Result:
    request = choice.case.request
    act: dict[str, Callable[[], ExchangeRequest]] = {
        "claim": lambda: cases.claim(request=request, by=by),
        "return": lambda: cases.send_back(request=request, by=by, reason=reason, revision_hash=choice.revision_hash),
        "reject": lambda: cases.reject(
            request=request, by=by, reason=reason, legal_basis=legal_basis, revision_hash=choice.revision_hash
        ),
        "approve": lambda: _approve(choice, by, reason),
    }
    try:
        act[name]()
    except Refusal as refusal:
        return Result(choice.case, refusal)
    return Result(choice.case)


def _approve(choice: Choice, by: User, reason: str) -> ExchangeRequest:
    """Approve what stood on the page, whole."""
    request = choice.case.request
    with workflow.recording_refusals("request.approve", request, by=by, side=Side.PROVIDER):
        now = choice_of(choice.case)
        if (now.revision_hash, now.scope_hash) != (choice.revision_hash, choice.scope_hash):
            raise Refusal(
                "rule-2", _("It was changed, or narrowed by a colleague, after you opened the list. Read it.")
            )
        _check_simple(choice.case)
    return cases.approve(request=request, by=by, revision_hash=choice.revision_hash, reason=reason)


def _check_simple(case: ReviewCase) -> None:
    request = case.request
    if request.is_emergency:
        raise Refusal("one-by-one", _("It is an emergency: decide it on its own page."))
    asked = request.dataset.fields.filter(name__in=scopes.asked_names(request))
    if asked.filter(personal_data=PersonalData.SENSITIVE).exists():
        raise Refusal("one-by-one", _("It asks for sensitive personal data: decide it on its own page."))
    given = request.revisions.first().advice.exclude(recommendation=Recommendation.FOR)
    if given.exists() and not case.is_blind:
        raise Refusal("one-by-one", _("A reviewer advised against it or set conditions: decide it on its own page."))
    if overlaps.singles_out(case, request.revisions.first()):
        raise Refusal("one-by-one", _("With an earlier package it singles people out: decide it on its own page."))
