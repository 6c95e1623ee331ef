"""Before an agreement ends, those who can ask for another period are told: once, and only where it makes sense."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from exchange.choices import Frequency, RequestKind
from exchange.models import DeadlineProfile
from exchange.services import agreements, reminders, requests
from registry.choices import Mode, Role
from registry.models import Notice
from tests.factories import person

pytestmark = pytest.mark.django_db
ON_DEMAND = {"frequency": Frequency.ON_DEMAND}


def told() -> set:
    return {notice.recipient for notice in Notice.objects.filter(kind=reminders.ENDS_SOON.code)}


def before_the_end(agreement, days: int):
    left = agreement.valid_to - timedelta(days=days) - timezone.localdate()
    return time_machine.travel(timezone.now() + left)


@pytest.fixture
def agreement(world):
    return world.agreed(**ON_DEMAND)


def test_requester_and_signatories_are_told_once(world, agreement):
    with before_the_end(agreement, 60):
        assert reminders.remind() == 0
    with before_the_end(agreement, 20):
        assert (reminders.remind(), reminders.remind()) == (1, 0)
    assert told() == {world.requester, world.endorser, world.second_endorser}
    notice = Notice.objects.filter(recipient=world.requester, kind=reminders.ENDS_SOON.code).get()
    assert notice.path == agreement.get_absolute_url()
    assert agreement.code in notice.text
    assert f"{agreement.valid_to:%d/%m/%Y}" in notice.text


def test_next_version_is_told_of_anew(world, agreement):
    with before_the_end(agreement, 20):
        reminders.remind()
        newer = world.amended(agreement, field_names=["born"])
        assert reminders.remind() == 1
    assert Notice.objects.filter(path=newer.get_absolute_url()).count() == 3


def test_deadline_of_the_database_says_how_long_before(agreement, settings):
    settings.RENEWAL_REMINDER_DAYS = 30
    with before_the_end(agreement, 20):
        DeadlineProfile.objects.create(code=reminders.PROFILE, title="Nhắc", working_days=5, source="NDC")
        assert reminders.remind() == 0
    with before_the_end(agreement, 4):
        assert reminders.remind() == 1


def test_setting_says_how_long_before(agreement, settings):
    settings.RENEWAL_REMINDER_DAYS = 5
    with before_the_end(agreement, 20):
        assert reminders.remind() == 0
    with before_the_end(agreement, 4):
        assert reminders.remind() == 1


@pytest.mark.parametrize("what", ["renewed", "asked", "once", "suspended", "over"])
def test_nobody_is_told_where_nothing_is_to_be_asked_for(world, what):
    agreement = world.agreed(**({"mode": Mode.PACKAGE, "frequency": Frequency.ONCE} if what == "once" else ON_DEMAND))
    if what == "renewed":
        world.amended(agreement, RequestKind.RENEWAL)
    if what == "asked":
        draft = world.followed(agreement)
    if what == "suspended":
        world.suspended(agreement)
    with before_the_end(agreement, -1 if what == "over" else 10):
        assert reminders.remind() == 0
        if what == "asked":
            requests.withdraw(request=draft, by=world.requester)
            assert reminders.remind() == 1


def test_short_period_is_told_of_in_its_second_half(world):
    agreement = world.agreed(**ON_DEMAND, period_to=timezone.localdate() + timedelta(days=10))
    assert reminders.remind() == 0
    with before_the_end(agreement, 5):
        assert reminders.remind() == 1


@pytest.mark.parametrize("how", ["moved", "closed"])
def test_all_requesters_are_told_where_the_one_who_asked_has_left(world, agreement, how):
    colleague, closed = person(world.consumer, Role.REQUESTER), person(world.consumer, Role.ENDORSER, is_active=False)
    if how == "moved":
        world.requester.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    else:
        world.requester.is_active = False
        world.requester.save()
    with before_the_end(agreement, 10):
        reminders.remind()
    assert told() == {colleague, world.endorser, world.second_endorser}
    assert closed not in told()


def test_sweep_reminds(world, agreement, monkeypatch):
    from exchange import tasks

    with before_the_end(agreement, 10):
        tasks.sweep()
    assert world.requester in told()
    assert agreements.follow_dates() == 0
