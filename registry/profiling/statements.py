"""The statements of a profile in SQLAlchemy Core: aggregates over one source of rows, for as many columns as fit."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from registry.choices import FieldKind, Sampling
from registry.profiling.disclosure import DATES, MEASURES, Allowed

TYPES = {
    FieldKind.INTEGER: sa.BigInteger(),
    FieldKind.NUMBER: sa.Numeric(),
    FieldKind.BOOLEAN: sa.Boolean(),
    FieldKind.DATE: sa.Date(),
    FieldKind.DATETIME: sa.DateTime(),
}
LENGTHS = {"mysql": "char_length", "mariadb": "char_length", "mssql": "len"}
WIDEST_PATTERN = 201  # characters of a value that are read to look at its shape


@dataclass(frozen=True)
class Asked:
    """One column, and what may be asked about it."""

    name: str
    kind: str
    allowed: Allowed


@dataclass(frozen=True)
class Rows:
    """Where the figures come from: a table, or a sample of it that is the same for every statement."""

    source: sa.FromClause
    dialect: str
    sampling: Sampling = Sampling.ALL

    def column(self, asked: Asked) -> sa.ColumnElement:
        return self.source.c[asked.name]


def table(schema: str, name: str, columns: list[Asked], dialect: str) -> Rows:
    typed = [sa.column(quoted_name(asked.name, quote=True), _type(asked.kind, dialect)) for asked in columns]
    return Rows(sa.table(quoted_name(name, quote=True), *typed, schema=_schema(schema)), dialect)


def _schema(schema: str):
    return quoted_name(schema, quote=True) if schema else None


def _type(kind: str, dialect: str) -> sa.types.TypeEngine:
    # SQLite keeps days as text, in whatever notation: they are compared as such.
    if dialect == "sqlite" and kind in DATES:
        return sa.String()
    return TYPES.get(kind, sa.String())


def sampled(rows: Rows, *, how: Sampling, percent: float, seed: int, limit: int) -> Rows:
    """A sample of the rows. With a seed, every statement of one snapshot sees the same one."""
    match how:
        case Sampling.BLOCKS | Sampling.RANDOM if rows.dialect == "postgresql":
            method = sa.func.system if how == Sampling.BLOCKS else sa.func.bernoulli
            source = sa.tablesample(rows.source, method(percent), name="sampled", seed=sa.literal(seed))
        case Sampling.RANDOM:
            drawn = sa.func.rand(seed) < percent / 100
            source = sa.select(rows.source).where(drawn).subquery("sampled")
        case Sampling.NTH:
            nth = max(2, round(100 / percent))
            by_number = sa.literal_column("rowid") % nth == seed % nth
            source = sa.select(rows.source).where(by_number).subquery("sampled")
        case Sampling.FIRST:
            source = sa.select(rows.source).limit(limit).subquery("sampled")
        case _:
            return rows
    return replace(rows, source=source, sampling=how)


def count(rows: Rows) -> sa.Select:
    return sa.select(sa.func.count()).select_from(rows.source)


def figures(rows: Rows, columns: list[Asked]) -> sa.Select:
    """One pass for many columns: how many are filled, and what may be known of range, mean and length."""
    chosen = [sa.func.count().label("rows")]
    for number, asked in enumerate(columns):
        column = rows.column(asked)
        chosen.append(sa.func.count(column).label(f"filled{number}"))
        if asked.allowed.spread:
            chosen += [
                # As text: what a driver cannot hold, such as the year 200000 or infinity, must not end the profile.
                sa.cast(sa.func.min(column), sa.String(40)).label(f"low{number}"),
                sa.cast(sa.func.max(column), sa.String(40)).label(f"high{number}"),
            ]
        if asked.allowed.average:
            chosen.append(sa.cast(sa.func.avg(column), sa.String(60)).label(f"mean{number}"))
        if asked.allowed.length:
            chosen.append(sa.cast(sa.func.avg(_length(column, rows.dialect)), sa.String(60)).label(f"length{number}"))
    return sa.select(*chosen).select_from(rows.source)


def _length(column: sa.ColumnElement, dialect: str) -> sa.ColumnElement:
    if dialect == "postgresql":  # enums and identifiers count as text and have no length of their own
        column = sa.cast(column, sa.Text())
    return sa.cast(getattr(sa.func, LENGTHS.get(dialect, "length"))(column), sa.Numeric(18, 4))


def different(rows: Rows, asked: Asked) -> sa.Select:
    """How many different values there are, and how many occur once: no value leaves the source."""
    groups = _groups(rows, asked)
    once = sa.func.sum(sa.case((groups.c.times == 1, 1), else_=0))
    return sa.select(sa.func.count(), sa.func.coalesce(once, 0)).select_from(groups)


def frequent(rows: Rows, asked: Asked, *, most: int) -> sa.Select:
    groups = _groups(rows, asked)
    value = sa.cast(groups.c.value, sa.Text()) if rows.dialect == "postgresql" else groups.c.value
    return sa.select(value, groups.c.times).order_by(groups.c.times.desc(), value).limit(most)


def _groups(rows: Rows, asked: Asked) -> sa.Subquery:
    column = rows.column(asked)
    return (
        sa.select(column.label("value"), sa.func.count().label("times"))
        .select_from(rows.source)
        .where(column.is_not(None))
        .group_by(column)
        .subquery("found")
    )


def reached(rows: Rows, ranges: list[tuple[Asked, list]]) -> sa.Select:
    """One pass: for each edge of each column, how many values lie at or above it."""
    chosen = []
    for number, (asked, edges) in enumerate(ranges):
        column = rows.column(asked)
        for place, edge in enumerate(edges):
            at_least = sa.case((column >= bound(edge, asked, rows.dialect), 1), else_=0)
            chosen.append(sa.func.coalesce(sa.func.sum(at_least), 0).label(f"at{number}_{place}"))
    return sa.select(*chosen).select_from(rows.source)


def bound(edge, asked: Asked, dialect: str):
    """An edge as the column's values are compared: a day for dates, a number else."""
    if asked.kind in MEASURES:
        return sa.literal(edge, sa.BigInteger() if isinstance(edge, int) else sa.Float())
    if dialect == "sqlite":
        return sa.literal(edge.isoformat(), sa.String())
    if asked.kind == FieldKind.DATETIME:
        return sa.literal(datetime.combine(edge, time()), sa.DateTime())
    return sa.literal(edge, sa.Date())


def looks(rows: Rows, columns: list[Asked], *, most: int) -> sa.Select:
    """Some values of the columns, cut short, to see what they look like. They stay in memory and go no further."""
    chosen = [
        sa.func.substr(rows.column(asked), 1, WIDEST_PATTERN)
        if asked.kind == FieldKind.TEXT and rows.dialect != "postgresql"
        else sa.func.left(sa.cast(rows.column(asked), sa.Text()), WIDEST_PATTERN)
        if rows.dialect == "postgresql"
        else rows.column(asked)
        for asked in columns
    ]
    return sa.select(*chosen).select_from(rows.source).limit(most)


def day_of(text: str | None) -> date | None:
    """A day as an engine prints it; None for what is none of this calendar."""
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
