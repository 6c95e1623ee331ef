"""Moving an agency in the tree: proposed by one, agreed by both sides, carried out on the day.

For a side speak the approvers of its agency; where it has none, those of the nearest agency above; else the operators.
"""

from datetime import date

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry import notice_kinds
from registry.choices import Role
from registry.errors import RegistryRefusal
from registry.models import Agency, AgencyMove, Membership, User
from registry.permissions import has_role
from registry.services import notices, records

PROPOSED = notice_kinds.define(
    "agency-move-proposed",
    gettext_lazy("An agency is to get another superior"),
    gettext_lazy("“%(agency)s” is to lie below “%(superior)s” from %(day)s on. Your side has to agree or withdraw it."),
)
APPLIED = notice_kinds.define(
    "agency-move-applied",
    gettext_lazy("An agency has another superior"),
    gettext_lazy("“%(agency)s” lies below “%(superior)s” since %(day)s."),
)
GIVING, TAKING = "giving", "taking"
LONGEST_WAY_UP = 20  # agencies above one another


@transaction.atomic
def propose(*, agency: Agency, new_parent: Agency | None, effective_on: date, reason: str, by: User) -> AgencyMove:
    """Ask both sides; nothing changes before they agreed and the day has come."""
    check_proposal(agency=agency, new_parent=new_parent, effective_on=effective_on, by=by)
    move = AgencyMove.objects.create(
        agency=agency,
        from_parent=agency.parent,
        new_parent=new_parent,
        effective_on=effective_on,
        reason=reason,
        proposed_by=by,
    )
    _record("propose", move, by)
    _tell(PROPOSED, move)
    return move


def check_proposal(*, agency: Agency, new_parent: Agency | None, effective_on: date, by: User) -> None:
    if not has_role(by, Role.OPERATOR, Role.APPROVER):
        raise RegistryRefusal("not-your-role", _("Only an approver or an operator proposes that an agency moves."))
    if effective_on < timezone.localdate():
        raise RegistryRefusal("past-day", _("An agency cannot move on a day that is over."))
    if agency.parent == new_parent:
        raise RegistryRefusal("same-superior", _("This is its superior already."))
    if new_parent and Agency.objects.lineage_of(new_parent).filter(pk=agency.pk).exists():
        raise RegistryRefusal(
            "circle", _("%(parent)s lies below this agency, so it cannot be its superior.") % {"parent": new_parent}
        )
    if AgencyMove.objects.open().filter(agency=agency).exists():
        raise RegistryRefusal("open-move", _("Another move of this agency is open: withdraw it first."))
    if not _may_propose(agency, new_parent, by):
        raise RegistryRefusal(
            "not-your-side",
            _("Only the agency that moves, its superior, the one it goes to, or an operator proposes a move."),
        )


def _may_propose(agency: Agency, new_parent: Agency | None, by: User) -> bool:
    """An open move keeps others from being proposed, so it takes one whom it concerns."""
    move = AgencyMove(agency=agency, from_parent=agency.parent, new_parent=new_parent)
    return has_role(by, Role.OPERATOR) or by in [
        *_active(Membership.objects.today().filter(agency=agency, role=Role.APPROVER)),
        *speakers(move, GIVING),
        *speakers(move, TAKING),
    ]


@transaction.atomic
def consent(*, move: AgencyMove, side: str, by: User) -> AgencyMove:
    """Agree for one side. What is due already is carried out at once."""
    move = _locked(move)
    if by not in speakers(move, side):
        raise RegistryRefusal("not-your-side", _("You do not speak for this side."))
    if getattr(move, f"{side}_at") is not None:
        raise RegistryRefusal("agreed-already", _("This side has agreed already."))
    if by.pk in (move.giving_by_id, move.taking_by_id):
        raise RegistryRefusal("both-sides", _("One person cannot agree for both sides."))
    setattr(move, f"{side}_at", timezone.now())
    setattr(move, f"{side}_by", by)
    move.save(update_fields=[f"{side}_at", f"{side}_by"])
    _record(f"consent-{side}", move, by)
    return apply(move=move) or move


