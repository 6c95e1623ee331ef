"""What is read of a source beside names and kinds: values, domains, keys, checks, partitions, what it computes itself."""

import sqlite3

import pytest

from registry import connectors
from registry.connectors import Check, ForeignKey

pytestmark = pytest.mark.postgresql


@pytest.fixture
def server(source_owner, postgresql_address):
    """Runs nothing itself: what `deep` holds, described by the PostgreSQL connector."""
    source_owner.execute("""
        CREATE SCHEMA deep;
        CREATE TYPE deep.sex AS ENUM ('nữ', 'nam');
        CREATE DOMAIN deep.code AS varchar(12) CHECK (value <> '');
        CREATE TABLE deep.place (country text, code text, PRIMARY KEY (country, code));
        CREATE TABLE deep.person (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            code deep.code NOT NULL, sex deep.sex, rate numeric(8, 2) DEFAULT 1 CONSTRAINT positive CHECK (rate > 0),
            twice numeric GENERATED ALWAYS AS (rate * 2) STORED,
            parent bigint REFERENCES deep.person (id), country text, place text, note text,
            UNIQUE (code, sex), FOREIGN KEY (country, place) REFERENCES deep.place (country, code)
        );
        CREATE INDEX ON deep.person (note);
        CREATE UNIQUE INDEX ON deep.person (place) WHERE note IS NULL;
        COMMENT ON COLUMN deep.person.rate IS 'Tỷ lệ';
        CREATE VIEW deep.adults AS SELECT id, rate FROM deep.person;
        CREATE MATERIALIZED VIEW deep.totals AS SELECT count(*) AS n FROM deep.person;
        CREATE TABLE deep.event (day date, region text) PARTITION BY LIST (region);
        CREATE TABLE deep.event_n PARTITION OF deep.event FOR VALUES IN ('n');
        CREATE TABLE deep.event_s PARTITION OF deep.event FOR VALUES IN ('s') PARTITION BY RANGE (day);
        CREATE FOREIGN DATA WRAPPER nowhere;
        CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
        CREATE FOREIGN TABLE deep.far (id integer) SERVER nowhere;
    """)
    yield {table.name: table for table in connectors.get(postgresql_address).describe(schema="deep")}
    source_owner.execute("DROP SCHEMA deep CASCADE; DROP FOREIGN DATA WRAPPER nowhere CASCADE")


def test_postgresql_tells_all_kinds_and_partitions_once(server):
    assert {name: table.kind for name, table in server.items()} == {
        "place": "table",
        "person": "table",
        "adults": "view",
        "totals": "materialized-view",
        "event": "table",
        "far": "foreign-table",
    }
    assert (server["event"].partition_by, server["event"].partitions) == ("LIST (region)", 2)
    assert (server["person"].partition_by, server["person"].partitions) == ("", None)


def test_postgresql_tells_values_domains_and_what_is_computed(server):
    columns = {column.name: column for column in server["person"].columns}
    assert columns["sex"].enum == ("nữ", "nam")
    assert (columns["code"].domain, columns["code"].base_type, columns["code"].length) == (
        "deep.code",
        "character varying(12)",
        12,
    )
    assert (columns["rate"].precision, columns["rate"].scale, columns["rate"].comment) == (8, 2, "Tỷ lệ")
    assert {name for name, column in columns.items() if column.is_generated} == {"twice"}
    assert {name for name, column in columns.items() if column.is_identity} == {"id"}
    assert {name for name, column in columns.items() if column.has_default} == {"rate"}
    assert {name for name, column in columns.items() if column.is_key} == {"id"}


def test_postgresql_tells_keys_checks_and_indexes(server):
    person = server["person"]
    assert person.primary_key == ("id",)
    assert person.unique == (("code", "sex"),)
    assert set(person.foreign_keys) == {
        ForeignKey(("parent",), "deep", "person", ("id",)),
        ForeignKey(("country", "place"), "deep", "place", ("country", "code")),
    }
    assert [check.name for check in person.checks] == ["positive"]
    assert "rate > " in person.checks[0].expression
    assert set(person.indexes) == {("note",), ("place",)}  # unique for some of the rows only: no key
    assert server["place"].primary_key == ("country", "code")


