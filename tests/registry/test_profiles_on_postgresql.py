"""Profiles of a PostgreSQL server's tables, views and odd types: sampled by the server, in one snapshot."""

import os

import pytest

from registry import credentials
from registry.choices import Engine, PersonalData, Sampling, Withheld, WorkState
from registry.models import Dataset, Field
from registry.profiling import run, sampling
from registry.services import profiles, structure
from tests import factories
from tests.source_servers import source_database

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

SOURCE = f"{os.environ.get('NDC_TEST_NAME', 'test_ndc_portal')}_profiles_{os.getpid()}"
TABLE = """
    CREATE TYPE bac AS ENUM ('thấp', 'cao');
    CREATE TABLE "Hồ sơ ""1"" cũ" (
        id bigint PRIMARY KEY, ma uuid, "Bậc" bac, so_tien numeric(12,2), "tỷ lệ" double precision, ngay date,
        luc timestamptz, co boolean, du_lieu jsonb, anh bytea, dan_toc text);
    INSERT INTO "Hồ sơ ""1"" cũ" SELECT n, md5(n::text)::uuid, (ARRAY['thấp', 'cao'])[1 + n % 2]::bac, n * 1.5,
        CASE WHEN n % 100 = 0 THEN 'NaN' ELSE n / 7.0 END, CASE WHEN n = 1 THEN 'infinity' ELSE date '2020-01-01' + n END,
        '2026-01-01'::timestamptz + n * interval '1 hour', n % 3 = 0, '{}', '\\x00', 'Kinh' FROM generate_series(1, 2000) n;
    CREATE VIEW xem AS SELECT * FROM "Hồ sơ ""1"" cũ";
    CREATE TABLE theo_nam (nam int, so int) PARTITION BY RANGE (nam);
    CREATE TABLE theo_nam_1 PARTITION OF theo_nam FOR VALUES FROM (2000) TO (2010);
    CREATE TABLE theo_nam_2 PARTITION OF theo_nam FOR VALUES FROM (2010) TO (2030);
    INSERT INTO theo_nam SELECT 2000 + n % 25, n FROM generate_series(1, 2000) n;
    ANALYZE;
"""


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), source_database(SOURCE) as server:
        server.owner.execute(TABLE)
        yield server


@pytest.fixture
def datasets(server) -> dict[str, Dataset]:
    connection = factories.ConnectionFactory(
        engine=Engine.POSTGRESQL,
        host=server.host,
        port=server.port,
        name=SOURCE,
        username=server.username,
        credential=credentials.encrypt(server.password),
        sslmode="prefer",
    )
    structure.read(connection=connection, by=None)
    Field.objects.exclude(name="dan_toc").update(personal_data=PersonalData.NONE)
    Field.objects.filter(name="dan_toc").update(personal_data=PersonalData.SENSITIVE)
    return {dataset.table_name: dataset for dataset in Dataset.objects.all()}


def profiled(dataset):
    profile = profiles.ask(dataset=dataset, by=None)
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert profile.state == WorkState.DONE, profile.message
    return profile, {one.field.name: one for one in profile.field_profiles.select_related("field")}


def test_odd_names_and_types_are_profiled(datasets):
    profile, found = profiled(datasets['Hồ sơ "1" cũ'])
    assert (profile.rows, profile.sampling) == (2_000, Sampling.ALL)
    assert found["ma"].distinct == 2_000
    assert {line["value"] for line in found["Bậc"].top} == {"thấp", "cao"}
    assert (found["so_tien"].lowest, found["so_tien"].highest) == ("1.5", "3000")
    assert found["tỷ lệ"].average is None, "one NaN leaves no mean"
    assert found["ngay"].buckets == [], "and infinity no range"
    assert found["luc"].lowest.startswith("2026-01-01")
    assert found["luc"].buckets
    assert {line["value"] for line in found["co"].top} == {"true", "false"}
    assert found["du_lieu"].withheld == found["anh"].withheld == Withheld.KIND
    assert found["dan_toc"].withheld == Withheld.SENSITIVE
    assert found["id"].top == found["id"].buckets == [], "a key is a name and no quantity"


@pytest.fixture
def big(monkeypatch):
    """From a thousand rows on a table counts as big, and a sample has five hundred."""
    monkeypatch.setattr(sampling, "WHOLE_UP_TO", 1_000)
    monkeypatch.setattr(sampling, "SAMPLE_ROWS", 500)


@pytest.mark.parametrize("name", ['Hồ sơ "1" cũ', "theo_nam"])
def test_the_server_draws_the_sample(datasets, big, name):
    profile, found = profiled(datasets[name])
    assert profile.sampling == Sampling.RANDOM
    assert profile.rows_are_estimated
    assert profile.rows == pytest.approx(2_000, rel=0.2)
    assert 350 < profile.sample_rows < 650
    if name == "theo_nam":
        assert found["so"].distinct == pytest.approx(2_000, rel=0.25)
        assert found["nam"].distinct == 25


def test_blocks_are_drawn_of_a_very_big_table(datasets, big, monkeypatch):
    monkeypatch.setattr(sampling, "READ_THROUGH_UP_TO", 1_500)
    profile, _found = profiled(datasets['Hồ sơ "1" cũ'])
    assert profile.sampling == Sampling.BLOCKS


def test_a_view_gives_its_first_rows_and_says_so(datasets, big):
    profile, _found = profiled(datasets["xem"])
    assert (profile.sampling, profile.rows, profile.sample_rows) == (Sampling.FIRST, 2_000, 500)


def test_a_table_that_the_account_may_not_read_fails_in_words(datasets, server):
    server.owner.execute("DROP VIEW xem")
    profile = profiles.ask(dataset=datasets["xem"], by=None)
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert (profile.state, profile.code) == (WorkState.FAILED, "source-changed")
