"""MariaDB and MySQL as a source: one read-only snapshot per call, read row by row.

PyMySQL is plain Python, and lets us open the socket: to the address that was checked, while TLS still checks the name.
Its protocol has no parameters, so the value of a look-up stands in the statement: the source may have it in its own logs.
"""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pymysql
from django.conf import settings
from django.utils.translation import gettext as _
from sqlalchemy import Connection as SourceConnection

from registry.choices import Engine, FileFormat, Masking
from registry.connectors import masking, mysql_rows, mysql_structure, reflection, rows
from registry.connectors import mysql_statements as statements
from registry.connectors.addresses import check_address
from registry.connectors.base import CheckResult, PermanentSourceError, TableDescription, TemporarySourceError
from registry.connectors.mysql_errors import translated
from registry.connectors.mysql_statements import masked_in_query
from registry.connectors.parameters import network
from registry.connectors.rows import RowConnector

CONNECT_SECONDS = 5
CHECK_SECONDS = 15
DESCRIBE_SECONDS = 60
LOCK_SECONDS = 10
GRACE_SECONDS = 5  # for the server to say itself that time is up

SESSION = {
    "sql_mode": "'NO_BACKSLASH_ESCAPES'",
    "lock_wait_timeout": LOCK_SECONDS,
    "innodb_lock_wait_timeout": LOCK_SECONDS,
    "group_concat_max_len": 1_048_576,
}

# Beside its own errors: RuntimeError where the server asks for a local file, the others where it speaks another protocol.
BROKEN = (pymysql.Error, RuntimeError, ValueError, IndexError, AssertionError, struct.error)


class _NotTaken:
    """A way of signing in that would hand the password itself to whoever answers."""

    def __init__(self, connection):
        raise pymysql.err.OperationalError(2059, "not taken")


class MySQLConnector(RowConnector):
    engine = Engine.MYSQL
    parameters = network(3306)

    def check(self) -> CheckResult:
        started = time.monotonic()
        with self._session(CHECK_SECONDS) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GRANTS")
            found = mysql_structure.rights([grant for (grant,) in cursor])
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            encrypted = any(cipher for _name, cipher in cursor)
            version = connection.get_server_info().removeprefix("5.5.5-")  # before which old clients know no version
        said = {
            _("The account is a superuser."): found.superuser,
            _("The account may manage accounts, files or replication."): found.powerful,
            _("The account may change data."): found.writable,
            _("The connection is not encrypted."): not encrypted,
        }
        seconds = time.monotonic() - started
        return CheckResult(version, seconds, tuple(warning for warning, holds in said.items() if holds))

    def describe(self, schema: str | None = None, table: str | None = None) -> list[TableDescription]:
        if schema not in (None, "", self.address.database):
            return []
        with self.reading(DESCRIBE_SECONDS) as connection:
            return mysql_structure.describe(connection, self.address.database, table)

    @contextmanager
    def reading(self, seconds: int) -> Iterator[SourceConnection]:
        with (
            self._session(seconds) as raw,
            reflection.over(raw, "mysql+pymysql://") as connection,
        ):
            yield connection

    def _query(self, plan, *more, limit=None, counting=False):
        return statements.select(plan, *more, schema=self.address.database, limit=limit, counting=counting)

    @contextmanager
    def _rows(self, query, seconds, pseudonym_key=b"", *, plan):
        with self._session(seconds) as connection:
            if any(column.masking == Masking.PSEUDONYM for column in plan.columns):
                with connection.cursor() as cursor:
                    cursor.execute(statements.pseudonym_settings(pseudonym_key))
            masks = _masks(plan, pseudonym_key)
            if _comes_as_lines(plan):
                yield mysql_rows.csv_lines(connection, query, [column.kind for column in plan.columns])
                return
            batches = mysql_rows.batches(connection, query)
            yield (_masked(batch, masks) for batch in batches) if masks else batches

    def _line_writer(self, plan):
        return bytes if _comes_as_lines(plan) else super()._line_writer(plan)

    @contextmanager
    def _session(self, seconds):
        connection = self._connect(max(1, seconds))
        try:
            yield connection
        except (pymysql.Error, RuntimeError) as error:
            raise translated(error) from None
        finally:
            self._end(connection)

    def _connect(self, seconds):
        endpoint = check_address(self.address)
        connection = pymysql.Connection(
            host=endpoint.host.strip("[]"),
            port=self.address.port,
            user=self.address.username,
            password=self.address.password.encode(),
            database=self.address.database,
            charset="utf8mb4",
            collation="utf8mb4_bin",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=CONNECT_SECONDS,
            write_timeout=CONNECT_SECONDS,
            local_infile=False,
            autocommit=None,
            program_name="ndc-portal",
            auth_plugin_map={"mysql_clear_password": _NotTaken, "dialog": _NotTaken},
            defer_connect=True,
            **_tls(self.address.sslmode),
        )
        try:
            connection.connect(_socket(endpoint, self.address.port))
            _prepare(connection, seconds)
        except BROKEN as error:
            if connection.open:
                with suppress(*BROKEN, OSError):
                    connection.close()
            raise translated(error) from None
        return connection

    def _end(self, connection):
        result = connection._result
        if result is not None and result.unbuffered_active:
            # Closing the cursor would read all rows that are still to come.
            result.unbuffered_active = False
            with suppress(PermanentSourceError, TemporarySourceError, pymysql.Error):
                other = self._connect(CONNECT_SECONDS)
                with suppress(pymysql.Error):
                    other.kill(connection.thread_id())
                other.close()
        if connection.open:
            with suppress(pymysql.Error, OSError):
                connection.close()


