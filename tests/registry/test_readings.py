"""Readings of a structure that a person asked for: one at a time, by a worker, and never lost."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from registry import connectors
from registry.choices import Role, WorkState
from registry.connectors import PermanentSourceError, TableDescription
from registry.models import Connection, Dataset, Notice, StructureReading
from registry.services import readings, structure
from registry.services.structure import Report
from tests import factories
from tests.factories import person
from tests.registry.pages import entries, url

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture
def connection():
    return factories.ConnectionFactory()


@pytest.fixture
def reading(connection, operator):
    return readings.ask(connection=connection, by=operator)


@pytest.fixture
def found(monkeypatch):
    """What the source answers, without one."""
    report = Report(new=["a", "b"], new_fields=7, skipped=["x" * 70], secret=["public.vu_an"])
    monkeypatch.setattr(structure, "read", lambda **_options: report)
    return report


def failing(monkeypatch, error):
    def read(**_options):
        raise error

    monkeypatch.setattr(structure, "read", read)


def test_two_who_ask_get_one_reading(connection, operator, reading):
    assert readings.ask(connection=connection, by=person(operator.memberships.first().agency, Role.OPERATOR)) == reading
    assert OrmQ.objects.count() == 1
    assert entries("registry.structure.ask").get().actor == str(operator.public_id)


def test_what_was_found_is_kept_and_a_second_call_does_nothing(reading, found, monkeypatch):
    readings.work(reading.pk)
    failing(monkeypatch, AssertionError("read twice"))
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert (reading.state, reading.attempt) == (WorkState.DONE, 1)
    assert (reading.report["new_count"], reading.report["new_fields"], reading.report["secret_count"]) == (2, 7, 1)


def test_long_lists_are_counted_and_cut(reading, found):
    found.new = [f"d-{number}" for number in range(500)]
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert reading.report["new_count"] == 500
    assert len(reading.report["new"]) == readings.NAMES_KEPT


def test_a_source_that_cannot_be_read_is_said_on_the_page_and_in_a_notice(client, reading, operator, monkeypatch):
    failing(monkeypatch, PermanentSourceError("access-denied"))
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert reading.state == WorkState.FAILED
    assert reading.message
    assert reading.message in Notice.objects.get(recipient=operator).text
    client.force_login(operator)
    assert reading.message in client.get(url("connection", "change", reading.connection_id)).content.decode()


def test_a_defect_is_kept_without_the_text_of_the_error(reading, monkeypatch):
    failing(monkeypatch, RuntimeError("Nguyễn Văn A, 001203000001"))
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert reading.state == WorkState.FAILED
    assert "Lỗi của cổng" in reading.message


def test_a_deadlock_is_tried_again_and_given_up_in_the_end(reading, monkeypatch):
    failing(monkeypatch, OperationalError("deadlock detected"))
    for _attempt in range(readings.MAX_ATTEMPTS):
        readings.work(reading.pk)
        reading.refresh_from_db()
        assert reading.state == WorkState.QUEUED
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert (reading.state, reading.attempt) == (WorkState.FAILED, readings.MAX_ATTEMPTS)


def test_what_a_lost_worker_left_is_taken_up_again(reading, found):
    OrmQ.objects.all().delete()
    now = timezone.now()
    StructureReading.objects.update(state=WorkState.RUNNING, attempt=1, started_at=now)
    assert readings.nudge_due() == 0  # it may still be at work
    readings.work(reading.pk)
    StructureReading.objects.update(started_at=now - readings.LOST_AFTER)
    assert readings.nudge_due() == 1
    assert readings.nudge_due() == 0  # it is in the queue
    OrmQ.objects.update(lock=now + timedelta(hours=4))  # in the memory of a process that is gone
    assert readings.nudge_due() == 1
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert (reading.state, reading.attempt) == (WorkState.DONE, 2)


def test_a_worker_that_was_overtaken_ends_nothing(reading, monkeypatch):
    def read(**_options):
        StructureReading.objects.update(attempt=2, started_at=timezone.now())
        return Report()

    monkeypatch.setattr(structure, "read", read)
    readings.work(reading.pk)
    reading.refresh_from_db()
    assert reading.state == WorkState.RUNNING


def test_who_asked_is_told(reading, found, operator):
    readings.work(reading.pk)
    assert Notice.objects.get().recipient == operator
    assert Notice.objects.get().path == url("connection", "change", reading.connection_id)


def test_a_connection_that_was_changed_meanwhile_is_not_read_into_the_registry(connection, operator, monkeypatch):
    def describe(*_args):
        Connection.objects.filter(pk=connection.pk).update(name="another")
        return [TableDescription(schema="", name="t", kind="table", comment="", estimated_rows=0, columns=())]

    monkeypatch.setattr(connectors, "get", lambda _address: SimpleNamespace(describe=describe))
    with pytest.raises(PermanentSourceError) as refused:
        structure.read(connection=connection, by=operator)
    assert refused.value.code == "connection-changed"
    assert not Dataset.objects.exists()
    assert not entries("registry.structure.read").exists()


def test_who_asks_second_is_told_that_somebody_did(client, reading, operator):
    second = person(operator.memberships.first().agency, Role.OPERATOR)
    client.force_login(second)
    answer = client.post(url("connection", "read-structure", reading.connection_id), follow=True)
    assert f"{operator} đã yêu cầu" in answer.content.decode()
    assert StructureReading.objects.count() == 1


def test_the_page_shows_how_far_it_is_and_then_what_was_found(client, reading, found, operator):
    client.force_login(operator)
    progress = url("connection", "reading-progress", reading.connection_id)
    assert "hx-get" in client.get(url("connection", "change", reading.connection_id)).content.decode()
    assert "hx-get" in client.get(progress).content.decode()
    assert "Tải lại trang" in client.get(progress).content.decode()
    assert client.get(f"{progress}?seen=queued").status_code == 204
    assert client.get(f"{progress}?seen=running").status_code == 200
    readings.work(reading.pk)
    for page in (progress, url("connection", "change", reading.connection_id)):
        shown = client.get(page).content.decode()
        assert "hx-get" not in shown
        assert "2 mới" in shown
        assert "public.vu_an" in shown
    assert client.post(progress).status_code == 405


def test_a_connection_that_was_never_read_has_a_page(client, connection, operator):
    client.force_login(operator)
    shown = client.get(url("connection", "change", connection.pk)).content.decode()
    assert "last-reading" not in shown
    assert client.get(url("connection", "reading-progress", connection.pk)).status_code == 200


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.ENDORSER])
def test_progress_is_for_those_who_see_the_connection(client, reading, role):
    client.force_login(person(factories.AgencyFactory(), role))
    answer = client.get(url("connection", "reading-progress", reading.connection_id))
    assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("admin:login"))
    client.logout()
    answer = client.get(url("connection", "reading-progress", reading.connection_id))
    assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("admin:login"))


def test_a_case_officer_of_the_owner_sees_no_connection(client, reading):
    client.force_login(person(reading.connection.database.owner, Role.CASE_OFFICER))
    assert client.get(url("connection", "reading-progress", reading.connection_id)).status_code == 403


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR])
def test_state_secrets_are_named_to_nobody_but_who_asked(client, reading, found, operator, role):
    readings.work(reading.pk)
    client.force_login(person(operator.memberships.first().agency, role))
    for view in ("change", "reading-progress"):
        answer = client.get(url("connection", view, reading.connection_id))
        assert answer.status_code == 200
        assert "bí mật nhà nước" in answer.content.decode()
        assert "vu_an" not in answer.content.decode()
