"""What stops with an agreement: counted beforehand for whoever stops it, and on record under the lock of the move."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange import stop_words
from exchange.choices import Frequency, RequestKind
from exchange.models import Lookup
from exchange.services import agreements, deliveries, lookups, stopping
from registry.choices import Mode, Role
from tests.exchange.desk import as_user, page
from tests.factories import person

NOTHING = {
    "running": 0,
    "waiting": 0,
    "packages": 0,
    "lookups_30_days": 0,
    "systems": 0,
    "users": 1,
    "following": [],
    "others_going_on": 0,
}


def figures(agreement) -> dict:
    return stopping.read(agreement).figures


def look_up(agreement, by):
    lookups.look_up(agreement=agreement, by=by, key="001099000001", case_number="HS-1", purpose=agreement.purpose)


def system_of(world, agreement):
    system = person(world.consumer, Role.SYSTEM, full_name="Một cửa điện tử")
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    return system


def test_deliveries_running_waiting_and_still_to_be_fetched_are_counted(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    assert figures(agreement) == NOTHING
    world.delivered(agreement)
    delivery = world.ordered(agreement)
    assert figures(agreement) == NOTHING | {"waiting": 1, "packages": 1}
    deliveries.begin(delivery=delivery, worker="test")
    assert figures(agreement) == NOTHING | {"running": 1, "packages": 1}


def test_file_whose_time_is_over_does_not_count(world):
    agreement = world.delivered(frequency=Frequency.ON_DEMAND).agreement
    assert figures(agreement)["packages"] == 1
    with time_machine.travel(timezone.now() + timedelta(days=settings.DELIVERY_DAYS, seconds=1)):
        assert figures(agreement)["packages"] == 0


@pytest.mark.parametrize(("fields", "packages"), [(["citizen_id", "full_name", "born"], 1), (["citizen_id"], 0)])
def test_file_of_an_earlier_version_counts_where_this_one_covers_it(world, fields, packages):
    agreement = world.delivered(frequency=Frequency.ON_DEMAND).agreement
    assert figures(world.amended(agreement, field_names=fields))["packages"] == packages


def test_lookups_are_told_with_the_systems_that_made_them(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    system = system_of(world, agreement)
    for by in (world.requester, system, system):
        look_up(agreement, by)
    old = Lookup.objects.order_by("receipt").first()
    Lookup.objects.filter(pk=old.pk).update(asked_at=timezone.now() - timedelta(days=31))
    stops = stopping.read(agreement)
    assert stops.figures == NOTHING | {"lookups_30_days": 2, "systems": 1, "users": 2}
    assert [(one.name, one.lookups) for one in stops.systems] == [("Một cửa điện tử", 2)]
    words = " ".join(line.text for line in stop_words.for_consumer(stops))
    assert "Một cửa điện tử (2)" in words


def test_versions_that_follow_and_agreements_that_go_on_are_named(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    following = world.amended(agreement, RequestKind.RENEWAL)
    other, stopped = world.agreed(), world.suspended()
    stops = stopping.read(agreement)
    assert stops.figures["following"] == [following.version]
    assert stops.others == [other]
    assert stopped not in stops.others
    links = {link.url for line in stop_words.for_owner(stops) for link in line.links}
    assert links == {page(following), page(other)}
    links = {link.url for line in stop_words.for_consumer(stops) for link in line.links}
    assert links == {following.get_absolute_url(), other.get_absolute_url()}


@pytest.mark.parametrize("move", ["suspend", "revoke", "relinquish"])
def test_ledger_keeps_what_was_counted_under_the_lock(world, move):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    world.delivered(agreement)
    world.ordered(agreement)
    seen = figures(agreement)
    by = world.endorser if move == "relinquish" else world.approver
    getattr(agreements, move)(agreement=agreement, by=by, reason="Kết thúc")
    entry = Entry.objects.get(action=f"agreement.{move}")
    assert json.loads(entry.details)["stops"] == seen == NOTHING | {"waiting": 1, "packages": 1}


@pytest.mark.parametrize("name", ["suspend", "revoke"])
def test_owner_reads_it_before_the_button(world, name):
    agreement, other = world.agreed(mode=Mode.LOOKUP), world.agreed()
    system = system_of(world, agreement)
    look_up(agreement, system)
    text = as_user(world.approver).get(page(agreement, name)).content.decode()
    assert "Một cửa điện tử (1)" in text
    assert f'href="{page(other)}"' in text


def test_signatory_reads_it_before_giving_up(world):
    agreement, other = world.agreed(frequency=Frequency.ON_DEMAND), world.agreed()
    address = reverse("exchange:agreement-relinquish", args=[agreement.public_id])
    text = as_user(world.endorser).get(address).content.decode()
    assert str(world.requester) in text
    assert f'href="{other.get_absolute_url()}"' in text


def test_reading_takes_as_many_queries_for_much_as_for_little(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    system_of(world, agreement)
    world.agreed()
    look_up(agreement, world.requester)
    few = _questions(agreement)
    for _number in range(8):
        look_up(agreement, system_of(world, agreement))
        world.agreed()
    assert _questions(agreement) == few
    assert few <= 12


def _questions(agreement) -> int:
    with CaptureQueriesContext(connection) as captured:
        stop_words.for_consumer(stopping.read(agreement))
    return len(captured)


def test_only_so_many_are_called_by_name(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    for _number in range(stopping.NAMED):
        system_of(world, agreement)
    stops = stopping.read(agreement)
    assert (len(stops.users), stops.user_count) == (stopping.NAMED, stopping.NAMED + 1)
