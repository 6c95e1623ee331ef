"""A source that changes: what is found, what stops, who is told, and who may let it go on."""

import sqlite3
from datetime import timedelta
from threading import Thread

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from evidence.models import Entry, Outcome
from registry import tasks
from registry.choices import Classification, Lifecycle, Masking, Occasion, PersonalData, Review, Role, StewardKind
from registry.connectors import TemporarySourceError
from registry.errors import RegistryRefusal
from registry.models import (
    Dataset,
    Field,
    Notice,
    SchemaChange,
    SchemaSnapshot,
    SharingPolicy,
    Stewardship,
    StructureWatch,
)
from registry.services import drift, structure, watching
from tests import factories
from tests.factories import decider, handler, person
from tests.registry.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture
def file(tmp_path, settings):
    """Runs statements on a SQLite file in an allowed folder."""
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]
    path = tmp_path.resolve() / "source.sqlite3"

    def run(*statements):
        with sqlite3.connect(path) as source:
            for statement in statements:
                source.execute(statement)
        source.close()

    run.path = path
    run("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), born DATE)", "CREATE TABLE other (id INTEGER)")
    return run


@pytest.fixture
def source(file):
    """A connection that was read once."""
    made = factories.ConnectionFactory(database__code="population", name=str(file.path))
    structure.read(connection=made, by=None)
    return made


@pytest.fixture
def dataset(source):
    return Dataset.objects.get(code="population-people")


def policy_over(dataset, *names, **attributes):
    fields = [dataset.fields.get(name=name) for name in names]
    return factories.SharingPolicyFactory(dataset=dataset, field_list=fields, **attributes)


def read(source, **options):
    return structure.read(connection=source, by=None, occasion=Occasion.SCHEDULE, **options)


def broken(source, file):
    """The change that follows from a dropped column."""
    file("ALTER TABLE people DROP COLUMN born")
    read(source)
    return SchemaChange.objects.get()


# Versions


def test_the_first_structure_is_version_one(dataset):
    assert dataset.structure_version == dataset.snapshots.get().version == "1.0"
    assert not SchemaChange.objects.exists()


def test_a_new_column_raises_the_minor_version(source, dataset, file):
    file("ALTER TABLE people ADD COLUMN more TEXT")
    read(source)
    change = SchemaChange.objects.get()
    assert (change.from_snapshot.version, change.to_snapshot.version, change.is_breaking) == ("1.0", "1.1", False)
    assert (change.columns, change.touches_table, change.occasion) == ([], False, Occasion.SCHEDULE)
    dataset.refresh_from_db()
    assert dataset.structure_version == "1.1"
    assert dataset.structure_changed_at == change.to_snapshot.taken_at


def test_a_lost_column_raises_the_major_version(source, dataset, file):
    change = broken(source, file)
    assert (change.to_snapshot.version, change.is_breaking, change.columns) == ("2.0", True, ["born"])
    assert drift.sentences_of(change) == ["Cột “born” (date) không còn nữa."]
    assert Entry.objects.filter(action="registry.structure.change", subject_id=str(change.public_id)).exists()


def test_a_table_that_goes_and_comes_back_is_two_changes(source, dataset, file):
    file("ALTER TABLE people RENAME TO folk")
    read(source)
    gone = SchemaChange.objects.get()
    assert (gone.touches_table, gone.to_snapshot.version) == (True, "2.0")
    file("ALTER TABLE folk RENAME TO people", "ALTER TABLE people DROP COLUMN born")
    read(source)
    back = dataset.changes.first()
    assert [one["kind"] for one in back.changes] == ["table-returned", "column-dropped"]
    assert back.to_snapshot.version == "3.0"
    dataset.refresh_from_db()
    assert dataset.removed_at is None


def test_the_same_drift_is_one_change(source, dataset, file):
    broken(source, file)
    read(source)
    structure.look_at(dataset=dataset, occasion=Occasion.DELIVERY)
    assert SchemaChange.objects.count() == 1


def test_a_reader_that_was_overtaken_says_nothing(source, dataset, file, monkeypatch):
    begun = timezone.now() - timedelta(minutes=1)
    old = structure.connectors.get(structure.address_of(source)).describe()
    broken(source, file)
    monkeypatch.setattr("registry.connectors.sqlite.SQLiteConnector.describe", lambda *_args: old)
    monkeypatch.setattr("registry.services.structure.timezone.now", lambda: begun)
    read(source)
    assert SchemaChange.objects.count() == 1
    assert dataset.snapshots.first().version == "2.0"


