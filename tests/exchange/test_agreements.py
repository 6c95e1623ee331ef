"""In force by dates, not by flags; suspended, revoked, given up; and who may use them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import EndReason, Frequency
from exchange.fulfilment import run
from exchange.models import Agreement, Delivery
from exchange.refusals import Refusal
from exchange.services import agreements, deliveries, downloads, lookups
from exchange.states import AgreementStatus, DeliveryStatus
from registry import permissions
from registry.choices import Lifecycle, Masking, Mode, Role
from registry.models import Database, PolicyField, SharingPolicy
from tests.factories import person

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def agreement(world):
    return world.agreed(frequency=Frequency.ON_DEMAND)


def code_of(act) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def last_second_of(agreement) -> datetime:
    day = agreement.valid_to
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=HANOI)


def look_up(agreement, by, key="001099000001", **changes):
    return lookups.look_up(
        **{"agreement": agreement, "by": by, "key": key, "case_number": "HS-1", "purpose": "procedure"} | changes
    )


def test_end_date_passes_at_midnight_without_any_scheduler(world, agreement):
    """Order, download and look-up are refused although the state still says in force."""
    delivery = world.delivered(agreement)
    lookup = world.agreed(mode=Mode.LOOKUP)
    by, midnight = world.requester, last_second_of(agreement) + timedelta(seconds=2)
    with time_machine.travel(midnight - timedelta(seconds=2), tick=False):
        deliveries.check_order(agreement, by)
        assert look_up(lookup, by).record["full_name"] == "Nguyễn Văn 1"
    with time_machine.travel(midnight, tick=False):
        assert agreement.status == lookup.status == AgreementStatus.ACTIVE
        assert not agreement.is_live
        assert not Agreement.objects.live().exists()
        for act in (
            lambda: deliveries.order(agreement=agreement, by=by),
            lambda: downloads.open_package(delivery=delivery, by=by),
            lambda: look_up(lookup, by),
        ):
            assert code_of(act) == "agreement-not-live"
    refused = Entry.objects.filter(outcome=Outcome.REFUSED).values_list("action", flat=True)
    assert sorted(refused) == ["delivery.download", "delivery.order", "lookup.ask"]


def test_midnight_is_counted_in_hanoi(agreement):
    with time_machine.travel(last_second_of(agreement), tick=False):
        assert agreement.is_live
    with time_machine.travel(last_second_of(agreement) + timedelta(seconds=1), tick=False):
        assert timezone.now().date() == agreement.valid_to, "still the same day in UTC"
        assert not agreement.is_live


def test_running_delivery_ends_when_the_agreement_is_over(world, agreement):
    delivery = world.ordered(agreement)
    with time_machine.travel(last_second_of(agreement) + timedelta(seconds=1), tick=False):
        run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.STOPPED)


def test_agreement_of_the_future_gives_nothing_before_its_day(world):
    tomorrow = timezone.localdate() + timedelta(days=1)
    agreement = world.agreed(period_from=tomorrow, frequency=Frequency.ON_DEMAND)
    assert agreement.status == AgreementStatus.AGREED
    assert code_of(lambda: deliveries.order(agreement=agreement, by=world.requester)) == "agreement-not-live"
    assert agreements.follow_dates() == 0
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert agreements.follow_dates() == 1
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.ACTIVE


def test_sweep_ends_what_is_over_and_only_that(world, agreement):
    assert agreements.follow_dates() == 0
    assert code_of(lambda: agreements.expire(agreement=agreement)) == "not-over"
    with time_machine.travel(last_second_of(agreement) + timedelta(seconds=1)):
        assert (agreements.follow_dates(), agreements.follow_dates()) == (1, 0)
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.EXPIRED
    assert agreement.ended_at is not None


def test_suspended_agreement_gives_nothing_until_it_is_resumed(world, agreement):
    waiting = world.ordered(agreement)
    world.suspended(agreement)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.end_reason) == (DeliveryStatus.TERMINATED, EndReason.STOPPED)
    assert code_of(lambda: deliveries.order(agreement=agreement, by=world.requester)) == "agreement-not-live"
    agreements.resume(agreement=agreement, by=world.approvers[1], reason="Đã làm rõ")
    assert world.delivered(agreement).status == DeliveryStatus.COMPLETED


def test_operator_suspends_in_an_emergency_and_does_nothing_else(world, agreement):
    agreements.suspend(agreement=agreement, by=world.operator, reason="Sự cố")
    entry = Entry.objects.get(action="agreement.suspend")
    assert entry.agency == world.operator.memberships.get().agency.code
    for act in (agreements.resume, agreements.revoke, agreements.relinquish):
        assert code_of(lambda act=act: act(agreement=agreement, by=world.operator, reason="x")) == "not-your-role"


@pytest.mark.parametrize("move", ["suspend", "resume", "revoke", "relinquish"])
def test_moves_of_an_agreement_need_a_reason(world, agreement, move):
    if move == "resume":
        world.suspended(agreement)
    by = world.endorser if move == "relinquish" else world.approver
    assert code_of(lambda: getattr(agreements, move)(agreement=agreement, by=by, reason=" ")) == "reason-needed"


@pytest.mark.parametrize("move", ["revoke", "relinquish"])
def test_ended_agreement_takes_its_files_with_it(world, agreement, move):
    delivery, waiting = world.delivered(agreement), world.ordered(agreement)
    by = world.endorser if move == "relinquish" else world.approver
    getattr(agreements, move)(agreement=agreement, by=by, reason="Kết thúc")
    waiting.refresh_from_db()
    assert waiting.status == DeliveryStatus.TERMINATED
    assert code_of(lambda: downloads.open_package(delivery=delivery, by=world.requester)) == "agreement-not-live"
    assert code_of(lambda: agreements.resume(agreement=agreement, by=world.approver, reason="x")) == "wrong-state"


TIGHTENED = {
    "masking": lambda world: PolicyField.objects.filter(field__name="full_name").update(masking=Masking.NULL),
    "field": lambda world: PolicyField.objects.filter(field__name="full_name").delete(),
    "rows": lambda world: SharingPolicy.objects.update(max_rows=1),
    "days": lambda world: SharingPolicy.objects.update(max_days=1),
    "purpose": lambda world: SharingPolicy.objects.update(purposes=["statistics"]),
    "mode": lambda world: SharingPolicy.objects.update(modes=["lookup"]),
    "recipient": lambda world: SharingPolicy.objects.update(any_agency=False),
    "end": lambda world: SharingPolicy.objects.update(valid_to=timezone.localdate() - timedelta(days=1)),
    "database": lambda world: Database.objects.update(lifecycle=Lifecycle.RETIRED),
}


@pytest.mark.parametrize("what", TIGHTENED)
def test_policy_that_was_tightened_ends_the_delivery_with_a_reason(world, agreement, what):
    delivery = world.ordered(agreement)
    TIGHTENED[what](world)
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.CHANGED)
    assert delivery.message
    assert not delivery.attempts.exists()
    codes = {"end": "policy-ended", "database": "dataset-not-active"}
    fresh = Agreement.objects.get(pk=agreement.pk)
    act = lambda: deliveries.order(agreement=fresh, by=world.requester)  # noqa: E731
    assert code_of(act) == codes.get(what, "outside-policy")


def test_policy_that_was_widened_gives_no_more_than_was_agreed(world, agreement):
    PolicyField.objects.filter(field__name="born").update(masking=Masking.KEEP)
    text = world.path_of(world.delivered(agreement)).read_text()
    assert "1951-" not in text
    assert ",1951" in text


def test_agreement_still_begins_when_its_first_package_is_no_longer_shared(world):
    world.agreed(period_from=timezone.localdate() + timedelta(days=1))
    TIGHTENED["masking"](world)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert (agreements.follow_dates(), agreements.follow_dates()) == (1, 0)
    assert not Delivery.objects.exists()


def test_only_named_people_of_the_consumer_may_use_it(world, agreement):
    colleague = person(world.consumer, Role.REQUESTER)
    order = lambda by: deliveries.order(agreement=agreement, by=by)  # noqa: E731
    assert code_of(lambda: order(colleague)) == "not-named"
    assert code_of(lambda: order(person(world.stranger, Role.REQUESTER))) == "not-your-agency"
    assert code_of(lambda: order(person(world.consumer, Role.AUDITOR, is_superuser=True))) == "not-named"
    agreements.name_user(agreement=agreement, user=colleague, by=world.endorser)
    assert order(colleague).status == DeliveryStatus.REQUESTED
    colleague.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    assert code_of(lambda: order(colleague)) == "not-your-agency"


def test_only_a_signatory_names_users_and_only_of_the_own_agency(world, agreement):
    colleague = person(world.consumer, Role.REQUESTER)
    name = lambda user, by: agreements.name_user(agreement=agreement, user=user, by=by)  # noqa: E731
    assert code_of(lambda: name(colleague, world.requester)) == "not-your-role"
    assert code_of(lambda: name(person(world.stranger, Role.REQUESTER), world.endorser)) == "not-your-agency"
    assert Entry.objects.filter(action="agreement.name-user", outcome=Outcome.REFUSED).count() == 2


def test_scope_that_was_altered_gives_nothing(world, agreement):
    """The database forbids it; if it happened all the same, the hash tells."""
    from exchange.fulfilment import plans

    agreement.scope = agreement.scope.replace("citizen_id", "income")
    assert code_of(lambda: plans.plan_of(agreement)) == "scope-altered"


def test_nobody_names_themselves(world, agreement):
    act = lambda: agreements.name_user(agreement=agreement, user=world.endorser, by=world.endorser)  # noqa: E731
    assert code_of(act) == "not-yourself"
    assert not permissions.is_named(world.endorser, agreements.USE, agreement)
    agreements.name_user(agreement=agreement, user=world.endorser, by=world.second_endorser)
    assert permissions.is_named(world.endorser, agreements.USE, agreement)


def test_signatory_takes_a_user_off(world, agreement):
    agreements.remove_user(agreement=agreement, user=world.requester, by=world.endorser)
    assert code_of(lambda: deliveries.order(agreement=agreement, by=world.requester)) == "not-named"
    entry = Entry.objects.get(action="access.withdraw")
    assert (entry.actor, entry.correlation_id) == (str(world.endorser.public_id), agreement.case.request.code)
    assert str(world.requester.public_id) in entry.details
    again = lambda: agreements.remove_user(agreement=agreement, user=world.requester, by=world.endorser)  # noqa: E731
    assert code_of(again) == "not-named"


def test_only_a_signatory_of_the_consumer_takes_users_off(world, agreement):
    for by in (world.requester, world.approver, world.operator, person(world.stranger, Role.ENDORSER)):
        act = lambda by=by: agreements.remove_user(agreement=agreement, user=world.requester, by=by)  # noqa: E731
        assert code_of(act) == "not-your-role"
    assert permissions.is_named(world.requester, agreements.USE, agreement)
    assert Entry.objects.filter(action="agreement.remove-user", outcome=Outcome.REFUSED).count() == 4


@pytest.mark.parametrize("change", [agreements.name_user, agreements.remove_user])
def test_users_of_an_ended_agreement_stay_as_they_were(world, agreement, change):
    stale, colleague = Agreement.objects.get(pk=agreement.pk), person(world.consumer, Role.REQUESTER)
    agreements.revoke(agreement=agreement, by=world.approver, reason="Kết thúc")
    user = colleague if change == agreements.name_user else world.requester
    assert code_of(lambda: change(agreement=stale, user=user, by=world.endorser)) == "wrong-state"
    assert list(permissions.people_named(agreements.USE, agreement)) == [world.requester]


def test_page_takes_users_off_and_offers_it_to_signatories_only(client, world, agreement):
    page = reverse("exchange:agreement-detail", args=[agreement.public_id])
    users = reverse("exchange:agreement-users", args=[agreement.public_id])
    button, data = 'name="remove"', {"user": str(world.requester.public_id), "remove": "yes"}
    client.force_login(world.requester)
    assert button not in client.get(page).text
    client.post(users, data)
    assert permissions.is_named(world.requester, agreements.USE, agreement)
    client.force_login(world.endorser)
    assert button in client.get(page).text
    world.requester.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    client.post(users, data)
    assert not permissions.is_named(world.requester, agreements.USE, agreement)
    assert button not in client.get(page).text
