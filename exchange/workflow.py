"""The only code that changes a status. One move is one transaction: lock, re-check, save, record evidence, tell, enqueue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from evidence.models import Entry
from exchange import rules, telling
from exchange.announcements import ANNOUNCEMENTS, UNCHANGED
from exchange.models import Agreement, Delivery, ExchangeRequest
from exchange.refusals import Refusal, WrongState
from exchange.states import AGREEMENT, DELIVERY, REQUEST, Move, Side, Table
from registry.actors import actor_of
from registry.models import Delegation, User

TABLES: dict[type[models.Model], Table] = {ExchangeRequest: REQUEST, Agreement: AGREEMENT, Delivery: DELIVERY}
CLOSING_FIELD = {ExchangeRequest: "closed_at", Agreement: "ended_at", Delivery: "finished_at"}
RELATED = {
    ExchangeRequest: ("consumer", "dataset__database__owner", "legal_basis", "joint"),
    Agreement: ("consumer", "provider", "dataset__database", "policy", "case__request"),
    Delivery: ("agreement__consumer", "agreement__provider", "agreement__dataset__database", "agreement__policy"),
}

TOLD_TO_SYSTEMS = ("takes_effect_on", "covers_until")  # of the details that the ledger keeps


@dataclass
class Step:
    """A move under way: the locked row, who makes it, and what is to be said about it in the ledger."""

    move: Move
    subject: ExchangeRequest | Agreement | Delivery
    by: User | None
    reason: str = ""
    delegation: Delegation | None = None
    target: str = ""
    details: dict = field(default_factory=dict)
    changes: dict = field(default_factory=dict)
    follow_ups: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.move.stays:
            self.target = self.subject.status

    def to(self, status: str, **changes) -> None:
        """Choose the state that the move leads to (only where the table leaves a choice) and set further fields."""
        if status not in self.move.targets:
            raise ValueError(f"{self.move.name} does not lead to {status}")
        self.target = status
        self.changes.update(changes)

    def then(self, act: Callable[[], object]) -> None:
        """Do something more once the move is saved, in the same transaction.

        A transaction around the move instead would take the record of a refusal back with it.
        """
        self.follow_ups.append(act)


@contextmanager
def making(name: str, subject, *, by: User | None, reason: str = "", **details) -> Iterator[Step]:
    """Make the move `name` on `subject`: everything in the body and the move itself happen together or not at all.

    Raises Refusal (WrongState where somebody was faster) after recording it; the row is then untouched.
    Whoever opens a transaction around this must not let the Refusal through it: the record would be lost.
    """
    table = TABLES[type(subject)]
    move = table.moves[name]
    with recording_refusals(f"{table.name}.{name}", subject, by=by, side=move.side), transaction.atomic():
        rules.check_text(reason=reason)
        step = Step(move, lock(subject), by, reason.strip(), details=details)
        _check(step, table)
        yield step
        _finish(step, table)
        for act in step.follow_ups:
            act()
    subject.refresh_from_db()


@contextmanager
def recording_refusals(action: str, subject, *, by: User | None, side: Side) -> Iterator[None]:
    """Leave evidence of a Refusal that comes out of the body, and pass it on."""
    try:
        yield
    except Refusal as refusal:
        ledger.record_refusal(
            action=action,
            actor=actor_of(by, rules.acting_agency(side, subject, by)),
            subject=(TABLES[type(subject)].name, subject.code),
            correlation_id=correlation_of(subject),
            details={"code": refusal.code, "state": _state_now(subject), **mark_of(subject)},
        )
        raise


def _state_now(subject) -> str:
    """The caller's copy may be older than what was refused."""
    return type(subject).objects.filter(pk=subject.pk).values_list("status", flat=True).get()


def check_move(name: str, subject, by: User | None) -> None:
    """Raise the Refusal that the move would meet now; for buttons and for "why can't I …?"."""
    table = TABLES[type(subject)]
    _check_state(table.moves[name], subject)
    rules.check_mover(table.moves[name], subject, by)


def can_move(name: str, subject, by: User | None) -> bool:
    return refusal_of(check_move, name, subject, by) is None


