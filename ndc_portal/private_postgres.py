"""The portal's own PostgreSQL server under VAR_DIR, on a Unix socket only; it outlives who started it.

python -m ndc_portal.private_postgres start|stop|status|url
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ndc_portal.postgres_folders import (
    PORT,
    Folders,
    locate,
    portal_users,
    prepare_home,
    prepare_socket,
    server_account,
)
from ndc_portal.postgres_programs import Account, PostgresError, Programs, environment, find

ROLE = "ndc"
DATABASE = "ndc_portal"
START_SECONDS = 120  # a recovery after a crash takes its time
STOP_SECONDS = 60
SWEPT_SECONDS = 5
LOG_BYTES = 10_000_000
# What a server says while processes of its killed predecessor are still going away.
PASSING_TROUBLE = ("is still in use", "already exists")

CONFIGURATION = """\
# Written at every start. Changes belong into NDC_POSTGRES_OPTIONS, or use DATABASE_URL and a server of your own.
listen_addresses = ''
port = {port}
unix_socket_directories = '"{socket}"'
unix_socket_permissions = 0700
hba_file = '{home}/pg_hba.conf'
ident_file = '{home}/pg_ident.conf'
cluster_name = '{name}'
max_connections = 100
shared_buffers = '256MB'
lc_messages = 'C'
log_checkpoints = off
# Statements and details of errors quote values, and values are people's data.
log_min_error_statement = panic
log_error_verbosity = terse
"""
# The portal's own role is whoever the kernel says is at the other end; roles of source databases show a password.
ACCESS = f"""\
local all         {ROLE} peer map=portal
local replication {ROLE} peer map=portal
local all         all    scram-sha-256
"""


def ensure(var_dir: Path) -> None:
    """Start the server unless it answers, and create the database unless it exists. Safe in many processes at once."""
    with contextlib.suppress(psycopg.OperationalError):
        connect(locate(var_dir), DATABASE).close()
        return
    folders = prepare_home(var_dir)
    with _only_one(folders):
        _start(folders)
        _create_database(folders)


def connect(folders: Folders, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        host=str(folders.socket), port=PORT, user=ROLE, dbname=database, autocommit=True, connect_timeout=10
    )


def url(var_dir: Path) -> str:
    """What psql and other programs of libpq connect with."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(locate(var_dir).socket), safe='')}&port={PORT}"


def ping(folders: Folders) -> psycopg.pq.Ping:
    return psycopg.pq.Ping(psycopg.pq.PGconn.ping(f"host='{_quoted(folders.socket)}' port={PORT}".encode()))


def stop(var_dir: Path) -> bool:
    """Stop the server, breaking off open connections; False when none ran."""
    folders = locate(var_dir)
    pid = _postmaster(folders)
    if pid:
        os.kill(pid, signal.SIGINT)
        _await(lambda: not _alive(pid), STOP_SECONDS, f"The server (process {pid}) does not stop.")
    return bool(pid)


