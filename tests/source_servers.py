"""A source database on the test server, and the role by which the portal reads it: the portal's own is no source."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.db import connection
from psycopg import sql

PASSWORD = "reader-of-a-source"


@dataclass(frozen=True)
class SourceServer:
    host: str
    port: int
    database: str
    username: str
    password: str
    owner: psycopg.Connection  # reads and writes, with autocommit


@contextmanager
def source_database(name: str) -> Iterator[SourceServer]:
    """Make the database `name` and a reader for it; both are dropped at the end.

    The reader may write, too: that the portal changes nothing must not hang on the care of an owner.
    """
    given = connection.settings_dict
    server = {"host": given["HOST"] or "localhost", "port": int(given["PORT"] or 5432)}
    own = {"user": given["USER"], "password": given["PASSWORD"] or None}
    database, reader = sql.Identifier(name), sql.Identifier(f"{name}_reader")
    with psycopg.connect(**server, **own, dbname="postgres", autocommit=True) as cluster:
        cluster.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        cluster.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(reader))
        cluster.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(database))
        cluster.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE pg_read_all_data, pg_write_all_data").format(
                reader, sql.Literal(PASSWORD)
            )
        )
        try:
            with psycopg.connect(**server, **own, dbname=name, autocommit=True) as owner:
                owner.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(reader))
                yield SourceServer(**server, database=name, username=f"{name}_reader", password=PASSWORD, owner=owner)
        finally:
            cluster.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            cluster.execute(sql.SQL("DROP ROLE {}").format(reader))
