"""The database role of web processes: rows, and of the ledger only new ones."""

import pytest
from django.core.management import call_command
from django.db import connection

from ndc_portal.database_roles import WEB

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
MORE = ("TRUNCATE", "REFERENCES", "TRIGGER")


def rights(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT right_asked FROM unnest(%s::text[]) right_asked WHERE has_table_privilege(%s, %s, right_asked)",
            [[*ROWS, *MORE], WEB, table],
        )
        return {name for (name,) in cursor.fetchall()}


def test_role_has_rows_and_nothing_more(db):
    call_command("make_roles", verbosity=0)
    call_command("make_roles", verbosity=0)  # a second time brings it up to date
    for table in connection.introspection.table_names():
        assert not rights(table) & set(MORE), table
    assert rights("exchange_decision") == set(ROWS)
    assert rights("evidence_entry") == {"SELECT", "INSERT"}
    assert rights("evidence_salt") == {"SELECT", "INSERT", "DELETE"}
    assert rights("django_migrations") == {"SELECT"}


def test_every_table_of_the_portal_is_reachable(db):
    call_command("make_roles", verbosity=0)
    assert [table for table in connection.introspection.table_names() if "SELECT" not in rights(table)] == []


def test_role_cannot_sign_in_or_rule(db):
    call_command("make_roles", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = %s",
            [WEB],
        )
        assert cursor.fetchone() == (False,) * 5
