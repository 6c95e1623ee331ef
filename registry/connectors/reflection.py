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
from registry.connectors.base import ColumnDescription, PermanentSourceError, TableDescription

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


def describe(connection: Connection, relations: list[Relation]) -> list[TableDescription]:
    """Describe the relations that the engine listed."""
    if len(relations) > MOST_TABLES:
        raise PermanentSourceError("too-many-tables")
    names = defaultdict(list)
    for relation in relations:
        names[relation.schema].append(relation.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # a type it does not know is an "other" to us
        inspector = inspect(connection)
        found = {}
        for schema, tables in names.items():
            found |= _columns(inspector, schema, tables)
    # A table that was dropped between the two readings is not described.
    return [
        TableDescription(r.schema, r.name, r.kind, r.comment, r.estimated_rows, found[r.schema, r.name])
        for r in relations
        if (r.schema, r.name) in found
    ]


def _columns(inspector, schema, tables):
    scope = {"schema": schema, "filter_names": tables, "kind": ObjectKind.ANY, "scope": ObjectScope.ANY}
    keys = defaultdict(set)
    for name, primary in inspector.get_multi_pk_constraint(**scope).items():
        keys[name].update(primary["constrained_columns"])
    for name, uniques in inspector.get_multi_unique_constraints(**scope).items():
        keys[name].update(*(unique["column_names"] for unique in uniques if len(unique["column_names"]) == 1))
    for name, indexes in inspector.get_multi_indexes(**scope).items():
        unique = (index["column_names"] for index in indexes if index["unique"])
        keys[name].update(*(columns for columns in unique if len(columns) == 1))
    dialect = inspector.dialect
    return {
        name: tuple(_column(column, column["name"] in keys[name], dialect) for column in columns)
        for name, columns in inspector.get_multi_columns(**scope).items()
    }


def _column(column, is_key, dialect):
    kind, native = _kind(column["type"]), "unknown"
    if not isinstance(column["type"], types.NullType):
        native = column["type"].compile(dialect=dialect).lower()
    return ColumnDescription(column["name"], native, kind, column["nullable"], is_key, column.get("comment") or "")


def _kind(native):
    native = getattr(native, "data_type", native)  # of a domain
    return next((kind for base, kind in KINDS if isinstance(native, base)), FieldKind.OTHER)
