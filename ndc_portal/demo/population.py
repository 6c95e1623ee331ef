"""A population database of fictitious people, made inside PostgreSQL: a million in about eight seconds on two cores.

Nothing here is random: every value is a hash of the person's number, so each build gives the same people.
Hash partitioning rests on PostgreSQL's `hashint8extended`, hence its results stay the same between versions.
"""

from collections.abc import Iterable
from datetime import date

import psycopg
from psycopg import sql

from ndc_portal.demo import names, units
from ndc_portal.demo.errors import SourceError

VERSION = "1"
SCHEMA = "dan_cu"
TABLES = ("dan_cu.cong_dan", "dan_cu.dvhc", "dan_cu.ho_khau_tinh")
AS_OF = date(2026, 7, 1)

# Three prefixes that no province uses, and six digits that no two people of one prefix share.
MOST_PEOPLE = 3_000_000

# Five-year age groups from 0-4 up: residents per thousand, and how many of a thousand of them are male.
AGES = [
    *[(69, 527), (79, 526), (82, 525), (74, 520), (66, 512), (73, 508), (81, 505), (83, 503), (77, 501), (69, 498)],
    *[(61, 490), (56, 482), (49, 470), (38, 455), (23, 435), (12, 410), (5, 380), (2, 350), (1, 320)],
]
DAYS_OF_FIVE_YEARS = 1826
COMMUNE_SLOTS = 65_536
SLOTS = 1_000


def spread(weights: dict, slots: int) -> list:
    """Give every key a share of the slots that follows its weight, and at least one."""
    total, upto, found = sum(weights.values()), 0, []
    for place, (key, weight) in enumerate(weights.items(), start=1):
        upto += weight
        # One slot for each key so far, and the others by weight.
        end = place + round(upto * (slots - len(weights)) / total)
        found += [key] * (end - len(found))
    return found


def is_built(connection: psycopg.Connection, *, people: int) -> bool:
    if connection.execute("SELECT to_regclass('ndc_demo.phien_ban')").fetchone()[0] is None:
        return False
    if connection.execute("SELECT ban, so_nguoi FROM ndc_demo.phien_ban").fetchone() != (VERSION, people):
        return False
    return connection.execute("SELECT count(*) FROM dan_cu.cong_dan").fetchone()[0] == people


def build(connection: psycopg.Connection, *, people: int) -> None:
    """Make everything anew in one transaction: a build that is cut short leaves what was there before."""
    if not 0 < people <= MOST_PEOPLE:
        raise SourceError(f"The number of people must be between 1 and {MOST_PEOPLE}.")
    with connection.transaction():
        for statement in SETTINGS:
            connection.execute(statement)
        connection.execute(SCHEMA_SQL)
        provinces, communes = units.read()
        _load_units(connection, provinces, communes)
        _load_slots(connection, communes)
        connection.execute(sql.SQL(PEOPLE_SQL).format(people=sql.Literal(people), as_of=sql.Literal(AS_OF)))
        connection.execute(FINISH_SQL)
        connection.execute("INSERT INTO ndc_demo.phien_ban (ban, so_nguoi) VALUES (%s, %s)", [VERSION, people])


def _load_units(connection: psycopg.Connection, provinces: list, communes: list) -> None:
    rows = [(row.code, row.name, row.kind, 1, None) for row in provinces]
    rows += [(row.code, row.name, row.kind, 2, row.province) for row in communes]
    _copy(connection, "dan_cu.dvhc (ma, ten, loai, cap, ma_cap_tren)", rows)


