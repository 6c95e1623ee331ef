"""What stands behind the domains of PostgreSQL: SQLAlchemy leaves out how long or how precise their base is."""

import re
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from registry.choices import FieldKind
from registry.connectors.base import ColumnDescription, TableDescription

COLUMNS = """
    SELECT n.nspname, c.relname, a.attname, d.nspname || '.' || t.typname, format_type(t.typbasetype, t.typtypmod)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace d ON d.oid = t.typnamespace
    WHERE t.typtype = 'd' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = ANY (%(schemas)s::text[])
      AND (%(table)s::text IS NULL OR c.relname = %(table)s)
"""


def completed(
    connection: Connection, tables: Iterable[TableDescription], *, table: str | None
) -> list[TableDescription]:
    """The tables, with the bases of their domains as the server writes them."""
    tables = list(tables)
    if not any(column.domain for one in tables for column in one.columns):
        return tables
    wanted = {"schemas": sorted({one.schema for one in tables}), "table": table}
    found = {tuple(row[:3]): tuple(row[3:]) for row in connection.exec_driver_sql(COLUMNS, wanted)}
    return [
        replace(
            one,
            columns=tuple(_with_base(column, found.get((one.schema, one.name, column.name))) for column in one.columns),
        )
        for one in tables
    ]


def _with_base(column: ColumnDescription, known: tuple[str, str] | None) -> ColumnDescription:
    if known is None:
        return column
    domain, base = known
    numbers = [int(number) for number in re.findall(r"\d+", "".join(re.findall(r"\(([\d,]+)\)", base)))]
    if column.kind == FieldKind.NUMBER and numbers:
        return replace(column, domain=domain, base_type=base, precision=numbers[0], scale=[*numbers, 0][1])
    length = numbers[0] if column.kind == FieldKind.TEXT and numbers else None
    return replace(column, domain=domain, base_type=base, length=length)
