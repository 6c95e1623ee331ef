"""Databases of the bench's own on the portal's server: never the one that holds the user's data."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from ndc_portal.bench.registry import data

PREFIX = "ndc_bench_"
SIZES = {"small": 200, "large": 20_000}  # datasets, each with 25 fields


@contextmanager
def cluster() -> Iterator[psycopg.Connection]:
    """The server on which the portal's database lies, for making and dropping others."""
    given = connection.settings_dict
    server = {name: given[name.upper()] or None for name in ("host", "port", "user", "password")}
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as server_connection:
        yield server_connection


def make(name: str, *, template: str | None = None) -> None:
    """An empty database, or a copy of another one of the bench."""
    with cluster() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(PREFIX + name)))
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(PREFIX + name), sql.Identifier(PREFIX + template if template else "template0")
            )
        )


def exists(name: str) -> bool:
    with cluster() as server:
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [PREFIX + name]).fetchone()
    return found is not None


def drop(name: str) -> None:
    with cluster() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(PREFIX + name)))


@contextmanager
def using(name: str) -> Iterator[None]:
    """Let the whole process work on one of the bench's databases for a while."""
    before = connection.settings_dict["NAME"]
    _switch(PREFIX + name)
    try:
        yield
    finally:
        _switch(before)


def _switch(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def migrated(name: str) -> None:
    """A database with the portal's tables and nothing in them."""
    make(name)
    with using(name):
        call_command("migrate", verbosity=0)
        connection.close()


@contextmanager
def catalogue(size: str) -> Iterator[None]:
    """Work on a made-up catalogue of that size, built when it is first asked for."""
    if not exists(size):
        make(size, template="template")
        try:
            with using(size):
                data.build(SIZES[size])
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM (ANALYZE)")
        except BaseException:
            drop(size)  # half a catalogue would be measured next time
            raise
    with using(size):
        yield


def drop_all() -> None:
    for name in [*SIZES, "export", "reading", "template"]:
        drop(name)
