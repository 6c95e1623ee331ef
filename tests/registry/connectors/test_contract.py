"""What every engine promises, tested on the same rows; files must be the same byte for byte."""

import csv
import hashlib
import hmac
import io
import json
import socket
import unicodedata
from dataclasses import replace

import pytest
import sqlalchemy

from registry import connectors
from registry.choices import FieldKind, FileFormat, Masking, Operator
from registry.connectors import Column, Condition, ExtractPlan, PermanentSourceError, TemporarySourceError, filters
from tests.registry.connectors.conftest import KEY, MOMENTS, PROVINCES, ROUNDED, ROWS

pytestmark = pytest.mark.postgresql


def _same(results):
    assert all(result == results[0] for result in results)
    return results[0]


def _masked(masking, *names, plan):
    return replace(plan, columns=tuple(replace(c, masking=masking) for c in plan.columns if c.source in names))


def test_csv_holds_exactly_the_rows(connector, plan, extracted):
    data, rows = extracted(connector, plan)

    lines = list(csv.reader(io.StringIO(data.decode(), newline="")))

    assert rows == len(ROWS)
    assert lines[0] == ["id", "họ tên", "born", "note", "alive"]
    assert lines[1:] == [
        [str(i), name or "", born or "", note or "", "" if alive is None else str(alive).lower()]
        for i, name, born, note, alive in ROWS
    ]


def test_csv_tells_nothing_from_empty(connector, plan, extracted):
    data, _rows = extracted(connector, plan)

    assert data.split(b"\n")[1].endswith(b',"",false')
    assert data.endswith(b"\n1000,,,,\n")


def test_json_lines_hold_exactly_the_rows(connector, plan, extracted):
    data, rows = extracted(connector, plan, file_format=FileFormat.JSONL)

    names = [column.name for column in plan.columns]

    assert rows == len(ROWS) == data.count(b"\n")
    assert [json.loads(line) for line in data.decode().split("\n")[:-1]] == [
        dict(zip(names, row, strict=True)) for row in ROWS
    ]


@pytest.mark.parametrize("file_format", FileFormat)
@pytest.mark.parametrize("masking", Masking)
def test_engines_write_the_same_bytes(all_connectors, plan, extracted, file_format, masking):
    fitting = tuple(replace(c, masking=masking) for c in plan.columns if filters.masking_fits(masking, c.kind))
    masked = replace(plan, columns=fitting, file_format=file_format)

    _same([extracted(connector, masked) for connector in all_connectors])


@pytest.mark.parametrize("file_format", FileFormat)
def test_engines_write_the_same_bytes_for_a_single_column(all_connectors, plan, extracted, file_format):
    alone = replace(plan, columns=(plan.columns[3],), file_format=file_format)

    data, rows = _same([extracted(connector, alone) for connector in all_connectors])

    assert rows == len(ROWS)
    assert file_format == FileFormat.JSONL or b'\n"\\."\n' in data


def test_first_chunk_of_csv_is_the_header(connector, plan):
    chunks = connector.extract(plan, pseudonym_key=KEY)

    first = next(chunks)
    chunks.close()

    assert (first.data, first.rows) == ("id,họ tên,born,note,alive\n".encode(), 0)


def test_headers_of_any_length_survive(connector, plan, extracted):
    name = 'Số định danh cá nhân, theo "Luật Căn cước"\n' * 5
    long = replace(plan, columns=(replace(plan.columns[0], name=name),))

    data, _rows = extracted(connector, long)
    lines, _rows = extracted(connector, long, file_format=FileFormat.JSONL)

    assert next(csv.reader(io.StringIO(data.decode(), newline=""))) == [name]
    assert json.loads(lines.splitlines()[0]) == {name: 1}


def test_year_is_all_that_is_left_of_a_date(connector, plan, extracted):
    data, _rows = extracted(connector, _masked(Masking.YEAR, "born", plan=plan))

    assert data.decode().split("\n") == ["born", *(row[2][:4] if row[2] else "" for row in ROWS), ""]


