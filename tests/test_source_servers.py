"""A source server that does not start says why."""

import os
import subprocess

import pytest

from tests import source_servers
from tests.source_servers import mariadb_server


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins for the programs of MariaDB: scripts that are found before them."""

    def put(**scripts):
        for name in source_servers.MARIADB_PROGRAMS:
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{scripts.get(name.replace('-', '_'), 'true')}\n")
            path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return put


def _failure():
    with pytest.raises(pytest.fail.Exception) as caught, mariadb_server():
        pass
    return str(caught.value)


def test_failed_installation_tells_what_each_attempt_said(programs, tmp_path):
    programs(mariadb_install_db=f"echo again >> {tmp_path}/n; wc -l < {tmp_path}/n; echo 'disk is full' >&2; exit 3")

    told = _failure()

    assert told.count("ended with 3:") == told.count("disk is full") == 2
    assert told.index("1\n") < told.index("2\n")


def test_server_that_ends_at_once_tells_what_it_said(programs):
    programs(mariadbd="echo 'unknown variable: nonsense' >&2; exit 7")

    told = _failure()

    assert "ended with 7" in told
    assert "unknown variable: nonsense" in told


def test_server_leaves_nothing_in_the_current_folder(monkeypatch, tmp_path):
    started = []
    original = subprocess.Popen

    def start(command, **options):
        started.extend(command)
        return original(command, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", start)
    with mariadb_server() as server, server.owner.cursor() as cursor:
        cursor.execute("SELECT @@socket, @@pid_file, @@tmpdir")
        places = cursor.fetchone()

    assert all(os.path.isabs(place) for place in places)
    assert len(places[0].encode()) < 108
    assert not any(os.path.exists(place) for place in places)
    assert os.listdir(tmp_path) == []
