"""What counts as a change of a structure, and which changes break a promise."""

from dataclasses import replace

import pytest
from django.utils.translation import override

from registry import structure_words, structures
from registry.choices import FieldKind
from registry.connectors import Check, ColumnDescription, ForeignKey, TableDescription
from registry.structures import ADDITIVE_KINDS, BREAKING_KINDS, Change

ID = ColumnDescription("id", "bigint", FieldKind.INTEGER, nullable=False, is_key=True)
NAME = ColumnDescription("name", "varchar(50)", FieldKind.TEXT, nullable=True, is_key=False, length=50)
SEX = ColumnDescription("sex", "sex", FieldKind.TEXT, nullable=True, is_key=False, enum=("m", "f"))
RATE = ColumnDescription("rate", "numeric(8, 2)", FieldKind.NUMBER, nullable=True, is_key=False, precision=8, scale=2)
CODE = ColumnDescription(
    "code", "app.code", FieldKind.TEXT, True, False, domain="app.code", base_type="varchar(12)", length=12
)
TABLE = TableDescription(
    "app", "people", "table", "Người", 10, (ID, NAME, SEX, RATE, CODE), primary_key=("id",), indexes=(("name",),)
)


def with_column(name, **changes):
    return replace(TABLE, columns=tuple(replace(c, **changes) if c.name == name else c for c in TABLE.columns))


def without(name):
    return replace(TABLE, columns=tuple(c for c in TABLE.columns if c.name != name))


NEW = ColumnDescription("born", "date", FieldKind.DATE, nullable=True, is_key=False)
TYPES = [
    # column, what it becomes, kind of change
    ("name", {"native_type": "varchar(20)", "length": 20}, "type-narrowed"),
    ("name", {"native_type": "varchar(80)", "length": 80}, "type-widened"),
    ("name", {"native_type": "text", "length": None}, "type-widened"),
    ("name", {"native_type": "uuid", "length": None}, "type-widened"),
    ("name", {"native_type": "char(50)"}, "type-changed"),
    ("name", {"native_type": "date", "kind": FieldKind.DATE, "length": None}, "kind-changed"),
    ("name", {"enum": ("a",), "native_type": "sex", "length": None}, "type-narrowed"),
    ("id", {"native_type": "integer"}, "type-narrowed"),
    ("rate", {"native_type": "numeric(6, 2)", "precision": 6}, "type-narrowed"),
    ("rate", {"native_type": "numeric(9, 3)", "precision": 9, "scale": 3}, "type-widened"),
    ("rate", {"native_type": "numeric(8, 4)", "scale": 4}, "type-changed"),
    ("rate", {"native_type": "numeric", "precision": None, "scale": None}, "type-widened"),
    ("rate", {"native_type": "double precision", "precision": 53, "scale": None}, "type-changed"),
    ("sex", {"enum": ("m",)}, "enum-removed"),
    ("sex", {"enum": ("m", "f", "x")}, "enum-added"),
    ("sex", {"enum": (), "native_type": "text"}, "type-widened"),
    ("code", {"base_type": "varchar(8)", "length": 8}, "type-narrowed"),
    ("code", {"domain": "app.mark", "native_type": "app.mark"}, "domain-changed"),
]
FACTS = [
    ("id", {"is_key": False}, "key-lost"),
    ("id", {"nullable": True}, "key-nullable"),
    ("name", {"nullable": False}, "nullable-changed"),
    ("name", {"is_key": True}, "key-added"),
    ("name", {"comment": "Họ tên"}, "column-comment"),
    ("name", {"has_default": True}, "default-changed"),
    ("name", {"is_generated": True}, "generation-changed"),
]
TABLES = [
    (replace(TABLE, columns=(*TABLE.columns, NEW)), "column-added"),
    (without("rate"), "column-dropped"),
    (replace(without("rate"), columns=(*without("rate").columns, replace(RATE, name="price"))), "column-renamed"),
    (replace(TABLE, kind="view"), "relation-kind"),
    (replace(TABLE, comment=""), "table-comment"),
    (replace(TABLE, partition_by="RANGE (id)"), "partitioning-changed"),
    (replace(TABLE, unique=(("name", "sex"),)), "key-added"),
    (replace(TABLE, indexes=()), "index-lost"),
    (replace(TABLE, indexes=(("name",), ("sex",))), "index-added"),
    (replace(TABLE, checks=(Check("positive", "rate > 0"),)), "check-added"),
    (replace(TABLE, foreign_keys=(ForeignKey(("sex",), "app", "sexes", ("code",)),)), "foreign-key-added"),
]
CASES = [(with_column(column, **changes), kind) for column, changes, kind in (*TYPES, *FACTS)] + TABLES


