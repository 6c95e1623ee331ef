"""A system of the consumer agency, its credentials, and a client that speaks JSON."""

from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client
from oauth2_provider.models import AccessToken, Application

from exchange.services import agreements
from registry.choices import Mode, Role
from tests import factories

FORM = "application/x-www-form-urlencoded"
SECRET = "a client secret of the test suite"


class ApiClient(Client):
    """Sends the token that it was given, and bodies as JSON."""

    def __init__(self, token: str = "", **options):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        super().__init__(headers={**headers, "accept-language": "en"}, **options)

    def look_up(self, agreement, key: str, **changes):
        body = {"key": key, "case_number": "HS-1", "purpose": agreement.purpose, **changes}
        return self.post(lookups_of(agreement.public_id), body, content_type="application/json")


def lookups_of(public_id) -> str:
    return f"/api/v1/agreements/{public_id}/lookups/"


def application_of(user) -> Application:
    return Application.objects.create(
        name=user.username,
        user=user,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=SECRET,
    )


def fetch_token(application: Application, *, client: Client | None = None, **changes):
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_secret": SECRET,
        **changes,
    }
    return (client or Client()).post("/api/v1/oauth/token/", urlencode(form), content_type=FORM)


def client_for(user, **scope) -> ApiClient:
    return ApiClient(fetch_token(application_of(user), **scope).json()["access_token"])


@pytest.fixture(autouse=True)
def _no_counted_requests():
    cache.clear()  # throttles count there
    yield
    cache.clear()


@pytest.fixture
def system(world):
    return factories.person(world.consumer, Role.SYSTEM)


@pytest.fixture
def agreement(world, system):
    """In force, for look-ups of three fields, and it names the system and the clerk."""
    agreement = world.agreed(mode=Mode.LOOKUP)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    return agreement


@pytest.fixture
def api(system) -> ApiClient:
    return client_for(system)


@pytest.fixture
def expire_tokens():
    def expire():
        AccessToken.objects.update(expires="2020-01-01T00:00:00Z")

    return expire
