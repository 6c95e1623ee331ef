"""What the delivery is held against: an independent query on the source, and psql's own \\copy in the same run."""

import csv
import hashlib
import hmac
import io
import os
import shutil
import subprocess
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.db import connection as portal_connection
from psycopg import conninfo

from ndc_portal import postgres_folders, postgres_programs
from ndc_portal.demo.sources import NOT_FOR_LIBPQ

PLAIN = "SELECT so_dinh_danh, ho_ten, ngay_sinh, gioi_tinh, ma_xa FROM dan_cu.cong_dan WHERE ma_tinh = '{province}'"


def compare(content: bytes, *, dbname: str, province: str, key: bytes) -> dict:
    """Hold every row of the delivered CSV against rows read by a query of our own, the pseudonym computed here.

    Raises AssertionError with what differs; returns rows and columns.
    """
    delivered = list(csv.reader(io.StringIO(content.decode())))
    columns, rows = delivered[0], delivered[1:]
    with psycopg.connect(_admin(dbname)) as source, source.cursor() as cursor:
        cursor.execute(PLAIN.format(province=province))
        expected = sorted([_pseudonym(key, row[0]), *map(_text, row[1:])] for row in cursor)
    if sorted(rows) != expected:
        raise AssertionError(f"the file has {len(rows)} rows, the source {len(expected)}, and they are not the same")
    if any(number.encode() in content for number in _sample(dbname, province)):
        raise AssertionError("a personal number stands in the file in the clear")
    return {"rows": len(rows), "columns": columns}


def _sample(dbname: str, province: str) -> list[str]:
    with psycopg.connect(_admin(dbname)) as source:
        query = PLAIN.format(province=province) + " ORDER BY so_dinh_danh LIMIT 200"
        return [row[0] for row in source.execute(query)]


def _pseudonym(key: bytes, value: str) -> str:
    return hmac.new(key, unicodedata.normalize("NFC", value).encode(), hashlib.sha256).hexdigest()[:32]


def _text(value) -> str:
    return "" if value is None else str(value)


def one_key(*, dbname: str, province: str) -> str:
    """The personal number of one fictitious resident."""
    with psycopg.connect(_admin(dbname)) as source:
        return source.execute(PLAIN.format(province=province) + " ORDER BY so_dinh_danh LIMIT 1").fetchone()[0]


def psql_copy(*, dbname: str, statement: str, settings: dict[str, str], target: Path) -> float | None:
    """Seconds that `psql \\copy` takes for the delivery's own statement; None where there is no psql."""
    program = _psql()
    if program is None:
        return None
    commands = [f"SELECT set_config('{name}', '{value}', false)" for name, value in settings.items()]
    copy = " ".join(f"\\copy ({statement}) TO '{target}' WITH (FORMAT csv, HEADER)".split("\n"))
    arguments = [part for command in [*commands, copy] for part in ("-c", command)]
    started = time.monotonic()
    subprocess.run(
        [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", _admin(dbname), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - started
    target.unlink()
    return seconds


def _admin(dbname: str) -> str:
    parameters = portal_connection.get_connection_params()
    kept = {name: value for name, value in parameters.items() if name not in NOT_FOR_LIBPQ and value is not None}
    return conninfo.make_conninfo(**{**kept, "dbname": dbname})


def _psql() -> str | None:
    found = shutil.which("psql")
    if found or portal_connection.settings_dict["HOST"][:1] != "/":
        return found
    from django.conf import settings

    account = postgres_folders.server_account()
    folder = postgres_programs.find(account, settings.VAR_DIR / "postgres").folder
    program = folder / "psql"
    return str(program) if os.access(program, os.X_OK) else None


def peak_memory(root: int) -> int:
    """The largest peak resident size in bytes among a process and its descendants; 0 where the system has no /proc."""
    peaks = [_high_water(pid) for pid in [root, *_descendants(root)]]
    return max(peaks, default=0)


def _descendants(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(), []):
            waiting.append(child)
            yield child


def _high_water(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
