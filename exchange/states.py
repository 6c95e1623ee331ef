"""The only list of legal moves. Services, buttons, refusals, docs/states.md and the test matrix are read from here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registry.choices import Role


class RequestStatus(TextChoices):
    DRAFT = "draft", _("Draft")
    PENDING_ENDORSEMENT = "pending-endorsement", _("Waiting for signature")
    SUBMITTED = "submitted", _("Submitted")
    UNDER_REVIEW = "under-review", _("Under review")
    RETURNED = "returned", _("Returned for correction")
    OFFERED = "offered", _("Offered in part")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Lapsed")


class AgreementStatus(TextChoices):
    AGREED = "agreed", _("Agreed, not started")
    ACTIVE = "active", _("In force")
    SUSPENDED = "suspended", _("Suspended")
    EXPIRED = "expired", _("Ended")
    REVOKED = "revoked", _("Revoked")
    RELINQUISHED = "relinquished", _("Given up")
    SUPERSEDED = "superseded", _("Replaced")


class DeliveryStatus(TextChoices):
    REQUESTED = "requested", _("Waiting")
    STARTED = "started", _("Running")
    COMPLETED = "completed", _("Delivered")
    TERMINATED = "terminated", _("Ended without delivery")


class Side(TextChoices):
    """For whom the mover acts."""

    CONSUMER = "consumer", _("Consumer agency")
    PROVIDER = "provider", _("Provider agency")
    OPERATOR = "operator", _("National Data Centre")
    SYSTEM = "system", _("System")


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move: from which states, to which, by whom, and under which further rules (names in `rules.py`)."""

    name: str
    label: str | Promise
    sources: frozenset[str]
    targets: tuple[str, ...]
    side: Side
    roles: tuple[Role, ...] = ()
    rules: tuple[str, ...] = ()
    needs_reason: bool = False
    also_operator: bool = False  # NDC operators may make it in an emergency
    stays: bool = False  # whatever the state is, it stays so; there are no targets then


@dataclass(frozen=True, slots=True)
class Table:
    """The life of one kind of object."""

    name: str
    statuses: type[TextChoices]
    initial: tuple[str, ...]
    moves: Mapping[str, Move] = field(default_factory=dict)

    @property
    def terminal(self) -> tuple[str, ...]:
        """States that nothing leaves."""
        left = {source for move in self.moves.values() for source in move.sources}
        return tuple(status for status in self.statuses.values if status not in left)

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(status for status in self.statuses.values if status not in self.terminal)

    @property
    def edges(self) -> frozenset[tuple[str, str]]:
        """Every pair (from, to) that may be seen when a row changes its status."""
        return frozenset(
            (source, target)
            for move in self.moves.values()
            for source in move.sources
            for target in move.targets
            if source != target
        )


def _table(name: str, statuses: type[TextChoices], initial: tuple[str, ...], *moves: Move) -> Table:
    return Table(name, statuses, initial, {move.name: move for move in moves})


_R, _A, _D = RequestStatus, AgreementStatus, DeliveryStatus
_OPEN_REQUEST = frozenset({_R.DRAFT, _R.PENDING_ENDORSEMENT, _R.SUBMITTED, _R.UNDER_REVIEW, _R.RETURNED, _R.OFFERED})
_HANDLING = (
    "mover_assigned_to_database",
    "approver_took_no_part",
    "approver_not_of_consumer",
    "no_declared_conflict",
)
_SEPARATION = (
    "approver_took_no_part",
    "approver_not_of_consumer",
    "no_declared_conflict",
    "approver_assigned_to_database",
)