def compared(after, before=TABLE):
    return structures.compare(structures.structure_of(before), structures.structure_of(after))


@pytest.mark.parametrize(("after", "kind"), CASES, ids=[kind for _after, kind in CASES])
def test_one_difference_is_one_change(after, kind):
    (change,) = compared(after)
    assert change.kind == kind
    assert structures.digest(structures.structure_of(after)) != structures.digest(structures.structure_of(TABLE))


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (replace(TABLE, checks=(Check("positive", "rate > 0"),)), "check-lost"),
        (replace(TABLE, foreign_keys=(ForeignKey(("sex",), "app", "sexes", ("code",)),)), "foreign-key-lost"),
        (with_column("id", native_type="integer"), "type-widened"),
    ],
)
def test_the_other_way_round_too(before, kind):
    assert [change.kind for change in compared(TABLE, before)] == [kind]


def test_a_lost_key_of_several_columns_touches_each():
    changes = compared(TABLE, replace(TABLE, unique=(("name", "sex"),)))
    assert [(change.kind, change.column) for change in changes] == [("key-part-lost", "name"), ("key-part-lost", "sex")]
    assert structures.touched_columns(changes) == ["name", "sex"]
    assert not structures.touches_table(changes)


def test_what_is_no_shape_is_no_change():
    after = replace(TABLE, estimated_rows=99, partitions=7, columns=TABLE.columns[::-1])
    assert structures.digest(structures.structure_of(after)) == structures.digest(structures.structure_of(TABLE))


def test_a_table_that_goes_and_comes_back():
    there = structures.structure_of(TABLE)
    gone = structures.gone(there)
    (went,) = structures.compare(there, gone)
    assert (went.kind, went.is_breaking, structures.touches_table([went])) == ("table-gone", True, True)
    assert structures.compare(gone, gone) == []
    (came,) = structures.compare(gone, there)
    assert (came.kind, came.is_breaking, structures.touches_table([came])) == ("table-returned", True, True)


def test_a_column_that_was_known_once_returns_and_breaks():
    added, renamed = Change("column-added", "x"), Change("column-renamed", "a", "a", "b")
    assert structures.returning([added, renamed], {"a"}) == [added, renamed]
    found = structures.returning([added, renamed], {"x", "b"})
    assert [(change.kind, change.column) for change in found] == [
        ("column-returned", "x"),
        ("column-renamed", "a"),
        ("column-returned", "b"),
    ]
    assert structures.touched_columns(found) == ["a", "b", "x"]


def test_facts_that_older_snapshots_did_not_know_are_no_change():
    known = ("name", "type", "kind", "nullable", "key")
    old = structures.structure_of(TABLE)
    old["columns"] = [{name: column[name] for name in known} for column in old["columns"]]
    old = {name: old[name] for name in ("schema", "table", "kind", "columns")}
    assert structures.compare(old, structures.structure_of(TABLE)) == []
    changes = structures.compare(old, structures.structure_of(with_column("name", native_type="text", length=None)))
    assert [change.kind for change in changes] == ["type-changed"]


def test_names_that_look_alike_are_different_columns():
    composed, decomposed = replace(NEW, name="tên"), replace(NEW, name="te\u0302n")
    changes = compared(
        replace(TABLE, columns=(ID, decomposed, replace(NEW, name="ID"))), replace(TABLE, columns=(ID, composed))
    )
    assert {change.kind: change.column for change in changes if "column" in change.kind} == {
        "column-dropped": "tên",
        "column-added": "te\u0302n",
    }


@pytest.mark.parametrize(
    ("version", "changes", "expected"),
    [
        (None, [], (1, 0)),
        ((1, 0), [Change("column-added", "x")], (1, 1)),
        ((1, 9), [Change("column-added", "x"), Change("column-dropped", "y")], (2, 0)),
        ((2, 0), [], (2, 1)),
    ],
)
def test_breaking_changes_raise_the_major_version(version, changes, expected):
    assert structures.next_version(version, changes) == expected


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_change_has_words(language):
    with override(language):
        said = [structure_words.sentence(Change(kind, "c", "b", "a")) for kind in BREAKING_KINDS | ADDITIVE_KINDS]
        assert all(said)
        assert not any("%" in sentence for sentence in said)


def test_kinds_are_breaking_or_not():
    assert not BREAKING_KINDS & ADDITIVE_KINDS
    assert {kind for _after, kind in CASES} <= BREAKING_KINDS | ADDITIVE_KINDS
