"""Each file format from real sources: the same values, types that the registry knows, and nothing left behind."""

import datetime as dt
import hashlib
import io
import json
from decimal import Decimal

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from evidence.models import Entry
from exchange.fulfilment import encoders, packages, run
from exchange.fulfilment.encoders import parquet, workbook
from exchange.states import DeliveryStatus
from registry.choices import FieldKind, FileFormat, Masking
from registry.connectors import Chunk, PermanentSourceError
from tests import factories
from tests.scenarios import ROWS, write_source

ALL = ["citizen_id", "full_name", "born", "province", "income", "phone", "note"]


@pytest.fixture
def asked(world):
    """Delivers every field of the source in a format."""

    def deliver(file_format: str):
        delivery = world.delivered(field_names=ALL, file_format=file_format)
        assert delivery.status == DeliveryStatus.COMPLETED, delivery.message
        return world.path_of(delivery), delivery

    return deliver


def manifest_of(delivery) -> dict:
    return json.loads(packages.manifest_path(delivery.file_name).read_text())


def test_parquet_has_types_and_every_value(world, asked):
    path, delivery = asked(FileFormat.PARQUET)
    table = pq.read_table(path)
    assert [str(field.type) for field in table.schema] == [
        "string",
        "string",
        "int16",
        "string",
        "int64",
        "string",
        "string",
    ]
    assert table.column("citizen_id").to_pylist() == [row[0] for row in ROWS]
    assert table.column("born").to_pylist() == [int(row[2][:4]) for row in ROWS]
    assert table.column("income").to_pylist() == [row[4] for row in ROWS]
    assert [line["type"] for line in manifest_of(delivery)["fields"]] == [str(field.type) for field in table.schema]


def test_parquet_tells_empty_text_from_no_value(world, asked):
    path, _delivery = asked(FileFormat.PARQUET)
    notes = pq.read_table(path).column("note").to_pylist()
    assert notes == [row[6] for row in ROWS]  # line breaks, quotes, marks of direction, and a lone backslash with a dot


def test_parquet_says_what_another_reader_reads(world, asked):
    path, _delivery = asked(FileFormat.PARQUET)
    [rows] = duckdb.sql(f"SELECT count(*), sum(income) FROM '{path}'").fetchall()  # noqa: S608 - our own file
    assert rows == (len(ROWS), sum(row[4] or 0 for row in ROWS))


def test_workbook_holds_text_only(world, asked):
    path, _delivery = asked(FileFormat.XLSX)
    sheet = openpyxl.load_workbook(path).active
    rows = list(sheet.iter_rows(values_only=True))
    assert list(rows[0]) == ALL
    assert [row[0] for row in rows[1:]] == [row[0] for row in ROWS]
    assert [row[4] for row in rows[1:]] == [None if row[4] is None else str(row[4]) for row in ROWS]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}  # "n" are the empty ones
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "n" and cell.value is not None]
    formulas = [row[6] for row in rows[1:] if row[6] and row[6].startswith("=")]
    assert formulas == ["=1+1"]


@pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.XLSX])
def test_hash_and_size_are_those_of_the_file_and_on_record(world, asked, file_format):
    path, delivery = asked(file_format)
    content = path.read_bytes()
    assert delivery.sha256 == hashlib.sha256(content).hexdigest()
    assert delivery.size == len(content) == manifest_of(delivery)["file"]["bytes"]
    assert delivery.rows == len(ROWS)
    details = json.loads(Entry.objects.get(action="delivery.complete").details)
    assert details["sha256"] == delivery.sha256


@pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.XLSX])
def test_no_rows_are_a_file_all_the_same(world, asked, file_format):
    write_source(world.source, [])
    path, delivery = asked(file_format)
    assert delivery.rows == 0
    if file_format == FileFormat.PARQUET:
        assert pq.read_table(path).num_rows == 0
        assert pq.read_table(path).column_names == ALL
    else:
        assert [cell.value for cell in next(openpyxl.load_workbook(path).active.iter_rows())] == ALL


def test_value_that_does_not_fit_ends_the_delivery_without_telling_it(world):
    rows = [list(ROWS[0])]
    rows[0][4] = "nhiều tiền"  # text in a column of whole numbers, as SQLite lets it be
    write_source(world.source, rows)
    delivery = world.delivered(field_names=ALL, file_format=FileFormat.PARQUET)
    assert delivery.status == DeliveryStatus.TERMINATED
    assert "CSV" in delivery.message
    assert "nhiều tiền" not in delivery.message
    assert list(world.deliveries_folder.iterdir()) == []


def test_cell_that_is_too_long_for_a_sheet_ends_the_delivery(world):
    rows = [list(ROWS[0])]
    rows[0][6] = "x" * (workbook.LONGEST_CELL + 1)
    write_source(world.source, rows)
    delivery = world.delivered(field_names=ALL, file_format=FileFormat.XLSX)
    assert delivery.status == DeliveryStatus.TERMINATED
    assert list(world.deliveries_folder.iterdir()) == []


@pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.XLSX])
def test_stopped_delivery_leaves_nothing_behind(world, file_format, monkeypatch):
    delivery = world.ordered(field_names=ALL, file_format=file_format)
    monkeypatch.setattr(run._Progress, "__call__", lambda self, rows, size: False)
    run.deliver(delivery.pk)
    assert list(world.deliveries_folder.iterdir()) == []


@pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.XLSX])
def test_what_a_killed_worker_left_is_cleared_by_the_next_attempt(world, file_format):
    delivery = world.ordered(field_names=ALL, file_format=file_format)
    world.deliveries_folder.mkdir(exist_ok=True)
    folder = world.deliveries_folder / f".{delivery.code}.xlsx.1.folder.part"
    folder.mkdir()
    (folder / "rows").write_text("personal")
    run.deliver(delivery.pk)
    assert not folder.exists()


def test_full_sheet_is_followed_by_another_one(world, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "ROWS_ON_SHEET", 4)
    columns = [(factories.FieldFactory.build(name="a", native_type="text"), Masking.KEEP)]
    with (
        encoders.HashedFile(tmp_path / "x.xlsx") as file,
        encoders.encoder_for(FileFormat.XLSX, file, columns, tmp_path / "rows") as encoder,
    ):
        encoder.write(Chunk(b"1\n2\n3\n4\n", 4))
        encoder.finish()
    book = openpyxl.load_workbook(io.BytesIO((tmp_path / "x.xlsx").read_bytes()))
    assert [[row[0].value for row in sheet.iter_rows()] for sheet in book] == [["a", "1", "2", "3"], ["a", "4"]]


TYPES = [
    ("numeric(12,2)", FieldKind.NUMBER, "12.50", "decimal128(12, 2)", Decimal("12.50")),
    ("numeric", FieldKind.NUMBER, "0.1234567890123456789", "string", "0.1234567890123456789"),
    ("double precision", FieldKind.NUMBER, "0.1", "double", 0.1),
    ("bigint", FieldKind.INTEGER, "-9223372036854775808", "int64", -(2**63)),
    ("bigint unsigned", FieldKind.INTEGER, "18446744073709551615", "string", "18446744073709551615"),
    ("numeric(20,0)", FieldKind.INTEGER, "18446744073709551615", "string", "18446744073709551615"),
    ("boolean", FieldKind.BOOLEAN, "true", "bool", True),
    ("date", FieldKind.DATE, "2026-11-27", "date32[day]", dt.date(2026, 11, 27)),
    (
        "timestamp with time zone", FieldKind.DATETIME, "2026-11-27 08:00:00.25+07", "timestamp[us, tz=UTC]",
        dt.datetime(2026, 11, 27, 1, 0, 0, 250_000, dt.UTC),
    ),
    (
        "timestamp without time zone", FieldKind.DATETIME, "2026-11-27 08:00:00", "timestamp[us]",
        dt.datetime(2026, 11, 27, 8),  # noqa: DTZ001 - the source has no zone
    ),
    ("jsonb", FieldKind.OTHER, '"{""a"": 1}"', "string", '{"a": 1}'),
]  # fmt: skip


@pytest.mark.parametrize(("native", "kind", "text", "kept_as", "value"), TYPES)
def test_column_has_the_type_that_holds_every_value(tmp_path, native, kind, text, kept_as, value):
    field = factories.FieldFactory.build(name="a", native_type=native, kind=kind)
    with (
        encoders.HashedFile(tmp_path / "x.parquet") as file,
        encoders.encoder_for(FileFormat.PARQUET, file, [(field, Masking.KEEP)], tmp_path / "rows") as encoder,
    ):
        encoder.write(Chunk(f"{text}\n\n".encode(), 2))
        encoder.finish()
        assert encoder.type_of(0) == kept_as
    assert pq.read_table(tmp_path / "x.parquet").column("a").to_pylist() == [value, None]


def test_every_kind_that_is_masked_is_text_or_a_year():
    field = factories.FieldFactory.build(native_type="bigint", kind=FieldKind.INTEGER)
    kept = {masking: str(parquet.arrow_type(field, masking)) for masking in Masking}
    assert kept == {Masking.KEEP: "int64", Masking.YEAR: "int16"} | dict.fromkeys(
        set(Masking) - {Masking.KEEP, Masking.YEAR}, "string"
    )


def write_endlessly(encoder) -> None:
    while True:
        encoder.write(Chunk(b"x" * 100_000, 0))


def test_line_longer_than_a_block_is_told_and_hangs_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "BLOCK", 1_000)
    field = factories.FieldFactory.build(name="a", native_type="text", kind=FieldKind.TEXT)
    with (
        encoders.HashedFile(tmp_path / "x.parquet") as file,
        encoders.encoder_for(FileFormat.PARQUET, file, [(field, Masking.KEEP)], tmp_path / "rows") as encoder,
        pytest.raises(PermanentSourceError),
    ):
        write_endlessly(encoder)
