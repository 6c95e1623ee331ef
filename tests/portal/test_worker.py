"""The worker as a process of its own, started, killed and started again, as an operator would see it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django_q.models import OrmQ

from exchange.choices import AttemptOutcome, Frequency
from exchange.fulfilment import packages
from exchange.models import Delivery
from exchange.services import deliveries
from exchange.states import DeliveryStatus
from tests import scenarios

pytestmark = pytest.mark.postgresql

ROWS = 400_000
PATIENCE = 60  # seconds
WORKER = [str(django_settings.BASE_DIR / "manage.py"), "worker"]
# The supervisor with a worker only, and with less patience than in use.
SUPERVISED = f"""
import sys, django
django.setup()
from ndc_portal import supervisor
worker = supervisor.Child("worker", [sys.executable, *{WORKER!r}])
supervisor.keep(worker=worker, others=[], watchdog=supervisor.Watchdog(patience=5), every=1)
"""


@contextmanager
def worker(world, *command):
    """A worker process group on the test's database (or another command); killed at the end whatever happens."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.live_settings",
        "NDC_LIVE_DATABASE": connection.settings_dict["NAME"],
        "NDC_LIVE_DELIVERIES": str(world.deliveries_folder),
        "NDC_LIVE_SOURCES": str(world.source.parent),
    }
    process = subprocess.Popen(
        [sys.executable, *(command or WORKER)],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        kill(process)


def kill(process) -> None:
    """SIGKILL to the worker and all its children, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition, what: str):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


@pytest.fixture
def slow_delivery(make_world, transactional_db):
    """A delivery whose source takes long enough to be interrupted."""
    world = make_world()
    rows = ((f"{number:012}", f"Người {number}", "1990-01-01", "01", 1, "0123456789", "") for number in range(ROWS))
    scenarios.write_source(world.source, rows)
    return world, world.ordered()


def state(delivery) -> Delivery:
    delivery.refresh_from_db()
    return delivery


def test_worker_delivers_what_waits(slow_delivery):
    world, delivery = slow_delivery

    with worker(world):
        wait_for(lambda: state(delivery).status == DeliveryStatus.COMPLETED, "delivery")

    assert delivery.rows == ROWS
    assert sum(1 for _line in world.path_of(delivery).open(newline="\n")) == ROWS + 1


def test_worker_killed_during_a_delivery_and_started_again_leaves_one_file(slow_delivery):
    world, delivery = slow_delivery

    with worker(world) as first:
        wait_for(lambda: list(world.deliveries_folder.glob(".*.part")), "staged file")
        kill(first)
    assert state(delivery).status == DeliveryStatus.STARTED
    assert not packages.manifest_path(f"{delivery.code}.csv").exists()

    with worker(world):
        wait_for(lambda: state(delivery).status == DeliveryStatus.COMPLETED, "second attempt")

    files = sorted(path.name for path in world.deliveries_folder.iterdir())
    assert files == [f"{delivery.code}.csv", f"{delivery.code}.csv.manifest.json"]
    assert delivery.rows == ROWS
    outcomes = list(delivery.attempts.order_by("number").values_list("outcome", flat=True))
    assert outcomes[0] == AttemptOutcome.LOST
    assert outcomes.count(AttemptOutcome.DELIVERED) == 1


def test_two_workers_at_once_deliver_once(slow_delivery):
    world, delivery = slow_delivery

    with worker(world), worker(world):
        wait_for(lambda: state(delivery).status == DeliveryStatus.COMPLETED, "delivery")

    assert delivery.attempts.count() == 1


def children_of(parent: int) -> list[int]:
    """Processes below `parent`, in the order in which they were started."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                status = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(status[1]) == parent:
                    found.append((int(status[19]), int(folder.name)))
    return [number for _started, number in sorted(found)]


def sentinel_of(process) -> int | None:
    """The process of the queue that keeps the others: workers first, then monitor and pusher."""
    for cluster in children_of(process.pid):
        for sentinel in children_of(cluster):
            if len(children_of(sentinel)) >= django_settings.Q_CLUSTER["workers"] + 2:
                return sentinel
    return None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the processes from /proc")
def test_queue_that_was_locked_by_a_killed_worker_runs_again(make_world, transactional_db):
    """One of the idle workers holds the lock of the queue in memory; killed there, it takes it along."""
    world = make_world()
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)

    with worker(world, "-c", SUPERVISED) as process:
        sentinel = wait_for(lambda: sentinel_of(process), "queue")
        wait_for(lambda: not OrmQ.objects.exists(), "empty queue")
        time.sleep(1)  # until the workers wait for their next task
        idle = children_of(sentinel)[: django_settings.Q_CLUSTER["workers"]]
        for number in idle:
            os.kill(number, signal.SIGKILL)
        wait_for(lambda: not set(idle) & set(children_of(sentinel)), "new workers")
        delivery = deliveries.order(agreement=agreement, by=world.requester)
        wait_for(lambda: state(delivery).status == DeliveryStatus.COMPLETED, "delivery")
        kept = sentinel_of(process)
        for number in children_of(process.pid):
            with suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)

    assert kept != sentinel, "the worker was not replaced"
    assert delivery.attempts.count() == 1
