"""Connectors to source databases, one per engine. Everything else in the portal imports from here."""

from registry.choices import Engine
from registry.connectors import parameters
from registry.connectors.addresses import check_address
from registry.connectors.base import (
    Address,
    Check,
    CheckResult,
    Chunk,
    Column,
    ColumnDescription,
    Condition,
    Connector,
    ExtractPlan,
    ForeignKey,
    PermanentSourceError,
    SourceError,
    TableDescription,
    TemporarySourceError,
)
from registry.connectors.files import FilesConnector
from registry.connectors.mysql import MySQLConnector
from registry.connectors.oracle import OracleConnector
from registry.connectors.postgresql import PostgreSQLConnector
from registry.connectors.sqlite import SQLiteConnector
from registry.connectors.sqlserver import SQLServerConnector

__all__ = [
    "Address",
    "Check",
    "CheckResult",
    "Chunk",
    "Column",
    "ColumnDescription",
    "Condition",
    "Connector",
    "ExtractPlan",
    "ForeignKey",
    "PermanentSourceError",
    "SourceError",
    "TableDescription",
    "TemporarySourceError",
    "check_address",
    "engines",
    "get",
    "of",
    "parameters",
    "register",
]

_connectors: dict[str, type[Connector]] = {}


def register(connector: type[Connector]) -> type[Connector]:
    _connectors[str(connector.engine)] = connector
    return connector


def engines() -> list[Engine]:
    """The engines that the portal can reach."""
    return [engine for engine in Engine if str(engine) in _connectors]


def of(engine: str) -> type[Connector]:
    try:
        return _connectors[str(engine)]
    except KeyError:
        raise PermanentSourceError("unsupported") from None


def get(address: Address) -> Connector:
    return of(address.engine)(address)


for _connector in (
    PostgreSQLConnector,
    MySQLConnector,
    SQLiteConnector,
    FilesConnector,
    SQLServerConnector,
    OracleConnector,
):
    register(_connector)