def test_a_bare_comparison_leaves_no_entry(source):
    before = Entry.objects.count()
    read(source)
    assert Entry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_two_readers_at_once_find_one_change(source, dataset, file):
    file("ALTER TABLE people DROP COLUMN born")
    failed = []

    def reader():
        try:
            read(source)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    readers = [Thread(target=reader) for _number in range(3)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    assert failed == []
    assert SchemaChange.objects.count() == 1


# What stops


def test_policies_over_what_broke_are_suspended_and_their_owner_is_told(source, dataset, file):
    hit, spared = policy_over(dataset, "id", "born"), policy_over(dataset, "id", "name")
    elsewhere = policy_over(Dataset.objects.get(code="population-other"), "id")
    approver, officer = decider(source.database), handler(source.database)
    steward = person(source.database.owner, Role.REVIEWER)
    Stewardship.objects.create(
        database=source.database, user=steward, kind=StewardKind.MANAGER, valid_from=factories.BEGINNING
    )
    moved_on = decider(source.database)
    moved_on.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    change = broken(source, file)
    hit.refresh_from_db()
    assert (hit.suspended_by_change, hit.suspended_at is not None) == (change, True)
    assert set(SharingPolicy.objects.in_force()) == {spared, elsewhere}
    told = Notice.objects.filter(kind=drift.BROKEN.code)
    assert {notice.recipient for notice in told} == {approver, officer, steward}
    assert told[0].path == change.page
    assert "Ông/Bà" in told[0].text


def test_operators_are_told_of_what_broke_and_asked_for_nothing(source, dataset, file, ndc_operator):
    policy_over(dataset, "born")
    broken(source, file)
    assert [notice.recipient for notice in Notice.objects.filter(kind=drift.BROKEN_ELSEWHERE.code)] == [ndc_operator]
    assert not Notice.objects.filter(kind=drift.BROKEN.code, recipient=ndc_operator).exists()


def test_what_touches_nothing_shared_suspends_nothing(source, dataset, file):
    spared = policy_over(dataset, "id", "name")
    decider(source.database)
    broken(source, file)
    assert SharingPolicy.objects.in_force().get() == spared
    assert not Notice.objects.exists()


def test_a_policy_that_is_over_is_left_alone(source, dataset, file):
    policy = policy_over(dataset, "born", lapsed=True)
    broken(source, file)
    policy.refresh_from_db()
    assert policy.suspended_at is None


def test_the_catalogue_tells_version_and_values(client, source, file):
    file("CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES people (id))")
    read(source)
    Dataset.objects.update(is_published=True)
    Dataset.objects.get(code="population-child").fields.filter(name="id").update(allowed_values=["nữ", "nam"])
    text = client.get(reverse("registry:dataset-detail", args=["population-child"])).content.decode()
    assert "1.0, từ ngày" in text
    assert reverse("registry:dataset-detail", args=["population-people"]) in text  # what it refers to
    assert "nữ, nam" in text


def test_the_page_of_a_suspended_policy_leads_to_the_change(client, source, suspended):
    client.force_login(decider(source.database))
    page = client.get(url("sharingpolicy", "change", suspended.pk)).content.decode()
    assert suspended.suspended_by_change.page in page
    assert client.get(url("sharingpolicy", "changelist")).status_code == 200
    snapshot = suspended.suspended_by_change.to_snapshot
    assert "không còn nữa" in client.get(url("schemasnapshot", "change", snapshot.pk)).content.decode()


@pytest.mark.parametrize("count", [2, 20])
@pytest.mark.parametrize("model", ["schemachange", "schemasnapshot", "structurewatch"])
def test_lists_take_the_same_queries_for_a_row_more(client, django_assert_max_num_queries, model, count):
    for _number in range(count):
        factories.SchemaChangeFactory()
        factories.StructureWatchFactory()
    client.force_login(factories.UserFactory(superuser=True))
    with django_assert_max_num_queries(12):
        assert client.get(url(model, "changelist")).status_code == 200


# The review


@pytest.fixture
def suspended(source, dataset, file):
    """A policy that a dropped column suspended."""
    policy = policy_over(dataset, "id", "born")
    broken(source, file)
    policy.refresh_from_db()
    return policy


def review(change, by, decision=Review.ACCEPT, note="Đã kiểm tra"):
    return drift.review(change=change, by=by, decision=decision, note=note)


def test_the_owner_accepts_and_the_policy_goes_on(source, suspended):
    approver, colleague = decider(source.database), decider(source.database)
    change = review(suspended.suspended_by_change, approver)
    suspended.refresh_from_db()
    assert (suspended.suspended_at, suspended.suspended_by_change) == (None, None)
    assert (change.decision, change.reviewed_by, change.note) == (Review.ACCEPT, approver, "Đã kiểm tra")
    assert Entry.objects.get(action="registry.structure.review").actor == str(approver.public_id)
    assert [notice.recipient for notice in Notice.objects.filter(kind=drift.REVIEWED.code)] == [colleague]


def test_the_owner_ends_it_for_good(source, suspended):
    review(suspended.suspended_by_change, decider(source.database), Review.END)
    suspended.refresh_from_db()
    assert suspended.suspended_at is not None
    assert suspended.valid_to < timezone.localdate()
    assert not SharingPolicy.objects.in_force().exists()


def test_a_policy_waits_for_every_change_that_breaks_it(source, dataset, suspended, file):
    file("ALTER TABLE people RENAME TO folk")
    read(source)
    first, second = SchemaChange.objects.order_by("pk")
    approver = decider(source.database)
    review(first, approver)
    suspended.refresh_from_db()
    assert suspended.suspended_by_change == second
    review(second, approver)
    suspended.refresh_from_db()
    assert suspended.suspended_at is None


@pytest.mark.parametrize("back", ["born", "renamed"])
def test_a_column_that_returns_waits_for_the_owner_before_it_is_shared_again(source, dataset, suspended, file, back):
    approver = decider(source.database)
    Field.objects.filter(dataset=dataset, name="born").update(
        personal_data=PersonalData.NONE, default_masking=Masking.KEEP, classification=Classification.PUBLIC
    )
    review(suspended.suspended_by_change, approver)
    if back == "renamed":
        file("ALTER TABLE people ADD COLUMN other DATE")
        read(source)
        file("ALTER TABLE people RENAME COLUMN other TO born")
    else:
        file("ALTER TABLE people ADD COLUMN born DATE")
    read(source)
    suspended.refresh_from_db()
    change = dataset.changes.first()
    assert suspended.suspended_by_change == change
    assert "born" in change.columns
    assert not SharingPolicy.objects.in_force().exists()
    field = dataset.fields.get(name="born")
    assert (field.removed_at, field.personal_data, field.default_masking, field.classification) == (
        None,
        PersonalData.BASIC,
        Masking.NULL,
        "",
    )
    review(change, approver)
    assert SharingPolicy.objects.in_force().exists()


def test_a_table_that_returns_waits_for_the_owner(source, dataset, suspended, file):
    approver = decider(source.database)
    file("ALTER TABLE people RENAME TO folk")
    read(source)
    for change in SchemaChange.objects.unreviewed().order_by("pk"):
        review(change, approver)
    Field.objects.filter(dataset=dataset).update(personal_data=PersonalData.NONE, default_masking=Masking.KEEP)
    file("ALTER TABLE folk RENAME TO people")
    read(source)
    suspended.refresh_from_db()
    assert suspended.suspended_by_change == dataset.changes.first()
    assert not dataset.fields.shown().filter(default_masking=Masking.KEEP).exists()


def test_what_a_person_closed_stays_closed_when_a_column_changes_its_kind(source, dataset, file):
    Field.objects.update(personal_data=PersonalData.SENSITIVE, classification=Classification.RESTRICTED)
    source.database.classification = Classification.INTERNAL
    source.database.save()
    file("ALTER TABLE people DROP COLUMN born", "ALTER TABLE people ADD COLUMN born INTEGER")
    read(source)
    field = dataset.fields.get(name="born")
    assert (field.personal_data, field.classification) == (PersonalData.SENSITIVE, Classification.RESTRICTED)


def _operator(database):
    return person(factories.AgencyFactory(code="NDC"), Role.OPERATOR)


def _superuser(database):
    return factories.UserFactory(superuser=True)


def _unassigned(database):
    return person(database.owner, Role.APPROVER)


def _of_another_agency(database):
    return factories.assign(person(factories.AgencyFactory(), Role.APPROVER), database, factories.DECIDE)


def _former(database):
    user = decider(database)
    user.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    return user


@pytest.mark.parametrize("who", [_operator, _superuser, handler, _unassigned, _of_another_agency, _former])
def test_nobody_else_reviews(source, suspended, who):
    change, by = suspended.suspended_by_change, who(source.database)
    with pytest.raises(RegistryRefusal) as refused:
        review(change, by)
    assert refused.value.code == "not-assigned"
    change.refresh_from_db()
    suspended.refresh_from_db()
    assert change.reviewed_at is None
    assert suspended.suspended_at is not None
    assert Entry.objects.filter(outcome=Outcome.REFUSED, action="registry.schemachange.refuse").count() == 1


def test_a_review_is_made_once_and_with_a_reason(source, suspended):
    change, approver = suspended.suspended_by_change, decider(source.database)
    with pytest.raises(RegistryRefusal, match="lý do"):
        review(change, approver, note="  ")
    review(change, approver)
    with pytest.raises(RegistryRefusal) as refused:
        review(change, approver, Review.END)
    assert refused.value.code == "reviewed"


def test_a_compatible_change_needs_no_review(source, dataset, file):
    file("ALTER TABLE people ADD COLUMN more TEXT")
    read(source)
    with pytest.raises(RegistryRefusal) as refused:
        review(SchemaChange.objects.get(), decider(source.database))
    assert refused.value.code == "not-breaking"


# What the database itself refuses


def refused(queryset, **values):
    with pytest.raises(IntegrityError), transaction.atomic():
        queryset.update(**values)


def reviewed_by(user):
    return {"reviewed_at": timezone.now(), "reviewed_by": user, "decision": Review.ACCEPT, "note": "x"}


def test_the_database_keeps_snapshots_and_changes(source, suspended):
    changes, snapshots = SchemaChange.objects.all(), SchemaSnapshot.objects.all()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused(snapshots, version_minor=7)
    refused(changes, is_breaking=False)
    refused(changes, columns=[])
    for rows in (changes, snapshots):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows._raw_delete(rows.db)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {rows.model._meta.db_table} CASCADE")


def test_the_database_takes_one_review_of_an_approver_of_the_owner(source, suspended):
    changes = SchemaChange.objects.all()
    for stranger in (_operator(source.database), _of_another_agency(source.database), handler(source.database)):
        refused(changes, **reviewed_by(stranger))
    approver = decider(source.database)
    changes.update(**reviewed_by(approver))
    refused(changes, note="y")
    refused(changes, reviewed_at=None, reviewed_by=None, decision="", note="")


def test_the_database_keeps_a_policy_suspended_until_its_owner_accepts(source, suspended):
    policies = SharingPolicy.objects.all()
    refused(policies, suspended_at=None, suspended_by_change=None)
    review(suspended.suspended_by_change, decider(source.database), Review.END)
    refused(policies, suspended_at=None, suspended_by_change=None)


# On schedule


def queued():
    """How many comparisons wait; reading a structure asks for other work, too."""
    return sum(waiting.task["func"] == watching.TASK for waiting in OrmQ.objects.all())


def due():
    return watching.enqueue_due(), queued()


def test_every_source_that_was_read_is_compared_in_time(source, file):
    factories.ConnectionFactory()  # nobody read it
    assert due() == (1, 1)
    assert due() == (0, 1)
    watch = StructureWatch.objects.get()
    assert watch.connection == source
    file("ALTER TABLE people DROP COLUMN born")
    tasks.compare_structure(watch.pk)
    assert SchemaChange.objects.get().occasion == Occasion.SCHEDULE
    StructureWatch.objects.update(next_at=timezone.now())
    tasks.compare_structures()
    assert queued() == 2


@pytest.mark.parametrize("off", ["is_on", "retired"])
def test_what_is_switched_off_is_not_compared(source, off):
    factories.StructureWatchFactory(connection=source, is_on=off != "is_on")
    if off == "retired":
        type(source.database).objects.update(lifecycle=Lifecycle.RETIRED)
    assert due() == (0, 0)


def test_a_source_that_cannot_be_read_did_not_change(source, dataset, file, ndc_operator):
    watch = factories.StructureWatchFactory(connection=source)
    file.path.unlink()
    for _time in range(watching.FAILURES_TOLD + 2):
        assert watching.compare(watch=watch) is None
    watch.refresh_from_db()
    assert watch.failures == watching.FAILURES_TOLD + 2
    assert watch.message
    assert not SchemaChange.objects.exists()
    notice = Notice.objects.get(kind=drift.UNREACHABLE.code)
    assert notice.recipient == ndc_operator
    file("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(50), born DATE)", "CREATE TABLE other (id INTEGER)")
    watching.compare(watch=watch)
    watch.refresh_from_db()
    assert (watch.failures, watch.message, watch.compared_at is not None) == (0, "", True)


@pytest.fixture
def ndc_operator(db):
    return person(factories.AgencyFactory(code="NDC"), Role.OPERATOR)


def test_a_look_at_a_source_that_is_away_says_so(dataset, file):
    file.path.unlink()
    with pytest.raises(TemporarySourceError):
        structure.look_at(dataset=dataset, occasion=Occasion.DELIVERY)
    assert not SchemaChange.objects.exists()
