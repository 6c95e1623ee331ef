"""Reading the structure of a source with SQLAlchemy, over a connection that was checked and opened by us."""

import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, inspect, types
from sqlalchemy.engine import ObjectKind, ObjectScope
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SAWarning, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from registry.choices import FieldKind
from registry.connectors.base import (
    Check,
    ColumnDescription,
    ForeignKey,
    PermanentSourceError,
    TableDescription,
)

MOST_TABLES = 2_000

KINDS = (
    (types.Boolean, FieldKind.BOOLEAN),
    (types.Integer, FieldKind.INTEGER),
    (types.Numeric, FieldKind.NUMBER),
    (types.DateTime, FieldKind.DATETIME),
    (types.Date, FieldKind.DATE),
    (types.String, FieldKind.TEXT),
    (types.Uuid, FieldKind.TEXT),
)


@dataclass(frozen=True)
class Relation:
    schema: str
    name: str
    kind: str
    comment: str
    estimated_rows: int | None
    partition_by: str = ""
    partitions: int | None = None


@contextmanager
def over(raw, url: str, **options) -> Iterator[Connection]:
    """SQLAlchemy over a session that was checked and opened by us. Driver errors come out as the driver raised them."""
    engine = create_engine(url, creator=lambda: raw, poolclass=StaticPool, **options)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise error.orig from None
    except NoSuchTableError:
        raise PermanentSourceError("source-changed") from None
    except SQLAlchemyError:
        raise PermanentSourceError("source-failed") from None


def check_number(relations: list[Relation]) -> None:
    if len(relations) > MOST_TABLES:
        raise PermanentSourceError("too-many-tables")


def describe(connection: Connection, relations: list[Relation]) -> list[TableDescription]:
    """Describe the relations that the engine listed."""
    check_number(relations)
    names = defaultdict(list)
    for relation in relations:
        names[relation.schema].append(relation.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # a type it does not know is an "other" to us
        inspector = inspect(connection)
        found = {}
        for schema, tables in names.items():
            found |= _parts(inspector, schema, tables)
    # A table that was dropped between the two readings is not described.
    return [_description(relation, found) for relation in relations if (relation.schema, relation.name) in found]


def _description(relation: Relation, found: dict) -> TableDescription:
    return TableDescription(
        schema=relation.schema,
        name=relation.name,
        kind=relation.kind,
        comment=relation.comment,
        estimated_rows=relation.estimated_rows,
        partition_by=relation.partition_by,
        partitions=relation.partitions,
        **found[relation.schema, relation.name],
    )


def _parts(inspector, schema, tables) -> dict[tuple, dict]:
    """Columns, keys, checks and indexes of each table, each kind of part read for all tables at once."""
    scope = {"schema": schema, "filter_names": tables, "kind": ObjectKind.ANY, "scope": ObjectScope.ANY}
    primary = {
        name: tuple(key["constrained_columns"]) for name, key in inspector.get_multi_pk_constraint(**scope).items()
    }
    unique, indexes = defaultdict(set), defaultdict(set)
    for name, constraints in inspector.get_multi_unique_constraints(**scope).items():
        unique[name].update(tuple(constraint["column_names"]) for constraint in constraints)
    for name, known in inspector.get_multi_indexes(**scope).items():
        for index in known:
            columns = tuple(column for column in index["column_names"] if column is not None)
            # An index over an expression, or over some of the rows, makes no column unique.
            is_whole = len(columns) == len(index["column_names"]) and not _is_partial(index)
            (unique if index["unique"] and is_whole else indexes)[name].add(columns)
    foreign = {
        name: tuple(_foreign_key(key, schema) for key in keys)
        for name, keys in inspector.get_multi_foreign_keys(**scope).items()
    }
    checks = {
        name: tuple(Check(check["name"] or "", check["sqltext"]) for check in known)
        for name, known in _checks(inspector, scope).items()
    }
    return {
        name: {
            "columns": tuple(
                _column(column, primary.get(name, ()), unique[name], inspector.dialect) for column in columns
            ),
            "primary_key": primary.get(name, ()),
            "unique": tuple(sorted(unique[name])),
            "foreign_keys": foreign.get(name, ()),
            "checks": checks.get(name, ()),
            "indexes": tuple(sorted(columns for columns in indexes[name] if columns)),
        }
        for name, columns in inspector.get_multi_columns(**scope).items()
    }


def _is_partial(index) -> bool:
    return any(name.endswith("_where") for name in index.get("dialect_options", {}))


def _foreign_key(key, schema) -> ForeignKey:
    return ForeignKey(
        tuple(key["constrained_columns"]),
        key["referred_schema"] or schema,
        key["referred_table"],
        tuple(key["referred_columns"]),
    )


def _checks(inspector, scope) -> dict:
    try:
        return inspector.get_multi_check_constraints(**scope)
    except NotImplementedError:
        return {}


def _column(column, primary_key, unique, dialect) -> ColumnDescription:
    native = column["type"]
    base = getattr(native, "data_type", native)  # of a domain
    is_domain = base is not native
    return ColumnDescription(
        name=column["name"],
        native_type=_text(native, dialect),
        kind=_kind(base),
        nullable=column["nullable"],
        is_key=column["name"] in primary_key or (column["name"],) in unique,
        comment=column.get("comment") or "",
        enum=tuple(getattr(base, "enums", ())),
        domain=_text(native, dialect) if is_domain else "",
        base_type=_text(base, dialect) if is_domain else "",
        length=getattr(base, "length", None) if isinstance(base, types.String | types.LargeBinary) else None,
        precision=getattr(base, "precision", None) if isinstance(base, types.Numeric) else None,
        scale=getattr(base, "scale", None) if isinstance(base, types.Numeric) else None,
        is_generated=bool(column.get("computed")),
        is_identity=bool(column.get("identity")),
        has_default=column.get("default") is not None,
    )


def _text(native, dialect) -> str:
    return "unknown" if isinstance(native, types.NullType) else native.compile(dialect=dialect).lower()


def _kind(base) -> FieldKind:
    return next((kind for known, kind in KINDS if isinstance(base, known)), FieldKind.OTHER)