def _socket(endpoint, port):
    """To the first of the checked addresses that answers; the name is not asked again."""
    last = None
    for hostaddr in endpoint.hostaddrs:
        try:
            opened = socket.create_connection((hostaddr, port), CONNECT_SECONDS)
        except OSError as error:
            last = error
            continue
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return opened
    raise TemporarySourceError("unreachable") from last


def _tls(sslmode):
    if sslmode == "disable":
        return {"ssl_disabled": True}
    if sslmode == "prefer":
        return {}
    context = ssl.create_default_context()
    context.check_hostname = sslmode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if sslmode == "require" else ssl.CERT_REQUIRED
    return {"ssl": context}


def _prepare(connection, seconds):
    is_mariadb = "mariadb" in connection.get_server_info().lower()
    limit = {"max_statement_time": seconds} if is_mariadb else {"max_execution_time": seconds * 1_000}
    offset = datetime.now(ZoneInfo(settings.TIME_ZONE)).strftime("%z")
    session = (
        SESSION | limit | {"time_zone": f"'{offset[:3]}:{offset[3:]}'", "net_write_timeout": seconds + GRACE_SECONDS}
    )
    with connection.cursor() as cursor:
        cursor.execute("SET " + ", ".join(f"SESSION {name} = {value}" for name, value in session.items()))
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET SESSION autocommit = 0")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    connection._read_timeout = seconds + GRACE_SECONDS


def _comes_as_lines(plan) -> bool:
    """Whether a file of CSV needs nothing of Python but commas and quotes."""
    masked = (column for column in plan.columns if column.masking == Masking.PSEUDONYM or not masked_in_query(column))
    return bool(plan.columns) and plan.file_format != FileFormat.JSONL and not any(masked)


def _masks(plan, pseudonym_key):
    """What Python masks, by place: kinds that the statement leaves alone, and pseudonyms of what it could not normalise."""
    found = {}
    for place, column in enumerate(plan.columns):
        if not masked_in_query(column):
            found[place] = rows.masks(pseudonym_key, column.kind)[column.masking]
        elif column.masking == Masking.PSEUDONYM:
            found[place] = lambda value: (
                masking.pseudonym(pseudonym_key, value[1:]) if value and value[0] == statements.RAW else value
            )
    return found


def _masked(batch, masks):
    for row in batch:
        for place, mask in masks.items():
            row[place] = mask(row[place])
    return batch
