"""Files in a folder as a source: what is a table, what is refused, and what is noticed while reading."""

import gc
import json
import os
import tracemalloc
from contextlib import closing, suppress
from dataclasses import replace

import duckdb
import pytest
from django.utils import translation

from registry.choices import Engine, FieldKind, FileFormat, Operator
from registry.connectors import (
    Address,
    Column,
    Condition,
    ExtractPlan,
    PermanentSourceError,
    TemporarySourceError,
    get,
)
from registry.connectors.addresses import check_address
from registry.connectors.files import folder as folders
from registry.connectors.files import session
from tests.registry.connectors.conftest import KEY

A = Column("a", "a", FieldKind.TEXT)


@pytest.fixture
def folder(source_folder):
    path = source_folder / "agency"
    path.mkdir()
    return path


@pytest.fixture
def source(folder):
    return get(Address(engine=Engine.FILES, database=str(folder), statement_timeout=30))


@pytest.fixture
def parquet(folder):
    """Write the rows of a query to a file below the folder."""
    with closing(duckdb.connect()) as engine:

        def write(path, query):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            quoted = str(target).replace("'", "''")
            engine.execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet)")
            return target

        yield write


def _columns(source, table):
    (described,) = source.describe(table=table)
    return {column.name: column for column in described.columns}


def _extract(source, table, columns=(A,), **parts):
    plan = ExtractPlan(table=table, columns=tuple(columns), **parts)
    return b"".join(chunk.data for chunk in source.extract(plan, pseudonym_key=KEY))


def _refused(call, code, error=PermanentSourceError):
    with pytest.raises(error) as caught:
        call()
    assert (type(caught.value), caught.value.code) == (error, code)
    return str(caught.value)


def test_without_a_description_all_columns_are_text(source, folder):
    (folder / "x.csv").write_text("a,b\n0012,2024-05-01\n")

    assert {c.kind for c in _columns(source, "x").values()} == {FieldKind.TEXT}
    assert _extract(source, "x") == b"a\n0012\n"
    assert "1" in str(source.check().warnings)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a;b\n1,5;x\n", "1,5"),
        ("a\tb\n1;5\tx\n", "1;5"),
        ("a|b\nx|y\n", "x"),
        ('"a";"b,c,d"\n1;2\n', "1"),
        ("\ufeffa,b\r\nx,y\r\n", "x"),
        ('\ufeff"a",b\nx,y', "x"),
        ("a\nx\n", "x"),
    ],
)
def test_usual_spellings_of_csv_are_read(source, folder, data, expected):
    (folder / "x.csv").write_text(data, newline="")

    assert _extract(source, "x", file_format=FileFormat.JSONL) == f'{{"a":{json.dumps(expected)}}}\n'.encode()


def test_names_that_are_missing_or_doubled_are_told_apart(source, folder):
    (folder / "x.csv").write_text("a,,a,A,a 2\n1,2,3,4,5\n")

    assert list(_columns(source, "x")) == ["a", "column 2", "a 3", "A", "a 2"]
    columns = [Column(name, name, FieldKind.TEXT) for name in ("a 3", "A", "a 2")]
    assert _extract(source, "x", columns) == b"a 3,A,a 2\n3,4,5\n"


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1\n", b"a,b\n1,2,3\n", b'a,b\n1,"2\n3,4\n', b'a,b\n1,2\n3,"4', b'a,b\n1,"2"x\n', b"a,b\n1,\xe9\n", b"",
        b"\xff\xfea\x00,\x00b\x00\n\x00", b"\n1,2\n", b'"a,b\n1,2\n', b"a,b\n1," + b"x" * 17 * 1024 * 1024 + b"\n",
    ],
)  # fmt: skip
def test_damaged_lines_are_never_lost_silently(source, folder, data):
    (folder / "x.csv").write_bytes(data)

    told = _refused(lambda: _extract(source, "x"), "bad-file")
    assert "x" in told
    with pytest.raises(PermanentSourceError):
        source.count(ExtractPlan(table="x", columns=(A,)), 5)


def test_huge_and_odd_cells_survive(source, folder):
    cells = ["=1+1", "\u202eabc", "Ngo\u0302", "x\0y", "x" * 5_000_000, "\ufeff"]
    (folder / "x.csv").write_text("a,b\n" + "".join(f'"{cell}",1\n' for cell in cells), newline="")

    lines = _extract(source, "x", file_format=FileFormat.JSONL).decode().split("\n")[:-1]
    assert [json.loads(line)["a"] for line in lines] == cells


