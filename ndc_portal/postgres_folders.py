"""Where the private PostgreSQL server keeps its things, and as whom it runs."""

import contextlib
import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from ndc_portal.postgres_programs import Account, PostgresError

PORT = 5432
STATE_ROOTS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - the owner of the folder is checked
LONGEST_SOCKET = 103  # bytes: macOS allows 103, Linux 107


@dataclass(frozen=True)
class Folders:
    home: Path
    socket: Path
    name: str  # of the cluster, as it stands in the titles of the server's processes

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def socket_file(self) -> Path:
        return self.socket / f".s.PGSQL.{PORT}"


def locate(var_dir: Path) -> Folders:
    """The folders of the server that belongs to `var_dir`, whether they exist yet or not."""
    var_dir = var_dir.resolve()
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    link = var_dir / "postgres"
    # What stands there decides: permissions of the folders above may have changed since the first start.
    home = link.resolve() if os.path.lexists(link) else _planned_home(var_dir, digest)
    socket = home / "socket"
    # A comma or a quote would end the name in the list that libpq, respectively the server, takes the folder for.
    if len(os.fsencode(socket / f".s.PGSQL.{PORT}")) > LONGEST_SOCKET or {",", '"'} & set(str(socket)):
        socket = Path("/tmp") / f"ndc-portal-{digest}"  # noqa: S108 - the owner and mode of the folder are checked
    return Folders(home, socket, f"ndc-{digest}")


def _planned_home(var_dir: Path, digest: str) -> Path:
    if os.geteuid() != 0 or _can_enter(server_account(), var_dir):
        return var_dir / "postgres"
    # A clone below /root: the server's account would not get at its own data there.
    writable = (root for root in STATE_ROOTS if os.access(root, os.W_OK))
    return next(writable) / f"ndc-portal-{digest}"


def _can_enter(account: Account, folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return account.run("/bin/sh", "-c", 'cd "$0"', folder).returncode == 0


def server_account(data: Path | None = None) -> Account:
    """As whom the server runs: the owner of the data; for new data of root, an account without rights."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data and data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody': start as a user."
    )


def portal_users(home: Path) -> list[str]:
    """Users of the operating system who act as the portal: who started it, who owns its folder, and root."""
    names = {"root"}
    for uid in (os.geteuid(), home.stat().st_uid):
        try:
            names.add(pwd.getpwuid(uid).pw_name)
        except KeyError:
            continue  # PostgreSQL itself will say that the user has no name
    return sorted(names)


def prepare_home(var_dir: Path) -> Folders:
    """Make the home, and for one that lies elsewhere the link to it. Safe to run twice, and at once."""
    try:
        var_dir.mkdir(parents=True, exist_ok=True)  # first: with a tight umask, the server's account cannot enter it
        folders = locate(var_dir)
        folders.home.mkdir(exist_ok=True)
        link = var_dir.resolve() / "postgres"
        if folders.home != link:
            _link(link, folders.home)
        if folders.home.stat().st_uid == os.geteuid():
            folders.home.chmod(0o711)  # root's server runs as another user, who has to get through to its data
    except PermissionError as error:
        raise PostgresError(f"{error.filename} belongs to another user: start as that user, or as root.") from error
    if folders.home.stat().st_uid not in (os.geteuid(), var_dir.stat().st_uid):
        raise PostgresError(f"{folders.home} belongs to another user and is not used.")
    return folders


def _link(link: Path, home: Path) -> None:
    """Let the link and the home elsewhere name each other."""
    back = home / "belongs-to"
    if back.is_symlink() and back.readlink() != link and back.resolve() == home:
        raise PostgresError(
            f"{link} was copied from {back.readlink()}: remove it, so that this copy gets a database of its own."
        )
    back.unlink(missing_ok=True)
    with contextlib.suppress(FileExistsError):  # another process makes them at the same moment
        back.symlink_to(link)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(home)


def prepare_socket(folders: Folders, account: Account) -> None:
    """Make the folder of the socket: its permissions are the first line of defence."""
    try:
        folders.socket.mkdir(mode=0o700)
        if account.uid != os.geteuid():
            os.chown(folders.socket, account.uid, account.gid)
    except FileExistsError:
        pass
    found = folders.socket.lstat()
    # In /tmp anybody could have put a folder or a link there first.
    if folders.socket.is_symlink() or found.st_uid != account.uid:
        raise PostgresError(f"{folders.socket} belongs to another user and is not used; remove it.")
    folders.socket.chmod(0o700)