REQUEST = _table(
    "request",
    RequestStatus,
    (_R.DRAFT,),
    Move(
        "propose",
        _("Send for signature"),
        frozenset({_R.DRAFT, _R.RETURNED}),
        (_R.PENDING_ENDORSEMENT,),
        Side.CONSUMER,
        (Role.REQUESTER,),
        ("mover_served_not_owner", "complete", "within_policy", "agreement_followed"),
    ),
    Move(
        "send_back",
        _("Send back to the clerk"),
        frozenset({_R.PENDING_ENDORSEMENT}),
        (_R.DRAFT,),
        Side.CONSUMER,
        (Role.ENDORSER,),
        ("endorser_did_not_file", "mover_served_not_owner"),
        needs_reason=True,
    ),
    Move(
        "endorse",
        _("Sign"),
        frozenset({_R.PENDING_ENDORSEMENT}),
        (_R.SUBMITTED,),
        Side.CONSUMER,
        (Role.ENDORSER,),
        ("endorser_did_not_file", "mover_served_not_owner", "basis_in_force", "within_policy", "agreement_followed"),
    ),
    Move(
        "claim",
        _("Take on"),
        frozenset({_R.SUBMITTED}),
        (_R.UNDER_REVIEW,),
        Side.PROVIDER,
        (Role.CASE_OFFICER,),
        ("officer_assigned_to_database", "approver_took_no_part", "approver_not_of_consumer", "no_declared_conflict"),
    ),
    Move(
        "take_up",
        _("Take up in an emergency"),
        frozenset({_R.SUBMITTED}),
        (_R.UNDER_REVIEW,),
        Side.PROVIDER,
        (Role.APPROVER,),
        ("is_emergency", *_SEPARATION),
    ),
    Move(
        "hand_over",
        _("Hand over"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.UNDER_REVIEW,),
        Side.PROVIDER,
        (Role.CASE_OFFICER, Role.APPROVER),
        _HANDLING,
    ),
    Move(
        "release",
        _("Put back"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.SUBMITTED,),
        Side.PROVIDER,
        (Role.CASE_OFFICER, Role.APPROVER),
        (*_HANDLING, "nobody_decided"),
    ),
    Move(
        "lapse_claim",
        _("Put back from an idle claim"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.SUBMITTED,),
        Side.SYSTEM,
        (),
        ("claim_void", "nobody_decided"),
    ),
    Move(
        "grant",
        _("Grant under a standing permission"),
        frozenset({_R.SUBMITTED}),
        (_R.APPROVED,),
        Side.SYSTEM,
        (),
        ("within_standing_permission", "agreement_followed"),
    ),
    Move(
        "return",
        _("Return for correction"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.RETURNED,),
        Side.PROVIDER,
        (Role.CASE_OFFICER, Role.APPROVER),
        (
            "mover_assigned_to_database",
            "approver_took_no_part",
            "approver_not_of_consumer",
            "no_declared_conflict",
            "decides_once",
        ),
        needs_reason=True,
    ),
    Move(
        "extend",
        _("Lengthen the term"),
        frozenset({_R.SUBMITTED, _R.UNDER_REVIEW}),
        (),
        Side.PROVIDER,
        (Role.CASE_OFFICER, Role.APPROVER),
        (*_HANDLING, "term_can_be_lengthened"),
        needs_reason=True,
        stays=True,
    ),
    Move(
        "reject",
        _("Reject"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.REJECTED,),
        Side.PROVIDER,
        (Role.APPROVER,),
        (*_SEPARATION, "decides_once"),
        needs_reason=True,
    ),
    Move(
        "approve",
        _("Approve"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.UNDER_REVIEW, _R.APPROVED, _R.OFFERED),
        Side.PROVIDER,
        (Role.APPROVER,),
        (*_SEPARATION, "decides_once", "approver_gave_no_advice", "advice_is_in", "agreement_followed"),
    ),
    Move(
        "set_aside",
        _("Set a vote aside"),
        frozenset({_R.UNDER_REVIEW}),
        (_R.UNDER_REVIEW,),
        Side.PROVIDER,
        (Role.CASE_OFFICER, Role.APPROVER),
        (
            "voter_moved",
            "mover_assigned_to_database",
            "approver_took_no_part",
            "approver_not_of_consumer",
            "no_declared_conflict",
        ),
    ),
    Move(
        "accept",
        _("Accept the offer"),
        frozenset({_R.OFFERED}),
        (_R.APPROVED,),
        Side.CONSUMER,
        (Role.ENDORSER,),
        ("endorser_did_not_file", "mover_served_not_owner", "agreement_followed"),
    ),
    Move(
        "decline",
        _("Decline the offer"),
        frozenset({_R.OFFERED}),
        (_R.WITHDRAWN,),
        Side.CONSUMER,
        (Role.ENDORSER,),
        ("endorser_did_not_file", "mover_served_not_owner"),
        needs_reason=True,
    ),
    Move(
        "withdraw",
        _("Withdraw"),
        _OPEN_REQUEST,
        (_R.WITHDRAWN,),
        Side.CONSUMER,
        (Role.REQUESTER,),
        ("mover_served_not_owner",),
    ),
    Move("lapse", _("Lapse"), frozenset({_R.DRAFT, _R.RETURNED, _R.OFFERED}), (_R.EXPIRED,), Side.SYSTEM),
)

