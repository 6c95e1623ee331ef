"""Whoever leaves the consumer agency uses nothing from that moment; what was left behind is with those who are there."""

from datetime import timedelta

import pytest
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import Frequency, RequestKind
from exchange.refusals import Refusal
from exchange.services import agreements, deliveries, downloads, leavers
from exchange.services.agreements import USE
from registry import permissions
from registry.choices import Mode, Role
from registry.models import Membership, Notice
from tests.exchange.test_lookups import look_up
from tests.factories import MembershipFactory, person

pytestmark = pytest.mark.django_db


def leave(user, how: str, world) -> None:
    if how == "closed":
        user.is_active = False
        user.save(update_fields=["is_active"])
        return
    user.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    if how == "moved":
        MembershipFactory(user=user, agency=world.stranger, role=Role.REQUESTER)


def code_of(act) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


HOW = pytest.mark.parametrize("how", ["left", "moved", "closed"])


@HOW
def test_use_ends_at_the_moment_of_leaving_before_any_sweep(world, how):
    delivery, lookup = world.delivered(frequency=Frequency.ON_DEMAND), world.agreed(mode=Mode.LOOKUP)
    by = world.requester
    leave(by, how, world)
    for act in (
        lambda: look_up(world, lookup),
        lambda: downloads.open_package(delivery=delivery, by=by),
        lambda: deliveries.order(agreement=delivery.agreement, by=by),
    ):
        assert code_of(act) == "not-your-agency"
    assert permissions.is_named(by, USE, lookup) == (how != "closed")


@HOW
def test_sweep_takes_leavers_off_and_tells_the_signatories(world, how):
    agreement, colleague = world.agreed(frequency=Frequency.ON_DEMAND), person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=colleague, by=world.endorser)
    assert leavers.take_off_left() == 0
    leave(world.requester, how, world)
    assert (leavers.take_off_left(), leavers.take_off_left()) == (1, 0)
    assert list(permissions.people_named(USE, agreement)) == [colleague]
    entry = Entry.objects.get(action="access.withdraw")
    assert (entry.actor, entry.subject_id) == ("system", agreement.code)
    told = Notice.objects.filter(kind=leavers.USER_LEFT.code)
    assert {notice.recipient for notice in told} == {world.endorser, world.second_endorser}
    assert str(world.requester) in told.first().text
    assert told.first().path == agreement.get_absolute_url()


def test_whoever_comes_back_is_named_anew(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    leave(world.requester, "left", world)
    leavers.take_off_left()
    MembershipFactory(user=world.requester, agency=world.consumer, role=Role.SYSTEM)
    order = lambda: deliveries.order(agreement=agreement, by=world.requester)  # noqa: E731
    assert code_of(order) == "not-named"
    agreements.name_user(agreement=agreement, user=world.requester, by=world.endorser)
    assert order().agreement == agreement


def test_every_version_that_can_be_used_is_looked_after(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    following = world.amended(agreement, RequestKind.RENEWAL)
    leave(world.requester, "left", world)
    assert leavers.take_off_left() == 2
    assert not permissions.people_named(USE, following).exists()


def test_users_of_an_ended_agreement_stay_on_record(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    agreements.revoke(agreement=agreement, by=world.approver, reason="Kết thúc")
    leave(world.requester, "left", world)
    assert leavers.take_off_left() == 0
    assert list(permissions.people_named(USE, agreement)) == [world.requester]


def test_another_role_in_the_agency_is_enough_to_stay(world):
    world.agreed(frequency=Frequency.ON_DEMAND)
    Membership.objects.filter(user=world.requester).update(role=Role.AUDITOR)
    assert leavers.take_off_left() == 0
