"""The worker as a process of its own, started, killed and started again, as an operator would see it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest
from django.conf import settings as django_settings
from django.db import connection

from exchange.choices import AttemptOutcome
from exchange.fulfilment import packages
from exchange.models import Delivery
from exchange.states import DeliveryStatus
from tests import scenarios

ROWS = 400_000
PATIENCE = 60  # seconds


@contextmanager
def worker(world):
    """A worker process group on the test's database; killed at the end whatever happens."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.live_settings",
        "NDC_LIVE_DATABASE": connection.settings_dict["NAME"],
        "NDC_LIVE_DELIVERIES": str(world.deliveries_folder),
        "NDC_LIVE_SOURCES": str(world.source.parent),
    }
    process = subprocess.Popen(
        [sys.executable, str(django_settings.BASE_DIR / "manage.py"), "worker"],
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
