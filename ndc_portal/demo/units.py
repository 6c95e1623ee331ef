"""The administrative units of Viet Nam in force since 1 July 2025: 34 provinces, 3,321 communes (real data)."""

import json
import unicodedata
import zlib
from dataclasses import dataclass
from pathlib import Path

from vietnam_provinces import NESTED_DIVISIONS_JSON_PATH

from ndc_portal.demo import sqlite_file

VERSION = "1"
TABLES = ("tinh", "xa")

# Changes after the package's data of October 2025: Dong Nai became a city on 2026-04-30 (Resolution 30/2026/QH16).
RECLASSIFIED = {"75": ("Thành phố Đồng Nai", "thành phố trung ương", "2026-04-30")}
IN_FORCE = "2025-07-01"

# Residents in thousands after the mergers of 2025, rounded, from memory: they only spread the fictitious people.
RESIDENTS = {
    "01": 8808,
    "04": 573,
    "08": 1866,
    "11": 674,
    "12": 512,
    "14": 1404,
    "15": 1778,
    "19": 1799,
    "20": 882,
    "22": 1498,
    "24": 3619,
    "25": 4022,
    "31": 4665,
    "33": 3567,
    "37": 4413,
    "38": 4325,
    "40": 3832,
    "42": 1623,
    "44": 1871,
    "46": 1432,
    "48": 3066,
    "51": 2162,
    "52": 3584,
    "56": 2243,
    "66": 3347,
    "68": 3872,
    "75": 4491,
    "79": 14002,
    "80": 3255,
    "82": 4370,
    "86": 4258,
    "91": 4952,
    "92": 4199,
    "96": 2608,
}

# Residents per thousand who belong to an ethnic group other than the Kinh, rounded, from memory.
ETHNIC_GROUPS = {
    "01": {"Mường": 9, "Tày": 3},
    "04": {"Tày": 410, "Nùng": 300, "Mông": 116, "Dao": 102, "Sán Chay": 14},
    "08": {"Tày": 245, "Mông": 190, "Dao": 145, "Nùng": 50, "Sán Chay": 40, "La Chí": 8},
    "11": {"Mông": 381, "Thái": 357, "Khơ Mú": 33, "Lào": 8},
    "12": {"Thái": 309, "Mông": 241, "Dao": 128, "Hà Nhì": 34, "Giáy": 28},
    "14": {"Thái": 536, "Mông": 160, "Mường": 70, "Xinh Mun": 21, "Dao": 18},
    "15": {"Mông": 155, "Tày": 170, "Dao": 130, "Thái": 60, "Giáy": 22, "Nùng": 25},
    "19": {"Tày": 170, "Nùng": 60, "Dao": 45, "Sán Chay": 28, "Sán Dìu": 35},
    "20": {"Nùng": 429, "Tày": 359, "Dao": 36},
    "22": {"Dao": 55, "Tày": 30, "Sán Dìu": 18, "Sán Chay": 12},
    "24": {"Nùng": 48, "Tày": 30, "Sán Dìu": 16, "Sán Chay": 15},
    "25": {"Mường": 190, "Sán Dìu": 11, "Tày": 8, "Dao": 9, "Thái": 8},
    "38": {"Mường": 100, "Thái": 62, "Mông": 5},
    "40": {"Thái": 103, "Thổ": 21, "Khơ Mú": 13, "Mông": 10},
    "44": {"Bru - Vân Kiều": 55, "Tà Ôi": 11},
    "46": {"Tà Ôi": 30, "Cơ Tu": 14},
    "48": {"Cơ Tu": 21, "Xơ Đăng": 16, "Gié Triêng": 8},
    "51": {"Xơ Đăng": 75, "Hrê": 66, "Ba Na": 32, "Gié Triêng": 18, "Co": 15, "Gia Rai": 12},
    "52": {"Gia Rai": 130, "Ba Na": 63, "Tày": 4, "Nùng": 4},
    "56": {"Chăm": 33, "Raglay": 60, "Cơ Ho": 4},
    "66": {"Ê Đê": 120, "Nùng": 23, "Tày": 16, "Mông": 12, "Ba Na": 3, "Chăm": 9},
    "68": {"Cơ Ho": 48, "Mnông": 14, "Mạ": 13, "Chăm": 11, "Nùng": 12, "Mông": 11, "Tày": 11, "Hoa": 9},
    "75": {"Hoa": 21, "Xtiêng": 22, "Tày": 9, "Nùng": 9, "Khmer": 8, "Chơ Ro": 4},
    "79": {"Hoa": 28, "Khmer": 4, "Chăm": 1},
    "80": {"Khmer": 4, "Chăm": 1},
    "86": {"Khmer": 85, "Hoa": 4},
    "91": {"Khmer": 60, "Hoa": 7, "Chăm": 3},
    "92": {"Khmer": 95, "Hoa": 18},
    "96": {"Khmer": 34, "Hoa": 8},
}

