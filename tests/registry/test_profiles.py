"""Profiles of datasets: what is asked of the source, what is kept, and who works on one when."""

import json

import psycopg
import pytest
from django.db import connection
from django.template.loader import render_to_string
from django_q.models import OrmQ

from registry.choices import PersonalData, Role, Sampling, Withheld, WorkState
from registry.models import DatasetProfile, FieldProfile
from registry.profiling import charts, run, sampling
from registry.services import profiles
from tests import factories
from tests.factories import decider, person
from tests.registry.pages import entries, refused
from tests.registry.profiled import dataset_on, rows

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture
def dataset(tmp_path, settings):
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]
    return dataset_on(tmp_path.resolve() / "people.sqlite3")


def profiled(dataset, **options) -> dict[str, FieldProfile]:
    profile = profiles.ask(dataset=dataset, by=None, **options)
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert profile.state == WorkState.DONE, profile.message
    return {figures.field.name: figures for figures in profile.field_profiles.select_related("field")}


def test_a_profile_counts_and_measures(dataset):
    found = profiled(dataset)
    profile = DatasetProfile.objects.get()
    assert (profile.rows, profile.sample_rows, profile.sampling) == (300, 300, Sampling.ALL)
    assert not profile.rows_are_estimated
    assert found["ghi_chu"].null_percent == 75
    assert found["so_dinh_danh"].distinct == 300
    assert (found["so_tien"].lowest, found["so_tien"].highest) == ("0", "2990")
    assert found["so_tien"].average == 1_500  # 1,495 to three digits
    assert [bucket["from"] for bucket in found["so_tien"].buckets][:3] == ["0", "500", "1000"]
    assert sum(bucket["share"] for bucket in found["so_tien"].buckets) == pytest.approx(
        100, abs=6
    )  # each to a whole per cent
    assert found["loai"].top == [
        {"value": "B", "count": 99}, {"value": "C", "count": 99}, {"value": "A", "count": 98},
    ] or sum(line["count"] for line in found["loai"].top) + found["loai"].others == 300  # fmt: skip


def test_sensitive_fields_tell_only_what_is_missing(dataset):
    found = profiled(dataset)["dan_toc"]
    assert found.withheld == Withheld.SENSITIVE
    assert found.null_percent == 0
    assert found.distinct is None
    assert not found.top
    assert not found.buckets
    assert not found.patterns


def test_personal_fields_tell_coarse_figures_only(dataset):
    found = profiled(dataset)
    born = found["ngay_sinh"]
    assert born.lowest == born.highest == ""
    assert (born.buckets[0]["from"], born.buckets[-1]["to"]) == ("", "")
    assert all(bucket["from"].endswith("0-01-01") for bucket in born.buckets[1:])
    assert found["ho_ten"].top == []
    assert found["ho_ten"].lowest == ""
    assert {line["value"] for line in found["gioi_tinh"].top} <= {"Nam", "Nữ"}


def test_no_value_of_a_person_is_kept_anywhere(dataset):
    profiled(dataset)
    kept = json.dumps(list(FieldProfile.objects.values()), default=str, ensure_ascii=False)
    told = json.dumps([entry.details for entry in entries("registry.profile.finish")], ensure_ascii=False)
    for number, name, born, *_rest in rows(300):
        assert number not in kept + told
        assert name not in kept + told
        assert born not in kept + told


def test_no_count_is_about_few(dataset):
    found = profiled(dataset).values()
    counts = [line["count"] for one in found for line in one.top] + [one.others for one in found if one.others]
    assert counts
    assert min(counts) >= 10
    assert "Khác" not in str([one.top for one in found])
    assert "lạ" not in str([one.top for one in found])


def test_a_table_of_few_rows_tells_next_to_nothing(tmp_path, settings):
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]
    found = profiled(dataset_on(tmp_path.resolve() / "few.sqlite3", count=9))
    assert all(one.null_percent in (None, 0) and one.distinct is None and not one.top for one in found.values())
    assert found["loai"].withheld == Withheld.FEW


def test_an_empty_table_has_a_profile(tmp_path, settings):
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]
    profiled(dataset_on(tmp_path.resolve() / "empty.sqlite3", count=0))
    assert DatasetProfile.objects.get().rows == 0


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, "Bảng chưa có bản ghi nào."),
        (9, "Bảng có dưới 10 bản ghi. Số liệu thống kê có thể làm lộ từng bản ghi nên không được công bố."),
        (10, ""),
    ],
)
def test_few_rows_are_one_sentence_and_no_table(tmp_path, settings, count, sentence):
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]
    dataset = dataset_on(tmp_path.resolve() / "few.sqlite3", count=count)
    profiled(dataset)
    assert charts.public(dataset).instead == charts.desk(dataset).instead == sentence
    shown = render_to_string("registry/profile.html", {"dataset": dataset})
    assert sentence in shown
    assert ("<table" in shown) == (not sentence)
    assert (f"{count} bản ghi vào" in shown) == (not sentence)


def test_a_big_table_is_sampled_and_says_so(dataset, monkeypatch):
    monkeypatch.setattr(sampling, "WHOLE_UP_TO", 100)
    monkeypatch.setattr(sampling, "SAMPLE_ROWS", 100)
    found = profiled(dataset)
    profile = DatasetProfile.objects.get()
    assert (profile.sampling, profile.rows, profile.sample_rows) == (Sampling.NTH, 300, 100)
    assert profile.is_sampled
    assert found["so_dinh_danh"].distinct == 300
    assert found["so_dinh_danh"].distinct_is_estimated


