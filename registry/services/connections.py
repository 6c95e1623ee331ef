"""Reaching source databases: the address, its credential, and whether it answers."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from registry import connectors, credentials
from registry.connectors import Address, PermanentSourceError, SourceError
from registry.errors import RegistryRefusal
from registry.models import Connection, Database, User
from registry.services import records

# What makes up an address: another value of one of these makes an earlier check worthless.
ADDRESS_FIELDS = ("engine", "host", "port", "name", "username", "sslmode", "credential", "statement_timeout")


def connection_of(database: Database) -> Connection:
    """The connection of a database; a PermanentSourceError where it has none."""
    try:
        return database.connection
    except Connection.DoesNotExist:
        raise PermanentSourceError("bad-address", _("This database has no connection yet.")) from None


def address_of(connection: Connection) -> Address:
    """Where and as whom to connect, with the credential in the clear: pass it on, and keep it nowhere."""
    try:
        password = credentials.decrypt(connection.credential) if connection.credential else ""
    except credentials.CredentialError as error:
        raise PermanentSourceError("access-denied", str(error)) from None
    return Address(
        engine=connection.engine,
        database=connection.name,
        host=connection.host,
        port=connection.port or 0,
        username=connection.username,
        password=password,
        sslmode=connection.sslmode,
        statement_timeout=connection.statement_timeout,
    )


@transaction.atomic
@sensitive_variables("credential")
def set_credential(*, connection: Connection, credential: str, by: User | None) -> Connection:
    """Store a new credential, encrypted. Evidence says that it changed, and nothing of its value."""
    connection.credential = credentials.encrypt(credential)
    forget_check(connection)
    connection.save(update_fields=["credential", "checked_at", "check_ok", "check_message"])
    records.record(action="registry.connection.credential", thing=connection, by=by)
    return connection


@transaction.atomic
def drop_credential(*, connection: Connection, by: User | None) -> Connection:
    """Forget the credential of an engine that has none: it was of another source."""
    connection.credential = ""
    connection.save(update_fields=["credential"])
    records.record(action="registry.connection.credential", thing=connection, by=by, details={"dropped": True})
    return connection


def is_as(connection: Connection, before: Connection) -> bool:
    """Whether the connection still leads where it led before."""
    return all(getattr(connection, name) == getattr(before, name) for name in ADDRESS_FIELDS)


def forget_check(connection: Connection) -> None:
    """Clear the result of a check that was about another address or credential; the caller saves."""
    connection.checked_at, connection.check_ok, connection.check_message = None, None, ""


def check(*, connection: Connection, by: User | None) -> Connection:
    """Ask the source whether it answers, then store what it said. Call it outside a transaction: it waits for a network."""
    code = ""
    try:
        result = connectors.get(address_of(connection)).check()
    except SourceError as error:
        ok, code, message = False, error.code, str(error)
    else:
        server = f"{connection.get_engine_display()} {result.server_version}"
        ok, message = True, " · ".join([server, *(str(warning) for warning in result.warnings)])
    connection.checked_at, connection.check_ok, connection.check_message = timezone.now(), ok, message[:500]
    with transaction.atomic():
        still = Connection.objects.select_for_update().get(pk=connection.pk)
        if not is_as(still, connection):
            raise RegistryRefusal(
                "changed-meanwhile", _("The connection was changed while it was being checked. Check it again.")
            )
        connection.save(update_fields=["checked_at", "check_ok", "check_message"])
        records.record(action="registry.connection.check", thing=connection, by=by, details={"ok": ok, "problem": code})
    return connection


@transaction.atomic
def rotate_credentials(*, by: User | None = None) -> int:
    """Encrypt every stored credential with the newest key, all or none, and return how many there were."""
    stored = Connection.objects.exclude(credential="").select_related("database").select_for_update(of=("self",))
    count = 0
    for connection in stored.order_by("pk"):
        try:
            connection.credential = credentials.rotate(connection.credential)
        except credentials.CredentialError as error:
            raise credentials.CredentialError(f"{connection.database.code}: {error}") from None
        connection.save(update_fields=["credential"])
        records.record(action="registry.connection.rotate", thing=connection, by=by)
        count += 1
    return count
