"""Who works on a delivery: whoever's database session holds its advisory lock.

PostgreSQL lets go of the lock the moment the session ends, so a worker killed with SIGKILL frees its delivery at once,
and no clock has to guess whether it is still alive.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

NAMESPACE = 0x4E4443  # "NDC": deliveries
WEBHOOKS = 0x4E4457  # endpoints, each served by one worker at a time
SENDING = 0x4E4453  # places of workers that send to endpoints at the same time


START = -1  # no delivery's number: the lock under which workers that start write their schedule


def held() -> set[int]:
    """The numbers of the locks that any session of this database holds now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid::int8 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [NAMESPACE],
        )
        return {number for (number,) in cursor.fetchall()}


def wait_for(number: int) -> None:
    """Take the lock until the end of the caller's transaction, waiting for whoever holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [NAMESPACE, number])


@contextmanager
def holding(number: int, *, namespace: int = NAMESPACE) -> Iterator[bool]:
    """Try to take the lock of a delivery (or another thing); says whether it was taken, and lets go at the end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [namespace, number])
        (taken,) = cursor.fetchone()
    try:
        yield taken
    finally:
        # A lost session has lost the lock, too; asking again would only hide the first error.
        if taken and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [namespace, number])
