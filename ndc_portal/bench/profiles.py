"""Profiles of a big table: how long one takes with all rows and with a sample, and how far the sample is off."""

import time

import psycopg

from registry.models import Dataset, DatasetProfile
from registry.profiling import run
from registry.services import profiles

ROWS, COLUMNS = 1_000_000, 13
SECONDS_WHOLE, SECONDS_SAMPLED = 60, 15
TABLE = "ho_so_lon"


def build(owner: psycopg.Connection, *, rows: int = ROWS) -> None:
    """A table of thirteen columns in a source database: numbers, names, days, codes, amounts and a text."""
    owner.execute(
        f"CREATE TABLE {TABLE} (so_dinh_danh text, ho_ten text, ngay_sinh date, gioi_tinh text, ma_tinh text, ma_xa text,"
        " loai integer, so_tien numeric(14,2), ty_le double precision, co_hieu_luc boolean, ngay_lap timestamp,"
        " ghi_chu text, so_thu_tu bigint)"
    )
    owner.execute(
        f"INSERT INTO {TABLE} SELECT '097' || lpad(n::text, 9, '0'), 'Nguyễn Văn ' || md5((n % 50000)::text),"  # noqa: S608
        " date '1930-01-01' + (n * 7919 % 34000)::int, CASE n % 2 WHEN 0 THEN 'Nam' ELSE 'Nữ' END,"
        " lpad((n % 34)::text, 2, '0'), lpad((n * 31 % 3321)::text, 5, '0'), n % 7, (n * 13 % 9999999) / 7.0, n / 3.0,"
        " n % 10 < 9, timestamp '2020-01-01' + n * interval '3 minutes', CASE WHEN n % 4 = 0 THEN md5(n::text) END, n"
        f" FROM generate_series(1::bigint, {rows:d}) n"
    )
    owner.execute(f"ANALYZE {TABLE}")


def measure(*, dataset: Dataset) -> dict:
    """Profile the dataset twice; figures and bars for the bench's report."""
    seconds, found = {}, {}
    for whole in (True, False):
        profile = profiles.ask(dataset=dataset, by=None, whole=whole)
        started = time.perf_counter()
        run.profile(profile.pk)
        seconds[whole] = round(time.perf_counter() - started, 2)
        found[whole] = DatasetProfile.objects.with_fields().get(pk=profile.pk)
    figures = {
        "rows": found[True].rows,
        "columns": found[True].field_profiles.count(),
        "seconds_whole": seconds[True],
        "seconds_sampled": seconds[False],
        "sample_rows": found[False].sample_rows,
        "farthest_null_percent": _farthest(found, "null_percent"),
    }
    what = f"{figures['rows']:,} rows x {figures['columns']} columns"
    return {
        "figures": figures,
        "bars": [
            _bar(f"Profile of all rows ({what})", seconds[True], SECONDS_WHOLE, "s"),
            _bar(f"Profile of a sample ({what})", seconds[False], SECONDS_SAMPLED, "s"),
            _bar("Share of missing values, sample against all rows", figures["farthest_null_percent"], 1, "points"),
        ],
    }


def _farthest(found: dict, name: str) -> int:
    whole = {one.field_id: getattr(one, name) for one in found[True].field_profiles.all()}
    return max(abs((getattr(one, name) or 0) - (whole[one.field_id] or 0)) for one in found[False].field_profiles.all())


def _bar(name: str, value: float, bar: float, unit: str) -> dict:
    return {"name": name, "value": value, "unit": unit, "bar": bar, "holds": value <= bar}
