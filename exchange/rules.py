"""The rules that a move names in the transition table: each checks the locked row and raises a Refusal that explains itself."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from exchange import agreement_rules, confirmation_rules, source_changes, stop_rules, versions
from exchange.choices import RequestKind
from exchange.involved import (
    DUTIES,
    advisers,
    case_of,
    delegations_to,
    filers,
    moved_votes,
    own_duty,
    place_on_asking_side,
    recused,
    served_owner,
    signatories,
    votes_of,
)
from exchange.models import Agreement, Delivery, ExchangeRequest, ReviewCase
from exchange.refusals import Incomplete, Refusal
from exchange.services import claims, completeness, scopes
from exchange.states import Move, Side
from registry import permissions
from registry.choices import Role
from registry.models import Agency, Database, Delegation, User
from registry.services import records

Subject = ExchangeRequest | Agreement | Delivery


def check_mover(move: Move, subject: Subject, by: User | None) -> Delegation | None:
    """Refuse unless the person may make the move now, for the side that the table names; then the move's own rules.

    Returns the delegation under which an approver decides, if that is the only ground. Its giver's conflicts count too:
    of several delegations the oldest counts whose giver could make the move.
    """
    delegations = []
    if move.side == Side.SYSTEM:
        if by is not None:
            raise Refusal("system-only", _("Only the portal itself does this."))
    else:
        if by is None or not by.is_active:
            raise Refusal("nobody", _("Sign in with an active account."))
        if move.also_operator and permissions.has_role(by, Role.OPERATOR):
            return None  # an emergency: the owner's assignments do not bind the centre
        delegations = _check_role(move, subject, by)
    for name in move.rules:
        RULES[name](subject, by)
    personal = [RULES[name] for name in move.rules if name in PERSONAL]
    return _first_free(delegations, lambda giver: [check(subject, giver) for check in personal])


def _first_free(delegations: list[Delegation], check: Callable[[User], object]) -> Delegation | None:
    """The first delegation whose giver is not refused, if there are any; where all are, the first one's refusal."""
    first = None
    for one in delegations:
        try:
            check(one.delegator)
        except Refusal as refusal:
            first = first or refusal
        else:
            return one
    if first is not None:
        raise first
    return None


def agency_of_side(side: Side, subject: Subject) -> Agency | None:
    """The agency for which a mover of that side acts on the object."""
    if side == Side.CONSUMER:
        return subject.agreement.consumer if isinstance(subject, Delivery) else subject.consumer
    if side == Side.PROVIDER:
        return subject.agreement.provider if isinstance(subject, Delivery) else subject.provider
    return None


def acting_agency(side: Side, subject: Subject, by: User | None) -> Agency | None:
    """The agency that evidence names beside the mover: the side's own, if the person works there at all."""
    agency = agency_of_side(side, subject)
    if by is None or (agency is not None and permissions.roles_of(by, agency=agency)):
        return agency
    return records.acting_agency(by)


def _check_role(move: Move, subject: Subject, by: User) -> list[Delegation]:
    """Refuse who has no role for the move; returns the delegations that give it, where no own duty does."""
    agency = agency_of_side(move.side, subject)
    own = permissions.has_role(by, *move.roles, agency=agency)
    if Role.APPROVER in move.roles:
        duties = [name for name, role in DUTIES.items() if role in move.roles]
        database = subject.dataset.database
        delegations = [] if own_duty(by, database, *duties) else delegations_to(by, database)
        if delegations:
            return delegations
    if own:
        return []
    raise Refusal(
        "not-your-role",
        _("“%(move)s” takes the role %(roles)s in %(agency)s.")
        % {
            "move": move.label,
            "roles": " / ".join(str(role.label) for role in move.roles),
            "agency": agency,
        },
    )


def _endorser_did_not_file(request: ExchangeRequest, by: User) -> None:
    if by.pk in filers(request):
        raise Refusal(
            "rule-1",
            _("Whoever filed or last edited a request cannot sign it. Ask another signatory of your agency."),
        )