def test_year_of_texts_needs_four_digits(connector, plan, extracted):
    columns = tuple(replace(plan.columns[i], masking=Masking.YEAR, kind=FieldKind.TEXT) for i in (1, 3))
    masked = replace(plan, columns=columns)

    data, _rows = extracted(connector, masked)

    assert set(data.decode().split("\n")[1:-1]) == {","}


def test_moments_are_spelt_alike(all_connectors, extracted):
    plan = ExtractPlan(
        table="figures",
        columns=(Column("moment", "moment", FieldKind.DATETIME),),
        conditions=(Condition("id", FieldKind.INTEGER, Operator.AT_MOST, (str(len(MOMENTS)),)),),
    )

    csv_file, _rows = _same([extracted(connector, plan) for connector in all_connectors])
    lines, _rows = _same([extracted(connector, plan, file_format=FileFormat.JSONL) for connector in all_connectors])

    for masking in (Masking.PSEUDONYM, Masking.PARTIAL, Masking.YEAR):
        masked = replace(plan, columns=(replace(plan.columns[0], masking=masking),))
        _same([extracted(connector, masked) for connector in all_connectors])
    expected = [moment and moment.replace(".120000", ".12") for moment in MOMENTS[:-1]]
    assert csv_file.decode().split("\n")[1:-2] == expected
    assert [json.loads(line)["moment"] for line in lines.splitlines()] == [m.replace(" ", "T") for m in expected] + [
        None
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("whole", FieldKind.INTEGER), ("exact", FieldKind.NUMBER), ("rough", FieldKind.NUMBER)]
)
def test_rounded_numbers_have_two_digits(connector, extracted, name, kind):
    rounded = ExtractPlan(table="figures", columns=(Column("v", name, kind, Masking.ROUNDED),))
    expected = [left for value, left in ROUNDED if value is None or kind != FieldKind.INTEGER or "." not in value]

    csv_file, _rows = extracted(connector, rounded)
    lines, _rows = extracted(connector, rounded, file_format=FileFormat.JSONL)

    assert [line or None for line in csv_file.decode().split("\n")[1:-1] if line] == [left for left in expected if left]
    assert [line for line in lines.decode().split("\n") if line and "null" not in line] == [
        f'{{"v":{left}}}' for left in expected if left
    ]


def test_province_is_all_that_is_left_of_a_number_or_an_address(connector, extracted):
    province = ExtractPlan(
        table="figures",
        columns=(Column("place", "place", FieldKind.TEXT, Masking.PROVINCE),),
        conditions=(Condition("id", FieldKind.INTEGER, Operator.AT_MOST, (str(len(PROVINCES)),)),),
    )

    lines, _rows = extracted(connector, province, file_format=FileFormat.JSONL)

    assert [json.loads(line)["place"] for line in lines.decode().split("\n")[:-1]] == [
        left for _place, left in PROVINCES
    ]


def test_partial_masking_leaves_three_characters(connector, plan, extracted):
    masked = _masked(Masking.PARTIAL, "note", plan=plan)

    data, _rows = extracted(connector, masked, file_format=FileFormat.JSONL)
    notes = [json.loads(line)["note"] for line in data.decode().split("\n")[:-1]]

    for note, row in zip(notes, ROWS, strict=True):
        given = row[3]
        expected = (
            given if given is None else "*" * len(given) if len(given) <= 3 else "*" * (len(given) - 3) + given[-3:]
        )
        assert note == expected


def test_pseudonyms_are_keyed_and_normalised(connector, plan, extracted):
    masked = _masked(Masking.PSEUDONYM, "note", plan=plan)

    data, _rows = extracted(connector, masked)

    def expected(text):
        normal = unicodedata.normalize("NFC", text).encode()
        return hmac.new(KEY, normal, hashlib.sha256).hexdigest()[:32]

    assert data.decode().split("\n")[1:-1] == ["" if row[3] is None else expected(row[3]) for row in ROWS]


