"""Processes that are kept running, and the watchdog that notices a worker on which everything waits in vain."""

import os
import sys
import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from exchange.fulfilment import locks
from exchange.models import Delivery
from exchange.services import deliveries
from ndc_portal import supervisor
from ndc_portal.supervisor import Child, Watchdog


@pytest.fixture
def clock(monkeypatch):
    """Seconds of the watchdog's clock, moved on by the test."""
    now = [1_000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    return now


def standing(monkeypatch, *answers):
    left = list(answers)
    monkeypatch.setattr(deliveries, "standstill", lambda since: left.pop(0) if len(left) > 1 else left[0])


def bites(watchdog, clock, *seconds) -> list[bool]:
    found = []
    for second in seconds:
        clock[0] = 1_000 + second
        found.append(watchdog.look())
    return found


def test_watchdog_bites_when_the_same_waits_for_too_long(monkeypatch, clock):
    standing(monkeypatch, (1, 2, 3))
    assert bites(Watchdog(patience=30), clock, 0, 15, 29, 31) == [False, False, False, True]


def test_watchdog_lies_still_while_something_moves(monkeypatch, clock):
    standing(monkeypatch, (1, 2, 3), (1, 2, 4), (2, 2, 4), None, (2, 2, 4), (2, 2, 4))
    assert not any(bites(Watchdog(patience=30), clock, 0, 31, 62, 93, 124, 130))


def test_watchdog_bites_less_often_when_it_does_not_help(monkeypatch, clock):
    standing(monkeypatch, (1, 2, 3))
    seconds = range(0, 3_000, 10)
    bitten = [second for second, bit in zip(seconds, bites(Watchdog(), clock, *seconds), strict=True) if bit]
    assert bitten == [30, 90, 210, 450, 930, 1830, 2730]


def test_watchdog_survives_a_database_that_is_down(monkeypatch):
    looks = []

    def look(_self):
        looks.append(1)
        if len(looks) > 2:
            raise KeyboardInterrupt
        raise OperationalError

    monkeypatch.setattr(Watchdog, "look", look)
    with pytest.raises(KeyboardInterrupt):
        Watchdog().watch(0)
    assert len(looks) == 3


def test_standstill_is_what_waits_while_nobody_works(world):
    long_ago, patience = timezone.now() - timedelta(minutes=5), timedelta(seconds=30)
    assert deliveries.standstill(since=patience) is None
    delivery = world.ordered()
    assert deliveries.standstill(since=patience) is None, "not yet long"
    Delivery.objects.update(next_attempt_at=long_ago)
    first = deliveries.standstill(since=patience)
    assert first == (None, delivery.pk, None)
    OrmQ.objects.update(lock=long_ago)
    assert deliveries.standstill(since=patience) == (OrmQ.objects.get().pk, delivery.pk, None)
    with locks.holding(delivery.pk):
        assert deliveries.standstill(since=patience) is None
    deliveries.begin(delivery=delivery, worker="dead:1")
    assert deliveries.standstill(since=patience) != first


def test_child_that_ends_is_started_again():
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    child.tend()
    first = child.process
    child.end_group()
    first.wait(10)
    child.tend()
    child.due = 0
    child.tend()
    try:
        assert child.process.pid != first.pid
        assert child.process.poll() is None
    finally:
        child.stop()
    assert child.process.poll() is not None


def test_stop_takes_grandchildren_along():
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    child = Child("parent", [sys.executable, "-c", f"import time; {script}; time.sleep(60)"])
    child.tend()
    time.sleep(1)
    group = child.process.pid
    child.stop()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("somebody of the group is left")


def test_watchdog_starts_a_private_database_that_is_gone(monkeypatch):
    started = []

    def look(self):
        raise OperationalError("gone")

    def stop_watching(seconds):
        if started:
            raise KeyboardInterrupt

    monkeypatch.setattr(Watchdog, "look", look)
    monkeypatch.setattr(supervisor.time, "sleep", stop_watching)
    monkeypatch.setattr(supervisor.database, "ensure_running", lambda: started.append(True))
    with pytest.raises(KeyboardInterrupt):
        Watchdog().watch(every=0)
    assert started == [True]
