"""From an agreement to a file: exactly what was agreed, exactly once, whatever breaks on the way."""

import csv
import hashlib
import json
import sqlite3
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import AttemptOutcome, EndReason, Frequency
from exchange.fulfilment import expiry, locks, packages, run, sources
from exchange.models import Delivery, DeliveryAttempt
from exchange.services import agreements, deliveries
from exchange.states import DeliveryStatus
from registry.choices import FileFormat, Masking
from registry.connectors import SQLiteConnector, TemporarySourceError
from registry.models import Connection, Field, PolicyField
from tests.scenarios import ROWS, TABLE

pytestmark = pytest.mark.postgresql


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def again(delivery: Delivery) -> Delivery:
    """Let a worker look at the delivery at the time of its next attempt."""
    Delivery.objects.open().filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def shown_files(world) -> list[str]:
    folder = world.deliveries_folder
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def both_files(delivery) -> list[str]:
    return [delivery.file_name, f"{delivery.file_name}.manifest.json"]


def assert_delivered_once(world, delivery) -> None:
    assert delivery.status == DeliveryStatus.COMPLETED
    assert shown_files(world) == both_files(delivery)
    assert Entry.objects.filter(action="delivery.complete", subject_id=delivery.code, outcome="success").count() == 1
    assert delivery.attempts.filter(outcome=AttemptOutcome.DELIVERED).count() == 1
    assert hashlib.sha256(world.path_of(delivery).read_bytes()).hexdigest() == delivery.sha256


def assert_gave_nothing(world, delivery, reason) -> None:
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, reason)
    assert shown_files(world) == []
    assert not delivery.attempts.filter(outcome=AttemptOutcome.RUNNING).exists()


def test_file_holds_exactly_what_an_independent_query_gives(world):
    delivery = world.delivered(field_names=["citizen_id", "full_name", "born", "note"])
    with world.path_of(delivery).open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    with sqlite3.connect(world.source) as source:
        query = f"SELECT citizen_id, full_name, substr(born, 1, 4), coalesce(note, '') FROM {TABLE}"  # noqa: S608
        expected = [list(row) for row in source.execute(query)]
    assert found[0] == ["citizen_id", "full_name", "born", "note"]
    assert sorted(found[1:]) == sorted(expected)
    assert delivery.rows == len(ROWS)


def test_json_lines_keep_what_is_empty_apart_from_what_is_missing(world):
    delivery = world.delivered(field_names=["citizen_id", "note", "income"], file_format=FileFormat.JSONL)
    records = [json.loads(line) for line in world.path_of(delivery).read_text("utf-8").split("\n") if line]
    assert {(r["citizen_id"], r["note"], r["income"]) for r in records} == {(row[0], row[6], row[4]) for row in ROWS}


def test_masking_of_the_policy_is_applied(world):
    delivery = world.delivered(field_names=["born", "phone"])
    lines = world.path_of(delivery).read_text().splitlines()[1:]
    assert lines == [f"{row[2][:4]},*******{row[5][-3:]}" for row in ROWS]


def test_pseudonyms_agree_within_an_agreement_and_differ_between_two(world):
    PolicyField.objects.filter(field=world.fields["citizen_id"]).update(masking=Masking.PSEUDONYM)
    agreement = world.agreed(field_names=["citizen_id"], frequency=Frequency.ON_DEMAND)
    first, second = world.delivered(agreement), world.delivered(agreement)
    other = world.delivered(field_names=["citizen_id"])
    assert first.sha256 == second.sha256 != other.sha256
    assert ROWS[0][0] not in world.path_of(first).read_text()


def test_row_filter_limits_what_is_read(world):
    condition = {"field": "province", "operator": "eq", "values": ["79"]}
    delivery = world.delivered(field_names=["citizen_id", "province"], row_filter=[condition])
    expected = [f"{row[0]},79" for row in ROWS if row[3] == "79"]
    assert world.path_of(delivery).read_text().splitlines()[1:] == expected
    assert delivery.rows == len(expected)