@pytest.mark.parametrize("length", [16, 64, 65, 200])
def test_pseudonyms_agree_for_keys_of_any_length(all_connectors, plan, length):
    masked = _masked(Masking.PSEUDONYM, "id", "born", "alive", plan=plan)
    key = bytes(number % 256 for number in range(length))

    _same([b"".join(chunk.data for chunk in c.extract(masked, pseudonym_key=key)) for c in all_connectors])


def test_pseudonyms_without_a_key_are_refused(connector, plan):
    with pytest.raises(PermanentSourceError) as caught:
        connector.extract(_masked(Masking.PSEUDONYM, "note", plan=plan), pseudonym_key=b"")

    assert caught.value.code == "bad-plan"


FILTERS = [
    (("id", FieldKind.INTEGER, Operator.EQUALS, ("3",)), {3}),
    (("id", FieldKind.INTEGER, Operator.IN, ("3", "5", "5", "77")), {3, 5}),
    (("id", FieldKind.INTEGER, Operator.AT_LEAST, ("25",)), {25, 1000}),
    (("id", FieldKind.INTEGER, Operator.AT_MOST, ("2",)), {1, 2}),
    (("id", FieldKind.INTEGER, Operator.BETWEEN, ("3", "4")), {3, 4}),
    (("id", FieldKind.NUMBER, Operator.BETWEEN, ("2.5", "4.0")), {3, 4}),
    (("born", FieldKind.DATE, Operator.AT_LEAST, ("1975-01-01",)), {25}),
    (("born", FieldKind.DATE, Operator.EQUALS, ("1951-03-02",)), {1}),
    (("born", FieldKind.DATE, Operator.IS_NULL, ()), {1000}),
    (("alive", FieldKind.BOOLEAN, Operator.EQUALS, ("true",)), set(range(2, 25, 2))),
    (("note", FieldKind.TEXT, Operator.EQUALS, ("",)), {1}),
    (("note", FieldKind.TEXT, Operator.EQUALS, ("NULL",)), {15}),
    (("note", FieldKind.TEXT, Operator.IN, ('"', "'", "\\", "a,b", "\\n", "{}", "%s %")), {4, 5, 6, 7, 8, 16, 17}),
    (("note", FieldKind.TEXT, Operator.IN, ("null", "two\nlines")), {9, 14}),
    (("note", FieldKind.TEXT, Operator.PREFIX, ("%",)), {17}),
    (("note", FieldKind.TEXT, Operator.PREFIX, ("\\",)), {3, 4, 5}),
    (("note", FieldKind.TEXT, Operator.PREFIX, ("_",)), set()),
    (("note", FieldKind.TEXT, Operator.PREFIX, ("n",)), {14}),
    (("note", FieldKind.TEXT, Operator.PREFIX, ("Ngô B",)), {23, 24}),
    (("note", FieldKind.TEXT, Operator.BETWEEN, ("N", "O")), {15, 23, 24}),
    (("note", FieldKind.TEXT, Operator.EQUALS, ("Ngô Bảo",)), {24}),
    (("note", FieldKind.TEXT, Operator.EQUALS, ("x'; DROP TABLE x; --",)), set()),
]


@pytest.mark.parametrize(("condition", "found"), FILTERS)
def test_filters_find_the_same_rows(connector, plan, extracted, condition, found):
    filtered = replace(plan, columns=plan.columns[:1], conditions=(Condition(*condition),))

    data, rows = extracted(connector, filtered)

    assert {int(line) for line in data.split()[1:]} == found
    assert rows == connector.count(filtered, 5) == len(found)


@pytest.mark.parametrize("masking", Masking)
def test_masked_fields_count_as_others_do(connector, plan, masking):
    fitting = tuple(replace(c, masking=masking) for c in plan.columns if filters.masking_fits(masking, c.kind))

    assert connector.count(replace(plan, columns=fitting[::-1]), 5) == len(ROWS)


