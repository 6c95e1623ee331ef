"""Names and comments as plain words: without accents, whether written in snake case, camel case or as a sentence."""

import re
import unicodedata
from dataclasses import dataclass

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z]+|[0-9]+")
SHORTEST_RUN = 5  # letters of a phrase that may be found inside a longer word without gaps


def plain(text: str) -> str:
    """Letters without accents, in the case in which they stand."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def spelled_out(name: str) -> str:
    """An identifier as the words that it was made of, with their accents."""
    return " ".join(re.sub(r"[\W_]+", " ", _CAMEL.sub(" ", name)).split())


@dataclass(frozen=True)
class Words:
    """A text cut into words, ready to be searched for many phrases."""

    spaced: str
    count: int

    def has(self, phrase: str) -> bool:
        """Whether the words of the phrase follow each other, or stand without gaps inside one word ("hotenme")."""
        if f" {phrase} " in self.spaced:
            return True
        run = phrase.replace(" ", "")
        return len(run) < len(phrase) and len(run) >= SHORTEST_RUN and run in self.spaced

    def first(self, count: int) -> "Words":
        return Words(" ".join(["", *self.spaced.split()[:count], ""]), min(count, self.count))


def words_of(text: str) -> Words:
    found = _WORD.findall(_CAMEL.sub(" ", plain(text)).lower())
    return Words(" ".join(["", *found, ""]), len(found))
