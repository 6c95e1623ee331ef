"""Writing the package: bytes to a temporary file with a running SHA-256, a manifest beside it, and the rename that shows them."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from exchange.fulfilment import encoders
from exchange.models import Agreement, Delivery, DeliveryAttempt
from exchange.scope import Scope
from exchange.states import DeliveryStatus
from registry.choices import Masking
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
        rows, size, digest, types = _write_data(staged, delivery.agreement, chunks, progress)
        manifest = _manifest(delivery, file_name, rows, size, digest, types)
        text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True).encode()
        _write_synced(staged_manifest, text)
    except BaseException:
        discard(staged, staged_manifest)
        raise
    return Package(rows, size, digest, file_name, hashlib.sha256(text).hexdigest(), staged, staged_manifest)


def _write_data(
    path: Path, agreement: Agreement, chunks: Iterable[Chunk], progress: Callable[[int, int], bool]
) -> tuple[int, int, str, list[str]]:
    """Rows, bytes, SHA-256, and what the format calls the type of each column."""
    fields = {field.name: field for field in agreement.dataset.fields.all()}
    columns = [(fields[name], Masking(masking)) for name, masking in Scope.from_text(agreement.scope).fields]
    folder, rows, size = path.with_suffix(".folder.part"), 0, 0
    with (
        encoders.HashedFile(path) as file,
        encoders.encoder_for(agreement.file_format, file, columns, folder) as encoder,
    ):
        for chunk in chunks:
            encoder.write(chunk)
            rows += chunk.rows
            size += len(chunk.data)
            if not progress(rows, size):
                raise Stopped
        encoder.finish()
        file.sync()
        return rows, file.size, file.sha256, [encoder.type_of(place) for place in range(len(columns))]


def _write_synced(path: Path, content: bytes) -> None:
    with encoders.HashedFile(path) as file:
        file.write(content)
        file.sync()


def _sync_folder() -> None:
    handle = os.open(settings.DELIVERY_DIR, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(*paths: Path) -> None:
    """Remove files, and the folders that an encoder kept rows in."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def discard_unrecorded(delivery: Delivery) -> None:
    """Remove what earlier attempts left behind, shown or not, unless the delivery is on record as completed.

    The caller holds the delivery's lock, so none of them still writes.
    """
    discard(*settings.DELIVERY_DIR.glob(f".{delivery.code}.*.part"))
    if delivery.status != DeliveryStatus.COMPLETED:
        discard(*settings.DELIVERY_DIR.glob(f"{delivery.code}.*"))


def _manifest(delivery: Delivery, file_name: str, rows: int, size: int, digest: str, types: list[str]) -> dict:
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
                **({"type": kind} if kind else {}),
                "title_vi": fields[name].title_vi,
                "title_en": fields[name].title_en,
                "description": fields[name].description,
            }
            for (name, masking), kind in zip(scope.fields, types, strict=True)
        ],
        "filters": scope.as_document()["filters"],
    }