def test_conditions_hold_together(connector, plan, extracted):
    conditions = (
        Condition("id", FieldKind.INTEGER, Operator.AT_MOST, ("4",)),
        Condition("alive", FieldKind.BOOLEAN, Operator.EQUALS, ("false",)),
    )

    assert extracted(connector, plan, columns=plan.columns[:1], conditions=conditions)[0] == b"id\n1\n3\n"


def test_a_long_list_of_identifiers_is_one_filter(connector, plan):
    many = tuple(str(number) for number in range(50_000))

    for kind in (FieldKind.INTEGER, FieldKind.TEXT):
        condition = Condition("id" if kind == FieldKind.INTEGER else "note", kind, Operator.IN, many)
        assert connector.count(replace(plan, conditions=(condition,)), 30) == (26 if kind == FieldKind.INTEGER else 0)


@pytest.mark.parametrize(
    "condition",
    [
        ("id", FieldKind.INTEGER, Operator.EQUALS, ("1; DROP TABLE x",)),
        ("id", FieldKind.INTEGER, Operator.EQUALS, ("٣",)),
        ("id", FieldKind.INTEGER, Operator.EQUALS, ("9223372036854775808",)),
        ("id", FieldKind.INTEGER, Operator.EQUALS, ()),
        ("id", FieldKind.INTEGER, Operator.BETWEEN, ("1",)),
        ("id", FieldKind.INTEGER, Operator.PREFIX, ("1",)),
        ("id", FieldKind.NUMBER, Operator.EQUALS, ("nan",)),
        ("id", FieldKind.NUMBER, Operator.EQUALS, ("1e999",)),
        ("born", FieldKind.DATE, Operator.EQUALS, ("31/12/2024",)),
        ("born", FieldKind.DATE, Operator.EQUALS, ("2024-02-30",)),
        ("born", FieldKind.DATETIME, Operator.EQUALS, ("yesterday",)),
        ("alive", FieldKind.BOOLEAN, Operator.EQUALS, ("perhaps",)),
        ("alive", FieldKind.BOOLEAN, Operator.AT_LEAST, ("true",)),
        ("note", FieldKind.TEXT, Operator.EQUALS, ("a\0b",)),
        ("note", FieldKind.TEXT, Operator.EQUALS, ("\ud800",)),
        ("note", FieldKind.TEXT, Operator.EQUALS, ("x" * 1_001,)),
        ("note", FieldKind.TEXT, Operator.IS_NULL, ("x",)),
    ],
)
def test_values_that_do_not_fit_are_refused(connector, plan, condition):
    with pytest.raises(PermanentSourceError) as caught:
        list(connector.extract(replace(plan, conditions=(Condition(*condition),)), pseudonym_key=KEY))

    assert caught.value.code == "bad-filter"
    assert not any(value in str(caught.value) for value in condition[3])


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": ()},
        {"columns": (Column("a", "id", FieldKind.INTEGER), Column("a", "note", FieldKind.TEXT))},
        {"columns": (Column("", "id", FieldKind.INTEGER),)},
        {"columns": (Column("a", "id\0", FieldKind.INTEGER),)},
        {"columns": (Column("a", "id", FieldKind.INTEGER, Masking.YEAR),)},
        {"columns": (Column("a", "note", FieldKind.TEXT, Masking.ROUNDED),)},
        {"columns": (Column("a", "born", FieldKind.DATE, Masking.ROUNDED),)},
        {"columns": (Column("a", "id", FieldKind.INTEGER, Masking.PROVINCE),)},
        {"row_limit": -1},
    ],
)
def test_impossible_plans_are_refused(connector, plan, changes):
    with pytest.raises(PermanentSourceError) as caught:
        connector.extract(replace(plan, **changes), pseudonym_key=KEY)

    assert caught.value.code == "bad-plan"