AGREEMENT = _table(
    "agreement",
    AgreementStatus,
    (_A.AGREED,),
    Move(
        "activate",
        _("Put in force"),
        frozenset({_A.AGREED}),
        (_A.ACTIVE, _A.SUSPENDED),  # the version after a suspended one is suspended, too
        Side.SYSTEM,
        (),
        ("within_dates",),
    ),
    Move(
        "suspend",
        _("Suspend"),
        frozenset({_A.ACTIVE, _A.SUSPENDED}),  # a second time: it outlasts what ends the first
        (_A.SUSPENDED,),
        Side.PROVIDER,
        (Role.APPROVER,),
        ("mover_assigned_to_database",),
        needs_reason=True,
        also_operator=True,
    ),
    Move(
        "hold",
        _("Suspend after a change of the source"),
        frozenset({_A.ACTIVE}),
        (_A.SUSPENDED,),
        Side.SYSTEM,
        (),
        ("source_changed",),
    ),
    Move(
        "resume",
        _("Resume"),
        frozenset({_A.SUSPENDED}),
        (_A.ACTIVE,),
        Side.PROVIDER,
        (Role.APPROVER,),
        ("mover_assigned_to_database", "approver_not_of_consumer", "within_dates", "confirmed_in_time", "source_sound"),
        needs_reason=True,
    ),
    Move(
        "revoke",
        _("Revoke"),
        frozenset({_A.AGREED, _A.ACTIVE, _A.SUSPENDED}),
        (_A.REVOKED,),
        Side.PROVIDER,
        (Role.APPROVER,),
        ("mover_assigned_to_database",),
        needs_reason=True,
    ),
    Move(
        "announce",
        _("Announce the end"),
        frozenset({_A.ACTIVE, _A.SUSPENDED}),
        (),
        Side.PROVIDER,
        (Role.APPROVER,),
        ("mover_assigned_to_database", "nothing_announced"),
        needs_reason=True,
        stays=True,
    ),
    Move(
        "call_off",
        _("Call off what was announced"),
        frozenset({_A.ACTIVE, _A.SUSPENDED}),
        (),
        Side.PROVIDER,
        (Role.APPROVER,),
        ("mover_assigned_to_database", "approver_not_of_consumer", "stop_still_to_come"),
        needs_reason=True,
        stays=True,
    ),
    Move(
        "carry_out",
        _("Stop as announced"),
        frozenset({_A.AGREED, _A.ACTIVE, _A.SUSPENDED}),
        (_A.SUSPENDED, _A.REVOKED),
        Side.SYSTEM,
        (),
        ("announced_day_came",),
    ),
    Move(
        "confirm",
        _("Confirm the need"),
        frozenset({_A.ACTIVE, _A.SUSPENDED}),
        (),
        Side.CONSUMER,
        (Role.ENDORSER,),
        ("mover_served_not_owner", "mover_uses_nothing", "not_confirmed_today"),
        stays=True,
    ),
    Move(
        "hold_unconfirmed",
        _("Suspend as nobody confirmed the need"),
        frozenset({_A.ACTIVE}),
        (_A.SUSPENDED,),
        Side.SYSTEM,
        (),
        ("confirmation_overdue",),
    ),
    Move(
        "reinstate",
        _("Resume upon the confirmation"),
        frozenset({_A.SUSPENDED}),
        (_A.ACTIVE,),
        Side.SYSTEM,
        (),
        ("suspended_unconfirmed", "within_dates", "confirmed_in_time", "source_sound"),
    ),
    Move(
        "relinquish",
        _("Give up"),
        frozenset({_A.AGREED, _A.ACTIVE, _A.SUSPENDED}),
        (_A.RELINQUISHED,),
        Side.CONSUMER,
        (Role.ENDORSER,),
        (),
        needs_reason=True,
    ),
    Move("expire", _("End"), frozenset({_A.AGREED, _A.ACTIVE, _A.SUSPENDED}), (_A.EXPIRED,), Side.SYSTEM),
    Move(
        "supersede",
        _("Replace"),
        frozenset({_A.AGREED, _A.ACTIVE, _A.SUSPENDED}),
        (_A.SUPERSEDED,),
        Side.SYSTEM,
        (),
        ("newer_agreed",),
    ),
)

DELIVERY = _table(
    "delivery",
    DeliveryStatus,
    (_D.REQUESTED,),
    Move(
        "start", _("Start"), frozenset({_D.REQUESTED, _D.STARTED}), (_D.STARTED,), Side.SYSTEM, (), ("agreement_live",)
    ),
    Move("complete", _("Complete"), frozenset({_D.STARTED}), (_D.COMPLETED,), Side.SYSTEM, (), ("agreement_live",)),
    Move("terminate", _("End without delivery"), frozenset({_D.REQUESTED, _D.STARTED}), (_D.TERMINATED,), Side.SYSTEM),
    Move(
        "cancel",
        _("Cancel"),
        frozenset({_D.REQUESTED, _D.STARTED}),
        (_D.TERMINATED,),
        Side.CONSUMER,
        (Role.REQUESTER, Role.ENDORSER),
    ),
)

TABLES = (REQUEST, AGREEMENT, DELIVERY)
