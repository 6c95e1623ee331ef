"""Ordering, claiming and ending deliveries; downloads; the queue as a nudge only."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from evidence.models import Entry
from exchange import tasks
from exchange.choices import AttemptOutcome, EndReason, Frequency
from exchange.fulfilment import expiry, locks
from exchange.management.commands import worker
from exchange.models import Agreement, Delivery, ExchangeRequest
from exchange.refusals import Refusal, WrongState
from exchange.services import agreements, deliveries, downloads, lapsing
from exchange.states import DeliveryStatus
from registry.choices import Mode, Role
from tests.factories import person

pytestmark = pytest.mark.postgresql


def test_approval_orders_the_package_that_was_asked_for_once(world):
    agreement = world.agreed()
    delivery = agreement.deliveries.get()
    assert (delivery.status, delivery.requested_by) == (DeliveryStatus.REQUESTED, None)
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("content", [{"frequency": Frequency.ON_DEMAND}, {"mode": Mode.LOOKUP}])
def test_approval_orders_nothing_else(world, content):
    assert not world.agreed(**content).deliveries.exists()


def test_package_that_is_given_once_is_given_once(world):
    delivery = world.delivered()
    with pytest.raises(Refusal) as caught:
        deliveries.order(agreement=delivery.agreement, by=world.requester)
    assert caught.value.code == "delivered-once"


def test_package_that_failed_can_be_ordered_again(world):
    delivery = world.ordered()
    deliveries.cancel(delivery=delivery, by=world.requester)
    second = deliveries.order(agreement=delivery.agreement, by=world.requester)
    assert (second.slot, world.delivered(delivery.agreement).status) == ("2", DeliveryStatus.COMPLETED)


def test_order_while_one_is_under_way_gives_that_one(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    first, second = (deliveries.order(agreement=agreement, by=world.requester) for _click in range(2))
    assert first == second


def test_lookup_agreement_gives_no_package(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    with pytest.raises(Refusal) as caught:
        deliveries.order(agreement=agreement, by=world.requester)
    assert caught.value.code == "wrong-mode"
    assert Entry.objects.filter(action="delivery.order", outcome="refused", subject_id=agreement.code).exists()


def test_queue_is_a_nudge_only(world):
    """With every queued task lost, the sweep brings the row back."""
    delivery = world.ordered()
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert OrmQ.objects.count() == 1
    tasks.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.COMPLETED
    OrmQ.objects.all().delete()
    tasks.sweep()
    assert OrmQ.objects.count() == 0


def test_sweep_does_not_queue_again_what_is_queued(world):
    world.ordered()
    assert [deliveries.nudge_due() for _minute in range(3)] == [0, 0, 0]
    assert OrmQ.objects.count() == 1


def test_sweep_queues_again_what_a_lost_cluster_took(world):
    delivery = world.ordered()
    OrmQ.objects.update(lock=timezone.now() + timedelta(hours=4))  # in the memory of a process that is gone
    assert [deliveries.nudge_due() for _minute in range(3)] == [1, 0, 0]
    assert OrmQ.objects.order_by("pk").last().task["args"] == (delivery.pk,)


def test_sweep_does_not_queue_what_somebody_works_on(world):
    held, free = world.ordered(), world.ordered()
    OrmQ.objects.all().delete()
    with locks.holding(held.pk):
        assert locks.held() == {held.pk}
        assert deliveries.nudge_due() == 1
    assert OrmQ.objects.get().task["args"] == (free.pk,)
    assert locks.held() == set()


def test_sweep_adds_nothing_to_a_long_queue(world, monkeypatch):
    world.ordered()
    OrmQ.objects.update(payload="of something else")
    assert deliveries.nudge_due() == 1
    monkeypatch.setattr(deliveries, "LONG_QUEUE", 2)
    OrmQ.objects.update(payload="of something else")
    assert deliveries.nudge_due() == 0


SECRET = "".join(["0790", "9000", "0017"])  # not as a literal: lines of code stand in a trace
STEPS = {
    deliveries: "nudge_due",
    agreements: "follow_dates",
    expiry: "remove_expired",
    lapsing: "lapse_stale",
}


@pytest.mark.parametrize("broken", STEPS.values())
def test_sweep_goes_on_after_a_step_that_fails(db, monkeypatch, caplog, broken):
    done = []

    def step(name):
        def act():
            done.append(name)
            if name == broken:
                raise RuntimeError(SECRET)

        act.__name__ = name
        return act

    for module, name in STEPS.items():
        monkeypatch.setattr(module, name, step(name))
    tasks.sweep()
    assert done == list(STEPS.values())
    assert f"{broken}: RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_sweep_goes_on_after_a_row_that_fails(world, monkeypatch, caplog):
    orders = [world.ordered() for _number in range(3)]
    OrmQ.objects.all().delete()
    original = deliveries.nudge

    def nudge(delivery):
        if delivery == orders[0]:
            raise RuntimeError(SECRET)
        original(delivery)

    monkeypatch.setattr(deliveries, "nudge", nudge)
    assert deliveries.nudge_due() == 2
    assert orders[0].code in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_worker_leaves_one_schedule_whatever_was_there(db, monkeypatch, rows):
    for _row in range(rows):
        Schedule.objects.create(name="sweep", func="gone.away", schedule_type=Schedule.ONCE)
    monkeypatch.setattr(worker, "call_command", lambda name: None)
    for _start in range(2):
        call_command("worker")
    left = {one.name: (one.func, one.minutes, one.schedule_type) for one in Schedule.objects.all()}
    assert Schedule.objects.count() == len(worker.SCHEDULES)
    assert left == {name: (*settled, Schedule.MINUTES) for name, settled in worker.SCHEDULES.items()}


def test_workers_that_start_together_leave_one_schedule(transactional_db):
    def start(_number):
        try:
            worker.schedule_sweep()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(8)))
    assert sorted(Schedule.objects.values_list("name", flat=True)) == sorted(worker.SCHEDULES)


def test_delivery_that_waits_for_its_next_attempt_is_not_begun(world):
    delivery = world.ordered()
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=1))
    assert deliveries.begin(delivery=delivery, worker="test") is None


def test_progress_is_shown_while_running_and_refused_after_the_end(world):
    delivery = world.ordered()
    attempt = deliveries.begin(delivery=delivery, worker="test")
    assert deliveries.report(attempt=attempt, rows=5, size=100)
    delivery.refresh_from_db()
    assert (delivery.rows_done, delivery.bytes_done) == (5, 100)
    deliveries.cancel(delivery=delivery, by=world.endorser)
    assert not deliveries.report(attempt=attempt, rows=6, size=120)
    attempt.refresh_from_db()
    assert attempt.outcome == AttemptOutcome.STOPPED


def test_late_failure_of_an_ended_delivery_changes_nothing(world):
    delivery = world.ordered()
    attempt = deliveries.begin(delivery=delivery, worker="test")
    deliveries.cancel(delivery=delivery, by=world.requester)
    for temporary in (True, False):
        deliveries.fail(attempt=attempt, code="unreachable", message="x", temporary=temporary)
    delivery.refresh_from_db()
    assert (delivery.end_reason, delivery.message) == (EndReason.CANCELLED, "")


def test_late_failure_of_a_worker_that_was_replaced_changes_nothing(world):
    delivery = world.ordered()
    lost = deliveries.begin(delivery=delivery, worker="slow:1")
    running = deliveries.begin(delivery=delivery, worker="quick:2")
    for temporary in (True, False):
        deliveries.fail(attempt=lost, code="unreachable", message="x", temporary=temporary)
    running.refresh_from_db()
    delivery.refresh_from_db()
    assert (delivery.status, running.outcome) == (DeliveryStatus.STARTED, AttemptOutcome.RUNNING)


def test_attempt_that_lost_its_worker_is_named_in_the_entry_of_the_next(world):
    delivery = world.ordered()
    for name in ("dead:1", "alive:2"):
        deliveries.begin(delivery=delivery, worker=name)
    entries = Entry.objects.filter(action="delivery.start", subject_id=delivery.code).order_by("sequence")
    assert [json.loads(entry.details).get("lost") for entry in entries] == [None, [1]]


def test_attempt_is_not_lost_when_the_next_cannot_be_recorded(world, monkeypatch):
    delivery = world.ordered()
    first = deliveries.begin(delivery=delivery, worker="dead:1")

    def broken(**_fields):
        raise deliveries.ledger.EvidenceError("lost")

    monkeypatch.setattr(deliveries.ledger, "record", broken)
    with pytest.raises(deliveries.ledger.EvidenceError):
        deliveries.begin(delivery=delivery, worker="alive:2")
    first.refresh_from_db()
    assert first.outcome == AttemptOutcome.RUNNING


def test_last_attempt_that_lost_its_worker_is_named_in_the_entry_of_the_end(world):
    delivery = world.ordered()
    for number in range(deliveries.MAX_ATTEMPTS + 1):
        deliveries.begin(delivery=delivery, worker=f"dead:{number}")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.FAILED)
    details = json.loads(Entry.objects.get(action="delivery.terminate", subject_id=delivery.code).details)
    assert (details["code"], details["lost"]) == ("attempts", [deliveries.MAX_ATTEMPTS])
    assert set(delivery.attempts.values_list("outcome", flat=True)) == {AttemptOutcome.LOST}


def test_completed_delivery_cannot_be_cancelled(world):
    with pytest.raises(WrongState):
        deliveries.cancel(delivery=world.delivered(), by=world.requester)


@pytest.mark.parametrize("part", ["data", "manifest"])
def test_download_is_recorded_before_it_is_given(world, part):
    delivery = world.delivered()
    with downloads.open_package(delivery=delivery, by=world.requester, part=part) as file:
        content = file.read()
    assert (hashlib.sha256(content).hexdigest() == delivery.sha256) == (part == "data")
    action = "delivery.download" if part == "data" else "delivery.manifest"
    entry = Entry.objects.get(action=action)
    assert delivery.sha256 in entry.details
    assert entry.actor == str(world.requester.public_id)


def test_download_by_somebody_else_is_refused_and_recorded(world):
    delivery = world.delivered()
    for someone in (world.operator, world.approver, person(world.consumer, Role.ENDORSER, is_superuser=True)):
        with pytest.raises(Refusal):
            downloads.open_package(delivery=delivery, by=someone)
    assert Entry.objects.filter(action="delivery.download", outcome="refused").count() == 3


def test_download_after_the_window_is_refused(world):
    delivery = world.delivered()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: delivery.available_until)
        with pytest.raises(Refusal) as caught:
            downloads.open_package(delivery=delivery, by=world.requester)
    assert caught.value.code == "not-available"


def test_download_of_a_file_that_vanished_is_refused(world):
    delivery = world.delivered()
    world.path_of(delivery).unlink()
    with pytest.raises(Refusal) as caught:
        downloads.open_package(delivery=delivery, by=world.requester)
    assert caught.value.code == "file-missing"


@pytest.mark.parametrize("model", [ExchangeRequest, Agreement, Delivery])
def test_lists_leave_long_columns_where_they_are(world, model):
    world.delivered(row_filter=[{"field": "province", "operator": "eq", "values": ["79"]}])
    with CaptureQueriesContext(connection) as queries:
        assert list(model.objects.for_lists())
    read = queries[0]["sql"].partition(" FROM ")[0]
    assert not any(f'"{name}"' in read for name in ("row_filter", "reason", "security_measures"))
    assert model is Agreement or '"scope"' not in read
    assert len(queries) == 1