@pytest.mark.parametrize("file_format", FileFormat)
def test_more_rows_than_agreed_are_an_error(connector, plan, extracted, file_format):
    limited = replace(plan, columns=plan.columns[:1], file_format=file_format)

    assert extracted(connector, limited, row_limit=len(ROWS))[1] == len(ROWS)
    for limit in (0, len(ROWS) - 1):
        with pytest.raises(PermanentSourceError) as caught:
            extracted(connector, limited, row_limit=limit)
        assert caught.value.code == "row-limit"


@pytest.mark.parametrize(
    "changes",
    [
        {"table": "gone"},
        {"schema": "gone"},
        {"columns": (Column("gone", "gone", FieldKind.TEXT),)},
        {"conditions": (Condition("gone", FieldKind.TEXT, Operator.EQUALS, ("x",)),)},
    ],
)
def test_missing_tables_and_columns_mean_that_the_source_changed(connector, plan, changes):
    changed = replace(plan, **changes)
    for call in (
        lambda: list(connector.extract(changed, pseudonym_key=KEY)),
        lambda: connector.lookup(changed, key_field="id", key="1", pseudonym_key=KEY),
    ):
        with pytest.raises(PermanentSourceError) as caught:
            call()
        assert caught.value.code == "source-changed"


def test_look_up_returns_the_record(connector, plan):
    masked = replace(plan, columns=(*plan.columns[:2], replace(plan.columns[2], masking=Masking.YEAR), plan.columns[4]))

    found = connector.lookup(masked, key_field="id", key="2", pseudonym_key=KEY)

    assert found == [{"id": 2, "họ tên": "Người 2", "born": "1952", "alive": True}]


def test_look_up_obeys_the_conditions_of_the_plan(connector, plan):
    dead = replace(plan, conditions=(Condition("alive", FieldKind.BOOLEAN, Operator.EQUALS, ("false",)),))

    assert connector.lookup(dead, key_field="id", key="2", pseudonym_key=KEY) == []
    assert connector.lookup(plan, key_field="id", key="0", pseudonym_key=KEY) == []


def test_look_up_by_a_field_that_is_not_delivered(connector, plan):
    only_id = replace(plan, columns=plan.columns[:1])

    for spelling in ("NFC", "NFD"):
        key = unicodedata.normalize(spelling, "Ngô Bảo Châu")
        assert connector.lookup(only_id, key_field="note", key=key, pseudonym_key=KEY) == [{"id": 23}]


def test_ambiguous_look_up_returns_two(connector, plan):
    assert len(connector.lookup(plan, key_field="alive", key="true", pseudonym_key=KEY)) == 2


def test_look_up_refuses_keys_that_do_not_fit(connector, plan):
    with pytest.raises(PermanentSourceError) as caught:
        connector.lookup(plan, key_field="id", key="1 OR 1=1", pseudonym_key=KEY)

    assert caught.value.code == "bad-filter"


def test_reading_gives_sqlalchemy_one_read_only_connection(connector):
    (known,) = connector.describe(table="Công dân")
    columns = (sqlalchemy.column(column.name) for column in known.columns)
    people = sqlalchemy.table(known.name, *columns, schema=known.schema)

    with connector.reading(5) as connection:
        counted = connection.execute(sqlalchemy.select(sqlalchemy.func.count()).select_from(people)).scalar()
        found = connection.execute(sqlalchemy.select(people.c["ho ten"]).where(people.c.id == 3)).scalar()
        columns = sqlalchemy.inspect(connection).get_columns(known.name, known.schema)

    assert (counted, found, len(columns)) == (len(ROWS), "Người 3", 5)


def test_reading_translates_errors_and_refuses_writes(connector):
    (known,) = connector.describe(table="Công dân")
    people, gone = (sqlalchemy.table(name, schema=known.schema) for name in (known.name, "gone"))
    for statement, code in (
        (sqlalchemy.select(sqlalchemy.text("1")).select_from(gone), "source-changed"),
        (people.delete(), None),
    ):
        with pytest.raises(PermanentSourceError) as caught, connector.reading(5) as connection:
            connection.execute(statement)
        assert code in (None, caught.value.code)
    with pytest.raises(PermanentSourceError) as caught, connector.reading(5) as connection:
        sqlalchemy.inspect(connection).get_columns("gone", known.schema)
    assert caught.value.code == "source-changed"


