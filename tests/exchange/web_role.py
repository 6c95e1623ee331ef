"""Being a web process for a statement: a role that has the rows and owns nothing. Its name is set by conftest.py."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

name = ""


@contextmanager
def as_web_process() -> Iterator:
    """A cursor of the role. After an error nothing has to be put back: the savepoint around takes the role with it."""
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{name}"')
        yield cursor
        cursor.execute("RESET ROLE")
