"""Every state x every move x every role x every relation to the exchange, against a table that is written here by hand.

The expectation is not read from exchange/states.py, so that a wrong line there is found.
"""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from evidence import ledger
from evidence.models import Entry, Outcome
from exchange import workflow
from exchange.choices import EndReason, Frequency, StopKind
from exchange.models import Agreement, DeadlineProfile, Delivery, ExchangeRequest, StopNotice
from exchange.refusals import Refusal
from exchange.services import agreements, attesting, cases, deliveries, extending, requests, stop_notices
from exchange.states import AGREEMENT, DELIVERY, REQUEST
from exchange.terms import Term
from registry.choices import Role
from registry.models import SharingPolicy
from registry.permissions import DECIDE, HANDLE, REVIEW
from tests.exchange.test_database_refuses import vote
from tests.factories import MembershipFactory, SchemaChangeFactory, assign, handler, person
from tests.scenarios import hash_of

RELATIONS = ("own", "parent", "provider", "other")
SYSTEM = ("", "the portal itself")
ROLES = tuple(map(str, Role))
PEOPLE = [SYSTEM, *((relation, role) for relation in RELATIONS for role in ROLES)]
OPERATORS = {(relation, "operator") for relation in RELATIONS}

STAYS = ""  # the state is the same afterwards
OPEN = {"draft", "pending-endorsement", "submitted", "under-review", "returned", "offered"}
# move: from which states, to which one, made by whom (relation, role)
REQUEST_MOVES = {
    "propose": ({"draft", "returned"}, "pending-endorsement", {("own", "requester")}),
    "send_back": ({"pending-endorsement"}, "draft", {("own", "endorser")}),
    "endorse": ({"pending-endorsement"}, "submitted", {("own", "endorser")}),
    "claim": ({"submitted"}, "under-review", {("provider", "case-officer")}),
    "take_up": ({"submitted"}, "under-review", set()),  # an approver, in an emergency: test_emergencies.py
    "hand_over": ({"under-review"}, "under-review", {("provider", "case-officer"), ("provider", "approver")}),
    "release": ({"under-review"}, "submitted", {("provider", "case-officer"), ("provider", "approver")}),
    "lapse_claim": ({"under-review"}, "submitted", {SYSTEM}),
    "grant": ({"submitted"}, "approved", {SYSTEM}),
    "return": ({"under-review"}, "returned", {("provider", "case-officer"), ("provider", "approver")}),
    "extend": ({"submitted", "under-review"}, STAYS, {("provider", "case-officer"), ("provider", "approver")}),
    "reject": ({"under-review"}, "rejected", {("provider", "approver")}),
    "approve": ({"under-review"}, "approved", {("provider", "approver")}),
    "set_aside": ({"under-review"}, "under-review", {("provider", "case-officer"), ("provider", "approver")}),
    "accept": ({"offered"}, "approved", {("own", "endorser")}),
    "decline": ({"offered"}, "withdrawn", {("own", "endorser")}),
    "withdraw": (OPEN, "withdrawn", {("own", "requester")}),
    "lapse": ({"draft", "returned", "offered"}, "expired", {SYSTEM}),
}
REQUEST_STATES = (*sorted(OPEN), "approved", "rejected", "withdrawn", "expired")

UNENDED = {"agreed", "active", "suspended"}
AGREEMENT_MOVES = {
    "activate": ({"agreed"}, "active", {SYSTEM}),
    "suspend": ({"active", "suspended"}, "suspended", {("provider", "approver"), *OPERATORS}),
    "hold": ({"active"}, "suspended", {SYSTEM}),
    "resume": ({"suspended"}, "active", {("provider", "approver")}),
    "revoke": (UNENDED, "revoked", {("provider", "approver")}),
    "announce": ({"active", "suspended"}, STAYS, {("provider", "approver")}),
    "call_off": ({"active", "suspended"}, STAYS, {("provider", "approver")}),
    "carry_out": (UNENDED, "suspended", {SYSTEM}),
    "confirm": ({"active", "suspended"}, STAYS, {("own", "endorser")}),
    "hold_unconfirmed": ({"active"}, "suspended", {SYSTEM}),
    "reinstate": ({"suspended"}, "active", {SYSTEM}),
    "relinquish": (UNENDED, "relinquished", {("own", "endorser")}),
    "expire": (UNENDED, "expired", {SYSTEM}),
    "supersede": (UNENDED, "superseded", {SYSTEM}),
}
AGREEMENT_STATES = ("agreed", "active", "suspended", "expired", "revoked", "relinquished", "superseded")

