"""Which addresses the portal may open at all. Every connection passes here first, at the moment it is made."""

import getpass
import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from registry.choices import Engine
from registry.connectors.base import Address, PermanentSourceError, TemporarySourceError
from registry.connectors.parameters import SSL_MODES

# Where clouds hand out credentials to whoever asks, beside the link-local range.
METADATA_ADDRESSES = {
    ipaddress.ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
}
DATABASES_OF_SERVER = ("postgres", "template0", "template1")
# Those in which a server keeps its accounts and its own workings.
SYSTEM_DATABASES = {
    Engine.MYSQL: ("mysql", "information_schema", "performance_schema", "sys"),
    Engine.SQLSERVER: ("master", "msdb", "tempdb", "model"),
}
HERE = "here"
BUCKET_SCHEME = "s3://"
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION_NAME = re.compile(r"[a-z0-9-]{1,40}")
ACCESS_KEY = re.compile(r"[\w+=,.@/-]{1,128}", re.ASCII)


@dataclass(frozen=True)
class Endpoint:
    """What may be opened: addresses of a server, already resolved; a socket folder; a file or folder; or a bucket there."""

    host: str = ""
    hostaddrs: tuple[str, ...] = ()
    path: Path | None = None
    base: Path | None = None  # the allowed folder above the path
    bucket: str = ""
    prefix: str = ""
    region: str = ""


def check_address(address: Address) -> Endpoint:
    """Return the place to connect to, or raise. Connect to what is returned, never to the name again."""
    if any("\0" in part for part in (address.host, address.database, address.username, address.password)):
        raise _refusal(_("The address holds a character that is not allowed."))
    if address.engine == Engine.SQLITE:
        return _allowed_file(address.database)
    if address.engine == Engine.FILES:
        return _bucket(address) if address.database.startswith(BUCKET_SCHEME) else _allowed_folder(address.database)
    _check_names(address)
    if address.database.lower() in SYSTEM_DATABASES.get(address.engine, ()):
        raise _refusal(_("This database holds the server's own accounts and settings: it cannot be a source."))
    if address.host.startswith("/"):
        if address.engine != Engine.POSTGRESQL:
            raise _refusal(_("This engine is reached by a host and a port."))
        if f"{address.host}:{address.port}" not in settings.SOURCE_ALLOWED_ADDRESSES:
            raise _refusal(
                _(
                    "This socket is not on the list of allowed addresses (SOURCE_ALLOWED_ADDRESSES in the portal's settings)."
                )
            )
        _check_not_the_portal(address, machine={HERE})
        return Endpoint(host=address.host)
    hostaddrs = _allowed_hostaddrs(address.host, address.port)
    _check_not_the_portal(address, machine=_machine(hostaddrs))
    return Endpoint(host=address.host, hostaddrs=hostaddrs)


def _refusal(message):
    return PermanentSourceError("bad-address", message)


def _check_names(address):
    """Refuse whatever a driver could read as more than one value: key=value lists, URIs, lists of hosts."""
    _check_host(address)
    for part in (address.database, address.username):
        if not part or "=" in part or "://" in part or not part.isprintable():
            raise _refusal(_("Database and account must be plain names."))
    if address.engine != Engine.POSTGRESQL and re.search(r"[?&;()/\\]", address.database):
        # Options of a URL, parts of a list, a descriptor in parentheses.
        raise _refusal(_("Database and account must be plain names."))


def _check_host(address):
    if re.search(r"[=,\s@%\\?#]|://", address.host) or not address.host:
        raise _refusal(_("The host must be one name or one address."))
    if not 1 <= address.port <= 65_535:
        raise _refusal(_("The port must be a number between 1 and 65535."))
    if address.sslmode not in SSL_MODES:
        raise _refusal(_("This kind of transport security is not known."))


