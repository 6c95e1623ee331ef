"""manage.py verify_evidence finds whatever was changed past the triggers."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from evidence import ledger
from evidence.models import Entry

pytestmark = pytest.mark.postgresql


@pytest.fixture
def entry(db) -> Entry:
    with transaction.atomic():
        ledger.record(action="thing.do", actor=ledger.SYSTEM, subject=("thing", "T-0"))
        return ledger.record(
            action="thing.do", actor=ledger.Actor("a", "b"), subject=("thing", "T-1"), details={"sha256": "0"}
        )


def tamper(change: str, entry: Entry) -> None:
    """Change the entry as only the owner of the table could, with its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE evidence_entry DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE evidence_entry SET {change} WHERE sequence = %s", [entry.sequence])  # noqa: S608
        cursor.execute("ALTER TABLE evidence_entry ENABLE TRIGGER USER")


def test_whole_ledger_is_verified(entry, capsys):
    call_command("verify_evidence")
    assert capsys.readouterr().out.startswith("2 entries")


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "agency = ''",
        "action = 'thing.undo'",
        "outcome = 'refused'",
        "subject_id = 'T-2'",
        "correlation_id = 'x'",
        "at = at + interval '1 microsecond'",
        'details = \'{"sha256":"1"}\'',
        'details = \'{ "sha256":"0"}\'',
        "details = 'no json'",
        "sequence = sequence + 1000",
        "leaf_hash = decode(repeat('00', 32), 'hex')",
    ],
)
def test_changed_entry_is_named(entry, change):
    tamper(change, entry)
    with pytest.raises(CommandError, match="1 entries do not match"):
        call_command("verify_evidence")


def test_evidence_of_a_whole_exchange_is_verified(world, capsys):
    world.delivered()
    call_command("verify_evidence")
    assert "every hash right" in capsys.readouterr().out