def check_served_not_owner(subject: ExchangeRequest | Agreement, person: User) -> None:
    """Refuse who once had a part in the request for the owner: that person does not speak for the other side afterwards."""
    request = subject.case.request if isinstance(subject, Agreement) else subject
    if served_owner(request, person):
        raise Refusal(
            "rule-1",
            _(
                "%(person)s decided, advised or worked on this request for the owner of the data, and does not act for the "
                "asking agency. A colleague can."
            )
            % {"person": person},
        )


def _approver_took_no_part(request: ExchangeRequest, by: User) -> None:
    if by.pk in filers(request) | signatories(request):
        raise Refusal("rule-1", _("Whoever filed, edited or signed a request cannot decide on it."))


def _approver_not_of_consumer(subject: ExchangeRequest | Agreement, by: User) -> None:
    agency = place_on_asking_side(subject, by)
    if agency is not None:
        raise Refusal(
            "rule-1",
            _(
                "%(person)s belongs to %(agency)s, which asks, or stands above the asking agency today or stood there when "
                "the request was proposed or signed: another approver decides."
            )
            % {"person": by, "agency": agency},
        )


def _claim_void(request: ExchangeRequest, by: User | None) -> None:
    """A claim is worth nothing when its holder has left the desk or stays out of the case, or did nothing for long."""
    case = case_of(request)
    holder = case.claimed_by
    if holder is None or not own_duty(holder, request.dataset.database, permissions.HANDLE):
        return
    if holder.pk in recused(request) or claims.is_idle(case):
        return
    raise Refusal("claim-alive", _("The case officer is at work on it."))


def _no_declared_conflict(request: ExchangeRequest, by: User) -> None:
    if by.pk in recused(request):
        raise Refusal(
            "rule-1", _("%(person)s declared a conflict with this request and stays out of it.") % {"person": by}
        )


def _assigned(*names: str) -> Callable[[ExchangeRequest | Agreement, User], None]:
    def check(subject: ExchangeRequest | Agreement, by: User) -> None:
        database: Database = subject.dataset.database
        if own_duty(by, database, *names):
            return
        if permissions.DECIDE in names and delegations_to(by, database):
            return
        raise Refusal(
            "not-assigned",
            _("You are not assigned to %(database)s. An operator can assign you on the database's page.")
            % {"database": database},
        )

    return check


def _decides_once(request: ExchangeRequest, by: User) -> None:
    # A decision made in somebody's place is that person's, too: one approver is one vote.
    if any(by.pk in (vote.made_by_id, vote.delegation and vote.delegation.delegator_id) for vote in votes_of(request)):
        raise Refusal("rule-2", _("%(person)s has already decided on this revision.") % {"person": by})


def _nobody_decided(request: ExchangeRequest, by: User | None) -> None:
    if by is not None and case_of(request).is_blind:
        # The same answer with and without votes: otherwise it would tell whether there are any.
        raise Refusal(
            "blind-review",
            _("While the votes are hidden, nobody puts a case back: hand it over to a colleague instead."),
        )
    if votes_of(request):
        raise Refusal(
            "decided-already",
            _("Somebody has decided on this revision already: hand the case over to a colleague instead."),
        )


def _approver_gave_no_advice(request: ExchangeRequest, by: User) -> None:
    if by.pk in advisers(request):
        raise Refusal("rule-1", _("Whoever advised on a revision as a reviewer does not decide on it."))


def _advice_is_in(request: ExchangeRequest, by: User | None) -> None:
    if request.is_emergency:
        return  # it is given afterwards, with the review
    missing = case_of(request).reviews_needed - len(advisers(request))
    if missing > 0:
        raise Refusal(
            "advice-missing",
            ngettext(
                "The policy asks for advice before anybody approves: %(count)d reviewer has still to give it.",
                "The policy asks for advice before anybody approves: %(count)d reviewers have still to give it.",
                missing,
            )
            % {"count": missing},
        )


def _is_emergency(request: ExchangeRequest, by: User | None) -> None:
    if not request.is_emergency:
        raise Refusal(
            "no-emergency", _("Only in an emergency an approver takes a request up: a case officer takes it on.")
        )