HAMLET_WORDS = {
    "bản": {"11", "12", "14", "15"},
    "xóm": {"04", "19", "40"},
    "buôn": {"66"},
    "ấp": {"75", "79", "80", "82", "86", "91", "92", "96"},
}


@dataclass(frozen=True)
class Province:
    code: str
    name: str
    kind: str
    since: str


@dataclass(frozen=True)
class Commune:
    code: str
    name: str
    kind: str
    province: str

    @property
    def is_urban(self) -> bool:
        return self.kind == "phường"

    @property
    def hamlet_word(self) -> str:
        return next((word for word, provinces in HAMLET_WORDS.items() if self.province in provinces), "thôn")

    @property
    def pull(self) -> float:
        """How strongly a commune draws residents, next to others of its province."""
        size = {"phường": 2.6, "xã": 1.0, "đặc khu": 0.2}[self.kind]
        # A checksum of the code: communes differ by up to three times, and always in the same way.
        return size * (0.5 + zlib.crc32(self.code.encode()) % 1_000 / 1_000)


def read() -> tuple[list[Province], list[Commune]]:
    tree = json.loads(unicodedata.normalize("NFC", NESTED_DIVISIONS_JSON_PATH.read_text(encoding="utf-8")))
    provinces, communes = [], []
    for branch in tree:
        code, name = f"{branch['code']:02d}", branch["name"]
        full_name = f"Tỉnh {name}" if branch["division_type"] == "tỉnh" else name
        provinces.append(Province(code, *RECLASSIFIED.get(code, (full_name, branch["division_type"], IN_FORCE))))
        communes += [
            Commune(f"{leaf['code']:05d}", leaf["name"], leaf["division_type"], code) for leaf in branch["wards"]
        ]
    return provinces, communes


def build(path: Path) -> bool:
    """Write the units to a SQLite file; False when the right file is already there."""
    if sqlite_file.version_of(path) == VERSION:
        return False
    provinces, communes = read()
    with sqlite_file.replacing(path, version=VERSION) as connection:
        connection.execute(
            """
            CREATE TABLE tinh (  -- Tỉnh, thành phố trực thuộc trung ương
                ma_tinh TEXT PRIMARY KEY,  -- Mã tỉnh (2 chữ số)
                ten TEXT NOT NULL,  -- Tên đầy đủ
                loai TEXT NOT NULL,  -- Loại đơn vị hành chính
                hieu_luc_tu TEXT NOT NULL  -- Ngày có hiệu lực của tên và loại
            ) WITHOUT ROWID
            """
        )
        connection.execute(
            """
            CREATE TABLE xa (  -- Xã, phường, đặc khu
                ma_xa TEXT PRIMARY KEY,  -- Mã xã (5 chữ số)
                ten TEXT NOT NULL,  -- Tên đầy đủ
                loai TEXT NOT NULL,  -- Loại đơn vị hành chính
                ma_tinh TEXT NOT NULL REFERENCES tinh (ma_tinh)  -- Mã tỉnh trực thuộc
            ) WITHOUT ROWID
            """
        )
        connection.execute("CREATE INDEX xa_ma_tinh ON xa (ma_tinh)")
        connection.executemany(
            "INSERT INTO tinh VALUES (?, ?, ?, ?)", [(row.code, row.name, row.kind, row.since) for row in provinces]
        )
        connection.executemany(
            "INSERT INTO xa VALUES (?, ?, ?, ?)", [(row.code, row.name, row.kind, row.province) for row in communes]
        )
    return True


def counts(path: Path) -> dict[str, int]:
    with sqlite_file.reading(path) as connection:
        return {
            "tinh": connection.execute("SELECT count(*) FROM tinh").fetchone()[0],
            "xa": connection.execute("SELECT count(*) FROM xa").fetchone()[0],
        }
