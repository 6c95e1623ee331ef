"""SQLAlchemy over DuckDB: as much of a dialect as statements of the portal's own need.

The package on offer was made for earlier versions of both sides, and its reflection fails with these.
"""

import duckdb
from sqlalchemy import exc, types
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGIdentifierPreparer, PGTypeCompiler
from sqlalchemy.engine.default import DefaultDialect

from registry.choices import FieldKind
from registry.connectors.files.columns import kind_of

NAME = "ndcfiles"
TYPES = {
    FieldKind.TEXT: types.Text,
    FieldKind.INTEGER: types.BigInteger,
    FieldKind.NUMBER: types.Numeric,
    FieldKind.BOOLEAN: types.Boolean,
    FieldKind.DATE: types.Date,
    FieldKind.DATETIME: types.DateTime,
    FieldKind.OTHER: types.NullType,
}
COLUMNS = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index"


class _Driver:
    """The names that SQLAlchemy looks for in a driver."""

    paramstyle = "qmark"
    Error = duckdb.Error


class Raw:
    """DuckDB's connection as SQLAlchemy uses one: the session that opened it also ends it."""

    def __init__(self, session):
        self._session = session

    def cursor(self):
        return self._session.cursor()

    def commit(self):
        """There is nothing to keep."""

    rollback = close = commit


class FilesDialect(DefaultDialect):
    """DuckDB reads the statements of PostgreSQL; of the files' structure only columns are asked for."""

    name = NAME
    driver = "duckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    statement_compiler = PGCompiler
    type_compiler_cls = PGTypeCompiler
    preparer = PGIdentifierPreparer
    _backslash_escapes = False

    @classmethod
    def import_dbapi(cls):
        return _Driver

    def initialize(self, connection):
        """Ask the engine nothing."""

    def get_table_names(self, connection, schema=None, **_options):
        return connection.exec_driver_sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").scalars().all()

    def get_view_names(self, connection, schema=None, **_options):
        return []

    def get_columns(self, connection, table_name, schema=None, **_options):
        found = [
            {"name": name, "type": TYPES[kind_of(native)](), "nullable": True, "default": None}
            for name, native in connection.exec_driver_sql(COLUMNS, (table_name,))
        ]
        if not found:
            raise exc.NoSuchTableError(table_name)
        return found

    def get_pk_constraint(self, connection, table_name, schema=None, **_options):
        return {"constrained_columns": [], "name": None}

    def _none(self, connection, table_name, schema=None, **_options):
        return []

    get_foreign_keys = get_indexes = get_unique_constraints = get_check_constraints = _none


registry.register(NAME, __name__, FilesDialect.__name__)
