"""Two people, or a person and the sweep, at the same moment about the stop or the confirmation of one agreement."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from exchange.choices import Frequency, StopKind
from exchange.models import Agreement, Attestation, DeadlineProfile, StopNotice
from exchange.services import agreements, attesting, stop_notices
from exchange.states import AgreementStatus
from exchange.terms import Term
from tests.exchange.test_races import ROUNDS, approving, at_once, fresh, no_deadlock, refusals  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


def announcing(agreement, by, kind=StopKind.SUSPEND):
    copy, day = fresh(agreement), stop_notices.earliest_day()
    return lambda: stop_notices.announce(agreement=copy, by=by, kind=kind, takes_effect_on=day, reason="Bảo trì")


def calling_off(agreement, by):
    copy = fresh(agreement)
    return lambda: stop_notices.call_off(agreement=copy, by=by, reason="Đã rõ")


def confirming(agreement, by):
    copy, words = fresh(agreement), attesting.statement(agreement)
    return lambda: attesting.confirm(agreement=copy, by=by, words=words)


def test_two_announcements_are_one(world):
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        found = at_once(
            announcing(agreement, world.approver), announcing(agreement, world.approvers[1], StopKind.REVOKE)
        )
        assert refusals(found) == ["announced-already"]
        assert StopNotice.objects.about(agreement).count() == 1


def test_announcement_against_the_approval_of_a_change(world):
    """Whoever comes first: the version that runs in the end carries the day, or the announcement met an ended one."""
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        request = world.under_review(world.submitted(world.proposed(world.followed(agreement))))
        found = at_once(announcing(agreement, world.approvers[1]), approving(request, world.approver))
        newer = Agreement.objects.get(case__request=request)
        if refusals(found):
            assert refusals(found) == ["wrong-state"], "the version was replaced meanwhile"
            assert newer.stops_on is None
        else:
            assert newer.stops_on == stop_notices.earliest_day()
            assert newer.gives_until < newer.stops_on


def test_calling_off_against_calling_off(world):
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        announcing(agreement, world.approver)()
        found = at_once(calling_off(agreement, world.approver), calling_off(agreement, world.approvers[1]))
        assert refusals(found) == ["nothing-announced"]
        assert fresh(agreement).stops_on is None


def test_sweep_and_resuming_carry_out_once(world):
    for _round in range(ROUNDS):
        agreement = world.suspended(frequency=Frequency.ON_DEMAND)
        announcing(agreement, world.approver)()
        copy = fresh(agreement)
        with time_machine.travel(timezone.now() + timedelta(days=10)):
            found = at_once(
                lambda: agreements.follow_dates() or "nothing left",
                lambda a=copy: agreements.resume(agreement=a, by=world.approver, reason="Đã xong"),
            )
        assert refusals(found) == []
        assert fresh(agreement).status == AgreementStatus.ACTIVE
        assert StopNotice.objects.about(agreement).get().done_at is not None


def test_two_confirmations_are_one(world):
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        found = at_once(confirming(agreement, world.endorser), confirming(agreement, world.second_endorser))
        assert refusals(found) == ["confirmed-already"]
        assert Attestation.objects.filter(agreement=agreement).count() == 1


def test_confirmation_against_the_sweep_leaves_it_in_force(world):
    """Suspended a moment before or not: once it is confirmed it gives data again."""
    DeadlineProfile.objects.filter(code=Term.CONFIRM_EVERY).update(working_days=20)
    for _round in range(ROUNDS):
        agreement = world.agreed(frequency=Frequency.ON_DEMAND)
        with time_machine.travel(timezone.now() + timedelta(days=60)):
            found = at_once(confirming(agreement, world.endorser), lambda: agreements.follow_dates() or "nothing left")
            assert refusals(found) == []
            assert fresh(agreement).status == AgreementStatus.ACTIVE
            assert fresh(agreement).is_live
