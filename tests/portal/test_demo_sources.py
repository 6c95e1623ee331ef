"""The source databases of the demonstration: fictitious people who hold together, and a reader who can only read."""

import json
import re
import sqlite3
import unicodedata
from contextlib import closing
from datetime import date
from uuid import uuid4

import psycopg
import pytest
from django.db import connection as portal
from psycopg import sql

from ndc_portal.demo import population, sources, statistics_files, units
from ndc_portal.demo.errors import SourceError

PEOPLE = 5_000
PASSWORD = "reader-of-the-tests"
DIGEST = "SELECT md5(string_agg(c::text, '|' ORDER BY so_dinh_danh)) FROM dan_cu.cong_dan c"


def plain(params):
    return {key: value for key, value in params.items() if key not in sources.NOT_FOR_LIBPQ}


@pytest.fixture(scope="module")
def admin(django_db_setup):
    return portal.get_connection_params()


@pytest.fixture(scope="module")
def make_prefix(admin):
    """Names that nothing else on the server has; what was made under them is dropped at the end."""
    made = []

    def make():
        made.append(f"zz_{uuid4().hex[:10]}")
        return made[-1]

    yield make
    with psycopg.connect(**plain(admin), autocommit=True) as server:
        for prefix in made:
            dbname = sql.Identifier(f"{prefix}_population")
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(dbname))
            for role in (f"{prefix}_population_reader", f"{prefix}_weak"):
                server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@pytest.fixture(scope="module")
def build(admin, make_prefix, tmp_path_factory):
    def build(prefix=None, folder=None, **options):
        folder = folder or tmp_path_factory.mktemp("demo")
        options = {"admin": admin, "people": PEOPLE, "reader_password": PASSWORD} | options
        return sources.build(folder=folder, prefix=prefix or make_prefix(), **options)

    return build


@pytest.fixture(scope="module")
def built(build):
    return build()


