"""Keeping what was read of a dataset's structure: a version for every shape, a change for every difference."""

from dataclasses import dataclass, field
from datetime import datetime

from registry import structures
from registry.choices import Occasion
from registry.models import Dataset, SchemaChange, SchemaSnapshot, User
from registry.services import drift


@dataclass
class Reading:
    """One look at a source. `begun` is the moment before it: what was written after that is newer than this look."""

    begun: datetime
    occasion: Occasion
    by: User | None
    found: list[SchemaChange] = field(default_factory=list)


def latest_of(datasets) -> dict[int, SchemaSnapshot]:
    """The newest snapshot of each dataset, by the dataset's key."""
    newest = SchemaSnapshot.objects.filter(dataset__in=datasets).order_by(
        "dataset_id", "-version_major", "-version_minor"
    )
    return {snapshot.dataset_id: snapshot for snapshot in newest.distinct("dataset_id")}


def is_overtaken(latest: SchemaSnapshot | None, reading: Reading) -> bool:
    """Whether somebody who looked later was faster: then this look says nothing about the present."""
    return latest is not None and latest.taken_at > reading.begun


def take(*, dataset: Dataset, structure: dict, latest: SchemaSnapshot | None, reading: Reading) -> SchemaSnapshot:
    """Keep the structure where it is new, and say what changed. The caller holds the lock on the database."""
    digest = structures.digest(structure)
    if latest is not None and latest.digest == digest:
        return latest
    changes = _changes(dataset, latest, structure) if latest else []
    major, minor = structures.next_version(
        (latest.version_major, latest.version_minor) if latest else None,
        changes,
    )
    snapshot = SchemaSnapshot.objects.create(
        dataset=dataset,
        version_major=major,
        version_minor=minor,
        structure=structure,
        digest=digest,
        taken_by=reading.by,
    )
    seen = {"structure_version": snapshot.version}
    if changes or latest is None:
        seen["structure_changed_at"] = snapshot.taken_at
    Dataset.objects.filter(pk=dataset.pk).update(**seen)
    if changes:
        reading.found.append(_keep(dataset, latest, snapshot, changes, reading))
    return snapshot


def _changes(dataset, latest, structure) -> list[structures.Change]:
    changes = structures.compare(latest.structure, structure)
    if structures.is_gone(latest.structure):
        # It is there again: what it looks like is compared with what it looked like.
        seen = dataset.snapshots.filter(structure__gone__isnull=True).order_by("-version_major", "-version_minor")
        changes += structures.compare(seen.first().structure, structure) if seen else []
    removed = set(dataset.fields.filter(removed_at__isnull=False).values_list("name", flat=True))
    return structures.returning(changes, removed)


def _keep(dataset, latest, snapshot, changes, reading) -> SchemaChange:
    change = SchemaChange.objects.create(
        dataset=dataset,
        from_snapshot=latest,
        to_snapshot=snapshot,
        changes=[change.as_document() for change in changes],
        is_breaking=structures.is_breaking(changes),
        columns=structures.touched_columns(changes),
        touches_table=structures.touches_table(changes),
        occasion=reading.occasion,
        found_by=reading.by,
    )
    drift.follow(change=change)
    return change
