"""What every test shares. The database itself is started by tests/settings.py, before Django."""

from importlib import import_module

import psycopg
import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import translation

from evidence import ledger
from exchange import ledger_words
from registry.search import finding
from tests import scenarios


def pytest_report_header() -> str:
    """Show which PostgreSQL a run was against: the suite has to pass on 15 and on 17."""
    database = django_settings.DATABASES["default"]
    server = {name: database.get(name.upper()) or None for name in ("host", "port", "user", "password")}
    with psycopg.connect(**server, dbname=database["NAME"]) as connection:
        return f"postgresql: {connection.info.parameter_status('server_version')} at {connection.info.host}"


@pytest.fixture(scope="session", autouse=True)
def tables_emptied_between_tests():
    """Let the flush after a transactional test empty the tables that refuse TRUNCATE to everybody else.

    Those guards are off inside the flush's own transaction only: every test meets them as they are in production.
    """
    original = DatabaseOperations.sql_flush

    def sql_flush(self, style, tables, **options):
        guards = [guard for guard in truncate_guards(self.connection) if guard[0] in tables]
        off = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in guards]
        on = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in guards]
        return [*off, *original(self, style, tables, **options), *on]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(autouse=True)
def counts_taken_anew(monkeypatch):
    """No test sees the counts of the whole catalogue that another one left in the cache."""
    monkeypatch.setattr(finding, "SECONDS_KEPT", 0)


@pytest.fixture(autouse=True)
def language_of_the_portal():
    """Every test begins in the portal's own language, whatever the page before it was asked in."""
    translation.activate(django_settings.LANGUAGE_CODE)


@pytest.fixture(autouse=True)
def every_recorded_action_has_words(request, monkeypatch):
    """Whatever a test does that goes on record, auditors must be able to read it. The ledger's own tests make actions up."""
    if any(folder in request.path.parts for folder in ("evidence", "bench")) or "made_up_actions" in request.keywords:
        yield
        return
    written, make = [], ledger._entry
    monkeypatch.setattr(ledger, "_entry", lambda *args, **named: written.append(make(*args, **named)) or written[-1])
    yield
    silent = sorted({entry.action for entry in written if ledger_words.said(entry) == entry.action})
    assert not silent, f"exchange/ledger_words.py has no words for: {', '.join(silent)}"


def truncate_guards(connection) -> list[tuple[str, str]]:
    """Table and name of each trigger against TRUNCATE."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgtype & 32 <> 0")
        return cursor.fetchall()


@pytest.fixture
def usual_terms(db):
    """The rows that migrations bring: a test that commits leaves an empty database behind it."""
    migrations = (
        "0025_usual_terms",
        "0030_notice_of_stops",
        "0034_term_of_destruction",
        "0036_terms_of_confirmation",
        "0038_terms_of_emergencies",
    )
    for migration in migrations:
        import_module(f"exchange.migrations.{migration}").add(apps, None)


@pytest.fixture
def make_world(usual_terms, tmp_path, settings):
    """Build the people, the registry rows and the source file of one exchange; arguments as in tests/scenarios.py."""

    def build(**options) -> scenarios.World:
        return scenarios.world(tmp_path, settings, **options)

    return build


@pytest.fixture
def world(make_world) -> scenarios.World:
    """The usual one: a single approver decides."""
    return make_world()