def _check_not_the_portal(address, *, machine):
    """Refuse the portal's own database, its role, and the server's own databases, from which others can be reached.

    Else whoever registers sources could have evidence, accounts and requests delivered as data.
    """
    own = settings.DATABASES["default"]
    port = int(own.get("PORT") or os.environ.get("PGPORT") or 5432)
    hosts = (own.get("HOST") or os.environ.get("PGHOST") or "/").split(",")
    if address.port != port or machine.isdisjoint(set().union(*map(_machine_of_host, hosts))):
        return
    user = own.get("USER") or os.environ.get("PGUSER") or getpass.getuser()
    if address.username == user or address.database in {own["NAME"], *DATABASES_OF_SERVER}:
        raise _refusal(_("This is the portal's own database or account: it cannot be a source."))


def _machine_of_host(host):
    if host.startswith(("/", "@")):
        return {HERE}
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return set()  # then the portal does not reach it either
    return _machine(entry[4][0] for entry in found)


def _machine(hostaddrs):
    """The addresses, with one name for all by which this machine knows itself: sockets, loopback, network cards."""
    known = (ipaddress.ip_address(hostaddr) for hostaddr in hostaddrs)
    plain = (getattr(ip, "ipv4_mapped", None) or ip for ip in known)
    return {HERE if _is_here(ip) else str(ip) for ip in plain}


def _is_here(ip):
    if ip.is_loopback:
        return True
    with socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(ip), 0))  # only an own address can be bound; nothing is sent
        except OSError:
            return False
    return True


def _host_and_port(text):
    host, _colon, port = text.strip().rpartition(":")
    return host.strip("[]").rstrip(".").lower(), port


def _allowed_hostaddrs(host, port):
    allowed = {_host_and_port(entry) for entry in settings.SOURCE_ALLOWED_ADDRESSES}
    if _host_and_port(f"{host}:{port}") not in allowed:
        raise _refusal(
            _(
                "This host and port are not on the list of allowed addresses (SOURCE_ALLOWED_ADDRESSES in the portal's settings)."
            )
        )
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
    path, base = _allowed_path(database)
    if not path.is_file():
        raise _refusal(_("The path does not lead to a file."))
    return Endpoint(path=path, base=base)


def _allowed_folder(database):
    path, base = _allowed_path(database)
    if not path.is_dir():
        raise _refusal(_("The path does not lead to a folder."))
    return Endpoint(path=path, base=base)


def _allowed_path(database):
    if not database.startswith("/"):
        raise _refusal(_("The file or folder must be given with its full path."))
    path = Path(database).resolve()
    base = next((folder for folder in settings.SOURCE_ALLOWED_FOLDERS if path.is_relative_to(folder)), None)
    if base is None:
        raise _refusal(
            _("The file or folder is not inside an allowed folder (SOURCE_ALLOWED_FOLDERS in the portal's settings).")
        )
    if not path.exists():
        raise TemporarySourceError("unreachable")
    return path, base


def _bucket(address):
    """A bucket is given as s3://name/prefix, with ?region=… where the service asks for one."""
    where, _question, options = address.database.removeprefix(BUCKET_SCHEME).partition("?")
    name, _slash, prefix = where.partition("/")
    region = options.removeprefix("region=")
    if not BUCKET_NAME.fullmatch(name) or not prefix.isprintable() or {"..", "."} & set(prefix.split("/")):
        raise _refusal(_("A bucket is given as s3://name/prefix."))
    if options and not (options.startswith("region=") and REGION_NAME.fullmatch(region)):
        raise _refusal(_("A bucket is given as s3://name/prefix."))
    _check_host(address)
    if address.username and not ACCESS_KEY.fullmatch(address.username):
        raise _refusal(_("Database and account must be plain names."))
    hostaddrs = _allowed_hostaddrs(address.host, address.port)
    prefix = prefix and prefix.rstrip("/") + "/"
    return Endpoint(host=address.host, hostaddrs=hostaddrs, bucket=name, prefix=prefix, region=region)
