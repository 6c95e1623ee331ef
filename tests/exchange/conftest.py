"""The database role of a web process, for statements that are tried past every service."""

import pytest
from django.db import connection

from ndc_portal import database_roles
from tests.exchange import web_role


@pytest.fixture(scope="session", autouse=True)
def role_of_web_processes(django_db_setup, django_db_blocker):
    """A role of its own for each database of the tests: roles belong to the whole server."""
    web_role.name = f"{connection.settings_dict['NAME']}_web"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for statement in database_roles.web_role(web_role.name):
            cursor.execute(statement)
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f'DROP OWNED BY "{web_role.name}"; DROP ROLE "{web_role.name}"')