def test_describe_finds_columns_kinds_and_keys(connector):
    (table,) = connector.describe(table="Công dân")

    assert (table.name, table.kind) == ("Công dân", "table")
    assert [(c.name, c.kind, c.is_key, c.nullable) for c in table.columns] == [
        ("id", FieldKind.INTEGER, True, table.columns[0].nullable),
        ("ho ten", FieldKind.TEXT, False, True),
        ("born", FieldKind.DATE, False, True),
        ("note", FieldKind.TEXT, False, True),
        ("alive", FieldKind.BOOLEAN, False, True),
    ]
    assert connector.describe(table="gone") == connector.describe(schema="gone") == []


# Quotes, 63 bytes, right to left, composed in the other way.
ODD_NAMES = [
    'quo"te',
    "tick`tick",
    "it's",
    "a" * 63,
    "ư" * 31 + "a",
    "مواطن",
    "\u202eabc",
    "Ngo\u0302 Ba\u0309o",
    "%s %(a)s",
    "new\nline",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_identifiers_survive(connector, make_table, extracted, name):
    make_table(name)

    (table,) = connector.describe(table=name)
    plan = ExtractPlan(table=name, columns=(Column(name, name, FieldKind.TEXT),), file_format=FileFormat.JSONL)
    equal = replace(plan, conditions=(Condition(name, FieldKind.TEXT, Operator.EQUALS, ("x",)),))

    assert name in [one.name for one in connector.describe()]
    assert (table.name, [column.name for column in table.columns]) == (name, [name])
    data, rows = extracted(connector, equal)
    assert (json.loads(data), rows, connector.count(equal, 5)) == ({name: "x"}, 1, 1)
    assert connector.lookup(plan, key_field=name, key="x", pseudonym_key=KEY) == [{name: "x"}]
    with connector.reading(5) as connection:
        shown = sqlalchemy.table(name, sqlalchemy.column(name), schema=table.schema or None)
        assert connection.execute(sqlalchemy.select(shown.c[name])).scalars().all() == ["x"]


def test_connections_declare_what_they_take_and_what_is_secret(connector):
    declared = {parameter.name: parameter for parameter in connector.parameters}

    assert {name for name, parameter in declared.items() if parameter.secret} == set(declared) & {"credential"}
    assert ("credential" in declared) == ("username" in declared) == ("host" in declared)
    assert declared["name"].required
    assert all(str(parameter.label) for parameter in connector.parameters)
    assert not connector.address.password or connector.address.password not in repr(connector.address)


def _every_way_in(connector, plan):
    def read():
        with connector.reading(5) as connection:
            connection.execute(sqlalchemy.select(1))

    return {
        "check": connector.check,
        "describe": connector.describe,
        "reading": read,
        "extract": lambda: list(connector.extract(plan, pseudonym_key=KEY)),
        "lookup": lambda: connector.lookup(plan, key_field="id", key="1", pseudonym_key=KEY),
        "count": lambda: connector.count(plan, 5),
    }


WAYS = ("check", "describe", "reading", "extract", "lookup", "count")
NETWORK = ("host", "username")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("database", "service=evil"), ("database", "passfile=/etc/passwd"), ("database", "postgresql://evil/x"), ("database", ""),
        ("database", "x\0y"), ("username", "service=evil"), ("username", "passfile=/etc/passwd"), ("host", "169.254.169.254"),
        ("host", "service=evil"), ("host", "passfile=/etc/passwd"), ("host", "localhost,evil.example"), ("host", "/run/evil"),
        ("host", "@evil"), ("host", "other.example"),
    ],
)  # fmt: skip
def test_hostile_addresses_are_refused_by_every_way_in(connector, plan, way, part, value):
    if part in NETWORK and not connector.address.host:
        pytest.skip("reached by its path alone")
    hostile = connectors.get(replace(connector.address, **{part: value}))

    with pytest.raises(PermanentSourceError) as caught:
        _every_way_in(hostile, plan)[way]()

    assert caught.value.code == "bad-address"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("answer", ["169.254.169.254", "127.0.0.1", "fe80::1"])
