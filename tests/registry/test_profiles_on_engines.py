"""Profiles on the engines that keep no planner of PostgreSQL's kind: MariaDB, and files."""

import pytest

from registry import credentials
from registry.choices import Engine, Sampling, WorkState
from registry.models import Dataset
from registry.profiling import run, sampling
from registry.services import profiles, structure
from tests import factories
from tests.registry.connectors.conftest import write_csv
from tests.registry.profiled import COLUMNS, rows
from tests.source_servers import mariadb_server

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
COUNT = 300


@pytest.fixture(scope="module")
def mariadb():
    with mariadb_server() as server, server.owner.cursor() as cursor:
        columns = ", ".join(
            f"{name} {'varchar(50)' if kind == 'text' else 'int' if kind == 'integer' else 'date'}"
            for name, (kind, _category) in COLUMNS.items()
        )
        cursor.execute(f"CREATE TABLE ho_so ({columns}) DEFAULT CHARSET utf8mb4")
        cursor.executemany(f"INSERT INTO ho_so VALUES ({', '.join(['%s'] * len(COLUMNS))})", rows(COUNT))  # noqa: S608
        cursor.execute("ANALYZE TABLE ho_so")
        yield server


@pytest.fixture
def on_mariadb(mariadb, settings):
    settings.SOURCE_ALLOWED_ADDRESSES = [f"{mariadb.host}:{mariadb.port}"]
    return factories.ConnectionFactory(
        engine=Engine.MYSQL,
        host=mariadb.host,
        port=mariadb.port,
        name=mariadb.database,
        username=mariadb.username,
        credential=credentials.encrypt(mariadb.password),
        sslmode="disable",
    )


@pytest.fixture
def on_files(tmp_path, settings):
    folder = tmp_path.resolve()
    settings.SOURCE_ALLOWED_FOLDERS = [folder]
    types = {"text": "string"}
    write_csv(
        folder,
        "ho_so",
        COLUMNS,
        rows(COUNT),
        {name: types.get(str(kind), str(kind)) for name, (kind, _) in COLUMNS.items()},
    )
    return factories.ConnectionFactory(engine=Engine.FILES, name=str(folder), sslmode="disable")


@pytest.fixture(params=["on_mariadb", "on_files"])
def dataset(request) -> Dataset:
    connection = request.getfixturevalue(request.param)
    structure.read(connection=connection, by=None)
    dataset = Dataset.objects.get()
    for name, (_kind, category) in COLUMNS.items():
        dataset.fields.filter(name=name).update(personal_data=category)
    return dataset


def profiled(dataset):
    profile = profiles.ask(dataset=dataset, by=None)
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert profile.state == WorkState.DONE, profile.message
    return profile, {one.field.name: one for one in profile.field_profiles.select_related("field")}


def test_figures_are_those_of_every_engine(dataset):
    profile, found = profiled(dataset)
    assert (profile.rows, profile.sampling) == (COUNT, Sampling.ALL)
    assert found["ghi_chu"].null_percent == 75
    assert (found["so_tien"].lowest, found["so_tien"].highest) == ("0", "2990")
    assert found["so_tien"].average == 1_500  # 1,495 to three digits
    assert found["ngay_sinh"].buckets
    assert found["ngay_lap"].lowest == "2026-01-01"
    assert {line["value"] for line in found["gioi_tinh"].top} <= {"Nam", "Nữ"}
    assert found["so_dinh_danh"].patterns.get("personal-number", 100) >= 95
    assert found["dan_toc"].distinct is None


def test_a_big_table_is_sampled_by_what_the_engine_can(dataset, monkeypatch):
    monkeypatch.setattr(sampling, "WHOLE_UP_TO", 100)
    monkeypatch.setattr(sampling, "SAMPLE_ROWS", 100)
    profile, _found = profiled(dataset)
    is_server = dataset.database.connection.engine == Engine.MYSQL
    assert profile.sampling == (Sampling.RANDOM if is_server else Sampling.FIRST)
    assert 60 <= profile.sample_rows <= 140
