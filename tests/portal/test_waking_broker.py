"""The queue's broker: who is woken, when, and that each task is taken once."""

import threading
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from ndc_portal import waking_broker
from ndc_portal.waking_broker import WakingBroker

pytestmark = pytest.mark.django_db(transaction=True)


class Taker(threading.Thread):
    """A cluster of its own that takes tasks once; `taken` is what it got."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listens = threading.Event()
        self.taken: list | None = None

    def run(self):
        broker = WakingBroker()
        broker._listen()
        self.listens.set()
        try:
            broker.dequeue()  # finds nothing, and sleeps until it is woken
            self.taken = broker.dequeue()
        finally:
            broker._ear[1].close()
            connection.close()

    def is_asleep_after(self, seconds: float) -> bool:
        self.join(seconds)
        return self.is_alive()


@pytest.fixture
def sleeper(monkeypatch):
    """Asleep for so long that only a wake-up can end it."""
    monkeypatch.setattr(waking_broker, "LONGEST_SLEEP", 60)
    taker = Taker()
    taker.start()
    taker.listens.wait(10)
    time.sleep(0.2)  # until it has looked, and sleeps
    yield taker
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [waking_broker.CHANNEL])
    taker.join(10)


def test_portal_uses_it():
    assert isinstance(get_broker(), WakingBroker)


def test_task_wakes_a_sleeping_worker_at_its_commit(sleeper):
    with transaction.atomic():
        async_task("exchange.tasks.deliver", 1)
        assert sleeper.is_asleep_after(0.3)
    sleeper.join(10)
    assert [number for number, _payload in sleeper.taken] == [OrmQ.objects.get().pk]


def test_task_that_is_rolled_back_wakes_nobody(sleeper):
    with transaction.atomic():
        async_task("exchange.tasks.deliver", 1)
        transaction.set_rollback(True)
    assert sleeper.is_asleep_after(0.3)


def test_worker_whose_ear_is_cut_off_still_finds_tasks():
    broker = WakingBroker()
    broker.dequeue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [broker._ear[1].info.backend_pid])
    assert not broker.dequeue()
    async_task("exchange.tasks.deliver", 1)
    assert len(broker.dequeue()) == 1
    broker._ear[1].close()


def test_worker_works_where_nobody_may_listen(monkeypatch):
    def refused(*args):
        raise psycopg.OperationalError

    broker = WakingBroker()
    monkeypatch.setattr(connection, "get_new_connection", refused)
    assert not broker.dequeue()
    async_task("exchange.tasks.deliver", 1)
    assert len(broker.dequeue()) == 1


def test_clusters_take_different_tasks_without_waiting():
    for number in range(2):
        async_task("exchange.tasks.deliver", number)
    first, taken = OrmQ.objects.earliest("pk"), []
    with transaction.atomic():
        OrmQ.objects.select_for_update().get(pk=first.pk)  # as another cluster does, in its statement

        def take():
            broker = WakingBroker()
            taken.extend(broker.dequeue())
            broker._ear[1].close()
            connection.close()

        thread = threading.Thread(target=take)
        thread.start()
        thread.join(10)
    assert [number for number, _payload in taken] == [OrmQ.objects.latest("pk").pk]


def test_task_is_taken_once_until_its_lock_runs_out():
    async_task("exchange.tasks.deliver", 1)
    broker = WakingBroker()
    [(number, _payload)] = broker.dequeue()
    assert not broker._take()
    OrmQ.objects.filter(pk=number).update(lock=timezone.now() - timedelta(seconds=1))
    assert [taken for taken, _payload in broker._take()] == [number]
    broker._ear[1].close()
