"""What MariaDB and MySQL say of their tables and of the account that asks."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from registry.choices import FieldKind
from registry.connectors import reflection
from registry.connectors.base import ColumnDescription, TableDescription

RELATIONS = """
    SELECT table_name, table_type, table_comment, table_rows FROM information_schema.tables
    WHERE table_schema = %(schema)s AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
      AND (%(table)s IS NULL OR BINARY table_name = BINARY %(table)s)
    ORDER BY table_name LIMIT %(limit)s
"""
COLUMNS = """
    SELECT table_name, column_name, column_type, is_nullable, column_key, column_comment FROM information_schema.columns
    WHERE table_schema = %(schema)s AND table_name IN %(tables)s ORDER BY table_name, ordinal_position
"""
PARTITIONS = """
    SELECT table_name, concat(min(partition_method), ' (', coalesce(min(partition_expression), ''), ')'),
           count(DISTINCT partition_name)
    FROM information_schema.partitions
    WHERE table_schema = %(schema)s AND table_name IN %(tables)s AND partition_name IS NOT NULL GROUP BY BINARY table_name
"""
KINDS = (
    (r"tinyint\(1\)|bit\(1\)", FieldKind.BOOLEAN),
    (r"(tiny|small|medium|big)?int(eger)?|year|bit", FieldKind.INTEGER),
    (r"decimal|float|double", FieldKind.NUMBER),
    (r"datetime|timestamp", FieldKind.DATETIME),
    (r"date", FieldKind.DATE),
    (r"(var)?char|(tiny|medium|long)?text|enum|set|uuid|inet", FieldKind.TEXT),
)


NOT_ALLOWED = (1142, 1143)  # ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR
MANAGES = {
    "CREATE USER",
    "GRANT OPTION",
    "FILE",
    "PROCESS",
    "RELOAD",
    "SHUTDOWN",
    "REPLICATION SLAVE ADMIN",
    "SET USER",
}
CHANGES = {"INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "INDEX", "TRIGGER", "DELETE HISTORY"}


@dataclass(frozen=True)
class Rights:
    superuser: bool
    powerful: bool
    writable: bool


def rights(grants: list[str]) -> Rights:
    """What an account may do beyond reading, from its grants as the server lists them."""
    everywhere, somewhere = set(), set()
    for grant in grants:
        found = re.match(r"GRANT (.+?) ON (\S+|`.+?`\.\S+) TO ", grant)
        if not found:
            continue
        named = {part.strip() for part in re.sub(r"\(.*?\)", "", found[1]).split(",")}
        if grant.endswith("WITH GRANT OPTION"):
            named.add("GRANT OPTION")
        somewhere |= named
        if found[2] == "*.*":
            everywhere |= named
    everything = "ALL PRIVILEGES" in somewhere
    return Rights(
        superuser="ALL PRIVILEGES" in everywhere or "SUPER" in everywhere,
        powerful=bool(somewhere & MANAGES),
        writable=everything or bool(somewhere & CHANGES),
    )


def describe(connection: Connection, schema: str, table: str | None) -> list[TableDescription]:
    wanted = {"schema": schema, "table": table, "limit": reflection.MOST_TABLES + 1}
    relations = [
        reflection.Relation(schema, name, "view", "", None)
        if kind == "VIEW"
        else reflection.Relation(schema, name, "table", comment, rows)
        for name, kind, comment, rows in connection.exec_driver_sql(RELATIONS, wanted)
    ]
    reflection.check_number(relations)
    relations = _with_partitions(connection, schema, relations)
    columns = _columns(connection, schema, relations)
    tables = _reflected(connection, [relation for relation in relations if relation.kind == "table"])
    return [
        _merged(tables.get(relation.name), relation, columns[relation.name])
        for relation in relations
        if relation.name in columns
    ]


def _with_partitions(connection, schema, relations):
    if not relations:
        return []
    wanted = {"schema": schema, "tables": tuple(relation.name for relation in relations)}
    found = {name: (key, count) for name, key, count in connection.exec_driver_sql(PARTITIONS, wanted)}
    return [
        replace(relation, partition_by=found[relation.name][0], partitions=found[relation.name][1])
        if relation.name in found
        else relation
        for relation in relations
    ]


def _columns(connection, schema, relations) -> dict[str, list[ColumnDescription]]:
    """From the server's own list: it has names as they are, and an account that may only read sees those of views."""
    found = defaultdict(list)
    if relations:
        wanted = {"schema": schema, "tables": tuple(relation.name for relation in relations)}
        for table, name, native, nullable, key, comment in connection.exec_driver_sql(COLUMNS, wanted):
            is_key = key in ("PRI", "UNI")
            kind = kind_of(native.lower())
            found[table].append(ColumnDescription(name, native.lower(), kind, nullable == "YES", is_key, comment))
    return found


def kind_of(native: str) -> FieldKind:
    return next((kind for pattern, kind in KINDS if re.match(rf"({pattern})(?![a-z])", native)), FieldKind.OTHER)


def _reflected(connection, relations) -> dict[str, TableDescription]:
    """What SQLAlchemy reads beyond columns; nothing where the account may see some columns of a table only.

    Any other fault is passed on: keys that are missing for a moment would look like a change of the structure.
    """
    try:
        return {table.name: table for table in reflection.describe(connection, relations)}
    except DBAPIError as error:
        if error.orig.args and error.orig.args[0] in NOT_ALLOWED:
            return {}
        raise


def _merged(table, relation, columns):
    if table is None:
        comment, rows = relation.comment, relation.estimated_rows
        return TableDescription(relation.schema, relation.name, relation.kind, comment, rows, tuple(columns))
    # Reflection leaves the quote in a name doubled, and misses names with a line break.
    known = {column.name.replace("``", "`"): column for column in table.columns}
    names = ("name", "native_type", "kind", "nullable", "is_key", "comment")
    own = ((column, {name: getattr(column, name) for name in names}) for column in columns)
    return replace(table, columns=tuple(replace(known.get(c.name, c), **facts) for c, facts in own))
