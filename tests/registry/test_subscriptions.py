"""Following datasets, databases, agencies and searches: told of what changed, once a day, and of nothing hidden."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from registry.errors import RegistryRefusal
from registry.models import Database, Dataset, Field, Notice, Subscription
from registry.services import subscriptions
from tests.factories import (
    AgencyFactory,
    DatasetFactory,
    FieldFactory,
    SharingPolicyFactory,
    SubscriptionFactory,
    UserFactory,
)

pytestmark = pytest.mark.postgresql

in_one_transaction = pytest.mark.django_db
# A change counts once its transaction is over.
settled = pytest.mark.django_db(transaction=True)


def tomorrow() -> date:
    return timezone.localdate() + timedelta(days=1)


@pytest.fixture(autouse=True)
def alone_on_the_server(monkeypatch):
    """Tests that run beside this one have open transactions on the same server; here nothing of theirs is waited for."""

    def ended() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            return cursor.fetchone()[0]

    monkeypatch.setattr(subscriptions, "_settled", ended)


def told(user) -> list[dict]:
    return [notice.params for notice in Notice.objects.filter(recipient=user).order_by("pk")]


def kinds(params: dict) -> dict:
    return {kind: params[kind] for kind in subscriptions.KINDS if params[kind]}


@settled
def test_each_kind_of_change_is_told_in_one_notice_a_day():
    user, dataset = UserFactory(), FieldFactory(dataset__title_vi="Một").dataset
    subscriptions.subscribe(user=user, subject=dataset)
    assert subscriptions.tell() == 0

    Dataset.objects.filter(pk=dataset.pk).update(description="Mới")
    Field.objects.update(kind="integer")
    SharingPolicyFactory(dataset=dataset)
    assert subscriptions.tell() == 1
    [params] = told(user)
    assert kinds(params) == {"description": 1, "structure": 1, "policy": 1}
    assert params["subject"]["vi"] == "Một"
    assert Notice.objects.get().path == f"/catalogue/datasets/{dataset.code}/"
    with translation.override("vi"):
        assert "Một" in Notice.objects.get().text

    Dataset.objects.filter(pk=dataset.pk).update(description="Nữa")
    assert subscriptions.tell() == 0  # the same day
    assert subscriptions.tell(day=tomorrow()) == 1  # the next one, with what was left
    assert kinds(told(user)[1]) == {"description": 1}
    assert subscriptions.tell(day=tomorrow() + timedelta(days=1)) == 0


@settled
def test_database_agency_and_search_are_followed_through_their_datasets():
    dataset = DatasetFactory(title_vi="Hộ tịch")
    other = DatasetFactory(title_vi="Thửa ruộng")
    following = [dataset.database, dataset.database.owner, "ho tich", dataset, other, other.database, "thửa"]
    users = [UserFactory() for _subject in following]
    for user, subject in zip(users, following, strict=True):
        subscriptions.subscribe(user=user, subject=subject)

    Dataset.objects.filter(pk=dataset.pk).update(description="Mới")
    assert subscriptions.tell() == 4
    assert [bool(told(user)) for user in users] == [True, True, True, True, False, False, False]
    # A database speaks for its datasets.
    Database.objects.filter(pk=other.database_id).update(contact="Phòng B")
    assert subscriptions.tell(day=tomorrow()) == 3


@settled
def test_nobody_hears_of_what_is_not_published():
    hidden = DatasetFactory(unpublished=True, title_vi="Kín")
    user = UserFactory()
    for subject in (hidden.database, hidden.database.owner, "Kín"):
        subscriptions.subscribe(user=user, subject=subject)
    Dataset.objects.update(description="Mới")
    assert subscriptions.tell() == 0

    Dataset.objects.update(is_published=True)
    assert subscriptions.tell() == 3
    assert {params["state"] for params in told(user)} == {1}


@settled
def test_withdrawn_dataset_is_told_as_a_state_and_nothing_of_it_after():
    user, dataset = UserFactory(), DatasetFactory()
    subscriptions.subscribe(user=user, subject=dataset)
    Dataset.objects.update(is_published=False, description="Kín")
    assert subscriptions.tell() == 1
    assert kinds(told(user)[0]) == {"state": 1}
    Dataset.objects.update(description="Kín hơn")
    assert subscriptions.tell(day=tomorrow()) == 0


@settled
def test_changes_that_say_nothing_and_closed_accounts_are_passed_over():
    user, gone, dataset = UserFactory(), UserFactory(is_active=False), DatasetFactory()
    for person in (user, gone):
        subscriptions.subscribe(user=person, subject=dataset)
    Dataset.objects.update(estimated_rows=5)
    assert subscriptions.tell() == 0
    Dataset.objects.update(title_vi="Mới")
    assert subscriptions.tell() == 1
    assert not told(gone)


@settled
def test_queries_do_not_grow_with_subscriptions_that_have_nothing_to_tell():
    dataset, other = DatasetFactory(), DatasetFactory()

    def count(day) -> int:
        Dataset.objects.filter(pk=other.pk).update(description=str(day))
        with CaptureQueriesContext(connection) as queries:
            subscriptions.tell(day=day)
        return len(queries)

    for _number in range(2):
        subscriptions.subscribe(user=UserFactory(), subject=dataset)
    few = count(tomorrow())
    for _number in range(18):
        subscriptions.subscribe(user=UserFactory(), subject=dataset)
    assert count(tomorrow() + timedelta(days=1)) == few


SETTLED = subscriptions._settled


@in_one_transaction
def test_change_of_an_open_transaction_waits_until_it_is_over():
    DatasetFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert SETTLED() <= cursor.fetchone()[0]


@in_one_transaction
def test_following_twice_is_following_once_and_there_is_a_most(monkeypatch):
    user, dataset = UserFactory(), DatasetFactory()
    assert subscriptions.subscribe(user=user, subject=dataset) == subscriptions.subscribe(user=user, subject=dataset)
    subscriptions.subscribe(user=user, subject="hộ tịch")
    assert subscriptions.subscribe(user=user, subject="hộ tịch").words == "hộ tịch"
    monkeypatch.setattr(subscriptions, "MOST_EACH", 2)
    with pytest.raises(RegistryRefusal):
        subscriptions.subscribe(user=user, subject=dataset.database)
    assert Subscription.objects.count() == 2


@in_one_transaction
def test_pages_let_follow_list_and_end(client):
    user, dataset = UserFactory(), DatasetFactory()
    agency = dataset.database.owner
    assert "Follow" not in client.get(f"/catalogue/datasets/{dataset.code}/").text
    assert client.post("/subscriptions/to/dataset/", {"value": dataset.code}).status_code == 302
    assert not Subscription.objects.exists()

    client.force_login(user)
    pages = {
        f"/catalogue/datasets/{dataset.code}/": ("dataset", dataset.code),
        f"/catalogue/databases/{dataset.database.code}/": ("database", dataset.database.code),
        f"/catalogue/agencies/{agency.code}/": ("agency", agency.code),
        "/subscriptions/?search=b%E1%BB%99": ("search", "bộ"),
    }
    for page, (kind, value) in pages.items():
        text = client.get(page).text
        assert f'action="/subscriptions/to/{kind}/"' in text
        assert f'value="{value}"' in text
        assert client.post(f"/subscriptions/to/{kind}/", {"value": value}).status_code == 302
    assert Subscription.objects.count() == 4
    assert 'href="/subscriptions/?search=b%E1%BB%99"' in client.get("/catalogue/", {"q": "bộ"}).text
    listed = client.get("/subscriptions/").text
    assert dataset.title_vi in listed

    one = Subscription.objects.get(dataset=dataset)
    client.force_login(UserFactory())
    assert client.post(f"/subscriptions/{one.public_id}/end/").status_code == 404
    client.force_login(user)
    assert client.get(f"/subscriptions/{one.public_id}/end/").status_code == 405
    assert client.post(f"/subscriptions/{one.public_id}/end/").status_code == 302
    assert not Subscription.objects.filter(pk=one.pk).exists()


@in_one_transaction
def test_what_was_withdrawn_is_named_neither_in_the_list_nor_when_ended(client):
    user, dataset = UserFactory(), DatasetFactory(title_vi="Kín", database__name_vi="Kho kín")
    client.force_login(user)
    for subject in (dataset, dataset.database):
        subscriptions.subscribe(user=user, subject=subject)
    assert "Kín" in client.get("/subscriptions/").text
    Dataset.objects.update(is_published=False)
    page = client.get("/subscriptions/").text
    assert "Kín" not in page
    assert "Kho kín" not in page
    for one in Subscription.objects.all():
        answer = client.post(f"/subscriptions/{one.public_id}/end/", follow=True).text
        assert "Kín" not in answer
        assert "Kho kín" not in answer
    assert not Subscription.objects.exists()


@in_one_transaction
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("dataset", "hidden"),
        ("dataset", ""),
        ("search", ""),
        ("search", "x" * 201),
        ("search", "a\0b"),
        ("planet", "x"),
    ],
)
def test_what_is_not_there_cannot_be_followed(client, kind, value):
    DatasetFactory(code="hidden", unpublished=True)
    client.force_login(UserFactory())
    assert client.post(f"/subscriptions/to/{kind}/", {"value": value}).status_code == 404


@in_one_transaction
def test_list_is_paged_with_constant_queries(client):
    user = UserFactory()
    client.force_login(user)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/subscriptions/").status_code == 200
        return len(queries)

    def follow(number: int) -> None:
        for _number in range(number):
            SubscriptionFactory(user=user, words="", dataset=DatasetFactory())
            SubscriptionFactory(user=user, words="", agency=AgencyFactory())

    follow(1)
    few = count()
    follow(9)
    assert count() == few
    follow(8)
    assert len(client.get("/subscriptions/").context["subscriptions"]) == 20
