"""Showing what was matched: words marked in a text, and what was probably meant."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WORD = re.compile(r"[^\W\d_]+|\d+")
EXCERPT = 240
SHORTEST_BEGINNING = 3  # letters; with fewer, half the words of a page would be marked


def plain(text: str) -> str:
    """Without accents and capitals, as registry_plain() of the database."""
    decomposed = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


class Marker:
    """Marks the words of a search in texts; the last word also where it only begins one, if it is not too short for it.

    Words of `also`, the other ways of writing it, are marked as well.
    """

    def __init__(self, words: str, also: Iterable[str] = ()) -> None:
        found = [plain(word) for word in WORD.findall(unicodedata.normalize("NFC", words))]
        self.whole, self.beginning = set(found), found[-1] if found else None
        self.also = {word for text in also for word in WORD.findall(text)}

    def __bool__(self) -> bool:
        return bool(self.whole)

    @property
    def expression(self) -> str:
        """A regular expression of the database for plain text in which one of the words occurs."""
        return rf"(^|[^[:alnum:]])({'|'.join(sorted(self.whole))})"  # words only: nothing needs escaping

    def matches(self, word: str) -> bool:
        word = plain(word)
        if word in self.whole or word in self.also:
            return True
        return bool(self.beginning and len(self.beginning) >= SHORTEST_BEGINNING and word.startswith(self.beginning))

    def count(self, text: str) -> int:
        """How many different words of the search occur in the text."""
        present = {plain(word) for word in WORD.findall(unicodedata.normalize("NFC", text))}
        begun = bool(self.beginning) and any(word.startswith(self.beginning) for word in present)
        return len((self.whole - {self.beginning}) & present) + begun

    def mark(self, text: str) -> SafeString:
        """The text with its matches in <mark>; everything else is escaped."""
        text, parts, end = unicodedata.normalize("NFC", text), [], 0
        for found in WORD.finditer(text):
            if self.matches(found[0]):
                parts.append((text[end : found.start()], format_html("<mark>{}</mark>", found[0])))
                end = found.end()
        return format_html("{}{}", format_html_join("", "{}{}", parts), text[end:])

    def excerpt(self, text: str) -> SafeString:
        """The part of a longer text around the first match, marked."""
        text = unicodedata.normalize("NFC", text)
        first = next((found.start() for found in WORD.finditer(text) if self.matches(found[0])), 0)
        start = max(0, first - EXCERPT // 3)
        start = text.rfind(" ", 0, start) + 1 if start else 0
        piece = text[start : start + EXCERPT]
        if start + EXCERPT < len(text):
            piece = piece.rsplit(" ", 1)[0] + " …"
        return self.mark(("… " if start else "") + piece)


def suggestion(words: str, titles: list[str]) -> str:
    """What was probably meant: each word that no title has, as the nearest word of the best titles writes it."""
    known = {}
    for title in titles:
        for word in WORD.findall(unicodedata.normalize("NFC", title.lower())):
            known.setdefault(plain(word), word)
    meant = []
    for word in WORD.findall(unicodedata.normalize("NFC", words.lower())):
        if plain(word) in known:
            meant.append(known[plain(word)] if word == plain(word) else word)
        else:
            near = difflib.get_close_matches(plain(word), known, n=1, cutoff=0.6)
            meant.append(known[near[0]] if near else word)
    found = " ".join(meant)
    return found if plain(found) != plain(" ".join(WORD.findall(words))) else ""
