"""The counts on the tiles of the home page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from ndc_portal import work
from registry.choices import Role
from tests import factories

pytestmark = pytest.mark.django_db

DESK = "admin:exchange_reviewcase_changelist"


def test_each_tile_counts_what_waits_for_the_reader(client, world):
    world.proposed()
    world.submitted()
    world.ordered()
    assert work.told("exchange:endorsement-list", world.endorser).startswith("1 ")
    assert work.told("exchange:agreement-list", world.requester).startswith("1 ")
    assert work.told(DESK, world.officer).startswith("1 ")
    assert work.told("exchange:request-list", world.requester) == ""
    assert work.told("exchange:endorsement-list", world.officer) == ""
    client.force_login(world.endorser)
    with translation.override("vi"):
        told = work.told("exchange:endorsement-list", world.endorser)
    assert told in client.get("/").text


def test_the_home_page_costs_the_same_however_much_waits(client, world):
    user = world.endorser
    factories.MembershipFactory(user=user, agency=world.consumer, role=Role.REQUESTER)
    client.force_login(user)
    counts = []
    for _round in range(2):
        for _number in range(3):
            world.proposed()
        with CaptureQueriesContext(connection) as queries:
            client.get("/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 9
