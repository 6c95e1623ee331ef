"""SQLite files that appear whole or not at all."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ndc_portal.demo.errors import SourceError

MARK = 0x4E444344  # application_id of files that belong to the demonstration


@contextmanager
def replacing(path: Path, *, version: str) -> Iterator[sqlite3.Connection]:
    """Fill a new file beside `path`, and put it in its place once it is safely on disk."""
    refuse_foreign(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            # No journal: a file that is not finished is thrown away, never repaired.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA application_id = {MARK}")
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE phien_ban (ban TEXT NOT NULL)")
            connection.execute("INSERT INTO phien_ban VALUES (?)", [version])
            yield connection
            connection.execute("COMMIT")
            connection.execute("ANALYZE")
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def version_of(path: Path) -> str | None:
    """The version a finished file of ours carries; None where there is no file."""
    refuse_foreign(path)
    if not path.exists():
        return None
    with reading(path) as connection:
        return connection.execute("SELECT ban FROM phien_ban").fetchone()[0]


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def refuse_foreign(path: Path) -> None:
    if not path.exists():
        return
    try:
        with reading(path) as connection:
            mark = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.DatabaseError:
        mark = None
    if mark != MARK:
        raise SourceError(f"The file {path.name} was not made by the demonstration: move it away first.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