@pytest.fixture
def reader(admin, built):
    params = plain(admin) | {
        "dbname": built.population_dbname,
        "user": built.population_reader,
        "password": PASSWORD,
    }
    with psycopg.connect(**params, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(reader):
    return reader.execute(
        "SELECT so_dinh_danh, ho_ten, ngay_sinh, gioi_tinh, ma_tinh, ma_xa, dia_chi, dan_toc, tinh_trang_hon_nhan,"
        " so_dien_thoai FROM dan_cu.cong_dan"
    ).fetchall()


def as_admin(admin, dbname):
    return psycopg.connect(**(plain(admin) | {"dbname": dbname}), autocommit=True)


def test_build_counts_what_it_made(built, reader):
    assert reader.execute("SELECT count(*) FROM dan_cu.cong_dan").fetchone()[0] == PEOPLE
    assert (built.counts["tinh"], built.counts["xa"], built.counts["cong_dan"]) == (34, 3321, PEOPLE)
    assert 0.15 * PEOPLE < built.counts["tham_gia"] < 0.25 * PEOPLE
    assert reader.execute("SELECT count(*) FROM dan_cu.dvhc").fetchone()[0] == 34 + 3321
    assert reader.execute("SELECT sum(so_cong_dan), count(*) FROM dan_cu.ho_khau_tinh").fetchone() == (PEOPLE, 3321)


def test_number_agrees_with_birth_and_sex(people):
    for number, _, born, sex, *_ in people:
        assert re.fullmatch(r"09[789][0-3]\d{8}", number)
        assert int(number[3]) == (2 if born.year >= 2000 else 0) + (sex == "Nữ")
        assert int(number[4:6]) == born.year % 100
        assert date(1920, 1, 1) < born < population.AS_OF
    assert {number[:3] for number, *_ in people} == {"097", "098", "099"}


def test_residence_is_a_real_commune_of_its_province(people):
    provinces, communes = units.read()
    belongs = {commune.code: commune.province for commune in communes}
    assert all(belongs[row[5]] == row[4] for row in people)
    assert {row[4] for row in people} == {province.code for province in provinces}
    assert len(provinces) == 34


def test_text_is_composed_and_complete(people):
    for row in people:
        for text in (row[1], row[6], row[7], row[8]):
            assert text == unicodedata.normalize("NFC", text).strip()
        assert 3 <= len(row[1].split()) <= 5
    assert any(row[9] is None for row in people)
    assert all(row[9] is None or re.fullmatch(r"04\d{8}", row[9]) for row in people)


def test_everything_has_a_vietnamese_comment(reader):
    missing = reader.execute(
        "SELECT attrelid::regclass, attname FROM pg_attribute"
        " WHERE attrelid IN ('dan_cu.cong_dan'::regclass, 'dan_cu.dvhc'::regclass, 'dan_cu.ho_khau_tinh'::regclass)"
        " AND attnum > 0 AND col_description(attrelid, attnum) IS NULL"
    ).fetchall()
    assert missing == []


def test_planner_knows_how_many_people_there_are(reader):
    estimate = reader.execute("SELECT reltuples FROM pg_class WHERE oid = 'dan_cu.cong_dan'::regclass").fetchone()[0]
    assert estimate == PEOPLE


def test_two_builds_make_the_same_people(admin, built, build):
    other = build()
    digests = []
    for made in (built, other):
        with as_admin(admin, made.population_dbname) as source:
            digests.append(source.execute(DIGEST).fetchone())
        with closing(sqlite3.connect(made.insurance_path)) as insurance:
            digests.append(insurance.execute("SELECT * FROM tham_gia").fetchall())
    assert digests[:2] == digests[2:]


def test_second_call_skips_and_resets_the_password(admin, make_prefix, build, tmp_path):
    prefix = make_prefix()
    secret = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
    first = build(prefix, tmp_path)
    with as_admin(admin, first.population_dbname) as server:
        before = server.execute(secret, [first.population_reader]).fetchone()
        second = build(prefix, tmp_path, reader_password="another-password")
        after = server.execute(secret, [first.population_reader]).fetchone()
    assert set(first.built.values()) == {True}
    assert set(second.built.values()) == {False}
    assert second.counts == first.counts
    assert sum(second.seconds.values()) < 1
    assert before != after
    assert after[0].startswith("SCRAM-SHA-256$")


def test_another_number_of_people_builds_again(make_prefix, build, tmp_path):
    prefix = make_prefix()
    build(prefix, tmp_path, people=200)
    again = build(prefix, tmp_path, people=300)
    assert (again.built["population"], again.built["insurance"], again.built["units"]) == (True, True, False)
    assert again.counts["cong_dan"] == 300


def test_interrupted_build_is_finished_by_the_next(make_prefix, build, tmp_path, monkeypatch):
    prefix = make_prefix()
    with monkeypatch.context() as broken:
        broken.setattr(population, "FINISH_SQL", "SELECT 1 / 0")
        with pytest.raises(psycopg.errors.DivisionByZero):
            build(prefix, tmp_path, people=200)
    assert not (tmp_path / "insurance.sqlite3").exists()
    assert build(prefix, tmp_path, people=200).built["population"]


def test_interrupted_file_is_not_left_behind(make_prefix, build, tmp_path, monkeypatch):
    prefix = make_prefix()
    with monkeypatch.context() as broken:
        broken.setattr("ndc_portal.demo.insurance.participation", lambda *row: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build(prefix, tmp_path, people=200)
    assert [path.name for path in tmp_path.iterdir()] == ["units.sqlite3"]
    assert build(prefix, tmp_path, people=200).built["insurance"]


def test_reader_cannot_write(reader):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("UPDATE dan_cu.cong_dan SET ho_ten = 'x'")
    # The default can be switched off by the session; the missing right cannot.
    reader.execute("SET default_transaction_read_only = off")
    for statement in (
        "UPDATE dan_cu.cong_dan SET ho_ten = 'x'",
        "DELETE FROM dan_cu.cong_dan",
        "CREATE TABLE dan_cu.x (id integer)",
        "CREATE TABLE public.x (id integer)",
        "CREATE TEMP TABLE x (id integer)",
        "SELECT * FROM ndc_demo.phien_ban",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement)


def test_reader_cannot_connect_to_the_portal(admin, built):
    params = plain(admin) | {"user": built.population_reader, "password": PASSWORD}
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**params)


def test_insurance_refers_to_people(built, people):
    numbers = {row[0]: row for row in people}
    with closing(sqlite3.connect(built.insurance_path)) as insurance:
        rows = insurance.execute("SELECT * FROM tham_gia").fetchall()
    assert rows
    assert len({row[1] for row in rows}) == len(rows)
    for number, person, kind, employer, since, until, _amount, card, expires in rows:
        assert re.fullmatch(r"\d{10}", number)
        assert person in numbers
        assert number[:2] == numbers[person][4]
        assert (employer is None) == (kind == "BHYT")
        assert re.fullmatch(r"[A-Z]{2}\d{13}", card)
        assert until is None or since <= until
        assert f"{numbers[person][2]:%Y-%m}" < since <= expires[:7]


def test_units_file_holds_the_units_in_force(built):
    with closing(sqlite3.connect(built.units_path)) as connection:
        provinces = connection.execute("SELECT ma_tinh, ten, loai FROM tinh").fetchall()
        communes = connection.execute("SELECT ma_xa, ma_tinh FROM xa").fetchall()
    assert all(re.fullmatch(r"\d{2}", code) for code, *_ in provinces)
    assert all(re.fullmatch(r"\d{5}", code) for code, _ in communes)
    assert ("75", "Thành phố Đồng Nai", "thành phố trung ương") in provinces


def test_foreign_database_is_left_alone(admin, make_prefix, build):
    prefix = make_prefix()
    with as_admin(admin, plain(admin)["dbname"]) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(f"{prefix}_population")))
    with as_admin(admin, f"{prefix}_population") as foreign:
        foreign.execute("CREATE TABLE theirs (id integer)")
    with pytest.raises(SourceError, match="was not made by the demonstration"):
        build(prefix)
    with as_admin(admin, f"{prefix}_population") as foreign:
        assert foreign.execute("SELECT to_regclass('theirs') IS NOT NULL, to_regclass('dan_cu.dvhc')").fetchone() == (
            True,
            None,
        )