def _load_slots(connection: psycopg.Connection, communes: list) -> None:
    """Tables in which a hash picks a row: as many rows for a value as its weight is worth."""
    pull: dict[str, float] = {}
    for commune in communes:
        pull[commune.province] = pull.get(commune.province, 0) + commune.pull
    residents = {row: units.RESIDENTS[row.province] * row.pull / pull[row.province] for row in communes}
    _copy(
        connection,
        "o_xa",
        (
            (slot, row.code, row.province, "đường" if row.is_urban else row.hamlet_word)
            for slot, row in enumerate(spread(residents, COMMUNE_SLOTS))
        ),
    )
    ages = spread({age: weight for age, (weight, _) in enumerate(AGES)}, SLOTS)
    _copy(connection, "o_tuoi", ((slot, age * DAYS_OF_FIVE_YEARS, AGES[age][1]) for slot, age in enumerate(ages)))
    places = dict.fromkeys(("thôn", *units.HAMLET_WORDS), names.HAMLETS) | {"đường": names.STREETS}
    _copy(connection, "o_dia_danh", _numbered(places))
    mixes = {code: units.ETHNIC_GROUPS.get(code, {}) for code in units.RESIDENTS}
    mixes = {code: {names.KINH: SLOTS - sum(mix.values()), **mix} for code, mix in mixes.items()}
    families = {group: names.FAMILY.get(group, names.FAMILY[names.KINH]) for mix in mixes.values() for group in mix}
    _copy(connection, "o_dan_toc", _numbered(mixes))
    _copy(connection, "o_ho", _numbered(families))
    for era, middle in (("cu", names.MIDDLE_BEFORE_1980), ("moi", names.MIDDLE_SINCE_1980)):
        _copy(connection, "o_dem", ((era, *row) for row in _numbered(middle)))
    _copy(connection, "o_ten", _numbered(names.GIVEN))
    connection.execute("ANALYZE o_xa, o_tuoi, o_dia_danh, o_dan_toc, o_ho, o_dem, o_ten")


def _numbered(groups: dict[str, dict]) -> Iterable[tuple]:
    return ((group, *row) for group, weights in groups.items() for row in enumerate(spread(weights, SLOTS)))