def test_all_rows_are_looked_at_where_that_is_asked(dataset, monkeypatch):
    monkeypatch.setattr(sampling, "WHOLE_UP_TO", 100)
    profiled(dataset, whole=True)
    assert DatasetProfile.objects.get().sampling == Sampling.ALL


def test_closing_a_field_empties_what_was_told(dataset):
    found = profiled(dataset)["loai"]
    assert found.top
    dataset.fields.filter(name="loai").update(personal_data=PersonalData.SENSITIVE)
    found.refresh_from_db()
    assert found.top == []
    assert found.distinct is None
    assert found.withheld == Withheld.SENSITIVE


def test_a_field_closed_while_it_runs_is_left_out(dataset, monkeypatch):
    real = run._look

    def closing(claimed):
        looked = real(claimed)
        dataset.fields.filter(name="loai").update(personal_data=PersonalData.SENSITIVE)
        return looked

    monkeypatch.setattr(run, "_look", closing)
    assert "loai" not in profiled(dataset)


# Who may, and when


def test_stewards_ask_and_others_do_not(dataset, operator):
    for user in (operator, decider(dataset.database), person(dataset.database.owner, Role.APPROVER)):
        profile = profiles.ask(dataset=dataset, by=user)
        profiles.cancel(profile=profile, by=user)
    for role in (Role.CASE_OFFICER, Role.REQUESTER, Role.AUDITOR):
        with refused("not-steward"):
            profiles.ask(dataset=dataset, by=person(dataset.database.owner, role))
    with refused("not-steward"):
        profiles.ask(dataset=dataset, by=person(factories.AgencyFactory(), Role.APPROVER))
    assert entries("registry.profile.ask").count() == entries("registry.profile.cancel").count() == 3


def test_asking_twice_gives_one_profile(dataset, operator):
    assert profiles.ask(dataset=dataset, by=operator) == profiles.ask(dataset=dataset, by=operator)
    assert OrmQ.objects.count() == 1


def test_a_profile_runs_once(dataset):
    profile = profiles.ask(dataset=dataset, by=None)
    with profiles.holding():
        assert profiles.begin(profile_id=profile.pk).attempt == 1
    run.profile(profile.pk)  # the first worker was lost
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert (profile.state, profile.attempt) == (WorkState.DONE, 2)
    assert entries("registry.profile.finish").count() == 1


def test_a_worker_whose_profile_was_taken_over_keeps_nothing(dataset):
    profile = profiles.ask(dataset=dataset, by=None)
    slow = profiles.begin(profile_id=profile.pk)
    profiles.begin(profile_id=profile.pk)
    assert not profiles.report(profile=slow, done=1, total=2)
    facts = {"rows": 1, "sample_rows": 1, "sampling": Sampling.ALL}
    assert not profiles.finish(profile=slow, facts=facts, fields=[])
    assert profile.state == WorkState.QUEUED


def test_a_cancelled_profile_stops(dataset, operator, monkeypatch):
    profile = profiles.ask(dataset=dataset, by=operator)
    monkeypatch.setattr(run.Look, "_distributions", lambda look: profiles.cancel(profile=profile, by=operator))
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert profile.state == WorkState.CANCELLED
    assert not FieldProfile.objects.exists()
    with refused("profile-ended"):
        profiles.cancel(profile=profile, by=operator)


def test_a_source_that_is_gone_fails_in_words(dataset):
    dataset.database.connection.name = "/nowhere/else.sqlite3"
    dataset.database.connection.save()
    profile = profiles.ask(dataset=dataset, by=None)
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert profile.state == WorkState.FAILED
    assert profile.code
    assert profile.message
    assert entries("registry.profile.fail").count() == 1


def test_a_busy_source_is_tried_again_and_not_for_ever(dataset):
    profile = profiles.ask(dataset=dataset, by=None)
    for attempt in range(1, profiles.MAX_ATTEMPTS + 1):
        claimed = profiles.begin(profile_id=profile.pk)
        assert claimed.attempt == attempt
        profiles.fail(profile=claimed, code="source-busy", message="busy", temporary=True)
        assert profiles.begin(profile_id=profile.pk) is None, "it waits first"
        DatasetProfile.objects.update(started_at=None)
    profile.refresh_from_db()
    assert profile.state == WorkState.FAILED


def test_the_sweep_finds_what_was_left_behind(dataset):
    profile = profiles.ask(dataset=dataset, by=None)
    OrmQ.objects.all().delete()
    profiles.begin(profile_id=profile.pk)
    assert profiles.nudge_due() == 1
    assert profiles.nudge_due() == 0, "it waits in the queue already"


def test_a_dataset_that_is_gone_is_not_profiled(dataset):
    dataset.removed_at = dataset.created_at
    dataset.save()
    with refused("gone"):
        profiles.ask(dataset=dataset, by=None)


@pytest.fixture
def another_worker():
    """A session of its own that profiles."""
    given = connection.settings_dict
    server = {
        "host": given["HOST"],
        "port": given["PORT"] or 5432,
        "user": given["USER"],
        "password": given["PASSWORD"],
    }
    with psycopg.connect(**server, dbname=given["NAME"], autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s, %s)", [profiles.LOCK_NAMESPACE, profiles.LOCK])
        yield session


def test_two_workers_never_profile_at_once(dataset, another_worker):
    profile = profiles.ask(dataset=dataset, by=None)
    OrmQ.objects.all().delete()
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert (profile.state, profile.attempt) == (WorkState.QUEUED, 0)
    assert profiles.nudge_due() == 0, "the other worker looks for the next one"
    another_worker.close()  # as the kernel does for a worker that was killed
    while profiles.is_worked_on():
        pass
    assert profiles.nudge_due() == 1
    run.profile(profile.pk)
    profile.refresh_from_db()
    assert profile.state == WorkState.DONE
