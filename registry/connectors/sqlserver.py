"""SQL Server as a source, by python-tds. Not tried against a server.

It knows no read-only transactions: that nothing is changed rests on the statements, which the portal makes itself, on a
session that is never committed, and on the account. One snapshot needs ALLOW_SNAPSHOT_ISOLATION on the database.
"""

import socket
import ssl

from registry.choices import Engine, FieldKind
from registry.connectors.base import PermanentSourceError, SourceError, TemporarySourceError
from registry.connectors.bound import CONNECT_SECONDS, BoundConnector, local
from registry.connectors.parameters import network

LOCK_MILLISECONDS = 10_000

TEMPORARY = {
    596: "interrupted",  # killed
    701: "source-busy",
    1204: "source-busy",
    1205: "source-busy",  # deadlock
    1222: "source-busy",  # waited for a lock
    3960: "source-busy",
    3961: "source-busy",
    6005: "interrupted",  # shutting down
    10928: "source-busy",
    10929: "source-busy",
    17809: "source-busy",  # too many connections
    18401: "interrupted",  # starting up
    40197: "interrupted",
    40501: "source-busy",
    40613: "interrupted",
}
PERMANENT = {
    207: "source-changed",
    208: "source-changed",
    229: "no-privilege",
    230: "no-privilege",
    241: "bad-filter",
    245: "bad-filter",
    911: "unknown-database",
    916: "access-denied",
    4060: "unknown-database",
    8114: "bad-filter",
    13536: "source-changed",
    18452: "access-denied",
    18456: "access-denied",
    18470: "access-denied",  # disabled
    18486: "access-denied",  # locked
    18487: "access-denied",  # the password has expired
    18488: "access-denied",
}


