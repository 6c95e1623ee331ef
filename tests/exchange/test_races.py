"""Two people, or two workers, at the same moment, on a real PostgreSQL: one outcome, and no deadlock.

`make races` runs the pairs of the decision desk 200 times each.
"""

import contextlib
import json
import os
import threading
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from evidence import ledger
from exchange.choices import AttemptOutcome, ConflictKind, EndReason, Frequency, RequestKind
from exchange.fulfilment import packages, run
from exchange.models import Agreement, Delivery, Letter, LetterCounter
from exchange.refusals import Refusal
from exchange.services import agreements, amendments, cases, deliveries, downloads, letters, recusals, requests
from exchange.states import AgreementStatus, DeliveryStatus, RequestStatus
from registry.choices import Mode
from registry.models import Agency
from tests.exchange.past import letters_of_anything
from tests.factories import AgencyFactory, agreed_move
from tests.scenarios import hash_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]
ROUNDS = int(os.environ.get("RACE_ROUNDS", "4"))


def deadlocks() -> int:
    """How many deadlocks the server has broken in this database so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.fixture(autouse=True)
def no_deadlock(transactional_db):
    before = deadlocks()
    yield
    assert deadlocks() == before


def at_once(*acts) -> list:
    """Run the acts in threads with connections of their own; what each returned, or the error it met."""
    barrier, found = threading.Barrier(len(acts)), [None] * len(acts)

    def work(number, act):
        try:
            connections["default"].ensure_connection()
            barrier.wait(timeout=10)
            found[number] = act() or "done"
        except (Refusal, IntegrityError) as error:
            found[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads), "deadlock"
    assert None not in found
    return found


def refusals(found) -> list[str]:
    return [error.code for error in found if isinstance(error, Refusal)]


def fresh(thing):
    return type(thing).objects.get(pk=thing.pk)


def approving(request, by):
    copy, text = fresh(request), hash_of(request)
    return lambda: cases.approve(request=copy, by=by, revision_hash=text)


def test_two_approvals_where_one_is_enough(world):
    for number in range(1, ROUNDS + 1):
        request = world.under_review()
        found = at_once(*(approving(request, by) for by in world.approvers[:2]))
        assert refusals(found) == ["wrong-state"]
        assert fresh(request).status == RequestStatus.APPROVED
        assert (Agreement.objects.count(), Letter.objects.count(), Delivery.objects.count()) == (number,) * 3


def test_two_approvals_where_both_are_needed(make_world):
    world = make_world(quorum=2)
    for number in range(1, ROUNDS + 1):
        request = world.under_review()
        assert refusals(at_once(*(approving(request, by) for by in world.approvers[:2]))) == []
        assert fresh(request).status == RequestStatus.APPROVED
        assert (Agreement.objects.count(), Letter.objects.count()) == (number, number)


def test_double_click_on_approve(make_world):
    world = make_world(quorum=2)
    for _round in range(ROUNDS):
        request = world.under_review()
        assert refusals(at_once(*[approving(request, world.approver)] * 2)) == ["rule-2"]
        assert request.cases.get().decisions.count() == 1


@pytest.mark.parametrize("other", ["return", "withdraw"])
def test_approval_against_another_move(world, other):
    for _round in range(ROUNDS):
        request = world.under_review()
        copy, text = fresh(request), hash_of(request)
        act = {
            "return": lambda c=copy, t=text: cases.send_back(
                request=c, by=world.officer, reason="Sửa", revision_hash=t
            ),
            "withdraw": lambda c=copy: requests.withdraw(request=c, by=world.requester),
        }[other]
        found = at_once(approving(request, world.approver), act)
        assert refusals(found) == ["wrong-state"]
        approved = fresh(request).status == RequestStatus.APPROVED
        assert approved == Agreement.objects.filter(case__request=request).exists()
        assert approved == (not isinstance(found[0], Refusal))


def test_signature_against_editing(world):
    """Whoever is first: nothing is signed that differs from what stands in the request."""
    for _round in range(ROUNDS):
        request = world.proposed()
        one, two = fresh(request), fresh(request)
        found = at_once(
            lambda r=one: requests.endorse(request=r, by=world.endorser, revision_hash=hash_of(r)),
            lambda r=two: requests.save_draft(
                request=r, by=world.requester, version=r.version, content={"reason": "Khác"}
            ),
        )
        assert refusals(found) == ["wrong-state"]
        assert fresh(request).status == RequestStatus.SUBMITTED


def test_signature_against_sending_back_and_editing(world):
    """A colleague sends it back and the clerk changes it, while it is being signed: what is signed is what was read."""
    for number in range(ROUNDS):
        request = world.proposed()
        one, two, read = fresh(request), fresh(request), hash_of(request)

        def send_back_and_edit(r=two, number=number):
            requests.send_back(request=r, by=world.second_endorser, reason="Sửa lại")
            content = {"reason": f"Khác {number}"}
            requests.save_draft(request=r, by=world.requester, version=r.version, content=content)
            requests.propose(request=r, by=world.requester)

        found = at_once(
            lambda r=one, h=read: requests.endorse(request=r, by=world.endorser, revision_hash=h), send_back_and_edit
        )
        after = fresh(request)
        signed = not isinstance(found[0], Refusal)
        assert signed == isinstance(found[1], Refusal)
        assert after.status == (RequestStatus.SUBMITTED if signed else RequestStatus.PENDING_ENDORSEMENT)
        assert (hash_of(after) == read) == signed


def test_approval_against_a_conflict_that_the_approver_declares(make_world):
    """From two windows of one person: a vote that counts and a conflict on record are never there together."""
    world = make_world(quorum=2)
    for _round in range(ROUNDS):
        request = world.under_review()
        copy = fresh(request)
        at_once(
            approving(request, world.approver),
            lambda c=copy: recusals.declare(request=c, by=world.approver, kind=ConflictKind.INTEREST),
        )
        assert request.recusals.count() == 1
        assert not request.cases.get().decisions.live().exists()


def test_proposal_against_editing(world):
    for _round in range(ROUNDS):
        request = world.draft()
        one, two = fresh(request), fresh(request)
        at_once(
            lambda r=one: requests.propose(request=r, by=world.requester),
            lambda r=two: requests.save_draft(
                request=r, by=world.requester, version=r.version, content={"reason": "Khác"}
            ),
        )
        request = fresh(request)
        assert request.status == RequestStatus.PENDING_ENDORSEMENT
        assert json.loads(request.revisions.get().content)["reason"] == request.reason


def test_double_proposal(world):
    for _round in range(ROUNDS):
        request = world.draft()
        copies = [fresh(request) for _click in range(2)]
        found = at_once(*(lambda r=copy: requests.propose(request=r, by=world.requester) for copy in copies))
        assert refusals(found) == ["wrong-state"]
        assert request.revisions.count() == 1


def test_two_orders_are_one_delivery(world):
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        copies = [fresh(agreement) for _click in range(3)]
        found = at_once(*(lambda a=copy: deliveries.order(agreement=a, by=world.requester) for copy in copies))
        assert refusals(found) == []
        assert len({delivery.pk for delivery in found}) == agreement.deliveries.count() == 1


def test_two_workers_are_one_attempt(world):
    for _round in range(ROUNDS):
        delivery = world.ordered()
        at_once(*[lambda d=delivery: run.deliver(d.pk)] * 3)
        delivery = fresh(delivery)
        assert delivery.status == DeliveryStatus.COMPLETED
        assert list(delivery.attempts.values_list("outcome", flat=True)) == [AttemptOutcome.DELIVERED]


@pytest.mark.parametrize("end", ["revoke", "suspend"])
def test_revocation_against_completion(world, end):
    act = getattr(agreements, end)
    for _round in range(ROUNDS):
        delivery = world.ordered()
        attempt = deliveries.begin(delivery=delivery, worker="test")
        package = _package(attempt)
        agreement = fresh(delivery.agreement)
        found = at_once(
            lambda a=attempt, p=package: deliveries.complete(attempt=a, package=p, publish=p.publish),
            lambda a=agreement: act(agreement=a, by=world.approver, reason="Dừng"),
        )
        assert not isinstance(found[1], Exception)
        assert fresh(agreement).status in (AgreementStatus.REVOKED, AgreementStatus.SUSPENDED)
        shown, status = packages.data_path(package.file_name).exists(), fresh(delivery).status
        assert (status, shown) in [(DeliveryStatus.COMPLETED, True), (DeliveryStatus.TERMINATED, False)]
        assert isinstance(found[0], Refusal) == (not shown)


def _package(attempt):
    return packages.write(attempt=attempt, chunks=[], progress=lambda rows, size: True)


def test_letter_numbers_have_no_gaps(world):
    waiting = [world.under_review() for _number in range(8)]
    assert refusals(at_once(*(approving(request, world.approver) for request in waiting))) == []
    assert sorted(Letter.objects.values_list("number", flat=True)) == list(range(1, 9))


def test_agencies_cannot_close_a_circle_together(db):
    for _round in range(ROUNDS):
        one, other = AgencyFactory(), AgencyFactory()
        agreed_move(one, other)
        agreed_move(other, one)
        found = at_once(
            lambda a=one, b=other: Agency.objects.filter(pk=a.pk).update(parent=b),
            lambda a=one, b=other: Agency.objects.filter(pk=b.pk).update(parent=a),
        )
        assert sum(isinstance(error, IntegrityError) for error in found) == 1


def test_ledger_stays_whole_under_load(world):
    waiting = [world.draft() for _number in range(6)]
    at_once(*(lambda r=request: requests.propose(request=r, by=world.requester) for request in waiting))
    assert list(ledger.tampered()) == []


def test_two_changes_of_one_agreement(world):
    """One draft; the other click is told about it."""
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        copies = [fresh(agreement) for _click in range(3)]
        found = at_once(
            *(lambda a=c: amendments.begin(agreement=a, kind=RequestKind.AMENDMENT, by=world.requester) for c in copies)
        )
        assert refusals(found) == ["under-way"] * 2
        assert agreement.amendments.count() == 1


def test_approval_of_a_change_against_revocation(world):
    """Either the agreement ends and nothing follows it, or the new version is ended with it or stands alone in force."""
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        request = world.under_review(world.submitted(world.proposed(world.followed(agreement))))
        copy = fresh(agreement)
        found = at_once(
            approving(request, world.approver),
            lambda a=copy: agreements.revoke(agreement=a, by=world.approver, reason="Dừng"),
        )
        assert refusals(found) in (["agreement-ended"], ["wrong-state"])
        statuses = [one.status for one in Agreement.objects.filter(code=agreement.code).order_by("version")]
        if isinstance(found[0], Refusal):
            assert statuses == [AgreementStatus.REVOKED]
            assert fresh(request).status == RequestStatus.UNDER_REVIEW
        else:
            assert statuses == [AgreementStatus.SUPERSEDED, AgreementStatus.ACTIVE]


def test_approval_of_a_change_against_a_running_delivery(world):
    """The file of the former version is complete before it ends, or never appears."""
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        request = world.under_review(world.submitted(world.proposed(world.followed(agreement, field_names=["born"]))))
        attempt = deliveries.begin(delivery=world.ordered(agreement), worker="test")
        package = _package(attempt)
        found = at_once(
            lambda a=attempt, p=package: deliveries.complete(attempt=a, package=p, publish=p.publish),
            approving(request, world.approver),
        )
        assert not isinstance(found[1], Exception)
        delivery, shown = fresh(attempt.delivery), packages.data_path(package.file_name).exists()
        assert (delivery.status, delivery.end_reason, shown) in [
            (DeliveryStatus.COMPLETED, "", True),
            (DeliveryStatus.TERMINATED, EndReason.REPLACED, False),
        ]
        with pytest.raises(Refusal):
            downloads.check_download(fresh(delivery), world.requester)


def test_next_period_begins_once_however_many_ask(world):
    """The sweep and two look-ups at the first moment of its first day."""
    for _round in range(ROUNDS):
        agreement = world.agreed(mode=Mode.LOOKUP)
        tomorrow = timezone.localdate() + timedelta(days=1)
        following = world.amended(agreement, RequestKind.RENEWAL, period_from=tomorrow)
        copies = [fresh(agreement) for _asker in range(2)]
        with time_machine.travel(timezone.now() + timedelta(days=1)):
            found = at_once(
                *(lambda a=copy: agreements.in_force(a) for copy in copies),
                lambda: agreements.follow_dates() or "nothing left",
            )
        assert {one for one in found if isinstance(one, Agreement)} == {following}
        assert (fresh(agreement).status, fresh(following).status) == ("superseded", "active")


def test_ending_what_runs_against_the_beginning_of_what_follows(world):
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        tomorrow = timezone.localdate() + timedelta(days=1)
        following = world.amended(agreement, RequestKind.RENEWAL, period_from=tomorrow)
        one, other = fresh(agreement), fresh(following)
        with time_machine.travel(timezone.now() + timedelta(days=1)):
            at_once(
                lambda a=one: agreements.revoke(agreement=a, by=world.approver, reason="Dừng"),
                lambda a=other: agreements.activate(agreement=a),
            )
        assert (fresh(agreement).status, fresh(following).status) in [("revoked", "revoked"), ("superseded", "active")]


class TakenBack(Exception):
    """A decision that fails after its letter was written."""


def test_letters_of_one_agency_and_year_have_neither_gap_nor_twin(world):
    case = world.under_review().cases.get()

    def write(thread: int):
        for number in range(7):
            with contextlib.suppress(TakenBack), transaction.atomic():
                letters.issue(case=case, content={"thread": thread, "number": number})
                if number in (2, 5):
                    raise TakenBack

    with letters_of_anything():
        at_once(*(partial(write, thread) for thread in range(8)))
    assert sorted(Letter.objects.values_list("number", flat=True)) == [*range(1, 41)]
    assert LetterCounter.objects.get().last == 40
