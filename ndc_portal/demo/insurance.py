"""A social-insurance database in SQLite, about one in five of the fictitious people."""

from calendar import monthrange
from datetime import date
from pathlib import Path

import psycopg

from ndc_portal.demo import population, sqlite_file
from ndc_portal.demo.population import AS_OF

VERSION = "1"
TABLES = ("tham_gia",)
BATCH = 5_000

FORMS = ["Công ty TNHH", "Công ty cổ phần", "Hợp tác xã", "Doanh nghiệp tư nhân"]
TRADES = ["Dệt may", "Cơ khí", "Chế biến nông sản", "Vận tải", "Xây dựng", "Thủy sản", "Điện tử", "Du lịch", "Giày da"]
# Base salary of 2,340,000 VND: a household's health insurance is 4.5 per cent of it.
HOUSEHOLD_CONTRIBUTION = 105_300

PEOPLE_SQL = """
SELECT so_dinh_danh, ma_tinh, ngay_sinh, hashint8extended(so_dinh_danh::bigint, 21) & 9223372036854775807
FROM dan_cu.cong_dan
WHERE ngay_sinh <= %(as_of)s::date - 16 * 366 AND ngay_sinh > %(as_of)s::date - 75 * 365
    AND (hashint8extended(so_dinh_danh::bigint, 20) & 2147483647) %% 1000 < 278
ORDER BY so_dinh_danh
"""


def build(path: Path, *, source: psycopg.Connection, people: int) -> bool:
    """Stream participants out of the population database; False when the right file is already there."""
    version = f"{VERSION}/{population.VERSION}/{people}"
    if sqlite_file.version_of(path) == version:
        return False
    with sqlite_file.replacing(path, version=version) as connection:
        connection.execute(
            """
            CREATE TABLE tham_gia (  -- Quá trình tham gia bảo hiểm (hư cấu)
                ma_so_bhxh TEXT PRIMARY KEY,  -- Mã số bảo hiểm xã hội (10 chữ số)
                so_dinh_danh TEXT NOT NULL,  -- Số định danh cá nhân (12 chữ số)
                loai_bh TEXT NOT NULL,  -- Loại bảo hiểm: BHXH, BHYT hoặc BHTN
                don_vi_dong TEXT,  -- Đơn vị đóng; để trống khi đóng theo hộ gia đình
                tu_thang TEXT NOT NULL,  -- Tham gia từ tháng (NNNN-TT)
                den_thang TEXT,  -- Đến tháng; để trống khi đang tham gia
                muc_dong INTEGER NOT NULL,  -- Mức đóng hằng tháng (đồng)
                ma_the_bhyt TEXT NOT NULL,  -- Mã thẻ bảo hiểm y tế (15 ký tự)
                han_the DATE NOT NULL  -- Ngày thẻ hết giá trị sử dụng
            ) WITHOUT ROWID
            """
        )
        with source.transaction(), source.cursor(name="nguoi_tham_gia") as people_found:
            people_found.itersize = BATCH
            people_found.execute(PEOPLE_SQL, {"as_of": AS_OF})
            connection.executemany(
                "INSERT INTO tham_gia VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (participation(*row) for row in people_found)
            )
        connection.execute("CREATE UNIQUE INDEX tham_gia_so_dinh_danh ON tham_gia (so_dinh_danh)")
    return True


def counts(path: Path) -> dict[str, int]:
    with sqlite_file.reading(path) as connection:
        return {"tham_gia": connection.execute("SELECT count(*) FROM tham_gia").fetchone()[0]}


def participation(number: str, province: str, born: date, draw: int) -> tuple:
    """One row. The draw is a large hash: each division takes a few values off it."""
    draw, share = divmod(draw, 100)
    draw, trade = divmod(draw, len(FORMS) * len(TRADES))
    draw, employer = divmod(draw, 900)
    draw, skill = divmod(draw, 1_000)
    draw, months = divmod(draw, 180)
    draw, ended = divmod(draw, 100)
    age = AS_OF.year - born.year
    kind, card = _kind(age, share)
    salary = 5_000_000 + round(35_000_000 * (skill / 1_000) ** 4, -5)
    since = max(_month(AS_OF) - 1 - months, _month(born) + 15 * 12)
    until = since + draw % (_month(AS_OF) - since) if ended < 14 else None
    # The serial number is one-to-one with the personal number, so that no two people share one.
    serial = (int(number[:3]) - 97) * 1_000_000 + int(number[6:])
    insurance_number = f"{province}{serial * 33_333_331 % 100_000_000:08d}"
    return (
        insurance_number,
        number,
        kind,
        _employer(trade, employer) if kind != "BHYT" else None,
        _text(since),
        _text(until) if until else None,
        {"BHXH": salary * 255 // 1_000, "BHTN": salary * 2 // 100, "BHYT": HOUSEHOLD_CONTRIBUTION}[kind],
        f"{card}{province}{insurance_number}",
        _last_day(until if until else _month(AS_OF) + 1 + share % 12).isoformat(),
    )


def _kind(age: int, share: int) -> tuple[str, str]:
    """Kind of insurance, and the letters and level with which the health-insurance card begins."""
    if age < 22:
        return "BHYT", "SV4"
    if age >= 61:
        return "BHYT", "HT3" if share < 60 else "GD4"
    if share < 66:
        return "BHXH", "DN4"
    return ("BHTN", "DN4") if share < 76 else ("BHYT", "GD4")


def _employer(trade: int, number: int) -> str:
    # The name says that it is an example: a fictitious employer must not be taken for a real one.
    return f"{FORMS[trade % len(FORMS)]} {TRADES[trade // len(FORMS)]} Ví Dụ {100 + number}"


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _text(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _last_day(month: int) -> date:
    year, index = month // 12, month % 12 + 1
    return date(year, index, monthrange(year, index)[1])
