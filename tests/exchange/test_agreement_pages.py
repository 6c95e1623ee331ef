"""Agreements of the own agency: scope in words, named people, ordering, giving up."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.models import Delivery
from exchange.services import agreements
from exchange.services.agreements import USE
from registry import permissions
from registry.choices import Mode, Role
from tests.factories import person

pytestmark = pytest.mark.django_db


def url(name: str, thing=None) -> str:
    return reverse(f"exchange:{name}", args=[thing.public_id] if thing else [])


def test_the_page_says_what_it_gives_and_who_uses_it(client, world):
    agreement = world.agreed(row_filter=[{"field": "province", "operator": "in", "values": ["01", "79"]}])
    client.force_login(world.requester)
    page = client.get(url("agreement-detail", agreement)).text
    for text in (agreement.code, agreement.scope_hash, "01, 79", world.requester.full_name, "full_name"):
        assert text in page
    assert agreement.case.request.code in page


def test_a_package_is_ordered_by_a_named_person(client, world):
    agreement = world.agreed(frequency="on-demand")
    client.force_login(world.requester)
    response = client.post(url("agreement-order", agreement))
    delivery = Delivery.objects.get()
    assert response.url == url("delivery-detail", delivery)
    again = client.post(url("agreement-order", agreement))
    assert again.url == response.url  # the one under way


def test_whoever_is_not_named_sees_why_ordering_is_closed(client, world):
    agreement = world.agreed(frequency="on-demand")
    client.force_login(world.endorser)
    assert client.get(url("agreement-detail", agreement)).context["order_refusal"].code == "not-named"
    response = client.post(url("agreement-order", agreement), follow=True)
    assert "error" in [message.level_tag for message in response.context["messages"]]
    assert not Delivery.objects.exists()


def test_data_that_was_given_once_is_not_ordered_again(client, world):
    agreement = world.delivered().agreement
    client.force_login(world.requester)
    page = client.get(url("agreement-detail", agreement))
    assert page.context["order_refusal"].code == "delivered-once"
    assert url("agreement-order", agreement) not in page.content.decode()


def test_a_signatory_names_a_colleague(client, world):
    agreement = world.agreed()
    colleague = person(world.consumer, Role.SYSTEM)
    client.force_login(world.endorser)
    client.post(url("agreement-users", agreement), {"user": str(colleague.public_id)})
    assert permissions.is_named(colleague, USE, agreement)
    assert colleague.full_name in client.get(url("agreement-detail", agreement)).text


def test_nobody_of_another_agency_is_named(client, world):
    agreement = world.agreed()
    client.force_login(world.endorser)
    for user in (str(world.approver.public_id), "", "\0", "x" * 10_000):
        response = client.post(url("agreement-users", agreement), {"user": user}, follow=True)
        assert response.status_code == 200
    assert list(permissions.people_named(USE, agreement)) == [world.requester]


def test_a_requester_names_nobody(client, world):
    agreement = world.agreed()
    client.force_login(world.requester)
    assert client.get(url("agreement-detail", agreement)).context["name_form"] is None
    client.post(url("agreement-users", agreement), {"user": str(world.endorser.public_id)})
    assert not permissions.is_named(world.endorser, USE, agreement)


def test_giving_up_needs_a_reason_and_ends_it(client, world):
    agreement = world.agreed()
    client.force_login(world.endorser)
    assert client.get(url("agreement-relinquish", agreement)).status_code == 200
    assert client.post(url("agreement-relinquish", agreement), {"reason": ""}).status_code == 422
    response = client.post(url("agreement-relinquish", agreement), {"reason": "Không cần nữa"}, follow=True)
    assert "Không cần nữa" in response.text
    agreement.refresh_from_db()
    assert agreement.status == "relinquished"


def test_a_suspended_agreement_says_why(client, world):
    agreement = world.suspended(frequency="on-demand")
    client.force_login(world.requester)
    page = client.get(url("agreement-detail", agreement))
    assert "Kiểm tra" in page.text
    assert page.context["order_refusal"].code == "agreement-not-live"


def test_the_list_is_narrowed(client, world):
    suspended, running = world.suspended(), world.agreed(mode=Mode.LOOKUP)
    client.force_login(world.requester)
    assert list(client.get(url("agreement-list"), {"status": "suspended"}).context["agreements"]) == [suspended]
    assert list(client.get(url("agreement-list"), {"q": running.code}).context["agreements"]) == [running]
    assert client.get(url("agreement-list"), {"q": "\0"}).status_code == 400


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_list_costs_the_same_for_two_and_twenty(client, make_world):
    world = make_world(standing=True)
    client.force_login(world.requester)
    counts = []
    for rows in (2, 18):
        for _number in range(rows):
            world.agreed(mode=Mode.LOOKUP)
        counts.append(queries(client, url("agreement-list")))
    assert counts[0] == counts[1]


def test_the_page_costs_the_same_for_two_and_twenty_people_and_deliveries(client, make_world):
    world = make_world(standing=True)
    agreement = world.agreed(frequency="on-demand")
    client.force_login(world.requester)
    counts = []
    for rows in (2, 18):
        for _number in range(rows):
            world.delivered(agreement)
            colleague = person(world.consumer, Role.REQUESTER)
            agreements.name_user(agreement=agreement, user=colleague, by=world.endorser)
        counts.append(queries(client, url("agreement-detail", agreement)))
    assert counts[0] == counts[1]