def test_name_that_another_host_answers_for_is_not_connected_to(connector, plan, settings, monkeypatch, way, answer):
    if not connector.address.host:
        pytest.skip("reached by its path alone")
    family = socket.AF_INET6 if ":" in answer else socket.AF_INET
    place = (family, socket.SOCK_STREAM, 6, "", (answer, connector.address.port))
    settings.SOURCE_ALLOWED_ADDRESSES = [f"db.example.vn:{connector.address.port}"]
    named = connectors.get(replace(connector.address, host="db.example.vn"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [place])
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kwargs: pytest.fail("connected"))
    monkeypatch.setattr("psycopg.connect", lambda **kwargs: pytest.fail("connected"))

    with pytest.raises(PermanentSourceError) as caught:
        _every_way_in(named, plan)[way]()

    assert caught.value.code == "bad-address"


@pytest.mark.parametrize("way", WAYS)
def test_source_that_is_away_is_a_temporary_error(connector, plan, settings, way):
    address = connector.address
    if address.host:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = replace(address, port=closed.getsockname()[1])
        settings.SOURCE_ALLOWED_ADDRESSES = [f"{address.host}:{address.port}"]
    else:
        address = replace(address, database=f"{address.database} of tomorrow")

    with pytest.raises(TemporarySourceError) as caught:
        _every_way_in(connectors.get(address), plan)[way]()

    assert caught.value.code == "unreachable"


@pytest.mark.parametrize("way", WAYS)
def test_wrong_password_is_a_permanent_error(connector, plan, way):
    if not connector.address.host:
        pytest.skip("takes no password")
    wrong = connectors.get(replace(connector.address, password="wrong-one"))

    with pytest.raises(PermanentSourceError) as caught:
        _every_way_in(wrong, plan)[way]()

    assert caught.value.code == "access-denied"
    assert "wrong-one" not in str(caught.value)


def test_describe_stops_at_too_many_tables(connector, monkeypatch):
    monkeypatch.setattr("registry.connectors.reflection.MOST_TABLES", 0)

    with pytest.raises(PermanentSourceError) as caught:
        connector.describe()

    assert caught.value.code == "too-many-tables"


def test_check_names_the_version_and_warns_of_rights(connector):
    result = connector.check()

    assert result.server_version
    assert result.seconds < 5
    assert result.warnings


def test_abandoned_extracts_can_be_closed_at_any_point(connector, plan):
    for wanted in range(4):
        chunks = connector.extract(plan, pseudonym_key=KEY)
        for _number in range(wanted):
            next(chunks, None)
        chunks.close()


def test_digest_follows_every_part_of_the_plan(plan):
    changed = [
        plan,
        replace(plan, table="other"),
        replace(plan, schema="other"),
        replace(plan, row_limit=1),
        replace(plan, file_format=FileFormat.JSONL),
        replace(plan, columns=plan.columns[:-1]),
        replace(plan, conditions=(Condition("id", FieldKind.INTEGER, Operator.EQUALS, ("1",)),)),
        _masked(Masking.NULL, "id", plan=plan),
    ]

    digests = {one.digest() for one in changed}

    assert len(digests) == len(changed)
    assert plan.digest() == replace(plan).digest()
    assert all(len(digest) == 64 for digest in digests)


def test_errors_can_be_told_apart_and_travel():
    import pickle

    error = pickle.loads(pickle.dumps(TemporarySourceError("source-slow")))  # noqa: S301

    assert (type(error), error.code) == (TemporarySourceError, "source-slow")
