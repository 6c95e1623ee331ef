"""Where attached files lie: in a folder of their own that nothing serves, each under its SHA-256 and the id of its row.

A file is written beside the others under a passing name, synced, and only then given its own.
"""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.uploads.unacceptable import Unacceptable

LEFT_BEHIND = timedelta(days=1)  # no upload takes so long: its process is gone
PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Staged:
    """A file on the disk that is nobody's yet."""

    path: Path
    size: int
    sha256: str


@contextlib.contextmanager
def staging(chunks: Iterable[bytes]) -> Iterator[Staged]:
    """Write the chunks down and count; what is not published in the body is gone after it.

    Raises Unacceptable as soon as there are more bytes than a file may have.
    """
    folder = _made(settings.ATTACHMENT_DIR / "incoming")
    path = folder / f"{uuid.uuid4().hex}.part"
    try:
        yield _written(path, chunks)
    finally:
        path.unlink(missing_ok=True)


def _written(path: Path, chunks: Iterable[bytes]) -> Staged:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.ATTACHMENT_MAX_BYTES:
                raise too_large()
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Staged(path, size, digest.hexdigest())


def too_large() -> Unacceptable:
    return Unacceptable(
        "file-too-large",
        _("The file is too large: at most %(size)d MB.") % {"size": settings.ATTACHMENT_MAX_BYTES // 1024**2},
    )


def publish(staged: Staged, public_id: uuid.UUID) -> None:
    path = _path(staged.sha256, public_id)
    folder = _made(path.parent)
    os.replace(staged.path, path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def opened(sha256: str, public_id: uuid.UUID) -> BinaryIO:
    """The whole file, for reading; the caller closes it. Raises FileNotFoundError, also where its bytes are others now."""
    file = _path(sha256, public_id).open("rb")
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    if digest.hexdigest() != sha256:
        file.close()
        raise FileNotFoundError(sha256)
    file.seek(0)
    return file


def destroy(sha256: str, public_id: uuid.UUID) -> None:
    _path(sha256, public_id).unlink(missing_ok=True)


def clear_incoming() -> int:
    """Remove what a killed process was writing; how many files."""
    before = (timezone.now() - LEFT_BEHIND).timestamp()
    left = [path for path in (settings.ATTACHMENT_DIR / "incoming").glob("*.part") if path.stat().st_mtime < before]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _path(sha256: str, public_id: uuid.UUID) -> Path:
    return settings.ATTACHMENT_DIR / sha256[:2] / f"{sha256}.{public_id}"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
