"""Large imports, carried out by a worker: in batches, once, whoever crashes or comes back, and by today's rights."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from evidence.models import Entry
from registry import tasks
from registry.choices import ImportState, RowOutcome
from registry.models import Dataset, MetadataImport, Notice
from registry.services import import_runs, imports
from tests.factories import AgencyFactory, DatabaseFactory, DatasetFactory, person
from tests.registry.pages import url
from tests.registry.test_imports import staged, table, with_cell

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(import_runs, "BATCH", 2)
    monkeypatch.setattr(import_runs, "AT_ONCE", 2)


@pytest.fixture
def operator():
    return person(AgencyFactory(), "operator")


@pytest.fixture
def waiting(operator) -> MetadataImport:
    """Five rows to change: three batches."""
    database = DatabaseFactory()
    DatasetFactory.create_batch(5, database=database, title_vi="Cũ")
    rows = table()
    for row in range(1, 6):
        with_cell(rows, "title_vi", f"Mới {row}", row=row)
    return staged(rows, operator)


def confirmed(waiting, operator) -> MetadataImport:
    return import_runs.confirm(staged=waiting, by=operator, reason="Chuẩn hóa")


def changed() -> int:
    return Dataset.objects.filter(title_vi__startswith="Mới").count()


def lost(waiting) -> None:
    MetadataImport.objects.filter(pk=waiting.pk).update(worked_at=timezone.now() - timedelta(minutes=3))


def test_large_import_waits_for_a_worker_who_tells_when_it_is_over(waiting, operator):
    assert confirmed(waiting, operator).state == ImportState.QUEUED
    assert changed() == 0
    assert OrmQ.objects.count() == 1

    tasks.apply_import(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.rows_done, waiting.counts) == (ImportState.DONE, 5, {"applied": 5})
    assert changed() == 5
    assert Entry.objects.filter(action="registry.dataset.change").count() == 5
    notice = Notice.objects.get(recipient=operator)
    assert notice.params == {"file": "x.csv", "applied": 5, "left": 0}
    assert notice.path == url("metadataimport", "change", waiting.pk)


def test_second_call_changes_nothing(waiting, operator):
    confirmed(waiting, operator)
    tasks.apply_import(waiting.pk)
    Dataset.objects.update(title_vi="Cũ")
    tasks.apply_import(waiting.pk)
    assert changed() == 0
    assert Notice.objects.count() == 1


def test_worker_that_was_lost_is_followed_by_another_that_goes_on(waiting, operator, monkeypatch):
    confirmed(waiting, operator)
    attempt = import_runs._claim(waiting.pk)
    own = MetadataImport.objects.filter(pk=waiting.pk, state=ImportState.RUNNING, attempt=attempt)
    import_runs._batch(own)
    OrmQ.objects.all().delete()
    assert changed() == 2
    assert import_runs.nudge_due() == 0, "it shows signs of work"
    tasks.apply_import(waiting.pk)
    assert changed() == 2

    lost(waiting)
    assert import_runs.nudge_due() == 1
    assert import_runs.nudge_due() == 0, "it waits in the queue already"
    tasks.apply_import(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempt, changed()) == (ImportState.DONE, 2, 5)
    assert Entry.objects.filter(action="registry.dataset.change").count() == 5
    with pytest.raises(import_runs.Stopped):
        import_runs._batch(own)  # the first one comes back


def test_rights_of_today_count_for_each_batch(waiting, operator):
    confirmed(waiting, operator)
    attempt = import_runs._claim(waiting.pk)
    import_runs._batch(MetadataImport.objects.filter(pk=waiting.pk, attempt=attempt))
    operator.memberships.update(valid_to="2020-12-31")
    lost(waiting)
    tasks.apply_import(waiting.pk)

    waiting.refresh_from_db()
    assert waiting.counts == {"applied": 2, "unknown": 3}
    assert changed() == 2
    assert Entry.objects.filter(action="registry.metadataimport.refuse").count() == 2  # one for each batch


def test_fault_of_the_moment_is_tried_again_and_others_end_it(waiting, operator, monkeypatch):
    def broken(error):
        def fail(*_args):
            raise error

        return fail

    confirmed(waiting, operator)
    monkeypatch.setattr(import_runs, "_change", broken(OperationalError("deadlock")))
    tasks.apply_import(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempt) == (ImportState.QUEUED, 1)

    monkeypatch.setattr(import_runs, "_change", broken(ValueError("Nguyễn Văn A")))
    tasks.apply_import(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.message, changed()) == (ImportState.FAILED, "ValueError", 0)
    assert Notice.objects.get().params == {"file": "x.csv", "applied": 0, "left": 5}


def test_attempts_come_to_an_end(waiting, operator):
    confirmed(waiting, operator)
    MetadataImport.objects.filter(pk=waiting.pk).update(attempt=import_runs.MAX_ATTEMPTS)
    tasks.apply_import(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == ImportState.FAILED
    assert waiting.message


def test_page_shows_progress_with_and_without_scripts(client, waiting, operator):
    client.force_login(operator)
    page, progress = (
        url("metadataimport", "change", waiting.pk),
        f"{url('metadataimport', 'changelist')}{waiting.pk}/",
    )
    assert 'name="reason"' in client.get(page).text
    client.post(f"{progress}apply/", {"reason": ""})
    assert MetadataImport.objects.get().state == ImportState.STAGED
    client.post(f"{progress}apply/", {"reason": "Chuẩn hóa"})
    assert MetadataImport.objects.get().state == ImportState.QUEUED

    import_runs._batch(MetadataImport.objects.filter(attempt=import_runs._claim(waiting.pk)))
    shown = client.get(page).text
    assert f'hx-get="{progress}progress/"' in shown
    assert 'value="40"' in shown
    assert 'http-equiv="refresh"' in shown
    polled = client.get(f"{progress}progress/")
    assert 'value="40"' in polled.text
    assert "HX-Refresh" not in polled.headers
    lost(waiting)
    tasks.apply_import(waiting.pk)
    assert client.get(f"{progress}progress/")["HX-Refresh"] == "true"
    shown = client.get(page).text
    assert "results.csv" in shown
    assert "Chuẩn hóa" in shown
    client.force_login(person(AgencyFactory(), "case-officer"))
    assert client.get(f"{progress}progress/").status_code in (403, 404)


def test_rows_that_do_not_change_are_no_work(operator):
    DatasetFactory()
    waiting = confirmed(staged(table(), operator), operator)
    assert (waiting.state, waiting.counts) == (ImportState.DONE, {RowOutcome.SAME: 1})
    assert list(imports.results(waiting))
