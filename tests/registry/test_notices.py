"""Telling people: who reads what, in which language, and what is refused."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from registry import notice_kinds
from registry.models import Notice
from registry.services import notices
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "/notices/"


@pytest.fixture
def kind(monkeypatch):
    monkeypatch.setattr(notice_kinds, "KINDS", {})
    monkeypatch.setattr("registry.models.notices.KINDS", notice_kinds.KINDS)
    return notice_kinds.define("test", "Something changed", "%(what)s changed in %(count)s places.")


@pytest.fixture
def user(db):
    return factories.UserFactory()


def test_each_active_person_is_told_once(kind, user):
    gone = factories.UserFactory(is_active=False)
    notices.tell(kind=kind, to=[user, user, gone], what="Dân cư", count=2)
    assert [notice.recipient for notice in Notice.objects.all()] == [user]
    assert Notice.objects.get().text == "Dân cư changed in 2 places."


def test_names_follow_the_language_of_the_reader(kind, user):
    dataset = factories.DatasetFactory(title_vi="Dân cư", title_en="Population")
    (notice,) = notices.tell(kind=kind, to=[user], what=dataset, count=1)
    notice.refresh_from_db()
    with translation.override("vi"):
        assert notice.text.startswith("Dân cư ")
    with translation.override("en"):
        assert notice.text.startswith("Population ")


def test_a_sentence_without_its_values_fails_where_it_is_told(kind, user):
    with pytest.raises(KeyError):
        notices.tell(kind=kind, to=[user], what="x")
    assert not Notice.objects.exists()


def test_a_code_is_defined_once(kind):
    with pytest.raises(ValueError, match="twice"):
        notice_kinds.define("test", "Other", "Other")


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_the_database_refuses_addresses_elsewhere(kind, user, path):
    with pytest.raises(IntegrityError), transaction.atomic():
        notices.tell(kind=kind, to=[user], path=path, what="x", count=1)


def test_people_read_their_own_notices_only(client, kind, user):
    own = factories.NoticeFactory(recipient=user, params={"what": "Own", "count": 1})
    other = factories.NoticeFactory(params={"what": "Other", "count": 1})
    client.force_login(user)
    page = client.get(LIST).text
    assert "Own changed" in page
    assert "Other changed" not in page
    assert client.post(reverse("notices:open", args=[other.public_id])).status_code == 404
    assert client.post(reverse("notices:open", args=[own.public_id])).url == LIST
    own.refresh_from_db()
    other.refresh_from_db()
    assert (own.read_at is None, other.read_at is None) == (False, True)


def test_the_header_counts_what_is_unread_until_it_is_read(client, kind, user):
    factories.NoticeFactory.create_batch(3, recipient=user, params={"what": "x", "count": 1})
    client.force_login(user)
    assert '<span class="notice-count">3' in client.get(LIST).text
    assert client.get(reverse("notices:read-all")).status_code == 405
    client.post(reverse("notices:read-all"))
    assert "notice-count" not in client.get(LIST).text


def test_an_unread_list_says_so_and_the_public_has_to_sign_in(client, user):
    assert client.get(LIST).status_code == 302
    client.force_login(user)
    with translation.override("vi"):
        assert "Chưa có thông báo" in client.get(LIST).text


def test_the_list_takes_the_same_queries_for_20_notices(client, kind, user):
    client.force_login(user)
    counts = []
    for batch in (2, 18):
        factories.NoticeFactory.create_batch(batch, recipient=user, params={"what": "x", "count": 1})
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_opening_leads_to_the_page_of_the_matter(client, kind, user):
    notice = factories.NoticeFactory(recipient=user, path="/catalogue/", params={"what": "x", "count": 1})
    client.force_login(user)
    assert client.post(reverse("notices:open", args=[notice.public_id])).url == "/catalogue/"


def test_auditors_see_who_was_told_and_operators_do_not(client, kind, operator, auditor):
    notice = factories.NoticeFactory(params={"what": "x", "count": 1})
    for person, status in ((auditor, 200), (operator, 403)):
        client.force_login(person)
        assert client.get(reverse("admin:registry_notice_changelist")).status_code == status
        assert client.get(reverse("admin:registry_notice_change", args=[notice.pk])).status_code == status


@pytest.mark.parametrize(("kept", "read"), [("2026-12-31", "31/12/2026"), ("2026-99-99", "2026-99-99")])
def test_a_day_is_read_as_people_write_it(kind, user, kept, read):
    with translation.override("vi"):
        assert factories.NoticeFactory(recipient=user, params={"what": kept, "count": 1}).text.startswith(read)
