"""HTTP to addresses that were checked beforehand, with an end of all waiting.

A time-out of a socket begins anew with each byte, so a slow server could hold one for ever.
"""

import socket
import ssl
import threading
import time
from contextlib import suppress
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Deadline:
    """Shuts at `moment` (of the monotonic clock, in seconds) every connection that it watches, wherever it is then:
    in the handshake, the headers or the body. Who was waiting sees a broken connection, and asks `is_over` why.
    """

    def __init__(self, moment: float):
        self._moment = moment
        self._watched: WeakSet[socket.socket] = WeakSet()
        self._lock = threading.Lock()
        self._timer = threading.Timer(min(max(moment - time.monotonic(), 0), threading.TIMEOUT_MAX), self._shut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._moment

    def watch(self, connection: socket.socket) -> None:
        """For as long as anyone holds it: an answer can outlive the connection object that it came by."""
        with self._lock:
            self._watched.add(connection)
        if self.is_over:
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


class CheckedAddressAdapter(WatchedAdapter):
    """Connections to an address whose certificate must be for the host's name, by the machine's own trusted issuers."""

    def __init__(self, deadline: Deadline, host: str):
        self._host = host.strip("[]")
        super().__init__(deadline)

    def init_poolmanager(self, *args, **kwargs):
        names = {"server_hostname": self._host, "assert_hostname": self._host}
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **names, **kwargs)

    def cert_verify(self, conn, url, verify, cert):
        conn.cert_reqs = "CERT_REQUIRED"  # the context knows the issuers


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
