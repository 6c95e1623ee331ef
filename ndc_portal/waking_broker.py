"""The queue's broker: a task wakes a worker with the commit that brings it, instead of waiting until somebody looks."""

import os
from time import sleep

import psycopg
from django.db import connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf

CHANNEL = "ndc_queue"
LONGEST_SLEEP = 1.0  # seconds after which it is looked all the same: for tasks whose lock ran out, and lost wake-ups
TAKE = """
    UPDATE django_q_ormq SET lock = %(until)s WHERE id IN (
        SELECT id FROM django_q_ormq WHERE key = %(key)s AND lock < %(now)s ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ) RETURNING id, payload
"""


class WakingBroker(ORM):
    """django-q's own broker on the portal's database, with NOTIFY for waking and one statement for taking.

    Several clusters take different tasks without waiting for each other; a transaction that is rolled back wakes nobody.
    """

    _ear: tuple[int, psycopg.Connection] | None = None  # the process that listens, and its connection

    def enqueue(self, task):
        number = super().enqueue(task)
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
        return number

    def dequeue(self):
        """Tasks as (number, payload), the oldest first; nothing after a sleep in which none came."""
        ear = self._listen()  # before looking: what is committed in between wakes
        taken = self._take()
        if not taken:
            self._sleep(ear)
        return taken

    def _take(self) -> list[tuple]:
        self.get_connection()  # lets go of a connection that went stale
        values = {
            "until": self.timeout(None),
            "key": self.list_key,
            "now": timezone.now(),
            "most": Conf.BULK,
        }
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(TAKE, values)
            return sorted(cursor.fetchall())

    def _listen(self) -> psycopg.Connection | None:
        """A connection of this process alone; None where there is none just now, as behind a pool that forbids it."""
        if self._ear and self._ear[0] == os.getpid() and not self._ear[1].closed:
            return self._ear[1]
        database = connections[Conf.ORM]
        try:
            ear = database.get_new_connection(database.get_connection_params())
            ear.autocommit = True
            ear.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            return None
        self._ear = os.getpid(), ear
        return ear

    def _sleep(self, ear: psycopg.Connection | None) -> None:
        if ear is None:
            sleep(Conf.POLL)
            return
        try:
            for _woken in ear.notifies(timeout=LONGEST_SLEEP, stop_after=1):
                break
        except psycopg.Error:
            ear.close()
            sleep(Conf.POLL)
