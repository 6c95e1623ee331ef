"""Figures on the population as an agency of statistics would leave them: CSV files in a folder, described beside them."""

import csv
import json
import os
from pathlib import Path

import psycopg

from ndc_portal.demo import population
from ndc_portal.demo.population import AS_OF

VERSION = "1"
TABLES = ("dan_so",)
# What the columns hold, in the words of the agency; the portal reads types and titles from here.
DESCRIPTION = {
    "@context": ["http://www.w3.org/ns/csvw", {"@language": "vi"}],
    "url": "dan_so.csv",
    "dc:title": "Dân số theo tỉnh, nhóm tuổi và giới tính (hư cấu)",
    "dialect": {"delimiter": ";"},
    "tableSchema": {
        "columns": [
            {"name": "ma_tinh", "datatype": "string", "dc:description": "Mã tỉnh", "required": True},
            {"name": "nhom_tuoi", "datatype": "string", "dc:description": "Nhóm tuổi", "required": True},
            {"name": "gioi_tinh", "datatype": "string", "dc:description": "Giới tính", "required": True},
            {"name": "so_nguoi", "datatype": "integer", "dc:description": "Số người", "required": True},
            {
                "name": "ngay_chot",
                "datatype": {"base": "date", "format": "dd/MM/yyyy"},
                "dc:description": "Ngày chốt số liệu",
                "required": True,
            },
        ]
    },
}
FIGURES = """
    SELECT ma_tinh, decade * 10 || '-' || decade * 10 + 9, gioi_tinh, count(*), to_char(%(as_of)s::date, 'DD/MM/YYYY')
    FROM (SELECT ma_tinh, gioi_tinh, (%(as_of)s::date - ngay_sinh) / 3653 AS decade FROM dan_cu.cong_dan) people
    GROUP BY ma_tinh, decade, gioi_tinh ORDER BY ma_tinh, decade, gioi_tinh
"""


def build(folder: Path, *, source: psycopg.Connection, people: int) -> bool:
    """Write the files anew unless they are of the same people; False when they were there already."""
    version, mark = f"{VERSION}/{population.VERSION}/{people}", folder / ".phien_ban"
    if mark.exists() and mark.read_text() == version:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    part = folder / ".dan_so.part"
    with part.open("w", newline="") as file:
        lines = csv.writer(file, delimiter=";", lineterminator="\n")
        lines.writerow([column["name"] for column in DESCRIPTION["tableSchema"]["columns"]])
        lines.writerows(source.execute(FIGURES, {"as_of": AS_OF}))
        file.flush()
        os.fsync(file.fileno())
    (folder / "dan_so.csv-metadata.json").write_text(json.dumps(DESCRIPTION, ensure_ascii=False, indent=1))
    part.replace(folder / "dan_so.csv")
    mark.write_text(version)  # last: without it all is written again
    return True
