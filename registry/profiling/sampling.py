"""Which rows of a table a profile looks at: all of a small one, a sample of a big one, by what its engine can do."""

from dataclasses import dataclass
from datetime import MAXYEAR, date

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from registry.choices import Sampling
from registry.profiling import statements
from registry.profiling.statements import Rows

WHOLE_UP_TO = 200_000  # rows
SAMPLE_ROWS = 100_000
READ_THROUGH_UP_TO = 5_000_000  # rows; beyond, reading every block to draw rows takes longer than drawing blocks

# Only a stored table can be sampled, and only its planner knows how many rows it has.
POSTGRESQL_RELATION = sa.text(
    "SELECT c.relkind, CASE WHEN c.relkind = 'p' THEN (SELECT sum(greatest(part.reltuples, 0)) FROM pg_partition_tree(c.oid) t"
    " JOIN pg_class part ON part.oid = t.relid WHERE t.isleaf) ELSE c.reltuples END"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relname = :table"
)


@dataclass
class Chosen:
    """The rows that are looked at, and how many there are in all."""

    chosen: Rows
    total: int
    estimated: bool


def choose(source: sa.Connection, whole: Rows, *, whole_wanted: bool, seed: int, known: int | None) -> Chosen:
    total, estimated, how = _size(source, whole, known)
    if whole_wanted or total <= WHOLE_UP_TO:
        return Chosen(whole, total, estimated)
    percent = max(0.001, min(50.0, 100 * SAMPLE_ROWS / total))
    chosen = statements.sampled(whole, how=how, percent=percent, seed=seed, limit=SAMPLE_ROWS)
    return Chosen(chosen, total, estimated)


def _size(source: sa.Connection, whole: Rows, known: int | None) -> tuple[int, bool, Sampling]:
    if whole.dialect == "postgresql":
        source.execute(sa.text("SET LOCAL work_mem = '64MB'"))
        schema, table = whole.source.schema, whole.source.name
        found = source.execute(POSTGRESQL_RELATION, {"schema": schema, "table": table}).first()
        kind, rows = found or ("v", None)
        if kind in ("r", "m", "p") and rows is not None and rows > 0:
            return int(rows), True, Sampling.BLOCKS if rows > READ_THROUGH_UP_TO else Sampling.RANDOM
        how = Sampling.RANDOM if kind in ("r", "m", "p") else Sampling.FIRST
        return source.execute(statements.count(whole)).scalar_one(), False, how
    if whole.dialect in ("mysql", "mariadb") and known:
        return known, True, Sampling.RANDOM
    total = source.execute(statements.count(whole)).scalar_one()
    if whole.dialect in ("mysql", "mariadb"):
        return total, False, Sampling.RANDOM
    if whole.dialect == "sqlite" and _has_rowid(source, whole):
        return total, False, Sampling.NTH
    return total, False, Sampling.FIRST


def _has_rowid(source: sa.Connection, whole: Rows) -> bool:
    """A view has none, and neither has a table WITHOUT ROWID."""
    try:
        found = source.execute(sa.select(sa.literal_column("rowid")).select_from(whole.source).limit(1)).first()
    except DBAPIError:
        return False
    return found is not None and isinstance(found[0], int)


def days(years: list[int]) -> list[date]:
    return [date(min(max(year, 1), MAXYEAR), 1, 1) for year in years]
