"""Source databases of real servers, and the accounts by which the portal reads them: the portal's own is no source."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pymysql
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

PASSWORD = "reader-of-a-source"


@dataclass(frozen=True)
class SourceServer:
    host: str
    port: int
    database: str
    username: str
    password: str
    owner: psycopg.Connection | pymysql.Connection  # reads and writes, with autocommit


@contextmanager
def source_database(name: str) -> Iterator[SourceServer]:
    """Make the database `name` and a reader for it; both are dropped at the end.

    The reader may write, too: that the portal changes nothing must not hang on the care of an owner.
    """
    given = connection.settings_dict
    server = {"host": given["HOST"] or "localhost", "port": int(given["PORT"] or 5432)}
    own = {"user": given["USER"], "password": given["PASSWORD"] or None}
    database, reader = sql.Identifier(name), sql.Identifier(f"{name}_reader")
    with psycopg.connect(**server, **own, dbname="postgres", autocommit=True) as cluster:
        cluster.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        cluster.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(reader))
        cluster.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(database))
        cluster.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE pg_read_all_data, pg_write_all_data").format(
                reader, sql.Literal(PASSWORD)
            )
        )
        try:
            with psycopg.connect(**server, **own, dbname=name, autocommit=True) as owner:
                owner.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(reader))
                yield SourceServer(**server, database=name, username=f"{name}_reader", password=PASSWORD, owner=owner)
        finally:
            cluster.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            cluster.execute(sql.SQL("DROP ROLE {}").format(reader))


LAST_WORDS = 4_000  # of what a server said that did not start
MARIADB_PROGRAMS = ("mariadbd", "mariadb-install-db")
MARIADB_OPTIONS = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
]
# The machine lends few places for the kernel's own asynchronous reading and writing.
MARIADB_STORAGE = ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-use-native-aio=OFF"]


@contextmanager
def mariadb_server(*options: str) -> Iterator[SourceServer]:
    """A MariaDB of the tests' own, with an empty database `source`; it ends with the block, and its data goes.

    Its collation is the usual one, which knows neither case nor accents; its reader may write, as above.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    programs = [shutil.which(name, path=path) for name in MARIADB_PROGRAMS]
    if not all(programs):
        if os.environ.get("CI") == "true":
            pytest.fail(
                "MariaDB is not installed (Debian, Ubuntu: apt-get install mariadb-server-core mariadb-client-core)"
            )
        pytest.skip(
            "MariaDB is not installed (Debian, Ubuntu: apt-get install mariadb-server-core mariadb-client-core)"
        )
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="mariadb-", dir=settings.VAR_DIR) as folder,
        tempfile.TemporaryDirectory(prefix="mariadb-") as sockets,
    ):
        data, port, log = os.path.join(folder, "data"), _free_port(), os.path.join(folder, "log")
        # Nobody comes by the socket; its path may have 107 bytes only, which those of folders may exceed.
        places = [f"--port={port}", f"--socket={sockets}/socket", f"--pid-file={folder}/pid"]
        common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={folder}", *MARIADB_STORAGE]
        if os.getuid() == 0:
            common.append("--user=root")
        _install(programs[1], common, data)
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [programs[0], *common, *places, *MARIADB_OPTIONS, *options], stdout=file, stderr=file
            )
        try:
            owner = _owner_of_mariadb(process, port, log)
            with owner, owner.cursor() as cursor:
                cursor.execute("CREATE DATABASE source")
                cursor.execute(f"CREATE USER reader IDENTIFIED BY '{PASSWORD}'")
                cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON source.* TO reader")
                owner.select_db("source")
                yield SourceServer("localhost", port, "source", "reader", PASSWORD, owner)
        finally:
            process.terminate()
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _install(program, common, data):
    normal = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    said = []
    for _attempt in range(2):  # on a busy machine the first one has been seen to fail
        shutil.rmtree(data, ignore_errors=True)
        done = subprocess.run([program, *common, *normal], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        said.append(
            f"{program} ended with {done.returncode}:\n{done.stdout[-LAST_WORDS:]}\n{done.stderr[-LAST_WORDS:]}"
        )
    pytest.fail("\n\n".join(said), pytrace=False)


def _owner_of_mariadb(process, port, log):
    deadline = time.monotonic() + 30
    while True:
        try:
            return pymysql.connect(host="127.0.0.1", port=port, user="root", charset="utf8mb4", autocommit=True)
        except pymysql.err.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                state = "still runs" if process.returncode is None else f"ended with {process.returncode}"
                with open(log, encoding="utf-8", errors="replace") as file:
                    said = file.read()[-LAST_WORDS:]
                pytest.fail(f"MariaDB cannot be reached ({error}) and {state}:\n{said}", pytrace=False)
            time.sleep(0.05)
