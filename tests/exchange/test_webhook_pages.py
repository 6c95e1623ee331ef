"""The pages on which an agency manages where its systems hear of what happens."""

import re
from ipaddress import ip_network

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from exchange.choices import MessageState
from exchange.models import WebhookEndpoint, WebhookMessage
from exchange.services import dispatching, webhooks
from registry.choices import Role
from tests.exchange.desk import as_user, told
from tests.exchange.receiver import Receiver
from tests.factories import person


@pytest.fixture(autouse=True)
def own_machine(settings):
    settings.DEBUG = True
    settings.WEBHOOK_PRIVATE_NETWORKS = [("", ip_network("127.0.0.0/8"))]


@pytest.fixture
def receiver():
    with Receiver().serving() as running:
        yield running


def url(name: str, *args) -> str:
    return reverse(f"exchange:webhook-{name}", args=[getattr(one, "public_id", one) for one in args])


@pytest.fixture
def endpoint(world, receiver):
    return webhooks.create(agency=world.consumer, by=world.endorser, url=receiver.url, description="Văn thư")[0]


def test_signatory_makes_a_webhook_and_sees_its_secret_once(world, receiver):
    client = as_user(world.endorser)
    assert url("create") in client.get(url("list")).content.decode()
    answer = client.post(
        url("create"), {"agency": world.consumer.code, "url": receiver.url, "types": ["request.returned"]}
    )
    endpoint = WebhookEndpoint.objects.get()
    [secret] = re.findall(r"whsec_[\w+/=]+", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    for page in (url("list"), url("detail", endpoint), url("change", endpoint), url("secret", endpoint)):
        assert secret not in client.get(page).content.decode()
    client.post(url("test", endpoint))
    dispatching.send_due(endpoint.pk)
    headers, body = receiver.taken[0]
    Webhook(secret).verify(body, headers)
    shown = client.get(url("detail", endpoint)).content.decode()
    assert "Sự kiện thử" in shown
    assert "204" in shown


def test_mistake_is_told_beside_what_was_typed(world):
    client = as_user(world.endorser)
    answer = client.post(url("create"), {"agency": world.consumer.code, "url": "http://10.0.0.1/", "description": "A"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["url"]
    assert answer.context["form"]["description"].value() == "A"
    answer = client.post(url("create"), {"agency": world.provider.code, "url": "https://example.vn/"})
    assert answer.context["form"].errors["agency"]
    assert not WebhookEndpoint.objects.exists()


def test_clerk_finds_no_webhooks_and_is_told_who_makes_them(world, endpoint):
    client = as_user(world.requester)
    shown = client.get(url("list")).content.decode()
    assert endpoint.url not in shown
    assert url("create") not in shown
    assert client.get(url("create")).status_code == 403
    assert client.post(url("create"), {}).status_code == 403


@pytest.mark.parametrize("name", ["detail", "change", "secret", "test", "disable", "enable", "replay"])
def test_webhook_of_another_agency_is_not_found(world, endpoint, name):
    for user in (world.approver, world.requester, world.operator, person(world.stranger, Role.ENDORSER)):
        client = as_user(user)
        assert client.get(url(name, endpoint)).status_code == 404
        if name != "detail":
            assert client.post(url(name, endpoint)).status_code == 404


def test_switching_off_and_on(world, endpoint):
    client = as_user(world.endorser)
    client.post(url("disable", endpoint))
    endpoint.refresh_from_db()
    assert not endpoint.is_enabled
    assert "Cơ quan đã tắt" in client.get(url("detail", endpoint)).content.decode()
    answer = client.post(url("test", endpoint), follow=True)
    assert "Hãy bật" in told(answer)
    client.post(url("enable", endpoint))
    endpoint.refresh_from_db()
    assert endpoint.is_enabled


def test_changing_what_is_sent(world, endpoint):
    client = as_user(world.endorser)
    client.post(url("change", endpoint), {"description": "Hệ thống mới", "types": ["agreement.active"]})
    endpoint.refresh_from_db()
    assert (endpoint.description, endpoint.types) == ("Hệ thống mới", ["agreement.active"])
    answer = client.post(url("change", endpoint), {"types": ["request.burnt"]})
    assert answer.status_code == 422


def test_replacing_the_secret(world, endpoint):
    client = as_user(world.endorser)
    assert "whsec_" not in client.get(url("secret", endpoint)).content.decode()
    shown = client.post(url("secret", endpoint)).content.decode()
    assert "whsec_" in shown
    assert "cả hai" in shown


def test_sending_again(world, receiver, endpoint):
    world.submitted()
    dispatching.send_due(endpoint.pk)
    client = as_user(world.endorser)
    answer = client.post(url("replay", endpoint), {"since": "2020-01-01"})
    assert answer.status_code == 422
    assert "90" in str(answer.context["replay_form"].errors)
    message = endpoint.messages.first()
    client.post(url("message-replay", endpoint, message.public_id))
    assert WebhookMessage.objects.get(pk=message.pk).state == MessageState.WAITING
    answer = client.post(url("replay", endpoint), {"since": timezone.localdate().isoformat()}, follow=True)
    assert "2 sự kiện" in told(answer)
    dispatching.send_due(endpoint.pk)
    assert len(receiver.taken) == 4


def test_messages_are_narrowed_by_state(world, receiver, endpoint):
    receiver.answers = [500, 204]
    world.submitted()
    dispatching.send_due(endpoint.pk)
    client = as_user(world.endorser)
    assert len(client.get(url("detail", endpoint)).context["sent"]) == 2
    assert len(client.get(url("detail", endpoint), {"state": "taken"}).context["sent"]) == 1
    assert len(client.get(url("detail", endpoint), {"state": "nonsense"}).context["sent"]) == 2


def test_lists_cost_as_much_for_twenty_rows_as_for_two(world, receiver, endpoint):
    client = as_user(world.endorser)

    def questions(page: str) -> int:
        client.get(page)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        return len(captured)

    receiver.answers = [204]
    webhooks.send_test(endpoint=endpoint, by=world.endorser)
    webhooks.send_test(endpoint=endpoint, by=world.endorser)
    dispatching.send_due(endpoint.pk)
    webhooks.create(agency=world.consumer, by=world.endorser, url=f"{receiver.url}/0")
    two = questions(url("list")), questions(url("detail", endpoint))
    for number in range(1, 9):
        webhooks.create(agency=world.consumer, by=world.endorser, url=f"{receiver.url}/{number}")
    for _number in range(18):
        webhooks.send_test(endpoint=endpoint, by=world.endorser)
    dispatching.send_due(endpoint.pk)
    assert (questions(url("list")), questions(url("detail", endpoint))) == two
    assert len(client.get(url("detail", endpoint)).context["sent"]) == 20