def _copy(connection: psycopg.Connection, target: str, rows: Iterable[tuple]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


SETTINGS = [
    "SET LOCAL lock_timeout = '30s'",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL maintenance_work_mem = '256MB'",
    "SET LOCAL synchronous_commit = off",
    "SET LOCAL timezone = 'Asia/Ho_Chi_Minh'",
    "SET LOCAL search_path = pg_temp, pg_catalog",
]

SCHEMA_SQL = """
DROP SCHEMA IF EXISTS dan_cu CASCADE;
DROP SCHEMA IF EXISTS ndc_demo CASCADE;
CREATE SCHEMA ndc_demo;
CREATE TABLE ndc_demo.phien_ban (
    ban text NOT NULL, so_nguoi integer NOT NULL, xong_luc timestamptz NOT NULL DEFAULT now()
);
CREATE SCHEMA dan_cu;
COMMENT ON SCHEMA dan_cu IS 'Cơ sở dữ liệu quốc gia về dân cư (dữ liệu minh họa, mọi công dân đều là hư cấu)';

CREATE TABLE dan_cu.dvhc (
    ma varchar(5) COLLATE "C" PRIMARY KEY,
    ten text NOT NULL,
    loai text NOT NULL,
    cap smallint NOT NULL CHECK (cap IN (1, 2)),
    ma_cap_tren char(2) COLLATE "C"
);
COMMENT ON TABLE dan_cu.dvhc IS 'Danh mục đơn vị hành chính từ ngày 01/7/2025';
COMMENT ON COLUMN dan_cu.dvhc.ma IS 'Mã đơn vị hành chính (cấp tỉnh 2 chữ số, cấp xã 5 chữ số)';
COMMENT ON COLUMN dan_cu.dvhc.ten IS 'Tên đơn vị hành chính';
COMMENT ON COLUMN dan_cu.dvhc.loai IS 'Loại: tỉnh, thành phố trung ương, xã, phường, đặc khu';
COMMENT ON COLUMN dan_cu.dvhc.cap IS 'Cấp: 1 là cấp tỉnh, 2 là cấp xã';
COMMENT ON COLUMN dan_cu.dvhc.ma_cap_tren IS 'Mã tỉnh, thành phố trực thuộc (chỉ với cấp xã)';

CREATE TABLE dan_cu.cong_dan (
    so_dinh_danh char(12) COLLATE "C" NOT NULL,
    ho_ten text NOT NULL,
    ngay_sinh date NOT NULL,
    gioi_tinh text NOT NULL,
    ma_tinh char(2) COLLATE "C" NOT NULL,
    ma_xa char(5) COLLATE "C" NOT NULL,
    dia_chi text NOT NULL,
    dan_toc text NOT NULL,
    tinh_trang_hon_nhan text NOT NULL,
    so_dien_thoai text,
    cap_nhat_luc timestamptz NOT NULL
);
COMMENT ON TABLE dan_cu.cong_dan IS 'Thông tin cơ bản của công dân (hư cấu)';
COMMENT ON COLUMN dan_cu.cong_dan.so_dinh_danh IS 'Số định danh cá nhân (12 chữ số)';
COMMENT ON COLUMN dan_cu.cong_dan.ho_ten IS 'Họ, chữ đệm và tên';
COMMENT ON COLUMN dan_cu.cong_dan.ngay_sinh IS 'Ngày, tháng, năm sinh';
COMMENT ON COLUMN dan_cu.cong_dan.gioi_tinh IS 'Giới tính';
COMMENT ON COLUMN dan_cu.cong_dan.ma_tinh IS 'Mã tỉnh, thành phố nơi thường trú';
COMMENT ON COLUMN dan_cu.cong_dan.ma_xa IS 'Mã xã, phường, đặc khu nơi thường trú';
COMMENT ON COLUMN dan_cu.cong_dan.dia_chi IS 'Số nhà, đường phố hoặc thôn, xóm, ấp, bản nơi thường trú';
COMMENT ON COLUMN dan_cu.cong_dan.dan_toc IS 'Dân tộc';
COMMENT ON COLUMN dan_cu.cong_dan.tinh_trang_hon_nhan IS 'Tình trạng hôn nhân';
COMMENT ON COLUMN dan_cu.cong_dan.so_dien_thoai IS 'Số điện thoại liên hệ';
COMMENT ON COLUMN dan_cu.cong_dan.cap_nhat_luc IS 'Thời điểm cập nhật gần nhất';

CREATE FUNCTION pg_temp.rut(n bigint, luot integer, so_o integer) RETURNS integer LANGUAGE sql IMMUTABLE
    AS 'SELECT (pg_catalog.hashint8extended(n, luot) & 2147483647)::integer % so_o';
CREATE TEMP TABLE o_xa (o integer, ma_xa text, ma_tinh text, kieu text) ON COMMIT DROP;
CREATE TEMP TABLE o_tuoi (o integer, so_ngay integer, nam integer) ON COMMIT DROP;
CREATE TEMP TABLE o_dia_danh (kieu text, o integer, ten text) ON COMMIT DROP;
CREATE TEMP TABLE o_dan_toc (ma_tinh text, o integer, ten text) ON COMMIT DROP;
CREATE TEMP TABLE o_ho (dan_toc text, o integer, ten text) ON COMMIT DROP;
CREATE TEMP TABLE o_dem (thoi text, gioi_tinh text, o integer, ten text) ON COMMIT DROP;
CREATE TEMP TABLE o_ten (gioi_tinh text, o integer, ten text) ON COMMIT DROP;
"""

# 387,420,489 has no factor in common with 10: the six last digits run through all of them before one comes again.
# Telephone numbers begin with 04, which has belonged to nobody since Ha Noi's area code became 024.
PEOPLE_SQL = """
INSERT INTO dan_cu.cong_dan
SELECT
    '0' || (97 + (n / 1000000 + pg_temp.rut(n % 1000000, 1, 3)) % 3)
        || (CASE WHEN nam_sinh >= 2000 THEN 2 ELSE 0 END + (c.gioi_tinh = 'Nữ')::integer)
        || lpad((nam_sinh % 100)::text, 2, '0')
        || lpad(((n * 387420489 + 271828) % 1000000)::text, 6, '0'),
    o_ho.ten || ' ' || o_dem.ten || ' ' || o_ten.ten,
    ngay_sinh,
    c.gioi_tinh,
    c.ma_tinh,
    c.ma_xa,
    CASE
        WHEN c.kieu = 'đường' AND pg_temp.rut(n, 2, 4) = 0
            THEN 'Số ' || 1 + pg_temp.rut(n, 3, 400) || '/' || 1 + pg_temp.rut(n, 4, 60) || ' đường ' || o_dia_danh.ten
        WHEN c.kieu = 'đường' THEN 'Số ' || 1 + pg_temp.rut(n, 3, 400) || ' đường ' || o_dia_danh.ten
        ELSE 'Số nhà ' || 1 + pg_temp.rut(n, 3, 180) || ', ' || c.kieu || ' ' || o_dia_danh.ten
    END,
    o_dan_toc.ten,
    CASE
        WHEN tuoi < 18 OR (tuoi < 20 AND c.gioi_tinh = 'Nam') THEN 'Chưa kết hôn'
        WHEN hon_nhan < CASE WHEN tuoi < 25 THEN 760 WHEN tuoi < 30 THEN 420 WHEN tuoi < 40 THEN 140 ELSE 50 END
            THEN 'Chưa kết hôn'
        WHEN hon_nhan >= 1000 - CASE WHEN tuoi < 30 THEN 15 WHEN tuoi < 60 THEN 45 ELSE 25 END THEN 'Ly hôn'
        WHEN hon_nhan >= 975 - CASE WHEN tuoi < 45 THEN 0 WHEN tuoi < 60 THEN 30 WHEN tuoi < 75 THEN 150 ELSE 420 END
            THEN 'Góa'
        ELSE 'Đã kết hôn'
    END,
    CASE
        WHEN tuoi >= 14 AND pg_temp.rut(n, 5, 100) < CASE WHEN tuoi < 70 THEN 88 ELSE 45 END
            THEN '04' || lpad(pg_temp.rut(n, 6, 100000000)::text, 8, '0')
    END,
    to_timestamp(
        extract(epoch FROM {as_of}::date::timestamptz)::bigint
        - pg_temp.rut(n, 7, least(({as_of}::date - ngay_sinh), 1826) * 86400)
    )
FROM (
    SELECT
        b.*,
        extract(year FROM ngay_sinh)::integer AS nam_sinh,
        ({as_of}::date - ngay_sinh) * 100 / 36525 AS tuoi,
        CASE WHEN ngay_sinh < DATE '1980-01-01' THEN 'cu' ELSE 'moi' END AS thoi,
        pg_temp.rut(n, 8, 1000) AS hon_nhan
    FROM (
        SELECT
            n, o_xa.ma_xa, o_xa.ma_tinh, o_xa.kieu,
            {as_of}::date - 1 - o_tuoi.so_ngay - pg_temp.rut(n, 9, 1826) AS ngay_sinh,
            CASE WHEN pg_temp.rut(n, 10, 1000) < o_tuoi.nam THEN 'Nam' ELSE 'Nữ' END AS gioi_tinh
        FROM generate_series(0::bigint, {people} - 1) AS n
        JOIN o_xa ON o_xa.o = pg_temp.rut(n, 11, 65536)
        JOIN o_tuoi ON o_tuoi.o = pg_temp.rut(n, 12, 1000)
        OFFSET 0
    ) b
    OFFSET 0
) c
JOIN o_dan_toc ON o_dan_toc.ma_tinh = c.ma_tinh AND o_dan_toc.o = pg_temp.rut(n, 13, 1000)
JOIN o_ho ON o_ho.dan_toc = o_dan_toc.ten AND o_ho.o = pg_temp.rut(n, 14, 1000)
JOIN o_dem ON o_dem.thoi = c.thoi AND o_dem.gioi_tinh = c.gioi_tinh AND o_dem.o = pg_temp.rut(n, 15, 1000)
JOIN o_ten ON o_ten.gioi_tinh = c.gioi_tinh AND o_ten.o = pg_temp.rut(n, 16, 1000)
JOIN o_dia_danh ON o_dia_danh.kieu = c.kieu AND o_dia_danh.o = pg_temp.rut(n, 17, 1000)
"""

FINISH_SQL = """
ALTER TABLE dan_cu.cong_dan ADD PRIMARY KEY (so_dinh_danh);
CREATE INDEX cong_dan_ma_tinh ON dan_cu.cong_dan (ma_tinh);
CREATE VIEW dan_cu.ho_khau_tinh AS
    SELECT d.ma_cap_tren AS ma_tinh, d.ma AS ma_xa, d.ten AS ten_xa, coalesce(c.so_cong_dan, 0) AS so_cong_dan
    FROM dan_cu.dvhc d
    LEFT JOIN (SELECT ma_xa, count(*) AS so_cong_dan FROM dan_cu.cong_dan GROUP BY ma_xa) c ON c.ma_xa = d.ma
    WHERE d.cap = 2;
COMMENT ON VIEW dan_cu.ho_khau_tinh IS 'Số công dân thường trú theo xã, phường, đặc khu của từng tỉnh';
COMMENT ON COLUMN dan_cu.ho_khau_tinh.ma_tinh IS 'Mã tỉnh, thành phố';
COMMENT ON COLUMN dan_cu.ho_khau_tinh.ma_xa IS 'Mã xã, phường, đặc khu';
COMMENT ON COLUMN dan_cu.ho_khau_tinh.ten_xa IS 'Tên xã, phường, đặc khu';
COMMENT ON COLUMN dan_cu.ho_khau_tinh.so_cong_dan IS 'Số công dân thường trú';
ANALYZE dan_cu.cong_dan, dan_cu.dvhc;
"""
