"""Who has which part in a request, for all rules that ask: at the desk, on the asking side, by votes, advice and conflicts."""

from datetime import datetime

from django.db.models import Exists, Q
from django.utils.translation import gettext_lazy as _

from evidence.models import Entry, Outcome
from exchange import revisions
from exchange.choices import Verdict
from exchange.models import Advice, Agreement, Comment, Decision, ExchangeRequest, Recusal, ReviewCase, Revision
from exchange.refusals import Refusal
from exchange.states import REQUEST, Side
from registry import permissions
from registry.choices import Role
from registry.models import Agency, Database, Delegation, Membership, User
from registry.remembering import remembered

# What a person does on a database, and the role without which the assignment is worth nothing.
DUTIES = {permissions.HANDLE: Role.CASE_OFFICER, permissions.DECIDE: Role.APPROVER}


def own_duty(user: User, database: Database, *names: str) -> bool:
    """Whether the person was assigned one of the duties (any) and still holds the role for it."""
    roles = permissions.roles_of(user, agency=database.owner)
    return any(DUTIES[name] in roles and permissions.is_named(user, name, database) for name in names)


@remembered
def delegations_to(user: User, database: Database) -> list[Delegation]:
    """Today's delegations to the person, who must work for the owner, from approvers assigned to the database; the oldest
    first."""
    if not permissions.roles_of(user, agency=database.owner):
        return []
    given = Delegation.objects.today().filter(delegate=user, agency=database.owner).select_related("delegator")
    return [one for one in given.order_by("pk") if own_duty(one.delegator, database, permissions.DECIDE)]


@remembered
def filers(request: ExchangeRequest) -> set[int]:
    """Everybody whose words may stand in it, whoever saved it last."""
    proposers = [revision.proposed_by_id for revision in signatures(request)]
    editors = request.editors.values_list("pk", flat=True)
    return {request.created_by_id, request.last_edited_by_id, *proposers, *editors}


@remembered
def signatories(request: ExchangeRequest) -> set[int | None]:
    """Everybody who ever signed for it, also an earlier revision."""
    return {request.endorsed_by_id, *(revision.endorsed_by_id for revision in signatures(request))}


@remembered
def signatures(request: ExchangeRequest) -> list[Revision]:
    """Who proposed and who signed each revision, and when; without the texts."""
    return list(request.revisions.only("request", "proposed_by", "proposed_at", "endorsed_by", "endorsed_at"))


@remembered
def place_on_asking_side(subject: ExchangeRequest | Agreement, by: User) -> Agency | None:
    return permissions.belongs_to_lineage(by, subject.consumer, moments=asked_at(subject))


@remembered
def recused(request: ExchangeRequest) -> set[int]:
    """Everybody who declared a conflict with it."""
    return set(request.recusals.values_list("person", flat=True))


# What people do for the owner and the ledger keeps: a case that was put back, or handed over, names its officer no more.
DESK_MOVES = [f"request.{move.name}" for move in REQUEST.moves.values() if move.side == Side.PROVIDER]


@remembered
def served_owner(request: ExchangeRequest, person: User) -> bool:
    """Whether the person ever had a part in it for an owner of the data: decided, also through a delegate or in a vote that
    is void, advised, held the case or lengthened its term, wrote for the desk, or declared a conflict as one of its people."""
    decided = Q(made_by=person) | Q(delegation__delegator=person)
    held = Q(claimed_by=person) | Q(extended_by=person)
    # A colleague to whom it was handed over did nothing to get it: the entry names both.
    moved = Q(actor=str(person.public_id)) | Q(details__contains=f'"officer":"{person.public_id}"')
    parts = [
        Decision.objects.filter(decided, case__request=request),
        Advice.objects.filter(case__request=request, made_by=person),
        ReviewCase.objects.filter(held, request=request),
        Comment.objects.filter(request=request, made_by=person, side=Side.PROVIDER),
        Recusal.objects.filter(request=request, person=person),
        Entry.objects.in_case(request.code).filter(moved, action__in=DESK_MOVES, outcome=Outcome.SUCCESS),
    ]
    any_part = Q()
    for rows in parts:
        any_part |= Q(Exists(rows))
    return ExchangeRequest.objects.filter(any_part, pk=request.pk).exists()


@remembered
def asked_at(subject: ExchangeRequest | Agreement) -> set[datetime]:
    """When it was proposed and signed: a move of the asking agency since then makes nobody unconcerned."""
    request = subject.case.request if isinstance(subject, Agreement) else subject
    moments = {moment for one in signatures(request) for moment in (one.proposed_at, one.endorsed_at)}
    return moments | {request.endorsed_at} - {None}


@remembered
def votes_of(request: ExchangeRequest) -> list[Decision]:
    """What counts of the decisions on its latest revision."""
    return list(revisions.latest(request).decisions.live().select_related("delegation"))


@remembered
def advisers(request: ExchangeRequest) -> list[int]:
    """Who advised on its latest revision; each of them did so once."""
    return list(revisions.latest(request).advice.values_list("made_by", flat=True))


@remembered
def moved_votes(request: ExchangeRequest) -> list[Decision]:
    """Approvals that count, of people who could not give them today: they, or who they voted for, joined the asking side."""
    approvals = Decision.objects.live().filter(case__request=request, verdict=Verdict.APPROVE)
    votes = list(approvals.select_related("made_by", "delegation__delegator").order_by("pk"))
    if not votes:
        return []
    lineage = Agency.objects.lineage_of(request.consumer, *asked_at(request))
    voters = {vote: {vote.made_by_id, vote.delegation and vote.delegation.delegator_id} - {None} for vote in votes}
    works = Membership.objects.today().filter(agency__in=lineage, user__in=set().union(*voters.values()))
    joined = set(works.values_list("user", flat=True))
    return [vote for vote in votes if voters[vote] & joined]


def case_of(request: ExchangeRequest) -> ReviewCase:
    """The case at the desk of today's owner."""
    # A returned request may come back about another owner's dataset; the first owner's case then stays behind.
    case = find_case(request)
    if case is None:
        raise Refusal(
            "owner-changed",
            _(
                "%(agency)s became the owner of this dataset while the former owner had the request. "
                "The asking agency withdraws it and files it anew."
            )
            % {"agency": request.provider},
        )
    return case


@remembered
def find_case(request: ExchangeRequest) -> ReviewCase | None:
    return request.cases.select_related("policy", "provider", "claimed_by").filter(provider=request.provider).first()
