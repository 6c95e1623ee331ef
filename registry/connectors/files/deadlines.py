"""The end of all waiting. A time-out of a socket begins anew with each byte, so a slow server could hold one for ever."""

import socket
import threading
import time
from contextlib import suppress
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from registry.connectors.base import TemporarySourceError


class Deadline:
    """Shuts at `moment` (of the monotonic clock, in seconds) every connection that it watches, wherever it is then:
    in the handshake, the headers or the body. Who was waiting sees a broken connection, and asks `check` why.
    """

    def __init__(self, moment: float):
        self._moment = moment
        self._watched: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()
        self._timer = threading.Timer(min(max(moment - time.monotonic(), 0), threading.TIMEOUT_MAX), self._shut)
        self._timer.daemon = True
        self._timer.start()

    def check(self) -> None:
        """Raise the TemporarySourceError `source-slow` when the moment has passed."""
        if time.monotonic() >= self._moment:
            raise TemporarySourceError("source-slow")

    def watch(self, connection: socket.socket) -> None:
        """For as long as anyone holds it: an answer can outlive the connection object that it came by."""
        with self._lock:
            self._watched.add(connection)
        if time.monotonic() >= self._moment:
            self._shut()

    def cancel(self) -> None:
        self._timer.cancel()

    def _shut(self):
        with self._lock:
            watched = list(self._watched)
        for connection in watched:
            with suppress(OSError):
                # Past the methods of TLS, which are not made for a second thread.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class WatchedAdapter(HTTPAdapter):
    """Of requests: every connection made through it is watched from the first byte on."""

    def __init__(self, deadline: Deadline):
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, self._deadline),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, self._deadline),
        }


def _pool(pool, connection, deadline):
    class Watched(connection):
        def connect(self):
            self._first = None
            try:
                super().connect()
                deadline.watch(self.sock)
            finally:
                if self._first is not None:
                    self._first.close()

        def _new_conn(self):
            # TLS takes the socket over and gives another one back only after the handshake; this one can still shut it.
            made = super()._new_conn()
            self._first = made.dup()
            deadline.watch(self._first)
            return made

    return type(pool.__name__, (pool,), {"ConnectionCls": Watched})
