"""Who puts a dataset into the catalogue and takes it out: managers of the data, on record, and no other steward."""

from datetime import timedelta

import pytest
from django.utils import timezone

from registry.choices import Role, StewardKind
from registry.models import Database, Dataset, LegalInstrument
from registry.services import classification, people, publication, stewards
from tests import factories
from tests.factories import person
from tests.registry.pages import change, entries, refused, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return factories.DatasetFactory(unpublished=True, description="Mô tả", contact_email="dulieu@example.vn")


def steward(thing, kind=StewardKind.MANAGER, **changes):
    user = person(thing.database.owner, Role.CASE_OFFICER)
    factories.StewardshipFactory(database=thing.database, user=user, kind=kind, **changes)
    return user


def is_published(dataset) -> bool:
    return Dataset.objects.get(pk=dataset.pk).is_published


@pytest.mark.parametrize("whole", [True, False])
def test_manager_publishes_and_takes_out_again_on_record(dataset, whole):
    manager = steward(dataset, dataset=None if whole else dataset)
    publication.publish(dataset=dataset, by=manager)
    assert is_published(dataset)
    publication.publish(dataset=dataset, by=manager)  # it is already
    publication.unpublish(dataset=dataset, by=manager)
    assert not is_published(dataset)
    for action in ("publish", "unpublish"):
        entry = entries(f"registry.dataset.{action}").get()
        assert (entry.actor, entry.subject_id) == (str(manager.public_id), dataset.code)


def _of_another_agency(dataset):
    return steward(factories.DatasetFactory())


def _moved(dataset):
    manager = steward(dataset)
    people.dismiss(membership=manager.memberships.get(), by=None)
    people.appoint(user=manager, agency=factories.AgencyFactory(), role=Role.CASE_OFFICER, by=None)
    return manager


def _ended(dataset):
    manager = steward(dataset)
    yesterday = timezone.localdate() - timedelta(days=1)
    stewards.end(stewardship=manager.stewardships.get(), last_day=yesterday, by=None)
    return manager


def _closed(dataset):
    manager = steward(dataset)
    manager.is_active = False
    manager.save()
    return manager


@pytest.mark.parametrize(
    "somebody",
    [
        _of_another_agency,
        _moved,
        _ended,
        _closed,
        lambda dataset: steward(dataset, kind=StewardKind.EDITOR),
        lambda dataset: steward(dataset, kind=StewardKind.CONTACT),
        lambda dataset: steward(dataset, dataset=factories.DatasetFactory(database=dataset.database)),
        lambda dataset: person(dataset.database.owner, Role.CASE_OFFICER, is_superuser=True),
        lambda dataset: person(factories.AgencyFactory(), Role.APPROVER),
    ],
    ids=["other-agency", "moved", "ended", "closed", "editor", "contact", "other-dataset", "nobody", "other-approver"],
)
def test_nobody_else_publishes_or_takes_out(dataset, somebody):
    user = somebody(dataset)
    for published, act in ((False, publication.publish), (True, publication.unpublish)):
        Dataset.objects.filter(pk=dataset.pk).update(is_published=published)
        with refused("not-steward"):
            act(dataset=dataset, by=user)
        assert is_published(dataset) == published


def test_what_cannot_be_published_is_refused_to_managers_too(dataset):
    manager = steward(dataset)
    Dataset.objects.update(description="Độ mật: Tuyệt mật")
    with refused("state-secret"):
        publication.publish(dataset=dataset, by=manager)
    assert not is_published(dataset)


def test_manager_publishes_in_the_admin(client, dataset):
    manager = steward(dataset)
    client.force_login(manager)
    response = change(client, "dataset", dataset, is_published="on", description="Khác", access_rights="PUBLIC")
    assert response.status_code == 302
    dataset.refresh_from_db()
    assert (dataset.is_published, dataset.description, dataset.access_rights) == (True, "Khác", "RESTRICTED")
    assert entries("registry.dataset.publish").count() == 1
    assert "is_published" not in entries("registry.dataset.change").get().details
    assert change(client, "dataset", dataset, is_published="").status_code == 302
    assert not is_published(dataset)
    assert entries("registry.dataset.unpublish").count() == 1


@pytest.mark.parametrize("kind", [StewardKind.EDITOR, StewardKind.CONTACT])
def test_other_stewards_find_no_tick_in_the_admin(client, dataset, kind):
    client.force_login(steward(dataset, kind=kind))
    page = url("dataset", "change", dataset.pk)
    assert "is_published" not in client.get(page).context["adminform"].form.fields
    client.post(page, {"is_published": "on"})
    assert not is_published(dataset)


def test_operator_publishes_as_before(client, dataset, operator):
    client.force_login(operator)
    assert change(client, "dataset", dataset, is_published="on").status_code == 302
    assert is_published(dataset)
    assert entries("registry.dataset.publish").get().actor == str(operator.public_id)


def _law_ended(dataset):
    yesterday = timezone.localdate() - timedelta(days=1)
    LegalInstrument.objects.filter(pk=dataset.database.legal_basis_id).update(
        effective_from=yesterday - timedelta(days=9), effective_to=yesterday
    )


def _sensitive_undecided(dataset):
    factories.FieldFactory(dataset=dataset, name="dan_toc", basic=True)
    classification.suggest(dataset=dataset)


@pytest.mark.parametrize(
    ("change_it", "said"),
    [
        (lambda dataset: Dataset.objects.update(description=" "), "Mô tả"),
        (lambda dataset: Dataset.objects.update(contact_email=""), "thư điện tử"),
        (_law_ended, "hiệu lực"),
        (_sensitive_undecided, "dan_toc"),
    ],
    ids=["description", "contact", "law", "sensitive"],
)
def test_what_readers_could_not_use_is_not_published_and_says_why(client, dataset, operator, change_it, said):
    Database.objects.update(contact_email="")
    change_it(dataset)
    with refused("not-ready"):
        publication.publish(dataset=dataset, by=operator)
    client.force_login(operator)
    page = change(client, "dataset", dataset, is_published="on")
    assert page.status_code == 200
    assert said in page.text
    assert not is_published(dataset)


def test_a_contact_who_looks_after_it_is_enough(dataset, operator):
    Dataset.objects.update(contact_email="")
    steward(dataset, kind=StewardKind.CONTACT)
    publication.publish(dataset=dataset, by=operator)
    assert is_published(dataset)


def test_what_is_published_already_can_be_saved_though_its_law_ended(client, dataset, operator):
    publication.publish(dataset=dataset, by=operator)
    _law_ended(dataset)
    client.force_login(operator)
    assert change(client, "dataset", dataset, is_published="on", title_vi="Khác").status_code == 302
