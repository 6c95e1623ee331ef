"""Names in two languages, sorted as Vietnamese readers expect where the server can."""

from functools import cache

from django.db import connections, models
from django.db.models.functions import Collate
from django.utils.translation import get_language

VIETNAMESE_COLLATION = "vi-x-icu"


def in_current_language(vietnamese: str, english: str) -> str:
    """The English name where English is asked for and known, else the Vietnamese one."""
    return english if english and (get_language() or "vi").startswith("en") else vietnamese


@cache
def _knows_vietnamese(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_collation WHERE collname = %s", [VIETNAMESE_COLLATION])
        return cursor.fetchone() is not None


def vietnamese_collation() -> str:
    """What goes behind a column in SQL to sort it as Vietnamese readers expect; empty where the server cannot."""
    return f' COLLATE "{VIETNAMESE_COLLATION}"' if _knows_vietnamese("default") else ""


def vietnamese_order(field: str) -> models.Expression:
    """An expression to sort `field` by; falls back to the server's own order where it has no ICU collation."""
    return Collate(field, VIETNAMESE_COLLATION) if _knows_vietnamese("default") else models.F(field)