DESCRIBED = {
    "dc:title": {"vi": "Thu nhập"},
    "dialect": {"delimiter": ";"},
    "tableSchema": {
        "columns": [
            {"titles": "ngày sinh", "datatype": {"base": "date", "format": "dd/MM/yyyy"}, "dc:description": "theo giấy khai sinh"},
            {"name": "thu nhập", "datatype": {"base": "decimal", "format": {"decimalChar": ",", "groupChar": "."}}},
            {"name": "còn sống", "datatype": {"base": "boolean", "format": "Có|Không"}, "required": True},
            {"name": "lúc", "datatype": "datetime"},
        ],
        "primaryKey": "thu nhập",
    },
}  # fmt: skip
VIETNAMESE = "ngày sinh;thu nhập;còn sống;lúc\n31/12/1999;1.234.567,80;Có;2024-05-01T10:00:00\n;;;\n"
FOUR = [
    Column("a", "ngày sinh", FieldKind.DATE), Column("b", "thu nhập", FieldKind.NUMBER),
    Column("c", "còn sống", FieldKind.BOOLEAN), Column("d", "lúc", FieldKind.DATETIME),
]  # fmt: skip


def test_description_beside_the_file_says_what_columns_hold(source, folder):
    (folder / "x.csv").write_text(VIETNAMESE)
    (folder / "x.csv-metadata.json").write_text(json.dumps(DESCRIBED))

    (table,) = source.describe(table="x")
    data = _extract(source, "x", FOUR, file_format=FileFormat.JSONL)

    assert (table.comment, table.columns[0].comment) == ("Thu nhập", "theo giấy khai sinh")
    assert table.primary_key == ("thu nhập",)
    assert [(c.kind, c.is_key, c.nullable) for c in table.columns] == [
        (FieldKind.DATE, False, True), (FieldKind.NUMBER, True, True), (FieldKind.BOOLEAN, False, False), (FieldKind.DATETIME, False, True),
    ]  # fmt: skip
    assert data.decode().split("\n")[:2] == [
        '{"a":"1999-12-31","b":1234567.80,"c":true,"d":"2024-05-01T10:00:00"}',
        '{"a":null,"b":null,"c":null,"d":null}',
    ]
    above = Condition("thu nhập", FieldKind.NUMBER, Operator.AT_LEAST, ("1234567.8",))
    assert source.count(ExtractPlan(table="x", columns=tuple(FOUR), conditions=(above,)), 5) == 1


@pytest.mark.parametrize(
    ("datatype", "value"),
    [("integer", "1.5"), ("integer", "x"), ("integer", "9" * 30), ("decimal", "1,5"), ("date", "2024-02-30"), ("date", "2024-05-01 10:00"), ("boolean", "2")],
)  # fmt: skip
def test_value_that_does_not_fit_its_description_is_refused(source, folder, datatype, value):
    (folder / "x.csv").write_text(f'a\n"{value}"\n')
    (folder / "x.csv-metadata.json").write_text(
        json.dumps({"tableSchema": {"columns": [{"name": "a", "datatype": datatype}]}})
    )

    told = _refused(lambda: _extract(source, "x"), "bad-file")
    assert f" {value} " not in told


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"tableSchema": 1}', '{"dialect": {"encoding": "windows-1258"}}', '{"dialect": {"delimiter": "ab"}}', '{"tableSchema": {"columns": [{"name": "a", "datatype": {"base": "date", "format": "EEEE"}}]}}'],
)  # fmt: skip
def test_description_that_cannot_be_understood_is_refused(source, folder, text):
    (folder / "x.csv").write_text("a\n1\n")
    (folder / "x.csv-metadata.json").write_text(text)

    _refused(lambda: _extract(source, "x"), "bad-file")


def test_parquet_types_come_down_to_kinds(source, parquet):
    parquet(
        "x.parquet",
        """SELECT 1::UTINYINT AS tiny, 170141183460469231731687303715884105727::HUGEINT::DOUBLE AS huge, 1.50::DECIMAL(10, 2) AS money,
        0.1::FLOAT AS small, 'infinity'::DOUBLE AS endless, true AS yes, DATE '2024-05-01' AS day, TIMESTAMP '2024-05-01 10:00:00.5' AS at,
        TIMESTAMPTZ '2024-05-01 10:00:00+07' AS zoned, 'x'::BLOB AS raw, [1, 2] AS list, {'k': 'v'} AS struct,
        '0e1f2a3b-0000-0000-0000-000000000001'::UUID AS uuid, 2.0::DOUBLE AS whole""",
    )
    found = _columns(source, "x")

    data = _extract(source, "x", [Column(n, n, c.kind) for n, c in found.items()], file_format=FileFormat.JSONL)

    kinds = [FieldKind.INTEGER, *[FieldKind.NUMBER] * 4, FieldKind.BOOLEAN, FieldKind.DATE, *[FieldKind.DATETIME] * 2]
    assert [c.kind for c in found.values()] == [*kinds, *[FieldKind.OTHER] * 3, FieldKind.TEXT, FieldKind.NUMBER]
    assert json.loads(data) == {
        "tiny": 1, "huge": 1.7014118346046923e38, "money": 1.5, "small": 0.1, "endless": "Infinity", "yes": True, "day": "2024-05-01",
        "at": "2024-05-01T10:00:00.5", "zoned": "2024-05-01T03:00:00+00", "raw": "\\x78", "list": "[1,2]", "struct": '{"k":"v"}',
        "uuid": "0e1f2a3b-0000-0000-0000-000000000001", "whole": 2,
    }  # fmt: skip
    assert source.describe(table="x")[0].estimated_rows == 1


