"""To which addresses the portal sends. Somebody else types them, so they must not lead into the portal's own network.

OWASP, Server-Side Request Forgery: the name is resolved once, every address it leads to is looked at, and the connection
goes to the address that was looked at, never to the name again.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from registry.connectors.addresses import METADATA_ADDRESSES

NAT64 = ipaddress.ip_network("64:ff9b::/96")
LONGEST = 500


class BadAddress(Exception):
    """The address can never be sent to; the message says why, to whoever typed it."""


class ForbiddenAddress(Exception):
    """The name leads to an address inside the portal's network, or to none that may be reached."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed address: where to connect, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


PORTS = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1024


def parse(url: str) -> Target:
    """Raises BadAddress. Without DEBUG only https is taken: what is sent names agencies and their exchanges."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or any(sign in url for sign in " \\<>\"'"):
        raise BadAddress(_("The address holds characters that it cannot have, or is too long."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress(_("This is not an address.")) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.DEBUG):
        raise BadAddress(_("The address has to begin with https://."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadAddress(_("The address must hold neither an account nor a “#”: the signature proves who sends."))
    if not parts.hostname:
        raise BadAddress(_("The address names no host."))
    port = PORTS[parts.scheme] if port is None else port
    if port not in PORTS.values() and port < FIRST_FREE_PORT:
        raise BadAddress(_("Use port 443, or one from 1024 on."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname.rstrip("."), port, path)


def resolve(target: Target, agency: str) -> list[str]:
    """The addresses of the host, each of which may be reached for the agency of this code. Raises ForbiddenAddress, or OSError without an answer."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(entry[4][0] for entry in found))
    if not addresses or not all(is_allowed(address, agency) for address in addresses):
        # One forbidden address is enough: the name is not only the agency's.
        raise ForbiddenAddress
    return addresses


def is_allowed(address: str, agency: str) -> bool:
    """A public address, or one in the networks that the portal's settings name for this agency: another one's are closed,
    or its webhooks would tell what answers there."""
    if "%" in address:
        return False
    ip = _meant(ipaddress.ip_address(address))
    if ip in METADATA_ADDRESSES or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    own = (network for code, network in settings.WEBHOOK_PRIVATE_NETWORKS if code in ("", agency))
    return ip.is_global or any(ip in network for network in own)


def _meant(ip):
    """The IPv4 address where an IPv6 one only wraps it."""
    if ip.version == 4:
        return ip
    if ip in NAT64:
        return ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo[1] if ip.teredo else None
    return ip.ipv4_mapped or ip.sixtofour or teredo or ip