@contextlib.contextmanager
def _only_one(folders: Folders) -> Iterator[None]:
    try:
        handle = os.open(folders.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise PostgresError(f"{folders.home} belongs to another user: start as that user, or as root.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _create_database(folders: Folders) -> None:
    with connect(folders) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


# Starting


def _start(folders: Folders) -> None:
    """Return when the server answers. Trusts only an answer: a pid file outlives a killed server."""
    began, launched, log_start, programs = time.monotonic(), None, 0, None
    while (answer := ping(folders)) != psycopg.pq.Ping.OK:
        waited = time.monotonic() - began
        if waited > START_SECONDS:
            raise PostgresError(f"The private PostgreSQL does not answer.{_log_since(folders, log_start)}")
        if running := _postmaster(folders):
            swept = answer == psycopg.pq.Ping.NO_RESPONSE and not folders.socket_file.exists()
            if swept and waited > SWEPT_SECONDS:
                os.kill(running, signal.SIGINT)  # without its socket, nobody can reach this server any more
        elif not (launched and _alive(launched)) and not _orphans_remain(folders, waited):
            if launched:
                _check_trouble_passes(folders, log_start)
            account = server_account(folders.data)
            if not programs:
                programs = _programs(folders, account)
                began = time.monotonic()  # an installation may have taken longer than any start
            log_start = _rotate(folders.log)
            launched = _launch(folders, programs, account)
        time.sleep(0.05)


def _check_trouble_passes(folders: Folders, log_start: int) -> None:
    trouble = _log_since(folders, log_start)
    if not any(text in trouble for text in PASSING_TROUBLE):
        raise PostgresError(f"The private PostgreSQL did not start.{trouble}")
    time.sleep(0.5)


def _programs(folders: Folders, account: Account) -> Programs:
    """Programs that fit the data; new data when there is none."""
    written_by = folders.data / "PG_VERSION"
    major = int(written_by.read_text()) if written_by.exists() else None
    programs = find(account, folders.home / "programs", major)
    sys.stderr.write(f"Starting the private PostgreSQL {programs.version} in {folders.home} ...\n")
    if not major:
        _create_data(folders, programs, account)
    return programs


def _create_data(folders: Folders, programs: Programs, account: Account) -> None:
    unfinished = folders.home / "data.new"  # renamed when complete: a broken-off initdb leaves no half server
    command = [programs.folder / "initdb", "-D", unfinished, f"--username={ROLE}", "--encoding=UTF8"]
    command += ["--auth-local=peer", "--auth-host=reject", "--locale-provider=libc"]
    if "fsync=off" in os.environ.get("NDC_POSTGRES_OPTIONS", ""):
        command.append("--no-sync")
    # C.UTF-8 knows which letters Vietnamese has and sorts the same everywhere; C is what every system has.
    for locale in ("C.UTF-8", "C"):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if account.uid != os.geteuid():
            os.chown(unfinished, account.uid, account.gid)
        answer = account.run(*command, f"--locale={locale}")
        if answer.returncode == 0:
            unfinished.rename(folders.data)
            return
    raise PostgresError(f"initdb failed:\n{answer.stdout[-500:]}{answer.stderr[-1000:]}")


def _launch(folders: Folders, programs: Programs, account: Account) -> int:
    """Start the server away from this process: own session, no terminal, parent gone. Returns its pid."""
    prepare_socket(folders, account)
    _configure(folders)
    server = [programs.folder / "postgres", "-D", folders.data, "-c", f"config_file={folders.home / 'postgresql.conf'}"]
    server += shlex.split(os.environ.get("NDC_POSTGRES_OPTIONS", ""))
    variables = environment()
    if stale := _pid_file(folders):
        # The file's process is a zombie or a stranger under a reused number. This variable makes the server look past
        # it, while its check for a predecessor's shared memory still holds, which deleting the file would switch off.
        variables["PG_GRANDPARENT_PID"] = str(stale[0])
    log = os.open(folders.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$0" "$@" </dev/null >&2 & echo $!', *map(str, server)],
            cwd="/", env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True, umask=0o077, check=True, text=True, **account.as_user(),
        )  # fmt: skip
    finally:
        os.close(log)
    return int(shell.stdout)


def _configure(folders: Folders) -> None:
    names = {"home": _quoted(folders.home), "socket": _quoted(folders.socket), "name": folders.name, "port": PORT}
    mapping = "".join(f'portal "{user}" {ROLE}\n' for user in portal_users(folders.home))
    files = {"postgresql.conf": CONFIGURATION.format(**names), "pg_hba.conf": ACCESS, "pg_ident.conf": mapping}
    for name, text in files.items():
        path = folders.home / name
        path.write_text(text)
        path.chmod(0o644)  # no secrets inside, and the server's account reads them


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "\\'")


def _rotate(log: Path) -> int:
    """Where the next line of the log will stand."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.rename(log.with_suffix(".1"))
    return log.stat().st_size if log.exists() else 0


def _log_since(folders: Folders, start: int) -> str:
    if not folders.log.exists():
        return ""
    with folders.log.open(errors="replace") as log:
        log.seek(start)
        return f" See {folders.log}:\n{log.read()[-2_000:]}"


# Processes


def _pid_file(folders: Folders) -> tuple[int, Path] | None:
    """The pid, and the data folder as it was named when that server started."""
    try:
        pid, data = (folders.data / "postmaster.pid").read_text().splitlines()[:2]
        return int(pid), Path(data)
    except (OSError, ValueError):
        return None


def _postmaster(folders: Folders) -> int | None:
    """The pid of the living server, if the pid file tells the truth."""
    pid, data = _pid_file(folders) or (0, folders.data)
    if not pid or not _alive(pid):
        return None
    # The whole folder may have been moved while the server ran; but in a copy of it the file names the original's server.
    if data.exists() and not data.samefile(folders.data):
        return None
    title = _title(pid)
    return pid if title is None or os.fsencode(data) in title.split(b"\0") else None


def _orphans_remain(folders: Folders, waited: float) -> bool:
    """Whether processes of a killed server are left; they end by themselves, and are told to when they do not."""
    own = f"postgres: {folders.name}: ".encode()
    pids = [
        int(entry.name) for entry in Path("/proc").glob("[0-9]*") if (_title(int(entry.name)) or b"").startswith(own)
    ]
    for pid in pids if waited > 1 else []:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT if waited < 5 else signal.SIGKILL)
    return bool(pids)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _title(pid) != b""  # a zombie has none


def _title(pid: int) -> bytes | None:
    """The command line of a process; None where the system has no /proc."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b"" if Path("/proc/self/cmdline").exists() else None
    except OSError:
        return b""


def _await(condition, seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise PostgresError(complaint)
        time.sleep(0.05)


def main(arguments: list[str]) -> int:
    from ndc_portal import database

    var_dir = database.var_dir()
    match arguments:
        case ["start"]:
            ensure(var_dir)
            answer = url(var_dir)
        case ["stop"]:
            answer = "stopped" if stop(var_dir) else "was not running"
        case ["status"]:
            answer = "running" if ping(locate(var_dir)) == psycopg.pq.Ping.OK else "not running"
        case ["url"]:
            answer = url(var_dir)
        case _:
            sys.exit(__doc__)
    sys.stdout.write(f"{answer}\n")
    return 0 if answer != "not running" else 3


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PostgresError as error:
        sys.exit(str(error))