@transaction.atomic
def withdraw(*, move: AgencyMove, by: User) -> AgencyMove:
    """End a proposal that is not carried out yet: by who proposed it, or by either side."""
    move = _locked(move)
    if by.pk != move.proposed_by_id and by not in [*speakers(move, GIVING), *speakers(move, TAKING)]:
        raise RegistryRefusal("not-your-side", _("You do not speak for this side."))
    move.withdrawn_at, move.withdrawn_by = timezone.now(), by
    move.save(update_fields=["withdrawn_at", "withdrawn_by"])
    _record("withdraw", move, by)
    return move


def apply_due() -> int:
    """Carry out what both sides agreed to and whose day has come; how many."""
    due = AgencyMove.objects.open().consented().filter(effective_on__lte=timezone.localdate()).order_by("pk")
    return sum(apply(move=move) is not None for move in due)


@transaction.atomic
def apply(*, move: AgencyMove) -> AgencyMove | None:
    """The database checks the consents itself, changes the tree and marks the move; None where it is not due."""
    move = AgencyMove.objects.open().consented().select_for_update(of=("self",)).filter(pk=move.pk).first()
    if move is None or move.effective_on > timezone.localdate():
        return None
    changed = Agency.objects.filter(pk=move.agency_id, parent=move.from_parent_id).update(parent=move.new_parent_id)
    if not changed:
        return None
    move.refresh_from_db()
    _record("apply", move, None)
    _tell(APPLIED, move)
    return move


def speakers(move: AgencyMove, side: str) -> list[User]:
    """Who may agree for a side today. Who alone speaks for the giving side does not speak alone for the other, too:
    then the next above do, so that two people can agree in a small ministry.
    """
    giving = _speaking_for(move.from_parent or move.agency)
    return giving if side == GIVING else _speaking_for(move.new_parent, but=giving if len(giving) == 1 else [])


def _speaking_for(agency: Agency | None, but: list[User] | None = None) -> list[User]:
    for _step in range(LONGEST_WAY_UP):
        if agency is None:
            break
        approvers = _active(Membership.objects.today().filter(agency=agency, role=Role.APPROVER))
        if approvers and approvers != but:
            return approvers
        agency = agency.parent
    return _active(Membership.objects.today().filter(role=Role.OPERATOR))


def parent_on(agency: Agency, day: date) -> Agency | None:
    """The superior that the agency had at the end of `day`."""
    later = agency.moves.filter(applied_at__isnull=False, effective_on__gt=day).order_by("effective_on", "applied_at")
    first = later.select_related("from_parent").first()
    return first.from_parent if first else agency.parent


def lineage_on(agency: Agency, day: date) -> list[Agency]:
    """The agency and all above it, as the tree was on `day`."""
    found, above = [agency], parent_on(agency, day)
    while above is not None and above not in found:
        found.append(above)
        above = parent_on(above, day)
    return found


def _locked(move: AgencyMove) -> AgencyMove:
    found = AgencyMove.objects.open().select_for_update(of=("self",)).filter(pk=move.pk).first()
    if found is None:
        raise RegistryRefusal("move-over", _("This move is carried out or withdrawn already."))
    return found


def _active(memberships) -> list[User]:
    return list(User.objects.filter(is_active=True, pk__in=memberships.values("user")).order_by("pk"))


def _tell(kind, move: AgencyMove) -> None:
    notices.tell(
        kind=kind,
        to=[*speakers(move, GIVING), *speakers(move, TAKING)],
        path=reverse("admin:registry_agencymove_change", args=[move.pk]),
        agency=move.agency,
        superior=move.new_parent or "–",
        day=move.effective_on.strftime("%d/%m/%Y"),
    )


def _record(action: str, move: AgencyMove, by: User | None) -> None:
    records.record(
        action=f"registry.agencymove.{action}",
        thing=move.agency,
        by=by,
        details={
            "move": str(move.public_id),
            "from": move.from_parent.code if move.from_parent else None,
            "to": move.new_parent.code if move.new_parent else None,
            "on": records.plain(move.effective_on),
        },
    )
