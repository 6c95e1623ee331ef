"""The frame around every page: what the menu offers to whom, signing in, and pages that say what went wrong."""

import re

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ndc_portal import views
from ndc_portal.navigation import PAGES, Viewer
from registry.choices import Role
from tests.factories import PASSWORD, AgencyFactory, DatasetFactory, SharingPolicyFactory, UserFactory, person

pytestmark = pytest.mark.django_db


def english(**attributes) -> Client:
    client = Client(**attributes)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


@pytest.fixture
def reader() -> Client:
    return english(raise_request_exception=False)


def html(response) -> str:
    return response.content.decode()


def offered(user) -> set[str]:
    request = RequestFactory().get("/")
    request.user = user
    return {link.page.url_name for link in Viewer(request).links}


def refuse(reason: str):
    def get_context_data(self, **kwargs):
        raise PermissionDenied(reason)

    return get_context_data


def test_start_page_counts_what_is_published_in_one_query(reader):
    database = DatasetFactory().database
    DatasetFactory(database=database)
    DatasetFactory(unpublished=True)

    with CaptureQueriesContext(connection) as queries:
        response = reader.get("/")

    assert response.context["figures"] == {"datasets": 2, "databases": 1, "agencies": 1}
    assert len(queries) == 1


def test_public_is_offered_the_catalogue_alone(reader):
    response = reader.get("/")

    assert [link.page.url_name for link in response.context["viewer"].links] == ["registry:catalogue"]
    assert reverse("login") in html(response)


@pytest.mark.parametrize("role", Role)
def test_menu_offers_only_pages_of_the_role(role):
    user = person(AgencyFactory(), role)

    allowed = {
        page.url_name
        for page in PAGES
        if (not page.roles or role in page.roles) and (user.is_staff or not page.needs_staff)
    }

    assert offered(user) <= allowed
    assert "registry:catalogue" in offered(user)


def test_superuser_without_a_role_is_offered_no_requests():
    assert not {name for name in offered(UserFactory(superuser=True)) if name.startswith("exchange:")}


def test_page_for_a_person_asks_for_roles_once(client):
    client.force_login(person(AgencyFactory(), Role.REQUESTER, Role.ENDORSER, Role.APPROVER))

    with CaptureQueriesContext(connection) as queries:
        response = client.get("/")

    roles = 'SELECT "registry_membership"."agency_id" AS "agency", "registry_membership"."role"'
    assert len([query for query in queries if query["sql"].startswith(roles)]) == 1
    assert response.context["viewer"].roles == {Role.REQUESTER, Role.ENDORSER, Role.APPROVER}


def test_account_menu_names_the_person_and_signs_out_by_post(reader):
    user = person(AgencyFactory(), Role.REQUESTER)
    reader.force_login(user)

    page = html(reader.get("/"))

    assert user.full_name in page
    assert re.search(rf'<form method="post" action="{reverse("logout")}">', page)
    assert reader.get(reverse("logout")).status_code == 405
    assert reader.post(reverse("logout")).status_code == 302


@pytest.mark.parametrize("language", ["vi", "en"])
def test_language_is_chosen_by_form(reader, language):
    response = reader.post(reverse("set_language"), {"language": language, "next": "/catalogue/?q=a"})

    assert response.url == "/catalogue/?q=a"
    assert f'<html lang="{language}">' in html(reader.get("/"))


def test_language_form_does_not_lead_away(reader):
    response = reader.post(reverse("set_language"), {"language": "vi", "next": "https://elsewhere.example/"})

    assert "elsewhere" not in response.url


def test_name_of_a_person_is_escaped(reader):
    reader.force_login(UserFactory(full_name="<script>alert(1)</script>"))

    assert "<script>alert" not in html(reader.get("/"))


def test_login_leads_on_to_the_page_that_was_asked_for(reader):
    user = UserFactory()

    response = reader.post(
        reverse("login"), {"username": user.username, "password": PASSWORD, "next": "/catalogue/?q=a"}
    )

    assert response.status_code == 302
    assert response.url == "/catalogue/?q=a"


def test_wrong_password_is_refused_with_a_list_of_errors(reader):
    response = reader.post(reverse("login"), {"username": UserFactory().username, "password": "wrong"})

    assert response.status_code == 200
    assert "data-error-summary" in html(response)


def test_too_many_wrong_passwords_pause_the_account(reader):
    user = UserFactory()

    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = reader.post(reverse("login"), {"username": user.username, "password": "wrong"})

    assert response.status_code == 429
    assert "Wait 15 minutes" in html(response)
    right = reader.post(reverse("login"), {"username": user.username, "password": PASSWORD})
    assert right.status_code == 429


def test_form_without_token_is_explained():
    client = english(enforce_csrf_checks=True)

    response = client.post(reverse("login"), {"username": "a", "password": "b"})

    assert response.status_code == 403
    assert "nothing was sent" in html(response)


def test_unknown_address_offers_ways_on(reader):
    response = reader.get("/no-such-page/")

    assert response.status_code == 404
    assert reverse("registry:catalogue") in html(response)
    assert "No dataset" not in html(response)


def test_refusal_shows_its_reason(reader, monkeypatch):
    monkeypatch.setattr(views.HomeView, "get_context_data", refuse("Only <signatories> sign."))

    response = reader.get("/")

    assert response.status_code == 403
    assert "Only &lt;signatories&gt; sign." in html(response)


def test_failure_page_needs_neither_database_nor_session(reader, monkeypatch):
    def fail(self, **kwargs):
        raise RuntimeError("name of a citizen")

    monkeypatch.setattr(views.HomeView, "get_context_data", fail)

    with CaptureQueriesContext(connection) as queries:
        response = reader.get("/")

    assert response.status_code == 500
    assert not queries.captured_queries
    assert "name of a citizen" not in html(response)
    assert "What you can do" in html(response)


def test_unreadable_request_is_explained(reader):
    response = reader.get("/", headers={"host": "elsewhere.example"})

    assert response.status_code == 400
    assert "did not understand" in html(response)


def test_no_page_needs_inline_code_or_style(reader):
    policy = SharingPolicyFactory()
    pages = ["/", "/catalogue/", "/catalogue/?q=%00", "/no-such-page/", reverse("login")]
    pages.append(reverse("registry:dataset-detail", args=[policy.dataset.code]))
    pages.append(reverse("registry:database-detail", args=[policy.dataset.database.code]))

    for url in pages:
        response = reader.get(url)
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert not re.search(r'\sstyle="|<style|<script(?![^>]*\ssrc=)|\son[a-z]+="|javascript:', html(response)), url


def test_every_page_has_one_heading_and_a_way_past_the_menu(reader):
    policy = SharingPolicyFactory()
    for url in ("/", "/catalogue/", reverse("login"), reverse("registry:dataset-detail", args=[policy.dataset.code])):
        page = html(reader.get(url))
        assert page.count("<h1") == 1, url
        assert 'href="#content"' in page
        assert 'id="content"' in page
        identifiers = re.findall(r'\sid="([^"]+)"', page)
        assert len(identifiers) == len(set(identifiers)), url


def test_timeline_marks_refusals():
    events = [
        {"title": "Signed", "actor": "A", "detail": "", "outcome": "done"},
        {"title": "Approved", "actor": "B", "detail": "Own request", "outcome": "refused"},
    ]

    page = render_to_string("components/timeline.html", {"events": events})

    assert page.count("status-rejected") == 1
    assert "Own request" in page
