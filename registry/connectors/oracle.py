"""Oracle Database as a source, by python-oracledb without Oracle's own libraries. Not tried against a server.

It tells no empty text from nothing, so neither do deliveries from it. A server may send the driver on to another address,
which we cannot see: so only with TLS, and the certificate has to be for the name that was asked for, wherever it leads.
"""

import ssl
from decimal import Decimal

from django.utils.translation import gettext_lazy

from registry.choices import Engine, FieldKind
from registry.connectors.base import PermanentSourceError, SourceError, TemporarySourceError
from registry.connectors.bound import CONNECT_SECONDS, BoundConnector, local
from registry.connectors.parameters import database, network

TEMPORARY = {
    "ORA-00018": "source-busy",  # too many sessions
    "ORA-00020": "source-busy",
    "ORA-00028": "interrupted",  # killed
    "ORA-00054": "source-busy",
    "ORA-00060": "source-busy",  # deadlock
    "ORA-01013": "source-slow",
    "ORA-01033": "interrupted",  # starting up or shutting down
    "ORA-01034": "interrupted",
    "ORA-01089": "interrupted",
    "ORA-01555": "source-busy",  # the snapshot is too old
    "ORA-03113": "interrupted",
    "ORA-03114": "interrupted",
    "ORA-03135": "interrupted",
    "ORA-04031": "source-busy",
    "ORA-12170": "unreachable",
    "ORA-12516": "source-busy",
    "ORA-12519": "source-busy",
    "ORA-12520": "source-busy",
    "ORA-12528": "interrupted",
    "ORA-12541": "unreachable",
    "DPY-4011": "interrupted",
    "DPY-4024": "source-slow",
    "DPY-6005": "unreachable",
}
PERMANENT = {
    "ORA-00904": "source-changed",
    "ORA-00942": "source-changed",
    "ORA-01017": "access-denied",
    "ORA-01031": "no-privilege",
    "ORA-01045": "access-denied",
    "ORA-01722": "bad-filter",
    "ORA-01843": "bad-filter",
    "ORA-01858": "bad-filter",
    "ORA-04063": "source-changed",
    "ORA-12505": "unknown-database",
    "ORA-12514": "unknown-database",
    "ORA-28000": "access-denied",  # locked
    "ORA-28001": "access-denied",  # the password has expired
    "ORA-28759": "tls-failed",
    "ORA-28860": "tls-failed",
    "ORA-29024": "tls-failed",
    "ORA-41900": "no-privilege",
    "DPY-6001": "unknown-database",
    "DPY-6003": "unknown-database",
    "DPY-6006": "tls-failed",
}
SESSION = (
    "ALTER SESSION SET NLS_COMP = BINARY NLS_SORT = BINARY NLS_NUMERIC_CHARACTERS = '.,'",
    "SET TRANSACTION READ ONLY",  # and one snapshot
)


