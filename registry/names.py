"""Names in two languages, sorted as Vietnamese readers expect where the server can."""

from django.db import connection, models
from django.db.models.functions import Collate
from django.utils.translation import get_language

VIETNAMESE_COLLATION = "vi-x-icu"


def in_current_language(vietnamese: str, english: str) -> str:
    """The English name where English is asked for and known, else the Vietnamese one."""
    return english if english and (get_language() or "vi").startswith("en") else vietnamese


def vietnamese_order(field: str) -> models.Expression:
    """An expression to sort `field` by; falls back to the server's own order where it has no ICU collation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_collation WHERE collname = %s", [VIETNAMESE_COLLATION])
        known = cursor.fetchone() is not None
    return Collate(field, VIETNAMESE_COLLATION) if known else models.F(field)