DELIVERY_MOVES = {
    "start": ({"requested", "started"}, "started", {SYSTEM}),
    "complete": ({"started"}, "completed", {SYSTEM}),
    "terminate": ({"requested", "started"}, "terminated", {SYSTEM}),
    "cancel": ({"requested", "started"}, "terminated", {("own", "requester"), ("own", "endorser")}),
}
DELIVERY_STATES = ("requested", "started", "completed", "terminated")

MATRICES = {
    "request": (ExchangeRequest, REQUEST, REQUEST_MOVES, REQUEST_STATES),
    "agreement": (Agreement, AGREEMENT, AGREEMENT_MOVES, AGREEMENT_STATES),
    "delivery": (Delivery, DELIVERY, DELIVERY_MOVES, DELIVERY_STATES),
}
TESTS = [
    pytest.param(table, state, id=f"{table}-{state}-{len(moves) * len(PEOPLE)}-cases")
    for table, (_model, _table, moves, states) in MATRICES.items()
    for state in states
]


@pytest.mark.parametrize("name", MATRICES)
def test_matrix_names_every_state_and_move(name):
    _model, table, moves, states = MATRICES[name]
    assert set(table.moves) == set(moves)
    assert set(table.statuses.values) == set(states)


@pytest.mark.parametrize(("name", "state"), TESTS)
def test_move_is_made_or_refused_as_the_table_says(world, name, state):
    model, _table, moves, _states = MATRICES[name]
    subject = BUILDERS[name](world, state)
    assert subject.status == state
    people = {SYSTEM: None} | {who: _person(world, *who) for who in PEOPLE if who != SYSTEM}
    before = model.objects.filter(pk=subject.pk).values().get()
    assert not Entry.objects.filter(outcome=Outcome.REFUSED).exists()
    wrong = []
    for number, (move, (sources, target, makers)) in enumerate(moves.items()):
        # The whole service with its record in the ledger for those who may, the portal, and one role in turn of every
        # relation; the others only ask what each service asks first, which costs a tenth.
        thorough = {*makers, SYSTEM, *((relation, ROLES[number % len(ROLES)]) for relation in RELATIONS)}
        for who, by in people.items():
            expected = (target or state) if state in sources and who in makers else None
            if who in thorough:
                found = _outcome(world, model, subject.pk, before, move, by)
            else:
                found = _asked(move, subject, by, is_source=state in sources)
            if found != expected:
                wrong.append(f"{move} by {' '.join(who)}: {found}, not {expected}")
    assert wrong == []


def _asked(move, subject, by, *, is_source: bool) -> str | None:
    """None where the move is refused, for its state only if the table does not have it there."""
    try:
        workflow.check_move(move, subject, by)
    except Refusal as refusal:
        return None if (refusal.code == "wrong-state") != is_source else f"{refusal.code}, a wrong reason"
    return "allowed"


def _outcome(world, model, pk, before, move, by) -> str | None:
    """The state after the move; None where it was refused, left a record of the refusal, and changed nothing."""
    point = transaction.savepoint()
    subject = model.objects.get(pk=pk)
    try:
        DRIVERS[move](world, subject, by)
    except Refusal as refusal:
        if not Entry.objects.filter(outcome=Outcome.REFUSED).exists():
            return f"{refusal.code}, not recorded"
        after = model.objects.filter(pk=pk).values().get()
        return None if _told(after) == _told(before) else f"{refusal.code}, changed"
    else:
        return model.objects.get(pk=pk).status
    finally:
        transaction.savepoint_rollback(point)


def _told(row: dict) -> dict:
    """Without what the database works out anew when somebody announces a stop, as some drivers do beforehand."""
    return {name: value for name, value in row.items() if name not in ("stops_on", "stops_as", "gives_until")}


