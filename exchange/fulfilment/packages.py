"""Writing the package: bytes to a temporary file with a running SHA-256, a manifest beside it, and the rename that shows them."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from exchange.models import Delivery, DeliveryAttempt
from exchange.scope import Scope
from exchange.states import DeliveryStatus
from registry.connectors import Chunk


class Stopped(Exception):
    """The delivery was ended or taken over while its file was being written."""


@dataclass(frozen=True, slots=True)
class Package:
    """A finished file that nobody can see yet."""

    rows: int
    size: int
    sha256: str
    file_name: str
    manifest_sha256: str
    staged: Path
    staged_manifest: Path

    def publish(self) -> None:
        """Give both files their names: the manifest first, so that there is never data without one."""
        os.replace(self.staged_manifest, manifest_path(self.file_name))
        os.replace(self.staged, data_path(self.file_name))
        _sync_folder()


def data_path(file_name: str) -> Path:
    return settings.DELIVERY_DIR / file_name


def manifest_path(file_name: str) -> Path:
    return settings.DELIVERY_DIR / f"{file_name}.manifest.json"


def write(*, attempt: DeliveryAttempt, chunks: Iterable[Chunk], progress: Callable[[int, int], bool]) -> Package:
    """Stream the chunks to the disk. `progress(rows, bytes)` is told after each chunk and answers whether to go on.

    Raises Stopped when it says no. The staged files are gone after any exception.
    """
    folder = settings.DELIVERY_DIR
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    delivery = attempt.delivery
    file_name = f"{delivery.code}.{delivery.agreement.file_format}"
    staged = folder / f".{file_name}.{attempt.number}.part"
    staged_manifest = folder / f".{file_name}.{attempt.number}.manifest.part"
    try:
        rows, size, digest = _write_data(staged, chunks, progress)
        text = json.dumps(
            _manifest(delivery, file_name, rows, size, digest), ensure_ascii=False, indent=2, sort_keys=True
        ).encode()
        _write_synced(staged_manifest, text)
    except BaseException:
        discard(staged, staged_manifest)
        raise
    return Package(rows, size, digest, file_name, hashlib.sha256(text).hexdigest(), staged, staged_manifest)


def _write_data(path: Path, chunks: Iterable[Chunk], progress: Callable[[int, int], bool]) -> tuple[int, int, str]:
    digest, rows, size = hashlib.sha256(), 0, 0
    with _open_private(path) as file:
        for chunk in chunks:
            digest.update(chunk.data)
            file.write(chunk.data)
            rows += chunk.rows
            size += len(chunk.data)
            if not progress(rows, size):
                raise Stopped
        file.flush()
        os.fsync(file.fileno())
    return rows, size, digest.hexdigest()


def _write_synced(path: Path, content: bytes) -> None:
    with _open_private(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _open_private(path: Path):
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync_folder() -> None:
    handle = os.open(settings.DELIVERY_DIR, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def discard_unrecorded(delivery: Delivery) -> None:
    """Remove what earlier attempts left behind, shown or not, unless the delivery is on record as completed.

    The caller holds the delivery's lock, so none of them still writes.
    """
    discard(*settings.DELIVERY_DIR.glob(f".{delivery.code}.*.part"))
    if delivery.status != DeliveryStatus.COMPLETED:
        discard(*settings.DELIVERY_DIR.glob(f"{delivery.code}.*"))


def _manifest(delivery: Delivery, file_name: str, rows: int, size: int, digest: str) -> dict:
    """What the file is, under which agreement, and what may be done with it."""
    agreement = delivery.agreement
    scope = Scope.from_text(agreement.scope)
    fields = {field.name: field for field in agreement.dataset.fields.all()}
    return {
        "delivery": delivery.code,
        "agreement": agreement.code,
        "agreement_version": agreement.version,
        "request": agreement.case.request.code,
        "provider": agreement.provider.code,
        "consumer": agreement.consumer.code,
        "dataset": agreement.dataset.code,
        "purpose": agreement.purpose,
        "valid_from": agreement.valid_from.isoformat(),
        "valid_to": agreement.valid_to.isoformat(),
        "retention_until": agreement.retention_until.isoformat(),
        "scope_sha256": agreement.scope_hash,
        "plan_sha256": agreement.plan_hash,
        "created_at": timezone.now().isoformat(),
        "file": {"name": file_name, "format": agreement.file_format, "bytes": size, "rows": rows, "sha256": digest},
        "fields": [
            {
                "name": name,
                "masking": masking,
                "kind": fields[name].kind,
                "title_vi": fields[name].title_vi,
                "title_en": fields[name].title_en,
                "description": fields[name].description,
            }
            for name, masking in scope.fields
        ],
        "filters": scope.as_document()["filters"],
    }
