"""What the portal asks of a place that holds files, and the one way in which it names them."""

import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import BinaryIO

from registry.connectors.base import PermanentSourceError

MOST_FILES = 20_000


@dataclass(frozen=True)
class StoredFile:
    """A file as it was found: with another version it is another file, whatever its name says."""

    path: str  # below the folder or prefix, with slashes
    size: int
    version: str


class Store(ABC):
    """A folder or a bucket, read-only. Methods raise `SourceError` only."""

    writable = False
    left_out: list[str]

    @abstractmethod
    def files(self, start: str = "") -> list[StoredFile]:
        """The files whose path begins with `start` when both are folded, sorted. Hidden ones, links and odd ones are left out."""

    @abstractmethod
    def open(self, file: StoredFile) -> BinaryIO:
        """Open exactly this version; a TemporarySourceError where there is another one by now."""

    @abstractmethod
    def check_unchanged(self, files: list[StoredFile]) -> None:
        """Raise a TemporarySourceError when one of the files has another version by now."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held open."""


def folded(name: str) -> str:
    """What names have in common that a person, or another system, takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def check_number(found: list) -> None:
    if len(found) > MOST_FILES:
        raise PermanentSourceError("too-many-tables")