def test_manifest_says_what_the_file_is(world):
    delivery = world.delivered()
    agreement, data = delivery.agreement, world.path_of(delivery).read_bytes()
    path = packages.manifest_path(delivery.file_name)
    manifest = json.loads(path.read_text("utf-8"))
    assert manifest["file"] == {
        "name": delivery.file_name,
        "format": "csv",
        "bytes": len(data),
        "rows": len(ROWS),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert [field["name"] for field in manifest["fields"]] == ["citizen_id", "full_name", "born"]
    assert [field["masking"] for field in manifest["fields"]] == ["keep", "keep", "year"]
    assert (manifest["provider"], manifest["consumer"]) == (world.provider.code, world.consumer.code)
    assert (manifest["scope_sha256"], manifest["plan_sha256"]) == (agreement.scope_hash, agreement.plan_hash)
    assert delivery.size == len(data)
    entry = json.loads(Entry.objects.get(action="delivery.complete", outcome="success").details)
    assert entry["sha256"] == delivery.sha256
    assert entry["manifest_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_can_be_read_by_their_owner_only(world):
    delivery = world.delivered()
    assert {path.stat().st_mode & 0o777 for path in world.deliveries_folder.iterdir()} == {0o600}
    assert world.deliveries_folder.stat().st_mode & 0o777 == 0o700
    assert_delivered_once(world, delivery)


def test_second_run_changes_nothing(world):
    delivery = world.delivered()
    written = world.path_of(delivery).stat().st_mtime_ns
    run.deliver(delivery.pk)
    again(delivery)
    assert_delivered_once(world, delivery)
    assert world.path_of(delivery).stat().st_mtime_ns == written
    assert delivery.attempts.count() == 1


def _killed(*args, **kwargs):
    raise Killed


def _published_then_killed(publish):
    def act(package):
        publish(package)
        raise Killed

    return act


CRASHES = {
    "before-anything-is-read": lambda patch: patch.setattr(run.plans, "plan_of", _killed),
    "while-writing": lambda patch: patch.setattr(packages, "_write_data", _killed),
    "before-the-manifest": lambda patch: patch.setattr(packages, "_write_synced", _killed),
    "before-publishing": lambda patch: patch.setattr(packages.Package, "publish", _killed),
    "after-publishing": lambda patch: patch.setattr(
        packages.Package, "publish", _published_then_killed(packages.Package.publish)
    ),
    "while-recording": lambda patch: patch.setattr(deliveries, "_close", _killed),
    "killed-outright": lambda patch: (
        patch.setattr(packages.Package, "publish", _killed),
        patch.setattr(packages, "discard", lambda *paths: None),
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_killed_worker_leaves_one_file_and_one_completion_after_the_next(world, crash):
    delivery = world.ordered()
    with pytest.MonkeyPatch.context() as patch:
        CRASHES[crash](patch)
        with pytest.raises(Killed):
            run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.STARTED
    again(delivery)
    assert_delivered_once(world, delivery)
    assert list(delivery.attempts.values_list("outcome", flat=True)) == [AttemptOutcome.LOST, AttemptOutcome.DELIVERED]


def test_what_a_killed_worker_left_goes_when_the_agreement_is_revoked(world):
    delivery = world.ordered()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages.Package, "publish", _published_then_killed(packages.Package.publish))
        with pytest.raises(Killed):
            run.deliver(delivery.pk)
    (world.deliveries_folder / f".{delivery.code}.csv.1.part").write_bytes(b"left over")
    agreements.revoke(agreement=delivery.agreement, by=world.approver, reason="Sai mục đích")
    expiry.remove_expired()
    assert_gave_nothing(world, delivery, EndReason.STOPPED)


@contextmanager
def another_worker(delivery_id: int):
    """A database session of its own that holds the delivery's lock."""
    given = django_settings.DATABASES["default"]
    parameters = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"], "password": given["PASSWORD"]}
    named = {name: value for name, value in parameters.items() if value}
    with psycopg.connect(**named, dbname=given["NAME"], autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s::int, %s::int)", [locks.NAMESPACE, delivery_id])
        yield
        # Closing alone lets go a moment later, when the server notices.
        session.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", [locks.NAMESPACE, delivery_id])


def test_delivery_that_another_worker_holds_is_left_alone(world):
    delivery = world.ordered()
    with another_worker(delivery.pk):
        run.deliver(delivery.pk)
        delivery.refresh_from_db()
        assert delivery.status == DeliveryStatus.REQUESTED
        assert not delivery.attempts.exists()
    assert_delivered_once(world, again(delivery))


def test_attempt_of_a_lost_worker_is_marked_as_lost(world):
    delivery = world.ordered()
    lost = deliveries.begin(delivery=delivery, worker="dead:1")
    again(delivery)
    lost.refresh_from_db()
    assert (lost.outcome, lost.finished_at is None) == (AttemptOutcome.LOST, False)
    assert_delivered_once(world, delivery)


def test_worker_whose_attempt_was_taken_over_shows_nothing(world):
    delivery = world.ordered()
    original = packages.write

    def taken_over(**arguments):
        package = original(**arguments)
        DeliveryAttempt.objects.update(outcome=AttemptOutcome.LOST, finished_at=timezone.now())
        return package

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages, "write", taken_over)
        run.deliver(delivery.pk)
    assert shown_files(world) == []
    assert_delivered_once(world, again(delivery))


def during_the_run(patch, act):
    """Do something after the first chunk was written, and have every chunk reported."""
    original, done = SQLiteConnector.extract, []

    def extract(self, plan, **options):
        for chunk in original(self, plan, **options):
            yield chunk
            if not done:
                done.append(act())

    patch.setattr(SQLiteConnector, "extract", extract)
    patch.setattr(run, "REPORT_EVERY", 0)


@pytest.mark.parametrize("report", [True, False], ids=["seen-while-writing", "seen-at-the-end"])
@pytest.mark.parametrize("end", ["revoke", "suspend", "relinquish"])
def test_agreement_that_ends_during_the_run_gives_no_file(world, monkeypatch, end, report):
    delivery = world.ordered()
    by = world.endorser if end == "relinquish" else world.approver
    act = getattr(agreements, end)
    during_the_run(monkeypatch, lambda: act(agreement=delivery.agreement, by=by, reason="Dừng ngay"))
    if not report:
        monkeypatch.setattr(run, "REPORT_EVERY", 3_600)
    run.deliver(delivery.pk)
    assert_gave_nothing(world, delivery, EndReason.STOPPED)
    assert_gave_nothing(world, again(delivery), EndReason.STOPPED)


def test_cancelled_delivery_gives_no_file(world, monkeypatch):
    delivery = world.ordered()
    during_the_run(monkeypatch, lambda: deliveries.cancel(delivery=delivery, by=world.requester))
    run.deliver(delivery.pk)
    assert_gave_nothing(world, delivery, EndReason.CANCELLED)


def test_source_that_is_down_is_tried_again_later(world):
    delivery = world.ordered()
    kept = world.source.read_bytes()
    world.source.unlink()
    started = timezone.now()
    again(delivery)
    attempt = delivery.attempts.get()
    assert (delivery.status, attempt.outcome, attempt.code) == ("started", AttemptOutcome.TEMPORARY, "unreachable")
    assert delivery.next_attempt_at >= started + deliveries.PAUSES[0]
    run.deliver(delivery.pk)
    assert delivery.attempts.count() == 1, "not before its time"
    world.source.write_bytes(kept)
    assert_delivered_once(world, again(delivery))


def test_source_that_stays_down_ends_the_delivery_after_the_last_attempt(world, monkeypatch):
    def down(*args, **kwargs):
        raise TemporarySourceError("unreachable")

    monkeypatch.setattr(SQLiteConnector, "count", down)
    delivery, pauses = world.ordered(), []
    for _attempt in range(deliveries.MAX_ATTEMPTS + 2):
        before = timezone.now()
        again(delivery)
        pauses.append(delivery.next_attempt_at - before)
    assert delivery.attempts.count() == deliveries.MAX_ATTEMPTS
    assert_gave_nothing(world, delivery, EndReason.FAILED)
    assert [round(pause.total_seconds()) for pause in pauses[: len(deliveries.PAUSES)]] == [
        pause.total_seconds() for pause in deliveries.PAUSES
    ]


def test_workers_that_keep_dying_end_the_delivery(world, monkeypatch):
    monkeypatch.setattr(run, "_produce", _killed)
    delivery = world.ordered()
    for _attempt in range(deliveries.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            again(delivery)
    again(delivery)
    assert delivery.attempts.count() == deliveries.MAX_ATTEMPTS
    assert_gave_nothing(world, delivery, EndReason.FAILED)


@pytest.mark.parametrize(
    "change",
    [
        f"ALTER TABLE {TABLE} DROP COLUMN full_name",
        f"ALTER TABLE {TABLE} RENAME COLUMN full_name TO name",
        f"ALTER TABLE {TABLE} RENAME TO other",
    ],
)
def test_changed_source_ends_the_delivery(world, change):
    delivery = world.ordered()
    with sqlite3.connect(world.source) as source:
        source.execute(change)
    run.deliver(delivery.pk)
    assert_gave_nothing(world, delivery, EndReason.CHANGED)
    assert delivery.attempts.get().code == "source-changed"


def test_column_that_was_added_to_the_source_stays_there(world):
    delivery = world.ordered()
    with sqlite3.connect(world.source) as source:
        source.execute(f"ALTER TABLE {TABLE} ADD COLUMN secret TEXT DEFAULT 'secret'")
    again(delivery)
    assert "secret" not in world.path_of(delivery).read_text()
    assert_delivered_once(world, delivery)


@pytest.mark.parametrize("name", ["full_name", "province"], ids=["given-out", "filtered-by"])
def test_field_that_is_gone_from_the_registry_ends_the_delivery(world, name):
    condition = {"field": "province", "operator": "eq", "values": ["79"]}
    delivery = world.ordered(row_filter=[condition])
    Field.objects.filter(dataset=world.dataset, name=name).update(removed_at=timezone.now())
    run.deliver(delivery.pk)
    assert_gave_nothing(world, delivery, EndReason.CHANGED)


def test_kind_of_field_that_changed_ends_the_delivery(world):
    delivery = world.ordered()
    Field.objects.filter(dataset=world.dataset, name="full_name").update(kind="number")
    run.deliver(delivery.pk)
    assert_gave_nothing(world, delivery, EndReason.CHANGED)
    assert delivery.attempts.get().code == "plan-changed"


def test_more_rows_than_agreed_end_the_delivery(world):
    delivery = world.ordered(row_limit=len(ROWS) - 1)
    run.deliver(delivery.pk)
    assert_gave_nothing(world, delivery, EndReason.LIMIT)


def test_exactly_as_many_rows_as_agreed_are_delivered(world):
    assert_delivered_once(world, world.delivered(row_limit=len(ROWS)))


def test_full_disk_is_tried_again_and_leaves_nothing(world):
    delivery = world.ordered()

    def full(*args):
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages.os, "fsync", full)
        again(delivery)
    assert delivery.attempts.get().code == "storage"
    assert shown_files(world) == []
    assert_delivered_once(world, again(delivery))


def test_unknown_error_is_tried_again_without_its_text(world, caplog):
    delivery = world.ordered()

    def broken(*args, **kwargs):
        raise ValueError(ROWS[0][1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.plans, "plan_of", broken)
        again(delivery)
    attempt = delivery.attempts.get()
    assert (attempt.outcome, attempt.code, attempt.message) == (AttemptOutcome.TEMPORARY, "defect", "ValueError")
    assert ROWS[0][1] not in caplog.text
    assert_delivered_once(world, again(delivery))


def test_expired_file_is_removed_and_that_is_recorded(world):
    delivery = world.delivered()
    assert expiry.remove_expired() == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: delivery.available_until + timedelta(seconds=1))
        assert (expiry.remove_expired(), expiry.remove_expired()) == (1, 0)
    assert shown_files(world) == []
    assert Entry.objects.filter(action="delivery.remove", subject_id=delivery.code).count() == 1


def forced_end(delivery):
    agreements.revoke(agreement=delivery.agreement, by=delivery.agreement.case.decisions.get().made_by, reason="Sai")


def test_files_go_when_the_agreement_is_revoked(world):
    delivery = world.delivered()
    agreements.suspend(agreement=delivery.agreement, by=world.approver, reason="Kiểm tra")
    assert expiry.remove_expired() == 0, "it may be resumed"
    forced_end(delivery)
    assert [expiry.remove_expired() for _sweep in range(2)] == [1, 0]
    assert shown_files(world) == []
    assert Entry.objects.filter(action="delivery.remove", subject_id=delivery.code).count() == 1


def test_files_go_after_the_last_day_of_the_agreement(world, monkeypatch):
    delivery = world.delivered()
    day = delivery.agreement.valid_to + timedelta(days=1)
    monkeypatch.setattr(timezone, "localdate", lambda: day)
    assert expiry.remove_expired() == 1
    assert shown_files(world) == []


def test_file_that_could_not_be_deleted_is_tried_again_and_recorded_once(world, caplog):
    first, second = world.delivered(), world.delivered()
    for delivery in (first, second):
        forced_end(delivery)
    unlink = packages.Path.unlink

    def stuck(path, *args, **options):
        if path.name == first.file_name:
            raise PermissionError(13, "Permission denied")
        unlink(path, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages.Path, "unlink", stuck)
        assert expiry.remove_expired() == 1
    assert shown_files(world) == both_files(first)
    assert f"{first.code}: PermissionError" in caplog.text
    assert expiry.remove_expired() == 1
    assert shown_files(world) == []
    assert Entry.objects.filter(action="delivery.remove").count() == 2


def test_manifest_that_was_left_alone_goes(world):
    delivery = world.delivered()
    forced_end(delivery)
    world.path_of(delivery).unlink()
    assert expiry.remove_expired() == 1
    assert shown_files(world) == []


def test_removal_that_cannot_be_recorded_deletes_nothing(world, monkeypatch):
    delivery = world.delivered()
    forced_end(delivery)

    def broken(**_fields):
        raise expiry.ledger.EvidenceError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(expiry.ledger, "record", broken)
        assert expiry.remove_expired() == 0
    assert shown_files(world) == both_files(delivery)


@pytest.mark.parametrize(("wanted", "used"), [(86_400, 3_300), (60, 60)])
def test_statements_end_before_the_queue_would_kill_the_task(world, monkeypatch, wanted, used):
    delivery = world.ordered()
    Connection.objects.update(statement_timeout=wanted)
    asked = []
    monkeypatch.setattr(sources.connectors, "get", lambda address: asked.append(address) or SQLiteConnector(address))
    agreement = Delivery.objects.get(pk=delivery.pk).agreement
    sources.connector_of(agreement)
    assert asked[0].statement_timeout == used