def test_foreign_file_is_left_alone(build, tmp_path):
    (tmp_path / "units.sqlite3").write_bytes(b"something of somebody else, long enough to be read as a header")
    with pytest.raises(SourceError, match=r"units\.sqlite3"):
        build(folder=tmp_path)
    assert (tmp_path / "units.sqlite3").read_bytes().startswith(b"something")


def test_missing_right_is_named(admin, make_prefix, build):
    prefix = make_prefix()
    weak = f"{prefix}_weak"
    with as_admin(admin, plain(admin)["dbname"]) as server:
        server.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(weak)))
    with pytest.raises(SourceError, match=r"CREATEDB .*CREATEROLE"):
        build(prefix, admin=admin | {"options": f"-c role={weak}"})


def test_spread_gives_every_key_a_share():
    slots = population.spread({"large": 998, "small": 1, "tiny": 0.001}, 1_000)
    assert len(slots) == 1_000
    assert set(slots) == {"large", "small", "tiny"}


def test_figures_add_up_to_the_people_and_say_what_they_are(built):
    lines = (built.statistics_path / "dan_so.csv").read_text("utf-8").splitlines()
    described = json.loads((built.statistics_path / "dan_so.csv-metadata.json").read_text("utf-8"))

    names = [column["name"] for column in described["tableSchema"]["columns"]]

    assert lines[0].split(";") == names
    assert sum(int(line.split(";")[3]) for line in lines[1:]) == PEOPLE
    assert {f"{name}.csv" for name in statistics_files.TABLES} == {described["url"]}
