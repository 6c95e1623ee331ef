"""Writing entries and checking them again. `record` belongs to the caller's transaction: no entry, no effect."""

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import rfc8785
from django.db import connection, transaction

from evidence.models import Entry, Outcome, Salt

LEAF_PREFIX = b"\x00"  # RFC 9162, 2.1.1: leaves and inner nodes are hashed apart


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: public id of the account and code of the agency for which it acts, both as text."""

    name: str
    agency: str = ""


SYSTEM = Actor("system")


class EvidenceError(Exception):
    """The entry could not be written, so what it proves must not happen."""


def record(
    *,
    action: str,
    actor: Actor,
    subject: tuple[str, str],
    correlation_id: str = "",
    details: Mapping | None = None,
    personal: Mapping[str, str] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
) -> Entry:
    """Append one entry inside the caller's transaction; `subject` is (type, public id).

    `personal` holds values that must not stand in the ledger: only their salted digests go in.
    Raises EvidenceError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise EvidenceError("an entry is written in the transaction of what it proves")
    details = dict(details or {})
    salt = secrets.token_bytes(16) if personal else None
    if salt:
        details["digests"] = {name: digest(value, salt=salt) for name, value in personal.items()}
    [position] = _next_positions(1)
    entry = _entry(position, action, actor, subject, details, outcome, correlation_id)
    entry.save(force_insert=True)
    if salt:
        Salt.objects.create(entry=entry, value=salt)
    return entry


def record_all(*, action: str, actor: Actor, about: Sequence[tuple[tuple[str, str], Mapping]]) -> None:
    """Append one entry for each (subject, details), as `record` does, in two statements however many there are."""
    if not connection.in_atomic_block:
        raise EvidenceError("an entry is written in the transaction of what it proves")
    positions = _next_positions(len(about))
    Entry.objects.bulk_create(
        [
            _entry(position, action, actor, subject, details)
            for position, (subject, details) in zip(positions, about, strict=True)
        ]
    )


def record_refusal(**fields) -> Entry:
    """Append an entry that says what was refused, in a transaction of its own.

    Call it after the refused transaction was rolled back, so that the entry does not go with it.
    """
    with transaction.atomic():
        return record(outcome=Outcome.REFUSED, **fields)


def digest(value: str, *, salt: bytes) -> str:
    """Hex HMAC-SHA256 of a personal value in NFC under the entry's salt."""
    return hmac.new(salt, unicodedata.normalize("NFC", value).encode(), hashlib.sha256).hexdigest()


def leaf_hash(entry: Entry) -> bytes:
    """SHA-256 over 0x00 and the canonical JSON of everything in the entry."""
    return hashlib.sha256(LEAF_PREFIX + rfc8785.dumps(as_document(entry))).digest()


def as_document(entry: Entry) -> dict:
    """The entry as the JSON object that is hashed: times in UTC with microseconds, details as an object."""
    return {
        "sequence": str(entry.sequence),
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "agency": entry.agency,
        "action": entry.action,
        "outcome": str(entry.outcome),
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "correlation_id": entry.correlation_id,
        "details": json.loads(entry.details),
    }


def tampered() -> Iterator[int]:
    """Sequences of the entries whose content no longer gives their leaf hash, read in constant memory."""
    for entry in Entry.objects.order_by("sequence").iterator(chunk_size=2_000):
        if not _is_intact(entry):
            yield entry.sequence


def _is_intact(entry: Entry) -> bool:
    try:
        canonical = rfc8785.dumps(json.loads(entry.details)).decode()
    except (ValueError, rfc8785.CanonicalizationError):
        return False
    return canonical == entry.details and hmac.compare_digest(leaf_hash(entry), bytes(entry.leaf_hash))


def _entry(
    position: tuple[int, datetime],
    action: str,
    actor: Actor,
    subject: tuple[str, str],
    details: Mapping,
    outcome: Outcome = Outcome.SUCCESS,
    correlation_id: str = "",
) -> Entry:
    entry = Entry(
        sequence=position[0],
        at=position[1],
        actor=actor.name,
        agency=actor.agency,
        action=action,
        outcome=outcome,
        subject_type=subject[0],
        subject_id=subject[1],
        correlation_id=correlation_id,
        details=rfc8785.dumps(dict(details)).decode(),
    )
    entry.leaf_hash = leaf_hash(entry)
    return entry


def _next_positions(count: int) -> list[tuple[int, datetime]]:
    # The time is the database's, so that web servers with wrong clocks cannot reorder what happened.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval('evidence_entry_sequence'), clock_timestamp() FROM generate_series(1, %s)", [count]
        )
        return cursor.fetchall()