def _term_can_be_lengthened(request: ExchangeRequest, by: User) -> None:
    case = case_of(request)
    if case.extended_at:
        raise Refusal("extended-already", _("The term was lengthened once already."))
    if case.is_overdue:
        raise Refusal("overdue", _("The term is over: it can no longer be lengthened. Decide, or return the request."))


def _voter_moved(request: ExchangeRequest, by: User) -> None:
    if not moved_votes(request):
        raise Refusal("nobody-moved", _("No approver has moved to the asking side since voting."))


def check_votes_stand(request: ExchangeRequest) -> None:
    """Refuse to close a case on the vote of somebody who has joined the asking side since."""
    if moved_votes(request):
        raise Refusal(
            "voter-moved",
            _(
                "An approver moved to the asking agency, or to one above it, after voting. "
                "Set that vote aside; another approver then votes anew."
            ),
        )


def check_reviewer(request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person reviews for the owner, is assigned to the database, is free of conflicts, and has not
    spoken on this revision yet, as a reviewer or an approver."""
    if not permissions.has_role(by, Role.REVIEWER, agency=request.provider):
        raise Refusal("not-your-role", _("Only a reviewer of %(agency)s gives advice.") % {"agency": request.provider})
    if not permissions.is_named(by, permissions.REVIEW, request.dataset.database):
        raise Refusal(
            "not-assigned",
            _("You are not assigned to %(database)s. An operator can assign you on the database's page.")
            % {"database": request.dataset.database},
        )
    if by.pk in filers(request) | signatories(request):
        raise Refusal("rule-1", _("Whoever filed, edited or signed a request does not advise on it."))
    _approver_not_of_consumer(request, by)
    _no_declared_conflict(request, by)
    if by.pk in advisers(request):
        raise Refusal("rule-2", _("%(person)s has already advised on this revision.") % {"person": by})
    _decides_once(request, by)


def check_desk(request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person works at the owner's desk for this request and has no part in it otherwise."""
    desk = ReviewCase.objects.visible_to(by).filter(request=request, provider=request.provider)
    if not by.is_active or not desk.exists():
        raise Refusal(
            "not-your-role",
            _("Only who handles requests for %(agency)s writes for it.") % {"agency": request.provider},
        )
    if by.pk in filers(request) | signatories(request):
        raise Refusal(
            "rule-1", _("Whoever filed, edited or signed a request does not speak for the owner of the data.")
        )
    _approver_not_of_consumer(request, by)
    _no_declared_conflict(request, by)


def check_no_part(request: ExchangeRequest, person: User) -> None:
    """Refuse who filed, edited or signed it, belongs to the side that asks, or declared a conflict with it."""
    _approver_took_no_part(request, person)
    _approver_not_of_consumer(request, person)
    _no_declared_conflict(request, person)


def check_speaks_for_owner(agreement: Agreement, by: User) -> Delegation | None:
    """Refuse unless the person decides for the owner of the agreement's data today, in person or under a delegation, and
    neither is of the agency that asked or above it. Returns the delegation, if that is the only ground."""
    if not by.is_active:
        raise Refusal("nobody", _("Sign in with an active account."))
    _assigned(permissions.DECIDE)(agreement, by)
    database = agreement.dataset.database
    _approver_not_of_consumer(agreement, by)
    delegations = [] if own_duty(by, database, permissions.DECIDE) else delegations_to(by, database)
    return _first_free(delegations, lambda giver: _approver_not_of_consumer(agreement, giver))


def _within_policy(request: ExchangeRequest, by: User | None) -> None:
    scopes.best_policy(request)
    if request.is_emergency:
        _check_not_granted_at_once(request)


def _check_not_granted_at_once(request: ExchangeRequest) -> None:
    """Nobody has to be hurried about what the owner gives at once anyway."""
    try:
        _check_standing(request)
    except Refusal:
        return
    raise Refusal(
        "not-an-emergency",
        _("A standing permission of the owner gives this at once. Take the mark of an emergency off, then send it."),
    )


def _within_standing_permission(request: ExchangeRequest, by: User | None) -> None:
    if request.is_emergency:
        raise Refusal("emergency", _("An emergency is granted by a person of the owner."))
    _check_standing(request)


def _check_standing(request: ExchangeRequest) -> None:
    policy, _scope = scopes.best_policy(request)
    if not policy.is_standing:
        raise Refusal("not-standing", _("No standing permission covers this request."))
    # It was decided beforehand, but it rests on whoever decided it: the person must be one whom the owner lets decide
    # today, and free of conflicts with this request.
    if not own_duty(policy.decided_by, request.dataset.database, permissions.DECIDE):
        raise Refusal(
            "standing-lapsed",
            _("Whoever gave this standing permission no longer decides for the owner: an approver has to renew it."),
        )
    _approver_took_no_part(request, policy.decided_by)
    _approver_not_of_consumer(request, policy.decided_by)
    _no_declared_conflict(request, policy.decided_by)


def _agreement_live(delivery: Delivery, by: User | None) -> None:
    agreement_rules.check_live(delivery.agreement)


def _agreement_followed(request: ExchangeRequest, by: User | None) -> None:
    if request.amends is not None:
        versions.check_followed(request.amends, RequestKind(request.kind))


RULES: dict[str, Callable[[Subject, User | None], None]] = {
    "complete": lambda request, by: completeness.check(request),
    "basis_in_force": lambda request, by: completeness.check_basis(request),
    "within_policy": _within_policy,
    "agreement_followed": _agreement_followed,
    "endorser_did_not_file": _endorser_did_not_file,
    "mover_served_not_owner": check_served_not_owner,
    "officer_assigned_to_database": _assigned(permissions.HANDLE),
    "mover_assigned_to_database": _assigned(permissions.HANDLE, permissions.DECIDE),
    "approver_assigned_to_database": _assigned(permissions.DECIDE),
    "approver_took_no_part": _approver_took_no_part,
    "approver_not_of_consumer": _approver_not_of_consumer,
    "claim_void": _claim_void,
    "no_declared_conflict": _no_declared_conflict,
    "decides_once": _decides_once,
    "nobody_decided": _nobody_decided,
    "approver_gave_no_advice": _approver_gave_no_advice,
    "advice_is_in": _advice_is_in,
    "is_emergency": _is_emergency,
    "voter_moved": _voter_moved,
    "within_standing_permission": _within_standing_permission,
    "term_can_be_lengthened": _term_can_be_lengthened,
    "within_dates": agreement_rules.within_dates,
    "source_changed": lambda agreement, by: source_changes.check_changed(agreement),
    "source_sound": agreement_rules.source_sound,
    "agreement_live": _agreement_live,
    "mover_uses_nothing": confirmation_rules.check_no_user,
    "not_confirmed_today": lambda agreement, by: confirmation_rules.check_not_today(agreement),
    "confirmation_overdue": lambda agreement, by: confirmation_rules.check_overdue(agreement),
    "confirmed_in_time": lambda agreement, by: confirmation_rules.check_confirmed(agreement),
    "suspended_unconfirmed": lambda agreement, by: confirmation_rules.check_held(agreement),
    "nothing_announced": lambda agreement, by: stop_rules.check_nothing(agreement),
    "stop_still_to_come": lambda agreement, by: stop_rules.check_still_to_come(agreement),
    "announced_day_came": lambda agreement, by: stop_rules.check_day_came(agreement),
    "newer_agreed": agreement_rules.newer_agreed,
}
# Rules about a person that hold for whoever gave a delegation, too.
PERSONAL = {
    "approver_took_no_part",
    "approver_not_of_consumer",
    "no_declared_conflict",
    "decides_once",
    "approver_gave_no_advice",
}


def check_text(**values) -> None:
    """Refuse text that can neither be stored nor hashed (NUL, half a surrogate pair), however deep it sits in a value."""
    broken = [name for name, value in values.items() if not _is_storable(value)]
    if broken:
        problem = _("This text contains characters that cannot be stored. Type it anew.")
        raise Incomplete("bad-text", problem, fields={name: [problem] for name in broken})


def _is_storable(value) -> bool:
    if isinstance(value, str):
        return "\0" not in value and value.encode("utf-8", "ignore").decode() == value
    if isinstance(value, Mapping):
        return all(map(_is_storable, [*value, *value.values()]))
    return all(map(_is_storable, value)) if isinstance(value, list | tuple | set) else True
