"""Access tokens: who gets one, what is stored of it, and when it stops working."""

import base64
from datetime import timedelta

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken
from rest_framework.throttling import AnonRateThrottle

from registry.choices import Role
from registry.models import Membership
from tests import factories
from tests.api.conftest import SECRET, ApiClient, application_of, client_for, fetch_token

AGREEMENTS = "/api/v1/agreements/"


def test_token_is_for_ten_minutes_and_all_scopes(system):
    answer = fetch_token(application_of(system))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    document = answer.json()
    assert document["expires_in"] == 600
    assert set(document["scope"].split()) == {"lookup", "deliver"}
    assert set(document) == {"access_token", "token_type", "expires_in", "scope"}


def test_token_by_http_basic(system):
    application = application_of(system)
    pair = base64.b64encode(f"{application.client_id}:{SECRET}".encode()).decode()
    answer = Client(headers={"authorization": f"Basic {pair}"}).post(
        "/api/v1/oauth/token/", {"grant_type": "client_credentials"}
    )
    assert answer.status_code == 200


def test_token_and_secret_cannot_be_read_from_the_database(system):
    application = application_of(system)
    token = fetch_token(application).json()["access_token"]
    stored = AccessToken.objects.get()
    assert stored.token == ""
    stored.save()  # a later save must not spoil the checksum
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a::text FROM oauth2_provider_application a UNION ALL SELECT t::text FROM oauth2_provider_accesstoken t"
        )
        rows = " ".join(row for (row,) in cursor.fetchall())
    assert token not in rows
    assert SECRET not in rows
    assert ApiClient(token).get(AGREEMENTS).status_code == 200


@pytest.mark.parametrize(
    "grant", ["password", "authorization_code", "refresh_token", "", "urn:ietf:params:oauth:grant-type:device_code"]
)
def test_token_by_another_grant_refused(system, grant):
    form = {"username": system.username, "password": factories.PASSWORD, "device_code": "x", "code": "x"}
    answer = fetch_token(application_of(system), grant_type=grant, **form)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("unsupported_grant_type", "invalid_request")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("changes", [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_id": "nul\0"}])
def test_token_with_wrong_credentials_refused(system, changes):
    answer = fetch_token(application_of(system), **changes)
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}


def test_token_with_parameters_in_the_address_refused(system):
    application = application_of(system)
    answer = Client().post(
        f"/api/v1/oauth/token/?client_id={application.client_id}&client_secret=x",
        {"grant_type": "client_credentials", "client_id": application.client_id, "client_secret": SECRET},
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_token_with_broken_query_or_json_body_refused(system):
    assert Client().post("/api/v1/oauth/token/?%zz=%", {"grant_type": "client_credentials"}).status_code == 400
    assert Client().post("/api/v1/oauth/token/", {"a": 1}, content_type="application/json").status_code == 400


def test_token_for_an_unknown_scope_refused(system):
    assert fetch_token(application_of(system), scope="admin").json()["error"] == "invalid_scope"


def test_token_for_a_person_refused(world):
    answer = fetch_token(application_of(world.requester))
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}


def test_token_for_a_disabled_account_refused(system):
    application = application_of(system)
    system.is_active = False
    system.save()
    assert fetch_token(application).status_code == 401


def test_token_requests_are_throttled(system, monkeypatch):
    monkeypatch.setitem(AnonRateThrottle.THROTTLE_RATES, "token", "2/min")
    application = application_of(system)
    codes = [
        fetch_token(application, client=Client(headers={"x-forwarded-for": f"10.0.0.{number}"})).status_code
        for number in range(3)
    ]
    assert codes == [200, 200, 429]


def test_no_other_address_of_the_library_is_mounted():
    for address in ("authorize", "revoke_token", "introspect", "applications", "device-authorization", "userinfo"):
        for prefix in ("/o/", "/oauth/", "/api/v1/oauth/"):
            assert Client().get(f"{prefix}{address}/").status_code == 404


@pytest.mark.parametrize(
    "header", ["Bearer unknown", "Bearer", "Bearer a b", "Bearer " + "x" * 300, "Bearer \xff\xfe", "bearer nul\0"]
)
def test_unknown_token_refused(db, header):
    answer = Client(headers={"authorization": header}).get(AGREEMENTS)
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid-token"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_token_in_the_address_refused(system):
    token = fetch_token(application_of(system)).json()["access_token"]
    answer = Client().get(AGREEMENTS, {"access_token": token})
    assert answer.status_code == 401
    assert answer.json()["code"] == "not-authenticated"


def test_expired_token_refused(api, expire_tokens):
    assert api.get(AGREEMENTS).status_code == 200
    expire_tokens()
    assert api.get(AGREEMENTS).json()["code"] == "invalid-token"


def test_disabled_account_refused_with_the_next_request(api, system):
    assert api.get(AGREEMENTS).status_code == 200
    system.is_active = False
    system.save()
    assert api.get(AGREEMENTS).status_code == 401


def test_ended_membership_refused_with_the_next_request(api, system):
    assert api.get(AGREEMENTS).status_code == 200
    Membership.objects.filter(user=system).update(valid_to=timezone.localdate() - timedelta(days=1))
    assert api.get(AGREEMENTS).status_code == 401


def test_deleted_application_refused_with_the_next_request(api, system):
    system.oauth2_provider_application.all().delete()
    assert api.get(AGREEMENTS).status_code == 401


def test_application_of_a_person_refused_even_with_a_token(world):
    person = factories.person(world.consumer, Role.SYSTEM, Role.REQUESTER)
    client = client_for(person)
    Membership.objects.filter(user=person, role=Role.SYSTEM).delete()
    assert client.get(AGREEMENTS).status_code == 401


def test_tables_of_tokens_and_secrets_are_not_in_the_admin():
    admin.autodiscover()
    assert not [model for model in admin.site._registry if model._meta.app_label == "oauth2_provider"]


def test_settings_satisfy_the_library_for_deployment(capsys):
    call_command("check", "--deploy", "--tag", "security")
    assert "oauth2_provider" not in capsys.readouterr().err