class SQLServerConnector(BoundConnector):
    engine = Engine.SQLSERVER
    # The driver has no encryption that verifies nothing.
    parameters = network(1433, sslmodes=("disable", "verify-ca", "verify-full"))
    driver = "pytds"
    package = "python-tds, sqlalchemy-pytds, pyOpenSSL"
    url = "mssql+pytds://"
    relations = """
        SELECT s.name, o.name, CASE o.type WHEN 'V' THEN 'view' ELSE 'table' END,
            CAST(p.value AS nvarchar(4000)), (SELECT sum(r.rows) FROM sys.partitions r
                WHERE r.object_id = o.object_id AND r.index_id IN (0, 1))
        FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
        LEFT JOIN sys.extended_properties p
            ON p.class = 1 AND p.major_id = o.object_id AND p.minor_id = 0 AND p.name = 'MS_Description'
        WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
            AND HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT') = 1
            AND ({} IS NULL OR s.name = {}) AND ({} IS NULL OR o.name = {})
        ORDER BY s.name, o.name
    """
    columns = """
        SELECT s.name, o.name, c.name, TYPE_NAME(c.system_type_id), c.is_nullable,
            CASE WHEN EXISTS (SELECT 1 FROM sys.index_columns ic JOIN sys.indexes i
                ON i.object_id = ic.object_id AND i.index_id = ic.index_id
                WHERE ic.object_id = o.object_id AND ic.column_id = c.column_id AND (i.is_primary_key = 1 OR i.is_unique = 1
                    AND (SELECT count(*) FROM sys.index_columns n WHERE n.object_id = i.object_id
                        AND n.index_id = i.index_id AND n.is_included_column = 0) = 1))
            THEN 1 ELSE 0 END,
            CAST(p.value AS nvarchar(4000))
        FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id
        LEFT JOIN sys.extended_properties p
            ON p.class = 1 AND p.major_id = o.object_id AND p.minor_id = c.column_id AND p.name = 'MS_Description'
        WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
            AND ({} IS NULL OR s.name = {}) AND ({} IS NULL OR o.name = {})
        ORDER BY s.name, o.name, c.column_id
    """
    account = """
        SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(50)), IS_SRVROLEMEMBER('sysadmin'),
            CASE WHEN IS_SRVROLEMEMBER('securityadmin') = 1 OR IS_ROLEMEMBER('db_owner') = 1 THEN 1 ELSE 0 END,
            CASE WHEN HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'INSERT') = 1 OR HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'UPDATE') = 1
                OR HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'DELETE') = 1 THEN 1 ELSE 0 END,
            CASE CONNECTIONPROPERTY('encrypt_option') WHEN 'TRUE' THEN 1 ELSE 0 END
    """
    kinds = (
        ("bit", FieldKind.BOOLEAN),
        ("(tiny|small|big)?int", FieldKind.INTEGER),
        ("decimal|numeric|float|real|(small)?money", FieldKind.NUMBER),
        ("(small)?datetime2?|datetimeoffset", FieldKind.DATETIME),
        ("date", FieldKind.DATE),
        ("n?(var)?char|n?text|uniqueidentifier|sysname", FieldKind.TEXT),
    )

    def quoted(self, identifier: str) -> str:
        return "[" + identifier.replace("]", "]]") + "]"

    def placed(self, statement: str, values: list) -> str:
        if not values:
            return statement
        # The driver puts its names in by "%".
        parts = [part.replace("%", "%%") for part in statement.split("{}", len(values))]
        return "%s".join(parts)

    def limited(self, fields: str, rest: str, limit: int) -> str:
        return f"SELECT TOP ({limit:d}) {fields} {rest}"

    def text_in(self, column: str) -> str:
        # As bytes: a comparison of texts overlooks blanks at their end in every collation.
        one = "CAST(CAST(value AS nvarchar(max)) AS varbinary(max))"
        return f"CAST(CAST({column} AS nvarchar(max)) AS varbinary(max)) IN (SELECT {one} FROM OPENJSON({{}}))"  # noqa: S608

    def text_begins(self, column: str) -> str:
        start = f"LEFT(CAST({column} AS nvarchar(max)), {{}})"
        return f"CAST({start} AS varbinary(max)) = CAST(CAST({{}} AS nvarchar(max)) AS varbinary(max))"

    def length(self, text: str) -> int:
        return len(text.encode("utf-16-le")) // 2

    def text_bytes(self, column: str) -> str:
        return f"CAST({column} AS nvarchar(max)) COLLATE Latin1_General_100_BIN2"

    def literal(self, kind: FieldKind, text: str) -> str:
        if kind == FieldKind.DATE:
            return f"CONVERT(date, '{text}', 23)"
        if kind == FieldKind.DATETIME:
            return f"CONVERT(datetime2, '{local(text)}', 121)"
        return {"true": "1", "false": "0"}.get(text, text)

    def connect(self, driver, endpoint, seconds):
        _keep_here(driver)
        connection = driver.connect(
            server=endpoint.host.strip("[]"),
            port=self.address.port,
            database=self.address.database,
            user=self.address.username,
            password=self.address.password,
            timeout=seconds,
            login_timeout=CONNECT_SECONDS,
            appname="ndc-portal",
            readonly=True,
            autocommit=False,
            disable_connect_retry=True,
            use_sso=False,
            sock=opened(endpoint, self.address.port),
            cafile=None if self.address.sslmode == "disable" else ssl.get_default_verify_paths().cafile,
            validate_host=self.address.sslmode == "verify-full",
        )
        with self._cursor(connection) as cursor:
            cursor.execute(f"SET LOCK_TIMEOUT {LOCK_MILLISECONDS}")
            cursor.execute("SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()")
            if cursor.fetchone()[0] == 1:
                connection.rollback()
                cursor.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        return connection

    def translated(self, error: Exception) -> SourceError:
        number = getattr(error, "msg_no", None) or getattr(error, "number", None)
        if number in TEMPORARY:
            return TemporarySourceError(TEMPORARY[number])
        if number in PERMANENT:
            return PermanentSourceError(PERMANENT[number])
        if "SSL" in type(error).__name__ or isinstance(error, ssl.SSLError):
            return PermanentSourceError("tls-failed")
        if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError":
            return TemporarySourceError("source-slow")
        lost = isinstance(error, OSError) or type(error).__name__ in ("ClosedConnectionError", "InterfaceError")
        return TemporarySourceError("interrupted") if lost else PermanentSourceError("source-failed")


def _keep_here(driver) -> None:
    """Let the driver neither follow a server that sends it to another address, nor try again what was refused."""
    original = driver._connect
    if getattr(original, "keeps_here", False):
        return

    def connect_once(**given):
        if given["sock"] is None:
            raise driver.LoginError("sent on to another address")
        try:
            return original(**given)
        except driver.LoginError:
            raise
        except driver.OperationalError as error:
            refused = driver.LoginError("refused")  # which the driver does not try again
            refused.number = getattr(error, "msg_no", None)
            raise refused from None

    connect_once.keeps_here = True
    driver._connect = connect_once


def opened(endpoint, port) -> socket.socket:
    """A socket to the first of the checked addresses that answers; the name is not asked again."""
    last = None
    for hostaddr in endpoint.hostaddrs:
        try:
            found = socket.create_connection((hostaddr, port), CONNECT_SECONDS)
        except OSError as error:
            last = error
            continue
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return found
    raise TemporarySourceError("unreachable") from last
