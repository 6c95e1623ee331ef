"""Names in two languages, sorted as Vietnamese readers expect where the server can."""

import unicodedata
from functools import cache

from django.db import connections, models
from django.db.models.functions import Collate
from django.utils.translation import get_language

VIETNAMESE_COLLATION = "vi-x-icu"
ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
PLACES = {unicodedata.normalize("NFD", letter): place for place, letter in enumerate(ALPHABET)}
TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng


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


def vietnamese_key(text: str) -> tuple:
    """A key by which Python sorts a few names as Vietnamese readers expect: letters first, tones where those are equal."""
    letters, tones = [], []
    for sign in unicodedata.normalize("NFC", text.lower()):
        parts = unicodedata.normalize("NFD", sign)
        tones.append(next((TONES.index(part) for part in parts if part in TONES), -1))
        letter = "".join(part for part in parts if part not in TONES)
        letters.append((PLACES.get(letter, -1), letter))
    return letters, tones
