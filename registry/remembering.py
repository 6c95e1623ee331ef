"""Asking the database the same thing once while one page is read.

Many rules ask who a person is today and what a request says last; each for itself, so that none depends on another. While a
page is read nothing of it changes, so the first answer holds for all of them. As soon as anything is written or locked, all
is forgotten and nothing is remembered any more: what is checked on a locked row is read afresh.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection
from django.db.models import Model

P = ParamSpec("P")
T = TypeVar("T")

_answers: ContextVar[dict | None] = ContextVar("answers", default=None)
LOCKS = (" FOR UPDATE", " FOR NO KEY UPDATE", " FOR SHARE", " FOR KEY SHARE")


@contextmanager
def remembering() -> Iterator[None]:
    """In the body, whatever is `remembered` is asked once; until something is written or locked."""
    token = _answers.set({})
    try:
        with connection.execute_wrapper(_watch):
            yield
    finally:
        _answers.reset(token)


def _watch(execute, sql, params, many, context):
    if _answers.get() is not None and not _only_reads(str(sql)):
        _answers.set(None)
    return execute(sql, params, many, context)


def _only_reads(sql: str) -> bool:
    return sql.lstrip("( \n").startswith("SELECT ") and not any(lock in sql for lock in LOCKS)


def remembered(ask: Callable[P, T]) -> Callable[P, T]:
    """For functions that only read. Rows count as the same by their keys; what is returned is shared: nobody changes it."""

    @wraps(ask)
    def asked(*args: P.args, **named: P.kwargs) -> T:
        answers = _answers.get()
        if answers is None:
            return ask(*args, **named)
        key = (ask, *map(_key, args), *((name, _key(value)) for name, value in sorted(named.items())))
        if key not in answers:
            answer = ask(*args, **named)
            if _answers.get() is not answers:  # something was written meanwhile
                return answer
            answers[key] = answer
        return answers[key]

    return asked


def _key(value):
    """What stands for an argument; a row that is not saved yet is like no other."""
    if not isinstance(value, Model):
        return value
    return (value._meta.concrete_model, object() if value.pk is None else value.pk)
