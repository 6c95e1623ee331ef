"""Other ways of writing what was typed: abbreviations and what they stand for, words that are run together."""

import re

from registry.models import SearchSynonym
from registry.search.marking import WORD, plain

MOST_KNOWN = 2_000  # rows that are read
MOST_VARIANTS = 5  # of one search; whoever types more abbreviations at once wants them as they are


def variants(words: str) -> list[str]:
    """What was typed with one part of it written in another way, without accents as all search is. One query."""
    typed = _spaced(words)
    if not typed:
        return []
    found: dict[str, None] = {}
    for term, meaning in SearchSynonym.objects.order_by("pk").values_list("term", "meaning")[:MOST_KNOWN]:
        one, other = _spaced(term), _spaced(meaning)
        for here, there in ((one, other), (other, one)):
            # A part that its other way contains would only grow: "khai sinh" within "giấy khai sinh".
            if here and f" {here} " in f" {typed} " and f" {there} " not in f" {typed} ":
                found[re.sub(rf"(?<!\S){re.escape(here)}(?!\S)", lambda _found, there=there: there, typed)] = None
    return list(found)[:MOST_VARIANTS]


def _spaced(text: str) -> str:
    return " ".join(WORD.findall(plain(text)))