def _person(world, relation, role):
    agency = {
        "own": world.consumer,
        "parent": world.ministry,
        "provider": world.provider,
        "other": world.stranger,
    }[relation]
    someone = person(agency, Role(role))
    duty = {"case-officer": HANDLE, "reviewer": REVIEW, "approver": DECIDE}.get(role)
    # Assignments elsewhere must not help: whoever works elsewhere was assigned by mistake.
    return assign(someone, world.database, duty) if duty else someone


def _request_in(world, state):
    if state == "draft":
        return world.draft()
    if state == "pending-endorsement":
        return world.proposed()
    if state == "submitted":
        return world.submitted()
    if state == "offered":
        return world.offered()
    request = world.draft() if state in ("withdrawn", "expired") else world.under_review()
    if state == "returned":
        cases.send_back(request=request, by=world.officer, reason="Thiếu căn cứ", revision_hash=hash_of(request))
    elif state == "approved":
        world.voted(request)
    elif state == "rejected":
        DRIVERS["reject"](world, request, world.approver)
    elif state == "withdrawn":
        requests.withdraw(request=request, by=world.requester)
    elif state == "expired":
        _bare("lapse")(world, request, None)
    return request


def _agreement_in(world, state):
    today = timezone.localdate()
    begins = {"period_from": today + timedelta(days=1)} if state == "agreed" else {}
    DeadlineProfile.objects.filter(code=Term.CONFIRM_EVERY).update(working_days=20)
    agreement = world.agreed(frequency=Frequency.ON_DEMAND, **begins)
    match state:
        case "suspended":
            world.suspended(agreement)
        case "revoked":
            agreements.revoke(agreement=agreement, by=world.approver, reason="Sai mục đích")
        case "relinquished":
            agreements.relinquish(agreement=agreement, by=world.endorser, reason="Không còn cần")
        case "expired":
            _bare("expire")(world, agreement, None)
        case "superseded":
            _supersede(world, agreement, None)
            agreement.refresh_from_db()
    return agreement


def _delivery_in(world, state):
    if state == "completed":
        return world.delivered(frequency=Frequency.ON_DEMAND)
    delivery = world.ordered(frequency=Frequency.ON_DEMAND)
    if state == "started":
        deliveries.begin(delivery=delivery, worker="test")
    elif state == "terminated":
        deliveries.cancel(delivery=delivery, by=world.requester)
    return delivery


BUILDERS = {"request": _request_in, "agreement": _agreement_in, "delivery": _delivery_in}


def _bare(move, **changes):
    """The move without a service around it, as the portal itself would make it, or somebody in a shell."""

    def make(world, subject, by):
        with workflow.making(move, subject, by=by, reason="Lý do") as step:
            step.to(step.move.targets[0], **changes)

    return make


def _lapse_claim(world, request, by):
    request.cases.exclude(claimed_by=None).update(claimed_at=timezone.now() - timedelta(days=60))
    _bare("lapse_claim")(world, request, by)


def _grant(world, request, by):
    SharingPolicy.objects.filter(pk=world.policy.pk).update(
        is_standing=True, decided_by=world.approver, decided_at=timezone.now()
    )
    _bare("grant")(world, request, by)


def _set_aside(world, request, by):
    """After a vote whose maker moved above the asking agency."""
    if request.status == "under-review":
        vote(request, world.approver)
        MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    cases.set_aside(request=request, by=by)


def _activate(world, agreement, by):
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        _bare("activate")(world, agreement, by)


def _hold(world, agreement, by):
    SchemaChangeFactory(dataset=agreement.dataset)
    _bare("hold")(world, agreement, by)


def _noticed(world, agreement):
    """With a suspension announced for tomorrow, where anything can be announced."""
    if agreement.status in UNENDED:
        StopNotice.objects.create(
            agreement=agreement,
            kind=StopKind.SUSPEND,
            takes_effect_on=timezone.localdate() + timedelta(days=1),
            reason="Bảo trì",
            announced_by=world.approver,
        )
        agreement.refresh_from_db()


def _call_off(world, agreement, by):
    _noticed(world, agreement)
    stop_notices.call_off(agreement=agreement, by=by, reason="Đã khắc phục")