def test_folder_of_partitions_is_one_table(source, parquet):
    parquet("t/năm=2023/tỉnh=H%C3%A0 Nội/0.parquet", "SELECT 'x' AS a, 1 AS n")
    parquet("t/năm=2024/tỉnh=Huế, 'a' *?[b]/0.parquet", "SELECT 'y' AS a")
    parquet("t/năm=2024/tỉnh=Huế, 'a' *?[b]/1.parquet", "SELECT 'z' AS a")
    parquet("t/_SUCCESS.parquet", "SELECT 1 AS other")

    columns = [Column(name, name, FieldKind.TEXT) for name in ("a", "năm", "tỉnh")]
    in_2024 = Condition("năm", FieldKind.TEXT, Operator.EQUALS, ("2024",))

    assert list(_columns(source, "t")) == ["a", "n", "năm", "tỉnh"]
    assert _extract(source, "t", columns).decode() == (
        "a,năm,tỉnh\nx,2023,Hà Nội\ny,2024,\"Huế, 'a' *?[b]\"\nz,2024,\"Huế, 'a' *?[b]\"\n"
    )
    assert source.count(ExtractPlan(table="t", columns=(A,), conditions=(in_2024,)), 5) == 2


def test_folder_of_csv_needs_one_header(source, folder):
    (folder / "t").mkdir()
    for name in "12":
        (folder / "t" / f"{name}.csv").write_text(f"a,b\n{name},x\n")

    assert _extract(source, "t") == b"a\n1\n2\n"
    (folder / "t" / "3.csv").write_text("b,a\n3,x\n")
    _refused(lambda: _extract(source, "t"), "bad-file")


def test_names_that_stand_for_two_tables_stand_for_none(source, folder, parquet):
    (folder / "x.csv").write_text("a\n1\n")
    parquet("x.parquet", "SELECT 2 AS a")
    parquet("mixed/1.parquet", "SELECT 2 AS a")
    (folder / "mixed" / "2.csv").write_text("a\n1\n")
    (folder / "y.csv").write_text("a\n1\n")
    (folder / "notes.txt").write_text("a\n1\n")

    assert [table.name for table in source.describe()] == ["y"]
    _refused(lambda: _extract(source, "x"), "source-changed")
    assert "mixed, x" in str(source.check().warnings)


@pytest.mark.parametrize(
    "names", [("a", "A"), ("Ngô", "Ngo\u0302"), ("HÀ NỘI", "hà nội"), ("hà", "HA\u0300"), ("straße", "STRASSE"), ("Ô", "o\u0302")]
)  # fmt: skip
@pytest.mark.parametrize("folders", [0, 1, 2])
def test_names_that_look_the_same_stand_for_no_table(source, folder, names, folders):
    for number, name in enumerate(names):
        if number < folders:
            (folder / name).mkdir()
        (folder / (f"{name}/1.csv" if number < folders else f"{name}.csv")).write_text("x\n1\n")
    (folder / "other.csv").write_text("x\n1\n")

    assert [table.name for table in source.describe()] == ["other"]
    for name in names:
        assert source.describe(table=name) == []
        _refused(lambda name=name: _extract(source, name), "source-changed")
    assert f": {', '.join(sorted(names))}." in str(source.check().warnings[-1])
    with source.reading(5) as connection:
        assert connection.dialect.get_table_names(connection) == ["other"]


