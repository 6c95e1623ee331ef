"""A table of people who do not exist, and the dataset that describes it, for the tests of profiles and suggestions."""

import sqlite3
from datetime import date, timedelta

from registry.choices import FieldKind, Masking, PersonalData
from registry.models import Dataset
from tests import factories

TEXT, INTEGER, DATE = FieldKind.TEXT, FieldKind.INTEGER, FieldKind.DATE
NONE, BASIC, SENSITIVE = PersonalData.NONE, PersonalData.BASIC, PersonalData.SENSITIVE
COLUMNS = {
    "so_dinh_danh": (TEXT, BASIC),
    "ho_ten": (TEXT, BASIC),
    "ngay_sinh": (DATE, BASIC),
    "gioi_tinh": (TEXT, BASIC),
    "dan_toc": (TEXT, SENSITIVE),
    "loai": (TEXT, NONE),
    "so_tien": (INTEGER, NONE),
    "ngay_lap": (DATE, NONE),
    "ghi_chu": (TEXT, NONE),
}
FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng")


def rows(count: int) -> list[tuple]:
    return [
        (
            f"097{number:09}",
            f"{FAMILIES[number % 5]} Văn {chr(65 + number % 26)}",
            (date(1931, 1, 1) + timedelta(days=number * 83 % 32_000)).isoformat(),
            ("Nam", "Nữ")[number % 2] if number != 1 else "Khác",
            ("Kinh", "Tày", "Thái")[number % 3],
            ("A", "B", "C")[number % 3] if number > 3 else f"lạ {number}",
            number * 10,
            date(2026, 1, 1 + number % 28).isoformat(),
            None if number % 4 else f"ghi chú {number}",
        )
        for number in range(count)
    ]


def dataset_on(path, *, count: int = 300, **database) -> Dataset:
    """A SQLite file with so many rows, and a dataset with a connection to it."""
    with sqlite3.connect(path) as file:
        columns = ", ".join(f"{name} {kind}" for name, (kind, _category) in COLUMNS.items())
        file.execute(f"CREATE TABLE ho_so ({columns})")
        file.executemany(f"INSERT INTO ho_so VALUES ({', '.join('?' * len(COLUMNS))})", rows(count))  # noqa: S608
    file.close()
    connection = factories.ConnectionFactory(name=str(path), **{f"database__{k}": v for k, v in database.items()})
    return described(factories.DatasetFactory(database=connection.database, table_name="ho_so", estimated_rows=None))


def described(dataset: Dataset) -> Dataset:
    for position, (name, (kind, category)) in enumerate(COLUMNS.items(), start=1):
        masking = Masking.KEEP if category == NONE else Masking.NULL
        factories.FieldFactory(
            dataset=dataset, name=name, position=position, kind=kind, personal_data=category, default_masking=masking
        )
    return dataset
