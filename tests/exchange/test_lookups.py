"""Look-ups as a service: the agreed volume, what is kept about a question, and what may not be written as a case."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from evidence import ledger
from evidence.models import Entry, Salt
from exchange import tasks
from exchange.models import Lookup, LookupUsage
from exchange.refusals import Incomplete, Refusal
from exchange.services import lookups
from registry.choices import Mode
from registry.connectors import TemporarySourceError
from registry.connectors.sqlite import SQLiteConnector

pytestmark = pytest.mark.postgresql

KEY = "001099000001"
ABSENT = "001099999999"


def keys(number: int) -> list[str]:
    return [f"0010990000{key:02}" for key in range(1, number + 1)]


def look_up(world, agreement, key=KEY, case_number="HS-1"):
    return lookups.look_up(
        agreement=agreement, by=world.requester, key=key, case_number=case_number, purpose=agreement.purpose
    )


def refused(world, agreement, **changes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        look_up(world, agreement, **changes)
    return caught.value


@pytest.fixture
def agreement(world):
    return world.agreed(mode=Mode.LOOKUP)


# --- volume


def test_as_many_records_are_given_as_agreed(world, monkeypatch):
    agreement = world.agreed(mode=Mode.LOOKUP, row_limit=2)
    for key in keys(2):
        assert look_up(world, agreement, key).record
    monkeypatch.setattr(SQLiteConnector, "lookup", lambda *args, **options: pytest.fail("the source was read"))
    refusal = refused(world, agreement, key=keys(3)[-1])
    assert (refusal.code, refusal.status) == ("volume-used", 403)
    assert "2" in str(refusal)
    entry = Entry.objects.order_by("sequence").last()
    assert (entry.action, entry.outcome, json.loads(entry.details)["code"]) == ("lookup.ask", "refused", "volume-used")
    assert LookupUsage.objects.get().answered == 2


def test_question_without_a_record_uses_no_volume(world):
    agreement = world.agreed(mode=Mode.LOOKUP, row_limit=1)
    for _question in range(3):
        assert look_up(world, agreement, ABSENT).record is None
    assert look_up(world, agreement).record
    assert refused(world, agreement, key=ABSENT).code == "volume-used"


def test_volume_is_counted_for_each_agreement(world):
    first, second = (world.agreed(mode=Mode.LOOKUP, row_limit=1) for _number in range(2))
    look_up(world, first)
    assert look_up(world, second).record


def test_failing_source_uses_no_volume(world, monkeypatch):
    agreement = world.agreed(mode=Mode.LOOKUP, row_limit=1)
    with monkeypatch.context() as patch:

        def busy(*args, **options):
            raise TemporarySourceError("source-busy")

        patch.setattr(SQLiteConnector, "lookup", busy)
        with pytest.raises(TemporarySourceError):
            look_up(world, agreement)
    assert look_up(world, agreement).record


def test_record_that_is_not_recorded_uses_no_volume(world, agreement, monkeypatch):
    original = lookups._count

    def broken(*args):
        original(*args)
        raise ledger.EvidenceError("lost")

    monkeypatch.setattr(lookups, "_count", broken)
    with pytest.raises(ledger.EvidenceError):
        look_up(world, agreement)
    assert not LookupUsage.objects.exists()
    assert Lookup.objects.get().found is None


def test_used_volume_is_never_negative(agreement):
    with pytest.raises(IntegrityError), transaction.atomic():
        LookupUsage.objects.create(agreement=agreement, answered=-1)


def test_askers_at_once_get_no_more_than_agreed(make_world, transactional_db):
    world = make_world()
    agreement = world.agreed(mode=Mode.LOOKUP, row_limit=3)

    codes = []

    def ask(key):
        try:
            return look_up(world, agreement, key).record is not None
        except Refusal as refusal:
            codes.append(refusal.code)
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        given = sum(pool.map(ask, keys(8)))
    assert (given, codes) == (3, ["volume-used"] * 5)
    assert LookupUsage.objects.get().answered == 3
    assert Entry.objects.filter(action="lookup.answer").count() == 3


# --- what is kept


def test_case_number_stands_in_a_row_that_can_be_erased_and_as_a_digest_in_the_ledger(world, agreement):
    answer = look_up(world, agreement, case_number="HS-2026-17")
    kept = Lookup.objects.get()
    assert (kept.receipt, kept.by, kept.case_number, kept.found) == (
        answer.receipt,
        world.requester,
        "HS-2026-17",
        True,
    )
    for entry in Entry.objects.filter(action__startswith="lookup."):
        assert "HS-2026-17" not in entry.details
        salt = bytes(Salt.objects.get(entry=entry.sequence).value)
        digests = json.loads(entry.details)["digests"]
        assert digests == {
            "key": ledger.digest(KEY, salt=salt),
            "case_number": ledger.digest("HS-2026-17", salt=salt),
        }


def test_refused_question_leaves_digests_only(world, agreement):
    world.suspended(agreement)
    assert refused(world, agreement).code == "agreement-not-live"
    assert not Lookup.objects.exists()


def test_question_without_a_record_says_so(world, agreement):
    look_up(world, agreement, ABSENT)
    assert Lookup.objects.get().found is False


def test_case_numbers_are_erased_when_nothing_may_be_kept_any_more(world, agreement, monkeypatch):
    look_up(world, agreement)
    look_up(world, agreement, ABSENT)
    assert lookups.erase_old() == 0
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "localdate", lambda: agreement.retention_until + timedelta(days=1))
        tasks.sweep()
        assert lookups.erase_old() == 0
    assert not Lookup.objects.exists()
    entry = Entry.objects.get(action="lookup.erase")
    assert json.loads(entry.details) == {"erased": 2}
    assert list(ledger.tampered()) == []


# --- what may be written


@pytest.mark.parametrize(
    ("key", "case_number"),
    [
        (KEY, KEY),
        (KEY, "097199012345"),
        (KEY, "HS 001 099 000 001"),
        (KEY, "Nguyễn Văn A 0010.9900.0001"),
        ("012345678", "CMND 012345678"),
        ("012345678", "CMND 012.345.678"),
        ("012-345-678", "CMND 0123 45678/2"),
    ],
)
def test_number_of_the_person_is_no_case_number(world, agreement, key, case_number):
    refusal = refused(world, agreement, key=key, case_number=case_number)
    assert isinstance(refusal, Incomplete)
    assert set(refusal.fields) == {"case_number"}
    assert not Lookup.objects.exists()


@pytest.mark.parametrize("case_number", ["000.00.19.H26-230512-0001", "HS 2026.11.23.000123", "12/UBND-VP", "17"])
def test_usual_numbers_of_cases_are_taken(world, agreement, case_number):
    look_up(world, agreement, case_number=case_number)
    look_up(world, agreement, key="1", case_number=case_number)
    assert Lookup.objects.filter(case_number=case_number).count() == 2


@pytest.mark.parametrize("broken", ["\ud800", "1\0", "HS\udfff-1", "\0"])
@pytest.mark.parametrize("member", ["key", "case_number"])
def test_text_that_cannot_be_stored_is_refused_as_incomplete(world, agreement, member, broken):
    refusal = refused(world, agreement, **{member: broken})
    assert isinstance(refusal, Incomplete)
    assert set(refusal.fields) == {member}
    assert Entry.objects.filter(action="lookup.ask", outcome="refused").count() == 1
