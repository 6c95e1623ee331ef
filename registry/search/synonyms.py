"""Other ways of writing what was typed: abbreviations and what they stand for, words that are run together."""

import re
from dataclasses import dataclass

from registry.models import SearchSynonym
from registry.search.marking import WORD, plain

MOST_KNOWN = 2_000  # rows that are read
MOST_VARIANTS = 5  # of one search; whoever types more abbreviations at once wants them as they are


@dataclass(frozen=True, slots=True)
class Variant:
    """The whole search, without accents, with one part in another way; and that part as it is written."""

    words: str
    part: str


def variants(typed: str) -> list[Variant]:
    """What was typed with one part of it written in another way. One query."""
    words = _spaced(typed)
    if not words:
        return []
    found: dict[str, Variant] = {}
    for term, meaning in SearchSynonym.objects.order_by("pk").values_list("term", "meaning")[:MOST_KNOWN]:
        for here, there in ((term, meaning), (meaning, term)):
            part, other = _spaced(here), _spaced(there)
            # A part that its other way contains would only grow: "khai sinh" within "giấy khai sinh".
            if part and _holds(words, part) and not _holds(words, other):
                changed = re.sub(rf"(?<!\S){re.escape(part)}(?!\S)", lambda _found, other=other: other, words)
                found.setdefault(changed, Variant(changed, there))
    return list(found.values())[:MOST_VARIANTS]


def _holds(words: str, part: str) -> bool:
    return f" {part} " in f" {words} "


def _spaced(text: str) -> str:
    return " ".join(WORD.findall(plain(text)))
