"""Web server and worker as two child processes of one: what dies is started again, what asks to stop stops both."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.db import Error, connection

from exchange.services import deliveries
from ndc_portal import database

logger = logging.getLogger(__name__)

STOP_WITHIN = 15  # seconds until a child that does not stop is killed
LOOK_EVERY = 0.5
RESTART_PAUSES = (0, 1, 5, 15)  # seconds before the first, second … start in a row that did not last
LASTS = 30  # seconds after which a start counts as good
WATCH_EVERY = 5
PATIENCE = 30  # seconds that a task or delivery may wait while nobody works, and that this may be seen to go on
LONGEST_PATIENCE = 900  # where starting the worker again changes nothing, it is done less and less often


@dataclass
class Child:
    """One process that is to be there for as long as the portal runs."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen | None = None
    started: float = 0
    failures: int = 0
    due: float = field(default=0)

    def tend(self) -> None:
        """Start the process if it is not there and its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            lasted = now - self.started > LASTS
            self.failures = 0 if lasted else self.failures + 1
            self.due = now + RESTART_PAUSES[min(self.failures, len(RESTART_PAUSES) - 1)]
            logger.warning("%s ended with %s and is started again", self.name, self.process.returncode)
            self.end_group()
            self.process = None
        if now >= self.due:
            # A group of its own: workers have children, and all of them are to end together.
            self.process = subprocess.Popen(self.command, start_new_session=True)
            self.started = now

    def end_group(self, sign: int = signal.SIGKILL) -> None:
        """Signal whatever is left of the process and its children."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            logger.warning("%s did not stop in time", self.name)
        self.end_group()


class Watchdog:
    """Notices a worker that is there and works on nothing.

    When one process of the queue is killed at the wrong moment, the others wait for its lock for ever: all of them
    live, and nothing runs. So what counts is whether rows are picked up.
    """

    def __init__(self, *, patience: float = PATIENCE):
        self.patience = self.limit = patience
        self.seen: tuple | None = None
        self.since = time.monotonic()
        self.bites = threading.Event()

    def look(self) -> bool:
        """Whether the same things have been waiting, and nobody working, for so long that the worker must be replaced."""
        seen, now = deliveries.standstill(since=timedelta(seconds=self.patience)), time.monotonic()
        if seen is None or seen != self.seen:
            self.seen, self.since, self.limit = seen, now, self.patience
            return False
        if now - self.since < self.limit:
            return False
        self.since, self.limit = now, min(2 * self.limit, LONGEST_PATIENCE)
        return True

    def watch(self, every: float) -> None:
        """Look again and again, in a thread of its own: a database that does not answer must hold nothing else up."""
        while True:
            time.sleep(every)
            try:
                if self.look():
                    self.bites.set()
            except Error as error:
                logger.warning("the watchdog cannot see the queue: %s", type(error).__name__)
                self._revive_database()
            finally:
                with contextlib.suppress(Error):
                    connection.close()

    @staticmethod
    def _revive_database() -> None:
        """Start the private PostgreSQL again if it is ours and gone; another server is its operator's business."""
        try:
            database.ensure_running()
        except SystemExit as error:
            logger.error("%s", error)


def run(address: str, *, manage: Path, web_processes: int) -> None:
    """Serve the portal at `address` (host:port) and work on the queue until SIGTERM or SIGINT."""
    web = Child("web", _web(address, web_processes))
    keep(worker=Child("worker", [sys.executable, str(manage), "worker"]), others=[web], watchdog=Watchdog())


def keep(*, worker: Child, others: Sequence[Child], watchdog: Watchdog, every: float = WATCH_EVERY) -> None:
    """Tend the processes until SIGTERM or SIGINT, and replace a worker at which the watchdog bites."""
    stopping = []
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.append(True))
    threading.Thread(target=watchdog.watch, args=(every,), daemon=True).start()
    children = [*others, worker]
    while not stopping:
        if watchdog.bites.is_set():
            watchdog.bites.clear()
            logger.error("the worker picks nothing up and is replaced")
            # Nobody holds a delivery, and every task may be cut off anywhere.
            worker.end_group()
        for child in children:
            child.tend()
        time.sleep(LOOK_EVERY)
    for child in children:
        child.stop()


def _web(address: str, processes: int) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "ndc_portal.wsgi:application",
        "--bind", address, "--workers", str(processes), "--threads", "4", "--access-logfile", "-",
        # Threads keep their database connection for CONN_MAX_AGE; requests are short, downloads are streamed.
        "--timeout", "120", "--graceful-timeout", "10",
    ]  # fmt: skip
