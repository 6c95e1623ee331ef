"""What every test shares. The database itself is started by tests/settings.py, before Django."""

import psycopg
import pytest
from django.conf import settings as django_settings

from tests import scenarios


def pytest_report_header() -> str:
    """Show which PostgreSQL a run was against: the suite has to pass on 15 and on 17."""
    database = django_settings.DATABASES["default"]
    server = {name: database.get(name.upper()) or None for name in ("host", "port", "user", "password")}
    with psycopg.connect(**server, dbname=database["NAME"]) as connection:
        return f"postgresql: {connection.info.parameter_status('server_version')} at {connection.info.host}"


@pytest.fixture
def make_world(db, tmp_path, settings):
    """Build the people, the registry rows and the source file of one exchange; arguments as in tests/scenarios.py."""

    def build(**options) -> scenarios.World:
        return scenarios.world(tmp_path, settings, **options)

    return build


@pytest.fixture
def world(make_world) -> scenarios.World:
    """The usual one: a single approver decides."""
    return make_world()
