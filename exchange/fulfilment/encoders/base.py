"""What encoders share: a file whose hash is known when its last byte is, and the steps of writing one."""

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from django.utils.translation import gettext_lazy as _

from registry.choices import Masking
from registry.connectors import Chunk, PermanentSourceError
from registry.models import Field


class HashedFile:
    """A new file of the portal's own account, written from front to end."""

    def __init__(self, path: Path):
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self.closed = True
        self._file.close()

    def write(self, data) -> int:
        self._digest.update(data)
        written = len(memoryview(data).cast("B"))
        self._file.write(data)
        self.size += written
        return written

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Encoder(ABC):
    """Takes the chunks of a source one after the other; leaving the block early leaves nothing running or lying around."""

    def __init__(self, file: HashedFile, columns: Sequence[tuple[Field, Masking]], folder: Path):
        self.file, self.columns, self.folder = file, columns, folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def write(self, chunk: Chunk) -> None:
        """Raises PermanentSourceError `misfit` for a value that the format cannot hold."""

    def finish(self) -> None:
        """Write what comes after the last row."""
        self.file.flush()

    def type_of(self, place: int) -> str:
        """What the format calls the type of a column; empty where it has none."""
        return ""


def misfit() -> PermanentSourceError:
    return PermanentSourceError(
        "misfit",
        _("A value of the source does not fit its column in this file format. Ask for CSV, which holds every value."),
    )
