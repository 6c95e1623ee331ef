"""What psycopg reports, in the words of the portal. The driver's own text may hold values and stays behind."""

import psycopg

from registry.connectors.base import PermanentSourceError, SourceError, TemporarySourceError

TEMPORARY = {
    "08": "interrupted",
    "25P03": "interrupted",
    "25P04": "source-slow",
    "40": "source-busy",
    "53": "source-busy",
    "55P03": "source-busy",
    "57014": "source-slow",
    "57P": "interrupted",
}
PERMANENT = {
    "22003": "bad-filter",
    "22007": "bad-filter",
    "22008": "bad-filter",
    "22P02": "bad-filter",
    "28": "access-denied",
    "3D": "unknown-database",
    "3F": "source-changed",
    "42": "source-changed",
    "42501": "no-privilege",
}

# A failed connection carries no SQLSTATE, only text: the server's in its own language, libpq's in English.
BUSY = ("too many connections", "too many clients", "remaining connection slots")
NOT_READY = ("starting up", "shutting down", "recovery mode", "not accepting connections")
REFUSED = ("authentication failed", "no pg_hba.conf entry", "pg_hba.conf rejects", "not permitted to log in")
INSECURE = ("does not support ssl", "certificate", "ssl error")


def on_executing(error: psycopg.Error) -> SourceError:
    state = error.sqlstate
    if state is None:
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return TemporarySourceError("interrupted") if lost else PermanentSourceError("source-failed")
    for length in (5, 3, 2):
        if code := TEMPORARY.get(state[:length]):
            return TemporarySourceError(code)
        if code := PERMANENT.get(state[:length]):
            return PermanentSourceError(code)
    return PermanentSourceError("source-failed")


def on_connecting(error: psycopg.Error) -> SourceError:
    text = str(error).lower()

    def says(phrases):
        return any(phrase in text for phrase in phrases)

    if says(BUSY):
        return TemporarySourceError("source-busy")
    if says(NOT_READY):
        return TemporarySourceError("interrupted")
    if says(REFUSED) or ("role" in text and "does not exist" in text):
        return PermanentSourceError("access-denied")
    if "database" in text and "does not exist" in text:
        return PermanentSourceError("unknown-database")
    if says(INSECURE):
        return PermanentSourceError("tls-failed")
    attempt = error.pgconn
    if attempt is not None and (attempt.needs_password or attempt.used_password):
        return PermanentSourceError("access-denied")
    return TemporarySourceError("unreachable")
