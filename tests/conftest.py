"""What every test shares. The database itself is started by tests/settings.py, before Django."""

import psycopg
from django.conf import settings


def pytest_report_header() -> str:
    """Show which PostgreSQL a run was against: the suite has to pass on 15 and on 17."""
    database = settings.DATABASES["default"]
    server = {name: database.get(name.upper()) or None for name in ("host", "port", "user", "password")}
    with psycopg.connect(**server, dbname=database["NAME"]) as connection:
        return f"postgresql: {connection.info.parameter_status('server_version')} at {connection.info.host}"
