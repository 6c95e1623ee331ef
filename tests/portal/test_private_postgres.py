"""The private server, started for real in folders of its own."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from ndc_portal import database, first_start, postgres_programs, private_postgres
from ndc_portal.postgres_folders import locate, server_account
from ndc_portal.postgres_programs import PostgresError

pytestmark = pytest.mark.postgresql

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(autouse=True)
def durable(monkeypatch):
    """Data has to survive a kill, but not a power cut."""
    monkeypatch.setenv("NDC_POSTGRES_OPTIONS", "-c fsync=off")


def _remove(var_dir: Path) -> None:
    folders = locate(var_dir)
    private_postgres.stop(var_dir)
    for folder in (folders.home, folders.socket):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def base():
    folder = Path(tempfile.mkdtemp(prefix="ndc-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def var_dir(base):
    yield base / "var"
    _remove(base / "var")


def _remember(var_dir: Path) -> None:
    with private_postgres.connect(locate(var_dir), "ndc_portal") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def _remembered(var_dir: Path) -> int:
    with private_postgres.connect(locate(var_dir), "ndc_portal") as connection:
        return connection.execute("SELECT answer FROM kept").fetchone()[0]


def _pid(var_dir: Path) -> int:
    return int((locate(var_dir).data / "postmaster.pid").read_text().split()[0])


def _command(var_dir: Path, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ndc_portal.private_postgres", *arguments],
        cwd=database.BASE_DIR,
        env={**os.environ, "VAR_DIR": str(var_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_server_keeps_the_promises_of_its_settings(var_dir):
    private_postgres.ensure(var_dir)

    with private_postgres.connect(locate(var_dir), "ndc_portal") as connection:
        offered = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
        lower = connection.execute("SELECT lower('ĐƯỜNG')").fetchone()[0]
    assert {"unaccent", "pg_trgm"} <= offered
    assert settings["listen_addresses"] == ""
    assert settings["log_min_error_statement"] == "panic"
    assert settings["password_encryption"] == "scram-sha-256"
    assert lower == "đường"
    assert stat.S_IMODE(locate(var_dir).socket.stat().st_mode) == 0o700


def test_second_start_is_a_no_op(var_dir):
    private_postgres.ensure(var_dir)
    pid = _pid(var_dir)

    private_postgres.ensure(var_dir)

    assert _pid(var_dir) == pid


def test_killed_server_starts_again_with_its_data(var_dir):
    private_postgres.ensure(var_dir)
    _remember(var_dir)
    idle = private_postgres.connect(locate(var_dir), "ndc_portal")  # its process is still there when the server is not

    os.kill(_pid(var_dir), signal.SIGKILL)
    private_postgres.ensure(var_dir)

    assert _remembered(var_dir) == 42
    idle.close()


def test_busy_orphan_of_a_killed_server_is_ended(var_dir):
    private_postgres.ensure(var_dir)
    _remember(var_dir)
    busy = private_postgres.connect(locate(var_dir), "ndc_portal")
    # A loop of its own never looks whether the server is still alive.
    busy.pgconn.send_query(b"DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")

    os.kill(_pid(var_dir), signal.SIGKILL)
    private_postgres.ensure(var_dir)

    assert _remembered(var_dir) == 42
    busy.close()


def test_pid_reused_by_a_stranger_does_not_stop_the_start(var_dir):
    private_postgres.ensure(var_dir)
    _remember(var_dir)
    os.kill(_pid(var_dir), signal.SIGKILL)
    pid_file = locate(var_dir).data / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "60"], **server_account(locate(var_dir).data).as_user())
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *pid_file.read_text().splitlines()[1:]]) + "\n")

        private_postgres.ensure(var_dir)

        assert _remembered(var_dir) == 42
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_swept_socket_is_made_again(var_dir, monkeypatch):
    monkeypatch.setattr(private_postgres, "SWEPT_SECONDS", 0.5)
    private_postgres.ensure(var_dir)
    _remember(var_dir)

    locate(var_dir).socket_file.unlink()
    private_postgres.ensure(var_dir)

    assert _remembered(var_dir) == 42


def test_four_starts_at_once_make_one_server(var_dir):
    starts = [_command(var_dir, "start") for _ in range(4)]
    answers = [start.communicate(timeout=120) for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0, 0], answers
    assert {answer for answer, _ in answers} == {private_postgres.url(var_dir) + "\n"}
    assert sum("Starting" in errors for _, errors in answers) == 1


def test_stop_and_status(var_dir):
    private_postgres.ensure(var_dir)

    assert _command(var_dir, "status").communicate()[0] == "running\n"
    assert _command(var_dir, "stop").communicate()[0] == "stopped\n"
    assert _command(var_dir, "stop").communicate()[0] == "was not running\n"
    assert _command(var_dir, "status").communicate()[0] == "not running\n"


@pytest.mark.parametrize("name", ["/".join(["d" * 60] * 4), "thư mục 'có' dấu cách, \\phẩy"])
def test_deep_and_odd_folders_work(base, name):
    var_dir = base / name
    try:
        private_postgres.ensure(var_dir)
        _remember(var_dir)
        with psycopg.connect(private_postgres.url(var_dir)) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        _remove(var_dir)


def test_moved_folder_keeps_server_and_data(base):
    private_postgres.ensure(base / "before" / "var")
    _remember(base / "before" / "var")
    (base / "before").rename(base / "after")
    try:
        private_postgres.ensure(base / "after" / "var")
        assert _remembered(base / "after" / "var") == 42
        assert private_postgres.stop(base / "after" / "var")
        private_postgres.ensure(base / "after" / "var")
        assert _remembered(base / "after" / "var") == 42
    finally:
        _remove(base / "after" / "var")


@as_root
def test_folder_closed_to_the_server_gets_its_data_elsewhere(base):
    base.chmod(0o700)
    var_dir = base / "var"
    try:
        private_postgres.ensure(var_dir)
        _remember(var_dir)
        assert (var_dir / "postgres").is_symlink()
        assert _remembered(var_dir) == 42

        shutil.copytree(base, base.with_suffix(".copy"), symlinks=True)
        with pytest.raises(PostgresError, match="was copied from"):
            private_postgres.prepare_home(base.with_suffix(".copy") / "var")
    finally:
        _remove(var_dir)
        shutil.rmtree(base.with_suffix(".copy"), ignore_errors=True)


def test_other_roles_need_their_password(var_dir):
    private_postgres.ensure(var_dir)
    folders = locate(var_dir)
    with private_postgres.connect(folders) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'right'")
    reader = {"host": str(folders.socket), "port": 5432, "user": "reader", "dbname": "ndc_portal"}

    with psycopg.connect(**reader, password="right") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("reader",)
    for password in ("wrong", None):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**reader, password=password)


@as_root
def test_other_users_of_the_machine_are_kept_out(var_dir):
    private_postgres.ensure(var_dir)
    account = server_account(locate(var_dir).data)
    psql = postgres_programs.find(account, var_dir).folder / "psql"

    # The server's own account passes the folder, and must still not become the portal.
    answer = account.run(psql, "-c", "SELECT 1", private_postgres.url(var_dir))

    assert "Peer authentication failed" in answer.stderr


def test_socket_folder_of_somebody_else_is_refused(base, monkeypatch):
    var_dir = base / "/".join(["d" * 60] * 4)
    (base / "trap").mkdir()
    folders = locate(var_dir)
    folders.socket.symlink_to(base / "trap")
    try:
        with pytest.raises(PostgresError, match="belongs to another user"):
            private_postgres.ensure(var_dir)
    finally:
        folders.socket.unlink()


def test_no_programs_says_what_to_install(var_dir, monkeypatch):
    monkeypatch.delenv("NDC_POSTGRES", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(postgres_programs, "KNOWN_FOLDERS", ())
    monkeypatch.setattr(postgres_programs, "_wheel_root", lambda: None)
    monkeypatch.setattr(postgres_programs._wheel_root, "cache_clear", lambda: None, raising=False)
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(PostgresError, match="apt-get install postgresql"):
        private_postgres.ensure(var_dir)


def test_data_of_another_version_is_named(var_dir, monkeypatch):
    private_postgres.ensure(var_dir)
    private_postgres.stop(var_dir)
    (locate(var_dir).data / "PG_VERSION").write_text("14\n")

    with pytest.raises(PostgresError, match="cannot read the data, which version 14 wrote"):
        private_postgres.ensure(var_dir)


def test_settings_that_break_the_server_show_its_log(var_dir, monkeypatch):
    monkeypatch.setenv("NDC_POSTGRES_OPTIONS", "-c max_connections=none")

    with pytest.raises(PostgresError, match="invalid value for parameter"):
        private_postgres.ensure(var_dir)


@pytest.mark.skipif(
    not importlib.util.find_spec(postgres_programs.WHEEL_PACKAGE) and os.environ.get("CI") != "true",
    reason=f"{postgres_programs.WHEEL} is not installed",
)
def test_programs_of_the_wheel_serve(base, monkeypatch):
    monkeypatch.setenv("NDC_POSTGRES", "wheel")
    base.chmod(0o700)  # as root: the programs are copied to where the server's account gets at them
    var_dir = base / "var"
    try:
        private_postgres.ensure(var_dir)
        with private_postgres.connect(locate(var_dir), "ndc_portal") as connection:
            assert connection.info.server_version // 10_000 == 17
            connection.execute("CREATE EXTENSION unaccent")
            connection.execute("CREATE EXTENSION pg_trgm")
            assert connection.execute("SELECT unaccent('Đường')").fetchone() == ("Duong",)
            assert connection.execute("SELECT array_length(show_trgm('đường'), 1)").fetchone() == (6,)
    finally:
        _remove(var_dir)


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@host/name", "sqlite:///name", "host:secret", "postgis://u:secret@h/n"]
)
def test_other_databases_are_refused_without_showing_the_password(url, tmp_path):
    with pytest.raises(ImproperlyConfigured) as caught:
        database.connection_settings(url, tmp_path)

    assert "postgresql://" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_database_url_is_used(tmp_path):
    settings = database.connection_settings("postgresql://u:p@host:5433/name?sslmode=require", tmp_path)

    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("host", 5433, "name")
    assert settings["CONN_MAX_AGE"] == 60
    assert settings["OPTIONS"] == {"sslmode": "require", "application_name": "ndc_portal"}


def test_first_start_writes_once(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BASE_DIR", tmp_path)

    assert first_start.write()
    written = (tmp_path / ".env").read_text()
    assert not first_start.write()

    assert (tmp_path / ".env").read_text() == written
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
