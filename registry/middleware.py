"""Telling the database who acts, so that the history of the registry names the person; asking once what a page asks often."""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from registry.remembering import remembering
from registry.services import history

READING = ("GET", "HEAD", "OPTIONS", "TRACE")


class ActingMiddleware:
    """For requests that may change something: the session's changes are those of the signed-in person until it answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in READING or not request.user.is_authenticated:
            return self.get_response(request)
        history.begin(by=request.user)
        try:
            return self.get_response(request)
        finally:
            _end()


def _end() -> None:
    """The connection is kept for the next request: it must not go on in this person's name."""
    try:
        if not connection.needs_rollback:
            history.end()
    except DatabaseError:
        connection.close()


class RememberingMiddleware:
    """For requests that only read: each question about people and requests goes to the database once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READING:
            return self.get_response(request)
        with remembering():
            return self.get_response(request)