@pytest.mark.parametrize("part", ["a=%FF", "%FF=a", "a=%C3", "a=%00", "%00=a", "a=x%00y", "a=%ED%A0%80"])
def test_folder_whose_name_is_no_text_is_refused(source, folder, parquet, part):
    parquet(f"p/{part}/0.parquet", "SELECT 1 AS n")
    (folder / "c" / part).mkdir(parents=True)
    (folder / "c" / part / "0.csv").write_text("n\n1\n")

    for name in "pc":
        for call in (lambda name=name: source.describe(table=name), lambda name=name: _extract(source, name)):
            told = _refused(call, "bad-file")
            assert f"“{part}”" in told
            assert f"“{name}”" in told


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (("năm=1/0", "tỉnh=1/0"), ("năm", "tỉnh")),
        (("0", "100%s=1/0"), ("no key", "100%s")),
        (("a=1/b=2/0", "b=2/a=1/0"), ("a, b", "b, a")),
    ],
)
def test_folders_of_other_keys_are_refused_with_what_differs(source, folder, parquet, paths, told):
    for path in paths:
        parquet(f"p/{path}.parquet", "SELECT 1 AS n")
        (folder / "c" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "c" / f"{path}.csv").write_text("n\n1\n")

    for name in "pc":
        with translation.override("en"):
            message = _refused(lambda name=name: source.describe(table=name), "bad-file")
        assert message == f"The folders of “{name}” do not have the same keys: one has {told[0]}, another {told[1]}."


def test_folder_of_csv_has_its_partitions_as_columns(source, folder):
    for path, line in {
        "năm=2023/tỉnh=H%C3%A0 Nội": "x,01", "năm=2024/tỉnh=Huế, 'a' *?[b]": '"y\nz",02', "năm=2024/tỉnh=007": ",03",
    }.items():  # fmt: skip
        (folder / "t" / path).mkdir(parents=True)
        (folder / "t" / path / "0.csv").write_text(f"a,tỉnh\n{line}\n")
    described = {"tableSchema": {"columns": [{"name": "năm", "datatype": "integer", "dc:title": "Năm"}]}}
    (folder / "t-metadata.json").write_text(json.dumps(described))

    columns = [Column(name, name, FieldKind.TEXT) for name in ("a", "năm", "tỉnh 2", "tỉnh")]
    in_2024 = Condition("năm", FieldKind.INTEGER, Operator.AT_LEAST, ("2024",))
    found = _columns(source, "t")

    assert {name: column.kind for name, column in found.items()} == {
        "a": FieldKind.TEXT, "tỉnh": FieldKind.TEXT, "năm": FieldKind.INTEGER, "tỉnh 2": FieldKind.TEXT,
    }  # fmt: skip
    assert found["năm"].comment == "Năm"
    assert _extract(source, "t", columns).decode() == (
        'a,năm,tỉnh 2,tỉnh\nx,2023,Hà Nội,01\n,2024,007,03\n"y\nz",2024,"Huế, \'a\' *?[b]",02\n'
    )
    assert source.count(ExtractPlan(table="t", columns=(A,), conditions=(in_2024,)), 5) == 2
    assert source.lookup(ExtractPlan(table="t", columns=(A,)), key_field="tỉnh 2", key="Hà Nội", pseudonym_key=KEY) == [
        {"a": "x"}
    ]


def test_odd_names_survive(source, folder):
    names = ['quo"te', "per%cent ?", "Ngo\u0302", "\u202eabc", "'; DROP TABLE x; --", "a]b[c*", "new\nline", "x=1"]
    for name in names:
        (folder / f"{name}.csv").write_text('"' + name.replace('"', '""') + '",b\nx,y\n')

    for name in names:
        (table,) = source.describe(table=name)
        assert (table.name, table.columns[0].name) == (name, name)
        assert _extract(source, name, [Column("a", name, FieldKind.TEXT)]) == b"a\nx\n"
    with source.reading(5) as connection:
        assert len(connection.dialect.get_table_names(connection)) == len(names)


