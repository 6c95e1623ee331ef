"""What a process of the portal may do in the database: it works with rows, and owns nothing.

The tables, their triggers and the ledger belong to another role, which migrates and does not serve: whoever takes a web
process over can neither switch a guard off nor rewrite what was recorded.
"""

from collections.abc import Iterator

from django.apps import apps
from psycopg import sql

WEB = "ndc_web"
ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Tables of which a process may do less.
LESS = {
    "evidence_entry": ("SELECT", "INSERT"),
    "evidence_salt": ("SELECT", "INSERT", "DELETE"),
    "django_migrations": ("SELECT",),
}


def web_role(name: str = WEB) -> Iterator[sql.Composed]:
    """The statements that make the role of web processes, or bring it up to date; run them as the owner of the tables.

    It cannot sign in by itself: make it one of the roles of the account that does.
    """
    role = sql.Identifier(name)
    yield sql.SQL(
        "DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN "
        "CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$"
    ).format(name=sql.Literal(name), role=role)
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(role)
    for table in sorted(_tables()):
        rights = sql.SQL(", ").join(map(sql.SQL, LESS.get(table, ROWS)))
        yield sql.SQL("GRANT {} ON {} TO {}").format(rights, sql.Identifier(table), role)
    yield sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role)


def _tables() -> set[str]:
    """Those of the installed apps, and the one in which migrations are noted."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy} | set(LESS)