def test_mariadb_tells_what_it_knows(mysql_server, mysql_address):
    with mysql_server.owner.cursor() as owner:
        owner.execute("CREATE TABLE place (country varchar(9), code varchar(9), PRIMARY KEY (country, code))")
        owner.execute("""
            CREATE TABLE person (
                id bigint AUTO_INCREMENT PRIMARY KEY, sex enum('nữ', 'nam'), rate decimal(8, 2) DEFAULT 1 COMMENT 'Tỷ lệ',
                twice decimal(9, 2) AS (rate * 2) STORED, later decimal(9, 2) AS (rate * 3) VIRTUAL,
                country varchar(9), place varchar(9), a varchar(9), b varchar(9), UNIQUE (a, b), KEY by_b (b),
                CONSTRAINT positive CHECK (rate > 0), CONSTRAINT lives FOREIGN KEY (country, place) REFERENCES place (country, code)
            ) COMMENT 'Người'
        """)
        owner.execute("CREATE VIEW adults AS SELECT id, rate FROM person")
        owner.execute(
            "CREATE TABLE event (day date) PARTITION BY RANGE (year(day))"
            " (PARTITION a VALUES LESS THAN (2024), PARTITION b VALUES LESS THAN MAXVALUE)"
        )
        try:
            found = {table.name: table for table in connectors.get(mysql_address).describe()}
        finally:
            owner.execute("DROP VIEW adults")
            owner.execute("DROP TABLE person, place, event")

    person = found["person"]
    columns = {column.name: column for column in person.columns}
    assert (found["adults"].kind, [column.name for column in found["adults"].columns]) == ("view", ["id", "rate"])
    assert [name for name in found if name.startswith("event")] == ["event"]
    assert (found["event"].partition_by, found["event"].partitions) == ("RANGE (year(`day`))", 2)
    assert (person.kind, person.comment, person.partition_by, person.partitions) == ("table", "Người", "", None)
    assert (columns["sex"].enum, columns["sex"].kind) == (("nữ", "nam"), "text")
    assert (columns["rate"].precision, columns["rate"].scale, columns["rate"].comment) == (8, 2, "Tỷ lệ")
    assert {name for name, column in columns.items() if column.is_generated} == {"twice", "later"}
    assert columns["rate"].has_default
    assert {name for name, column in columns.items() if column.is_key} == {"id"}
    assert (person.primary_key, found["place"].primary_key) == (("id",), ("country", "code"))
    assert person.unique == (("a", "b"),)
    assert ("b",) in person.indexes
    assert [(key.columns, key.table, key.target) for key in person.foreign_keys] == [
        (("country", "place"), "place", ("country", "code"))
    ]
    assert [check.name for check in person.checks] == ["positive"]


def test_sqlite_tells_what_it_knows(sqlite_address):
    with sqlite3.connect(sqlite_address.database) as file:
        file.execute("CREATE TABLE place (code text PRIMARY KEY)")
        file.execute(
            "CREATE TABLE person (id integer PRIMARY KEY, place varchar(5) REFERENCES place, rate numeric(8, 2) DEFAULT 1,"
            " twice numeric GENERATED ALWAYS AS (rate * 2), a text, b text, UNIQUE (a, b), CONSTRAINT positive CHECK (rate > 0))"
        )
        file.execute("CREATE INDEX by_a ON person (a)")
    file.close()
    (person,) = connectors.get(sqlite_address).describe(table="person")
    columns = {column.name: column for column in person.columns}
    assert (columns["place"].length, columns["rate"].precision, columns["rate"].scale) == (5, 8, 2)
    assert {name for name, column in columns.items() if column.is_generated} == {"twice"}
    assert {name for name, column in columns.items() if column.has_default} == {"rate"}
    assert person.primary_key == ("id",)
    assert person.unique == (("a", "b"),)
    assert person.indexes == (("a",),)
    assert person.checks == (Check("positive", "rate > 0"),)
    assert person.foreign_keys == (ForeignKey(("place",), "main", "place", ("code",)),)
