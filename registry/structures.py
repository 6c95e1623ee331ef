"""The shape of a table as a document that can be hashed, and what changed between two of them. Pure, without rows."""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum

import rfc8785

from registry.connectors import ColumnDescription, TableDescription

FORM = 2  # of the document; form 1 knew columns with name, type, kind, nullable and key only

# Whole and approximate numbers from narrow to wide: a value of one fits into those after it.
RANKS = (
    ("tinyint", "smallint", "mediumint", "integer", "int", "bigint"),
    ("real", "float", "double", "double precision"),
)


class Severity(Enum):
    """What a change means for whoever was promised the table as it was."""

    BREAKING = "breaking"
    ADDITIVE = "additive"


BREAKING_KINDS = frozenset(
    {
        "table-gone",
        "table-returned",  # whoever was promised the old one does not know what this one holds
        "relation-kind",
        "column-dropped",
        "column-returned",
        "column-renamed",
        "kind-changed",
        "type-narrowed",
        "type-changed",
        "key-nullable",
        "key-lost",
        "key-part-lost",
        "enum-removed",
    }
)
ADDITIVE_KINDS = frozenset(
    {
        "table-comment",
        "column-added",
        "column-comment",
        "type-widened",
        "nullable-changed",
        "key-added",
        "enum-added",
        "domain-changed",
        "generation-changed",
        "default-changed",
        "foreign-key-added",
        "foreign-key-lost",
        "check-added",
        "check-lost",
        "index-added",
        "index-lost",
        "partitioning-changed",
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `column` is empty where the table as a whole is meant; the rest are texts to be shown."""

    kind: str
    column: str = ""
    before: str = ""
    after: str = ""

    @property
    def severity(self) -> Severity:
        return Severity.BREAKING if self.kind in BREAKING_KINDS else Severity.ADDITIVE

    @property
    def is_breaking(self) -> bool:
        return self.severity is Severity.BREAKING

    def as_document(self) -> dict:
        return asdict(self)


def structure_of(table: TableDescription) -> dict:
    """What makes up a table's shape, in one order: no row counts, no positions, no number of partitions."""
    document = {
        "form": FORM,
        "schema": table.schema,
        "table": table.name,
        "kind": table.kind,
        "columns": [_column(column) for column in sorted(table.columns, key=lambda column: column.name)],
    }
    further = {
        "comment": table.comment,
        "primary_key": list(table.primary_key),
        "unique": sorted(map(list, table.unique)),
        "foreign_keys": sorted(
            (
                {"columns": list(key.columns), "schema": key.schema, "table": key.table, "target": list(key.target)}
                for key in table.foreign_keys
            ),
            key=lambda key: (key["columns"], key["schema"], key["table"], key["target"]),
        ),
        "checks": sorted(
            ({"name": check.name, "expression": check.expression} for check in table.checks),
            key=lambda check: (check["name"], check["expression"]),
        ),
        "indexes": sorted(map(list, table.indexes)),
        "partition_by": table.partition_by,
    }
    return document | {name: value for name, value in further.items() if value}


def _column(column: ColumnDescription) -> dict:
    document = {
        "name": column.name,
        "type": column.native_type,
        "kind": str(column.kind),
        "nullable": column.nullable,
        "key": column.is_key,
    }
    further = {
        "comment": column.comment,
        "enum": list(column.enum),
        "domain": column.domain,
        "base": column.base_type,
        "length": column.length,
        "precision": column.precision,
        "scale": column.scale,
        "generated": column.is_generated,
        "identity": column.is_identity,
        "default": column.has_default,
    }
    return document | {name: value for name, value in further.items() if value not in (None, "", [], False)}


def gone(structure: dict) -> dict:
    """The document of a table that the source no longer has."""
    return {
        "form": FORM,
        "schema": structure["schema"],
        "table": structure["table"],
        "kind": structure["kind"],
        "columns": [],
        "gone": True,
    }


def is_gone(structure: dict) -> bool:
    return structure.get("gone", False)


def digest(structure: dict) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of a structure."""
    return hashlib.sha256(rfc8785.dumps(structure)).hexdigest()


def compare(before: dict, after: dict) -> list[Change]:
    """What changed, in the order table, columns by name, the rest; breaking ones are those that `BREAKING_KINDS` names.

    Facts that the older form of the document did not know are no change.
    """
    if is_gone(after):
        return [] if is_gone(before) else [Change("table-gone", before=before["table"])]
    if is_gone(before):
        return [Change("table-returned", after=after["table"])]
    known_in_full = before.get("form", 1) >= 2
    changes = list(_of_table(before, after, known_in_full))
    changes += _of_columns(before, after, known_in_full)
    if known_in_full:
        changes += _of_parts(before, after)
    return changes


def returning(changes: list[Change], known: Collection[str]) -> list[Change]:
    """The same changes, where a new column that the dataset had once, by its name among `known`, is one that returned.

    What it holds is anybody's guess, and a policy from before may still share it: that breaks.
    """
    found = []
    for change in changes:
        if change.kind == "column-added" and change.column in known:
            change = replace(change, kind="column-returned")
        found.append(change)
        if change.kind == "column-renamed" and change.after in known:
            found.append(Change("column-returned", change.after))
    return found


def is_breaking(changes: list[Change]) -> bool:
    return any(change.is_breaking for change in changes)


def next_version(version: tuple[int, int] | None, changes: list[Change]) -> tuple[int, int]:
    """The version after these changes; the first one is 1.0."""
    if version is None:
        return 1, 0
    major, minor = version
    return (major + 1, 0) if is_breaking(changes) else (major, minor + 1)


def _of_table(before, after, known_in_full) -> Iterator[Change]:
    if before["kind"] != after["kind"] and (known_in_full or after["kind"] != "foreign-table"):
        yield Change("relation-kind", before=before["kind"], after=after["kind"])
    if known_in_full:
        yield from _differing("table-comment", "", before.get("comment", ""), after.get("comment", ""))
        yield from _differing("partitioning-changed", "", before.get("partition_by", ""), after.get("partition_by", ""))


def _differing(kind, column, before, after) -> Iterator[Change]:
    if before != after:
        yield Change(kind, column, str(before), str(after))


def _of_columns(before, after, known_in_full) -> Iterator[Change]:
    old = {column["name"]: column for column in before["columns"]}
    new = {column["name"]: column for column in after["columns"]}
    lost = [name for name in old if name not in new]
    added = [name for name in new if name not in old]
    renamed = _renamed(old, new, lost, added)
    for name in sorted({*old, *new}):
        if name in renamed:
            yield Change("column-renamed", name, name, renamed[name])
        elif name in lost:
            yield Change("column-dropped", name, old[name]["type"])
        elif name in old:
            yield from _of_column(old[name], new[name], known_in_full)
        elif name not in renamed.values():
            yield Change("column-added", name, "", new[name]["type"])


def _renamed(old, new, lost, added) -> dict[str, str]:
    """A single column that went while a single one came with all the same facts was most likely renamed."""
    if len(lost) != 1 or len(added) != 1:
        return {}
    (went,), (came,) = lost, added
    same = {**old[went], "name": ""} == {**new[came], "name": ""}
    return {went: came} if same else {}


def _of_column(before, after, known_in_full) -> Iterator[Change]:
    name = before["name"]
    if before["kind"] != after["kind"]:
        yield Change("kind-changed", name, before["type"], after["type"])
    elif known_in_full:
        yield from _of_type(before, after)
    elif before["type"] != after["type"]:
        yield Change("type-changed", name, before["type"], after["type"])
    if before["key"] != after["key"]:
        yield Change("key-added" if after["key"] else "key-lost", name)
    if before["nullable"] != after["nullable"]:
        loosened_key = after["nullable"] and before["key"]
        yield Change("key-nullable" if loosened_key else "nullable-changed", name, *_yes_no(before, after, "nullable"))
    if known_in_full:
        yield from _differing("column-comment", name, before.get("comment", ""), after.get("comment", ""))
        for kind, fact in (("generation-changed", "generated"), ("default-changed", "default")):
            if before.get(fact, False) != after.get(fact, False):
                yield Change(kind, name, *_yes_no(before, after, fact))


def _yes_no(before, after, fact) -> tuple[str, str]:
    return tuple("yes" if column.get(fact, False) else "no" for column in (before, after))


def _of_type(before, after) -> Iterator[Change]:
    name, old, new = before["name"], before.get("enum", []), after.get("enum", [])
    if old and new:
        removed, added = [v for v in old if v not in new], [v for v in new if v not in old]
        if removed:
            yield Change("enum-removed", name, ", ".join(removed))
        if added:
            yield Change("enum-added", name, "", ", ".join(added))
    elif new:
        yield Change("type-narrowed", name, before["type"], after["type"])
    elif old:
        yield Change("type-widened", name, before["type"], after["type"])
    else:
        fit = fits(before, after)
        if fit is not None:
            yield Change(fit, name, before["type"], after["type"])
    yield from _differing("domain-changed", name, before.get("domain", ""), after.get("domain", ""))


def fits(before: dict, after: dict) -> str | None:
    """None where two types of one kind are the same; else whether every value of the first fits into the second."""
    (old, old_facts), (new, new_facts) = _plain(before), _plain(after)
    if (old, old_facts) == (new, new_facts):
        return None
    for family in RANKS:
        if old in family and new in family:
            return _wider(family.index(new) - family.index(old), "type-changed" if old_facts != new_facts else None)
    if before["kind"] == "text":
        return _wider(_size(new_facts[0]) - _size(old_facts[0]), "type-changed")
    if old == new and before["kind"] == "number":
        whole = _size(_whole(new_facts)) - _size(_whole(old_facts))
        scale = _size(_scale(new_facts)) - _size(_scale(old_facts))
        if whole >= 0 and scale >= 0:
            return "type-widened"
        return "type-narrowed" if whole <= 0 and scale <= 0 else "type-changed"
    return "type-changed"


def _wider(difference, same) -> str | None:
    if difference == 0:
        return same
    return "type-widened" if difference > 0 else "type-narrowed"


def _size(limit) -> float:
    return float("inf") if limit is None else limit


def _whole(facts) -> int | None:
    _length, precision, scale = facts
    return None if precision is None else precision - (scale or 0)


def _scale(facts) -> int | None:
    _length, precision, scale = facts
    return None if precision is None else scale or 0


def _plain(column) -> tuple[str, tuple]:
    """The type without its numbers, and the numbers; of a domain, its base."""
    text = column.get("base") or column["type"]
    return re.sub(r"\s*\([^)]*\)", "", text).strip(), tuple(column.get(n) for n in ("length", "precision", "scale"))


def _of_parts(before, after) -> Iterator[Change]:
    for name, added, lost in (
        ("foreign_keys", "foreign-key-added", "foreign-key-lost"),
        ("checks", "check-added", "check-lost"),
        ("indexes", "index-added", "index-lost"),
    ):
        old, new = before.get(name, []), after.get(name, [])
        yield from (Change(lost, before=_said(part)) for part in old if part not in new)
        yield from (Change(added, after=_said(part)) for part in new if part not in old)
    yield from _of_keys(before, after)


def _of_keys(before, after) -> Iterator[Change]:
    """Keys of several columns; that a single one identifies a record stands at the column itself."""
    old, new = _keys(before), _keys(after)
    was, now = ({column["name"]: column["key"] for column in side["columns"]} for side in (before, after))
    for key in sorted(old - new):
        if len(key) > 1:
            said = {name for name in key if name not in now or was[name] != now[name]}
            yield from (Change("key-part-lost", name, ", ".join(key)) for name in key if name not in said)
    yield from (Change("key-added", after=", ".join(key)) for key in sorted(new - old) if len(key) > 1)


def _keys(structure) -> set[tuple[str, ...]]:
    primary = structure.get("primary_key", [])
    return {tuple(key) for key in [*structure.get("unique", []), *([primary] if primary else [])]}


def _said(part) -> str:
    if isinstance(part, list):
        return ", ".join(part)
    if "expression" in part:
        return f"{part['name']}: {part['expression']}" if part["name"] else part["expression"]
    return f"{', '.join(part['columns'])} → {part['schema']}.{part['table']} ({', '.join(part['target'])})"


def touched_columns(changes: list[Change]) -> list[str]:
    """The columns to which something breaking happened, by name."""
    return sorted({change.column for change in changes if change.is_breaking and change.column})


def touches_table(changes: list[Change]) -> bool:
    """Whether something breaking happened to the table as a whole."""
    return any(change.is_breaking and not change.column for change in changes)