def test_links_and_odd_files_lead_nowhere(source, folder, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\nsecret\n")
    (folder / "link.csv").symlink_to(secret)
    (folder / "away").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.csv")
    (folder / ".hidden.csv").write_text("a\n1\n")
    os.symlink(folder, folder / "loop")

    assert source.describe() == []
    assert source.check().warnings
    _refused(lambda: _extract(source, "link"), "source-changed")


@pytest.mark.parametrize("swapped", ["x.csv", "t/1.csv"])
def test_file_swapped_for_a_link_after_it_was_found_is_not_opened(folder, source, tmp_path, swapped):
    (tmp_path / "t").mkdir()
    (tmp_path / swapped).write_text("a\nsecret\n")
    (folder / "t").mkdir()
    (folder / swapped).write_text("a\n1\n")
    store = folders.Folder(check_address(source.address))
    (found,) = store.files()
    target = folder / swapped.split("/")[0]
    target.rename(folder / "aside")
    target.symlink_to(tmp_path / swapped.split("/")[0])

    with pytest.raises(TemporarySourceError):
        store.open(found)


def test_folder_swapped_for_a_link_is_not_entered(folder, source, tmp_path, monkeypatch):
    endpoint = check_address(source.address)
    (tmp_path / "x.csv").write_text("a\nsecret\n")
    folder.rename(folder.with_name("aside"))
    folder.symlink_to(tmp_path)

    with pytest.raises(TemporarySourceError):
        folders.Folder(endpoint)


@pytest.mark.parametrize("change", ["append", "replace", "delete", "same-size"])
def test_file_that_changes_while_it_is_read_is_noticed(source, folder, change):
    path = folder / "x.csv"
    path.write_text("a,b\n" + "1,x\n" * 100_000)
    chunks = source.extract(ExtractPlan(table="x", columns=(A, Column("b", "b", FieldKind.TEXT))), pseudonym_key=KEY)
    next(chunks)
    next(chunks)
    if change == "append":
        with path.open("a") as file:
            file.write("2,y\n")
    elif change == "same-size":
        facts = path.stat()
        path.write_text("a,b\n" + "2,y\n" * 100_000)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    elif change == "replace":
        (folder / "new").write_text("a,b\n1,x\n")
        (folder / "new").rename(path)
    else:
        path.unlink()

    _refused(lambda: list(chunks), "file-changed", TemporarySourceError)


def test_half_a_file_is_damaged_only_when_it_stays_so(source, folder, parquet, monkeypatch):
    path = parquet("x.parquet", "SELECT range AS a FROM range(1000)")
    path.write_bytes(path.read_bytes()[:-100])
    _refused(lambda: source.describe(), "bad-file")

    original = session.translated

    def still_growing(error, files, name):
        with path.open("ab") as file:
            file.write(b"x")
        return original(error, files, name)

    monkeypatch.setattr(session, "translated", still_growing)
    _refused(lambda: source.describe(), "file-changed", TemporarySourceError)


def test_slow_statement_is_temporary(source, folder):
    (folder / "x.csv").write_text("a\n" + "x\n" * 3_000_000)
    slow = get(replace(source.address, statement_timeout=1))
    pattern = ExtractPlan(table="x", columns=(A, *(Column(f"a{n}", "a", FieldKind.TEXT) for n in range(8))))

    _refused(lambda: list(slow.extract(pattern, pseudonym_key=KEY)), "source-slow", TemporarySourceError)


def test_memory_stays_flat(source, parquet):
    parquet("x.parquet", "SELECT range AS id, repeat('x', 600) || range AS a FROM range(60000)")
    plan = ExtractPlan(table="x", columns=(Column("id", "id", FieldKind.INTEGER), A))
    gc.collect()
    tracemalloc.start()
    try:
        size = sum(len(chunk.data) for chunk in source.extract(plan, pseudonym_key=KEY))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * 1024 * 1024 < size


@pytest.fixture
def locked(source, folder):
    (folder / "x.csv").write_text("a\n1\n")
    with session.opened(folders.Folder(check_address(source.address)), 5) as files:
        yield files


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/ndc-escape'", "ATTACH '/tmp/ndc-escape.db'", "INSTALL httpfs", "LOAD httpfs",
        "SET enable_external_access = true", "SET memory_limit = '90GB'", "SET threads = 64", "EXPORT DATABASE '/tmp/ndc-escape'",
        "SELECT * FROM 'https://example.org/x.csv'", "RESET lock_configuration", "COPY (SELECT 1) TO 'handed://f0/file'",
    ],
)  # fmt: skip
def test_engine_reaches_nothing_but_the_files_handed_to_it(locked, statement):
    with pytest.raises(duckdb.Error):
        locked.connection.execute(statement)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.csv", "x.csv", "*"])
def test_engine_finds_no_files_by_their_names(locked, path):
    with suppress(duckdb.Error):
        assert locked.connection.execute("SELECT * FROM read_text(?)", [f"handed://{path}"]).fetchall() == []


@pytest.mark.parametrize("database", ["relative", "/", "/etc", "", "file:///etc", "S3://bucket/x"])
def test_folder_must_lie_in_an_allowed_folder(source_folder, database):
    _refused(lambda: check_address(Address(engine=Engine.FILES, database=database)), "bad-address")


def test_file_is_no_folder(source_folder):
    (source_folder / "x.csv").touch()
    _refused(lambda: check_address(Address(engine=Engine.FILES, database=str(source_folder / "x.csv"))), "bad-address")