class OracleConnector(BoundConnector):
    engine = Engine.ORACLE
    parameters = network(2484, name=database(gettext_lazy("Service name")), sslmodes=("verify-full",))
    driver = "oracledb"
    package = "oracledb"
    url = "oracle+oracledb://"
    relations = """
        SELECT o.owner, o.object_name, LOWER(o.object_type), c.comments, t.num_rows
        FROM all_objects o
        LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name
        LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name
        WHERE o.object_type IN ('TABLE', 'VIEW') AND o.owner NOT IN (SELECT username FROM all_users WHERE oracle_maintained = 'Y')
            AND ({} IS NULL OR o.owner = {}) AND ({} IS NULL OR o.object_name = {})
        ORDER BY o.owner, o.object_name
    """
    columns = """
        SELECT c.owner, c.table_name, c.column_name,
            CASE WHEN c.data_type = 'NUMBER' AND c.data_scale = 0 THEN 'NUMBER(' || NVL(TO_CHAR(c.data_precision), '*') || ',0)'
                ELSE c.data_type END,
            CASE c.nullable WHEN 'Y' THEN 1 ELSE 0 END,
            CASE WHEN EXISTS (SELECT 1 FROM all_cons_columns k JOIN all_constraints n
                ON n.owner = k.owner AND n.constraint_name = k.constraint_name
                WHERE k.owner = c.owner AND k.table_name = c.table_name AND k.column_name = c.column_name
                    AND (n.constraint_type = 'P' OR n.constraint_type = 'U' AND 1 = (SELECT COUNT(*) FROM all_cons_columns m
                        WHERE m.owner = n.owner AND m.constraint_name = n.constraint_name)))
            THEN 1 ELSE 0 END,
            m.comments
        FROM all_tab_columns c LEFT JOIN all_col_comments m
            ON m.owner = c.owner AND m.table_name = c.table_name AND m.column_name = c.column_name
        WHERE c.owner NOT IN (SELECT username FROM all_users WHERE oracle_maintained = 'Y')
            AND ({} IS NULL OR c.owner = {}) AND ({} IS NULL OR c.table_name = {})
        ORDER BY c.owner, c.table_name, c.column_id
    """
    account = """
        SELECT (SELECT version_full FROM product_component_version WHERE ROWNUM = 1),
            (SELECT count(*) FROM session_privs WHERE privilege IN ('SYSDBA', 'GRANT ANY PRIVILEGE')),
            (SELECT count(*) FROM session_privs WHERE privilege IN ('CREATE USER', 'ALTER USER', 'ALTER SYSTEM')),
            (SELECT count(*) FROM session_privs WHERE privilege IN ('INSERT ANY TABLE', 'UPDATE ANY TABLE', 'DELETE ANY TABLE')),
            CASE SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') WHEN 'tcps' THEN 1 ELSE 0 END
        FROM dual
    """
    kinds = (
        ("boolean", FieldKind.BOOLEAN),
        (r"number\(.*,0\)", FieldKind.INTEGER),
        ("number|float|binary_(float|double)", FieldKind.NUMBER),
        ("date|timestamp.*", FieldKind.DATETIME),  # a date of this engine has a time
        ("n?varchar2?|n?char|n?clob|long|u?rowid", FieldKind.TEXT),
    )

    def quoted(self, identifier: str) -> str:
        if '"' in identifier:  # no name of this engine has one
            raise PermanentSourceError("source-changed")
        return f'"{identifier}"'

    def placed(self, statement: str, values: list) -> str:
        head, *tail = statement.split("{}", len(values)) if values else [statement]
        return head + "".join(f":{place}{part}" for place, part in enumerate(tail, start=1))

    def limited(self, fields: str, rest: str, limit: int) -> str:
        return f"SELECT {fields} {rest} FETCH FIRST {limit:d} ROWS ONLY"

    def text_in(self, column: str) -> str:
        return f"{column} IN (SELECT v FROM JSON_TABLE({{}}, '$[*]' COLUMNS (v VARCHAR2(4000) PATH '$')))"  # noqa: S608

    def text_begins(self, column: str) -> str:
        return f"SUBSTR({column}, 1, {{}}) = {{}}"

    def text_bytes(self, column: str) -> str:
        return column  # the session compares bytes

    def literal(self, kind: FieldKind, text: str) -> str:
        if kind == FieldKind.DATE:
            return f"DATE '{text}'"
        if kind == FieldKind.DATETIME:
            moment = local(text)
            return f"TIMESTAMP '{moment if len(moment) > 10 else f'{moment} 00:00:00'}'"
        return text

    def connect(self, driver, endpoint, seconds):
        connection = self._first(driver, endpoint)
        connection.call_timeout = seconds * 1_000
        connection.outputtypehandler = _kept_exact(driver)
        with self._cursor(connection) as cursor:
            for statement in SESSION:
                cursor.execute(statement)
        return connection

    def _first(self, driver, endpoint):
        last = None
        for hostaddr in endpoint.hostaddrs:
            try:
                return driver.connect(
                    user=self.address.username,
                    password=self.address.password,
                    host=hostaddr,
                    port=self.address.port,
                    service_name=self.address.database,
                    protocol="tcps",
                    ssl_context=_Named.of(endpoint.host.strip("[]")),
                    tcp_connect_timeout=CONNECT_SECONDS,
                    retry_count=0,
                    program="ndc-portal",
                )
            except driver.Error as error:
                last = error
                if self.translated(error).code != "unreachable":
                    break
        raise last

    def translated(self, error: Exception) -> SourceError:
        if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
            return PermanentSourceError("tls-failed")
        code = getattr(error.args[0], "full_code", None) if error.args else None
        if code in TEMPORARY:
            return TemporarySourceError(TEMPORARY[code])
        if code in PERMANENT:
            return PermanentSourceError(PERMANENT[code])
        return (
            TemporarySourceError("interrupted") if isinstance(error, OSError) else PermanentSourceError("source-failed")
        )


class _Named(ssl.SSLContext):
    """Checks the certificate for the name that was asked for, though the driver is given the address it led to."""

    @classmethod
    def of(cls, name: str) -> "_Named":
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        context.name = name
        return context

    def wrap_socket(self, sock, *args, **options):
        return super().wrap_socket(sock, *args, **options | {"server_hostname": self.name})

    def wrap_bio(self, incoming, outgoing, *args, **options):
        return super().wrap_bio(incoming, outgoing, *args, **options | {"server_hostname": self.name})


def _kept_exact(driver):
    """Numbers as decimals, long texts and bytes as such rather than as handles."""

    def handler(cursor, metadata):
        kinds = {
            driver.DB_TYPE_NUMBER: Decimal,
            driver.DB_TYPE_CLOB: driver.DB_TYPE_LONG,
            driver.DB_TYPE_NCLOB: driver.DB_TYPE_LONG_NVARCHAR,
            driver.DB_TYPE_BLOB: driver.DB_TYPE_LONG_RAW,
        }
        if metadata.type_code in kinds:
            return cursor.var(kinds[metadata.type_code], arraysize=cursor.arraysize)
        return None

    return handler
