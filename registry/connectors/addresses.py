"""Which addresses the portal may open at all. Every connection passes here first, at the moment it is made."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from registry.choices import Engine
from registry.connectors.base import Address, PermanentSourceError, TemporarySourceError

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")

# Where clouds hand out credentials to whoever asks, beside the link-local range.
METADATA_ADDRESSES = {
    ipaddress.ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
}


@dataclass(frozen=True)
class Endpoint:
    """What may be opened: addresses of a server, already resolved; a socket folder; or a file."""

    host: str = ""
    hostaddrs: tuple[str, ...] = ()
    path: Path | None = None


def check_address(address: Address) -> Endpoint:
    """Return the place to connect to, or raise. Connect to what is returned, never to the name again."""
    if any("\0" in part for part in (address.host, address.database, address.username, address.password)):
        raise _refusal(_("The address holds a character that is not allowed."))
    if address.engine == Engine.SQLITE:
        return Endpoint(path=_allowed_file(address.database))
    _check_names(address)
    if address.host.startswith("/"):
        if f"{address.host}:{address.port}" not in settings.SOURCE_ALLOWED_ADDRESSES:
            raise _refusal(_("This socket is not on the list of allowed addresses."))
        return Endpoint(host=address.host)
    return Endpoint(host=address.host, hostaddrs=_allowed_hostaddrs(address.host, address.port))


def _refusal(message):
    return PermanentSourceError("bad-address", message)


def _check_names(address):
    """Refuse whatever a driver could read as more than one value: key=value lists, URIs, lists of hosts."""
    if re.search(r"[=,\s@%\\?#]|://", address.host) or not address.host:
        raise _refusal(_("The host must be one name or one address."))
    for part in (address.database, address.username):
        if not part or "=" in part or "://" in part or not part.isprintable():
            raise _refusal(_("Database and account must be plain names."))
    if not 1 <= address.port <= 65_535:
        raise _refusal(_("The port must be a number between 1 and 65535."))
    if address.sslmode not in SSL_MODES:
        raise _refusal(_("This kind of transport security is not known."))


def _host_and_port(text):
    host, _colon, port = text.strip().rpartition(":")
    return host.strip("[]").rstrip(".").lower(), port


def _allowed_hostaddrs(host, port):
    allowed = {_host_and_port(entry) for entry in settings.SOURCE_ALLOWED_ADDRESSES}
    if _host_and_port(f"{host}:{port}") not in allowed:
        raise _refusal(_("This host and port are not on the list of allowed addresses."))
    name = host.strip("[]")
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError:
        raise TemporarySourceError("unreachable") from None
    hostaddrs = tuple(dict.fromkeys(entry[4][0] for entry in found))
    for hostaddr in hostaddrs:
        _check_hostaddr(name, hostaddr)
    return hostaddrs


def _check_hostaddr(name, hostaddr):
    if "%" in hostaddr:
        raise _refusal(_("The host leads to an address that is not allowed."))
    ip = ipaddress.ip_address(hostaddr)
    ip = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    # A loopback address must have been allowed as such: a name that leads there has been tampered with.
    tampered = ip.is_loopback and name.lower() not in ("localhost", hostaddr.lower())
    forbidden = ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in METADATA_ADDRESSES
    if tampered or forbidden or (ip.is_reserved and not ip.is_loopback):
        raise _refusal(_("The host leads to an address that is not allowed."))


def _allowed_file(database):
    if not database.startswith("/"):
        raise _refusal(_("The file must be given with its full path."))
    path = Path(database).resolve()
    if not any(path.is_relative_to(folder) for folder in settings.SOURCE_ALLOWED_FOLDERS):
        raise _refusal(_("The file is not inside an allowed folder."))
    if not path.exists():
        raise TemporarySourceError("unreachable")
    if not path.is_file():
        raise _refusal(_("The path does not lead to a file."))
    return path