def _carry_out(world, agreement, by):
    _noticed(world, agreement)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        if by is None:
            stop_notices.carry_out(agreement=agreement)
        else:
            _bare("carry_out")(world, agreement, by)


def _hold_unconfirmed(world, agreement, by):
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        if by is None:
            attesting.hold(agreement=agreement)
        else:
            _bare("hold_unconfirmed")(world, agreement, by)


def _reinstate(world, agreement, by):
    """As if it had been suspended for the want of a confirmation."""
    with transaction.atomic():
        ledger.record(action="agreement.hold_unconfirmed", actor=ledger.SYSTEM, subject=("agreement", agreement.code))
    _bare("reinstate")(world, agreement, by)


def _supersede(world, agreement, by):
    """The portal does it when another version begins."""
    if by is None:
        world.amended(agreement)
    else:
        _bare("supersede")(world, agreement, by)


def _complete(world, delivery, by):
    file = {"rows": 1, "size": 1, "sha256": "0" * 64, "file_name": "x", "available_until": timezone.now()}
    _bare("complete", **file)(world, delivery, by)


DRIVERS = {
    "propose": lambda world, request, by: requests.propose(request=request, by=by),
    "send_back": lambda world, request, by: requests.send_back(request=request, by=by, reason="Sửa lại"),
    "endorse": lambda world, request, by: requests.endorse(request=request, by=by, revision_hash=_hash(request)),
    "claim": lambda world, request, by: cases.claim(request=request, by=by),
    "take_up": lambda world, request, by: cases.take_up(request=request, by=by),
    "hand_over": lambda world, request, by: cases.hand_over(request=request, by=by, to=handler(world.database)),
    "release": lambda world, request, by: cases.release(request=request, by=by),
    "lapse_claim": _lapse_claim,
    "grant": _grant,
    "return": lambda world, request, by: cases.send_back(
        request=request, by=by, reason="Thiếu căn cứ", revision_hash=_hash(request)
    ),
    "extend": lambda world, request, by: extending.extend(request=request, by=by, working_days=1, reason="Hỏi ý kiến"),
    "reject": lambda world, request, by: cases.reject(
        request=request, by=by, reason="Không đúng", legal_basis=world.basis, revision_hash=_hash(request)
    ),
    "approve": lambda world, request, by: cases.approve(request=request, by=by, revision_hash=_hash(request)),
    "set_aside": _set_aside,
    "accept": lambda world, request, by: requests.accept(request=request, by=by),
    "decline": lambda world, request, by: requests.decline(request=request, by=by, reason="Không đủ"),
    "withdraw": lambda world, request, by: requests.withdraw(request=request, by=by),
    "lapse": _bare("lapse"),
    "activate": _activate,
    "suspend": lambda world, agreement, by: agreements.suspend(agreement=agreement, by=by, reason="Kiểm tra"),
    "hold": _hold,
    "resume": lambda world, agreement, by: agreements.resume(agreement=agreement, by=by, reason="Đã rõ"),
    "revoke": lambda world, agreement, by: agreements.revoke(agreement=agreement, by=by, reason="Sai mục đích"),
    "announce": lambda world, agreement, by: stop_notices.announce(
        agreement=agreement,
        by=by,
        kind=StopKind.REVOKE,
        takes_effect_on=stop_notices.earliest_day(),
        reason="Hết căn cứ",
    ),
    "call_off": _call_off,
    "carry_out": _carry_out,
    "confirm": lambda world, agreement, by: attesting.confirm(
        agreement=agreement, by=by, words=attesting.statement(agreement)
    ),
    "hold_unconfirmed": _hold_unconfirmed,
    "reinstate": _reinstate,
    "relinquish": lambda world, agreement, by: agreements.relinquish(agreement=agreement, by=by, reason="Thôi"),
    "expire": _bare("expire"),
    "supersede": _supersede,
    "start": _bare("start"),
    "complete": _complete,
    "terminate": _bare("terminate", end_reason=EndReason.FAILED),
    "cancel": lambda world, delivery, by: deliveries.cancel(delivery=delivery, by=by),
}


def _hash(request) -> str:
    latest = request.revisions.first()
    return latest.content_hash if latest else ""
