"""The ledger: one transaction with what it proves, canonical, without personal values."""

import json
import unicodedata
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from evidence import ledger
from evidence.models import Entry, Outcome, Salt

pytestmark = pytest.mark.postgresql


def record(**fields) -> Entry:
    usual = {"action": "thing.do", "actor": ledger.Actor("someone", "BTC"), "subject": ("thing", "T-1")}
    with transaction.atomic():
        return ledger.record(**{**usual, **fields})


def test_entry_says_who_did_what_to_which_thing(db):
    record(correlation_id="YC-1", details={"b": 1, "a": "ô"})
    entry = Entry.objects.get()
    assert (entry.actor, entry.agency, entry.action) == ("someone", "BTC", "thing.do")
    assert (entry.subject_type, entry.subject_id, entry.correlation_id) == ("thing", "T-1", "YC-1")
    assert (entry.outcome, entry.details) == (Outcome.SUCCESS, '{"a":"ô","b":1}')


def test_hash_is_that_of_the_canonical_entry(db):
    entry = Entry.objects.get(pk=record(details={"a": 1}).pk)
    assert bytes(entry.leaf_hash) == ledger.leaf_hash(entry)
    assert len(entry.leaf_hash) == 32


def test_hash_of_a_known_entry_never_changes():
    entry = Entry(
        sequence=7, at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), actor="a", agency="b", action="c",
        outcome=Outcome.SUCCESS, subject_type="d", subject_id="e", correlation_id="f", details='{"g":"ô"}',
    )  # fmt: skip
    assert ledger.leaf_hash(entry).hex() == "1cae9f1489c4c31a92f2f896dd88ab33ce25f7a0c324e4f6ba68cf791087c1c8"


@pytest.mark.django_db(transaction=True)
def test_entry_outside_a_transaction_is_refused():
    with pytest.raises(ledger.EvidenceError):
        ledger.record(action="thing.do", actor=ledger.SYSTEM, subject=("thing", "T-1"))
    assert not Entry.objects.exists()


def test_entry_goes_with_its_transaction(db):
    def fail():
        with transaction.atomic():
            ledger.record(action="thing.do", actor=ledger.SYSTEM, subject=("thing", "T-1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_refusal_is_recorded_in_a_transaction_of_its_own():
    entry = ledger.record_refusal(action="thing.do", actor=ledger.SYSTEM, subject=("thing", "T-1"))
    assert Entry.objects.get().outcome == entry.outcome == Outcome.REFUSED


def test_sequence_goes_up_and_time_is_the_databases(db):
    first, second = record(), record()
    assert second.sequence > first.sequence
    assert second.at > first.at
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        assert cursor.fetchone()[0] > second.at


def test_personal_value_enters_as_a_salted_digest_only(db):
    entry = record(personal={"key": "001099000001"})
    assert "001099000001" not in Entry.objects.get().details
    salt = bytes(Salt.objects.get(entry=entry).value)
    assert json.loads(entry.details)["digests"]["key"] == ledger.digest("001099000001", salt=salt)


def test_same_value_has_another_digest_in_each_entry(db):
    one, other = (json.loads(record(personal={"key": "1"}).details)["digests"]["key"] for _time in range(2))
    assert one != other


def test_digest_is_the_same_for_both_forms_of_a_letter():
    name = "Ngô Bảo Châu"
    forms = {ledger.digest(unicodedata.normalize(form, name), salt=b"s") for form in ("NFC", "NFD")}
    assert len(forms) == 1


def test_salt_can_be_erased_and_the_proof_stays(db):
    record(personal={"key": "1"})
    Salt.objects.all().delete()
    assert list(ledger.tampered()) == []


def test_salt_cannot_be_changed(db):
    record(personal={"key": "1"})
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Salt.objects.update(value=b"another")


def test_entry_without_personal_values_has_no_salt(db):
    record()
    assert not Salt.objects.exists()


@pytest.mark.parametrize("act", [lambda entry: entry.save(), lambda entry: entry.delete()])
def test_entry_cannot_be_changed_or_deleted_through_the_model(db, act):
    entry = record()
    with pytest.raises(DatabaseError), transaction.atomic():
        act(entry)
    assert list(ledger.tampered()) == []


def test_entries_of_a_case_are_read_in_order(db):
    for number in (1, 2, 3):
        record(correlation_id="YC-1", details={"n": number})
    record(correlation_id="YC-2")
    assert [json.loads(entry.details)["n"] for entry in Entry.objects.in_case("YC-1")] == [1, 2, 3]
    assert Entry.objects.about("thing", "T-1").count() == 4
