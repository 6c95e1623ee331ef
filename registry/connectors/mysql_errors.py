"""What MariaDB and MySQL report, in the words of the portal. The server's own text may hold values and stays behind."""

import ssl

import pymysql

from registry.connectors.base import PermanentSourceError, SourceError, TemporarySourceError

TEMPORARY = {
    1021: "source-busy",  # disk full
    1037: "source-busy",  # out of memory
    1040: "source-busy",  # too many connections
    1041: "source-busy",
    1053: "interrupted",  # shutting down
    1203: "source-busy",  # too many connections of this account
    1205: "source-busy",  # waited for a lock
    1213: "source-busy",  # deadlock
    1226: "source-busy",  # the account used up what it may have
    1317: "interrupted",  # killed
    1412: "source-busy",  # the table was altered within our snapshot
    1637: "source-busy",
    1927: "interrupted",  # connection killed
    1969: "source-slow",  # max_statement_time of MariaDB
    2002: "unreachable",
    2003: "unreachable",
    2005: "unreachable",
    2006: "interrupted",
    2013: "interrupted",
    2055: "interrupted",
    3024: "source-slow",  # max_execution_time of MySQL
    4031: "interrupted",
}
PERMANENT = {
    1044: "access-denied",
    1045: "access-denied",
    1049: "unknown-database",
    1051: "source-changed",
    1054: "source-changed",
    1129: "access-denied",  # host blocked
    1130: "access-denied",  # host not allowed
    1142: "no-privilege",
    1143: "no-privilege",
    1146: "source-changed",
    1153: "bad-filter",  # the list of values is longer than the server takes
    1227: "no-privilege",
    1251: "access-denied",
    1292: "bad-filter",
    1356: "source-changed",  # a view whose tables changed
    1370: "no-privilege",
    1525: "bad-filter",
    1690: "bad-filter",
    1698: "access-denied",
    1820: "access-denied",  # the password has to be changed
    1862: "access-denied",
    2026: "tls-failed",
    2059: "access-denied",  # a way of signing in that we do not take part in
    2061: "access-denied",
    3118: "access-denied",  # account locked
    3159: "tls-failed",  # the server wants TLS
    4151: "access-denied",
}


def translated(error: Exception) -> SourceError:
    """From an error of PyMySQL, whenever it came."""
    if isinstance(getattr(error, "original_exception", error), ssl.SSLError):
        return PermanentSourceError("tls-failed")
    number = error.args[0] if error.args else None
    if number in TEMPORARY:
        return TemporarySourceError(TEMPORARY[number])
    if number in PERMANENT:
        return PermanentSourceError(PERMANENT[number])
    lost = isinstance(error, pymysql.err.InterfaceError)
    return TemporarySourceError("interrupted") if lost else PermanentSourceError("source-failed")