def offered_moves(subject, by: User) -> list[tuple[Move, Refusal | None]]:
    """The moves that the person's roles put within reach in this state, each with the refusal it would meet, if any."""
    offered = []
    for move in TABLES[type(subject)].moves.values():
        if move.side == Side.SYSTEM or subject.status not in move.sources:
            continue
        refusal = refusal_of(rules.check_mover, move, subject, by)
        if refusal is None or refusal.code != "not-your-role":
            offered.append((move, refusal))
    return offered


def refusal_of(check: Callable, *args, **named) -> Refusal | None:
    """The Refusal with which a check answers, for pages that say beforehand why something is closed."""
    try:
        check(*args, **named)
    except Refusal as refusal:
        return refusal
    return None


def lock(subject):
    """The row as it stands now, held until the transaction ends."""
    model = type(subject)
    if model is Agreement:
        # The versions of one agreement stand for one another: they are held together, always the oldest first.
        versions = Agreement.objects.filter(code=subject.code).order_by("version")
        list(versions.select_for_update().values_list("pk", flat=True))
    return model.objects.select_related(*RELATED[model]).select_for_update(of=("self",)).get(pk=subject.pk)


def _check(step: Step, table: Table) -> None:
    _check_state(step.move, step.subject)
    if step.move.needs_reason and not step.reason:
        raise Refusal("reason-needed", _("State the reason."), fields={"reason": [_("This field is needed.")]})
    step.delegation = rules.check_mover(step.move, step.subject, step.by)


def _check_state(move: Move, subject) -> None:
    if subject.status not in move.sources:
        raise WrongState(subject.get_status_display())


def _finish(step: Step, table: Table) -> None:
    if not step.target:
        (step.target,) = step.move.targets
    subject, before = step.subject, step.subject.status
    for name, value in step.changes.items():
        setattr(subject, name, value)
    subject.status = step.target
    if step.target in table.terminal:
        setattr(subject, CLOSING_FIELD[type(subject)], timezone.now())
    if hasattr(subject, "status_reason") and not step.move.stays:  # it is the reason of the state
        subject.status_reason = step.reason
    subject.save()
    entry = ledger.record(
        action=f"{table.name}.{step.move.name}",
        actor=actor_of(step.by, rules.acting_agency(step.move.side, subject, step.by)),
        subject=(table.name, subject.code),
        correlation_id=correlation_of(subject),
        details={"from": before, "to": step.target, **mark_of(subject), **step.details},
        personal={"reason": step.reason} if step.reason else None,
    )
    _announce(step, table, before, entry)


def _announce(step: Step, table: Table, before: str, entry: Entry) -> None:
    """Put aside what this deals with, then tell systems and people whom it concerns. Before the follow-ups: the last of them may be one that nothing takes back."""
    telling.put_aside(table.name, step.subject, left="" if before == step.target else before, by=step.by)
    announcement = ANNOUNCEMENTS.get((table.name, step.move.name, UNCHANGED if step.move.stays else step.target))
    if announcement is None:
        return
    more = {name: step.details[name] for name in TOLD_TO_SYSTEMS if name in step.details}
    data = {"previous": str(before), "move": step.move.name, **more}
    telling.tell_systems(table.name, step.subject, announcement, entry=entry, data=data)
    if announcement.settled:
        step.then(lambda: _still_so(step) and telling.tell_people(announcement, step.subject, by=step.by))
    else:
        telling.tell_people(announcement, step.subject, by=step.by)


def _still_so(step: Step) -> bool:
    return _state_now(step.subject) == step.target


def mark_of(subject) -> dict[str, bool]:
    """What the ledger says of everything that belongs to an emergency."""
    asked = subject.agreement if isinstance(subject, Delivery) else subject
    return {"emergency": True} if asked.is_emergency else {}


def correlation_of(subject) -> str:
    """The request's code: what ties together everything that happened in one exchange."""
    if isinstance(subject, ExchangeRequest):
        return subject.code
    agreement = subject.agreement if isinstance(subject, Delivery) else subject
    return agreement.case.request.code
