"""Agreements are confirmed from time to time: by whom, until when, and what holds where nobody does."""

import json
from datetime import datetime, time, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange import tasks
from exchange.choices import EndReason, Frequency, RequestKind, StopKind
from exchange.fulfilment import run
from exchange.models import Agreement, Attestation, DeadlineProfile, Delivery
from exchange.refusals import Refusal
from exchange.services import (
    agreements,
    attesting,
    deadlines,
    deliveries,
    downloads,
    holding,
    letter_checks,
    lookups,
    stop_notices,
)
from exchange.states import AgreementStatus, DeliveryStatus
from exchange.terms import DEFAULTS, Term
from registry.choices import Mode, PersonalData, Role
from registry.models import Field, Notice
from tests import factories
from tests.exchange.test_database_refuses import execute, insert_copy, refused, refused_to_the_owner_too, triggers_off
from tests.factories import MembershipFactory, SchemaChangeFactory, person
from tests.scenarios import World

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
SHORT = 20  # working days: within the usual period of ninety days
pytestmark = pytest.mark.postgresql


@pytest.fixture
def short(world) -> World:
    """The usual world, where agreements have to be confirmed once a month."""
    DeadlineProfile.objects.filter(code=Term.CONFIRM_EVERY).update(working_days=SHORT)
    return world


@pytest.fixture
def agreement(short):
    return short.agreed(frequency=Frequency.ON_DEMAND)


def confirm(agreement, by):
    return attesting.confirm(agreement=agreement, by=by, words=attesting.statement(agreement))


def on(day, at=time(0, 0)):
    return time_machine.travel(datetime.combine(day, at, tzinfo=HANOI), tick=False)


def day_after(agreement):
    return agreement.confirm_by + timedelta(days=1)


def code_of(act) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def look_up(agreement, by):
    return lookups.look_up(agreement=agreement, by=by, key="001099000001", case_number="HS-1", purpose="procedure")


# --- until when


def test_first_day_is_counted_from_the_beginning(short):
    begins = timezone.localdate() + timedelta(days=10)
    agreement = short.agreed(period_from=begins, frequency=Frequency.ON_DEMAND)
    assert agreement.confirm_by == deadlines.due_on(begins, SHORT)
    assert agreement.gives_until == agreement.confirm_by < agreement.valid_to


def test_sensitive_data_is_confirmed_more_often(world):
    Field.objects.filter(pk=world.fields["born"].pk).update(personal_data=PersonalData.SENSITIVE)
    today = timezone.localdate()
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    assert agreement.confirm_by == deadlines.due_on(today, DEFAULTS[Term.CONFIRM_SENSITIVE])
    without = world.agreed(frequency=Frequency.ON_DEMAND, field_names=["citizen_id"])
    assert without.confirm_by == deadlines.due_on(today, DEFAULTS[Term.CONFIRM_EVERY])


def test_what_ends_before_or_is_given_once_needs_none(world, short):
    once = short.agreed(frequency=Frequency.ONCE)
    assert (once.confirm_by, once.confirm_day) == (once.valid_to, None)
    DeadlineProfile.objects.filter(code=Term.CONFIRM_EVERY).update(working_days=125)
    brief = short.agreed(frequency=Frequency.ON_DEMAND)
    assert brief.confirm_by > brief.valid_to
    assert (brief.confirm_day, brief.gives_until) == (None, brief.valid_to)
    for one in (once, brief):
        with on(one.valid_to):
            assert one.is_live
            assert not attesting.standing(one).is_asked_for


@pytest.mark.parametrize("kind", [RequestKind.AMENDMENT, RequestKind.RENEWAL])
def test_version_that_was_signed_anew_counts_anew(short, agreement, kind):
    with on(agreement.confirm_by - timedelta(days=3), time(9)):
        newer = short.amended(agreement, kind)
        start = max(newer.valid_from, timezone.localdate())
    assert newer.confirm_by == deadlines.due_on(start, SHORT) > agreement.confirm_by


def test_confirmation_holds_for_the_versions_that_follow(short, agreement):
    following = short.amended(agreement, RequestKind.RENEWAL, period_from=timezone.localdate() + timedelta(days=1))
    with on(agreement.confirm_by):
        confirm(agreements.in_force(agreement), short.endorser)
    following.refresh_from_db()
    assert following.confirm_by == Attestation.objects.get().covers_until


# --- confirming


def test_confirmed_it_goes_on_from_that_day(short, agreement):
    day = agreement.confirm_by - timedelta(days=2)
    with on(day, time(10)):
        confirm(agreement, short.endorser)
    attestation = Attestation.objects.get()
    assert attestation.covers_until == agreement.confirm_by == deadlines.due_on(day, SHORT)
    assert (attestation.confirmed_by, attestation.confirmed_on) == (short.endorser, day)
    assert str(short.dataset) in attestation.statement
    with on(day + timedelta(days=10)):
        assert agreement.is_live
    details = json.loads(Entry.objects.get(action="agreement.confirm").details)
    assert details["covers_until"] == agreement.confirm_by.isoformat()
    assert details["from"] == details["to"] == "active"


@pytest.mark.parametrize("who", ["requester", "approver", "officer", "operator"])
def test_only_a_signatory_of_the_consumer_confirms(short, agreement, who):
    assert code_of(lambda: confirm(agreement, getattr(short, who))) == "not-your-role"
    entry = Entry.objects.get(action="agreement.confirm")
    assert (entry.outcome, json.loads(entry.details)["code"]) == (Outcome.REFUSED, "not-your-role")


def test_superuser_confirms_nothing(short, agreement):
    assert code_of(lambda: confirm(agreement, factories.UserFactory(superuser=True))) == "not-your-role"


def test_named_user_does_not_confirm_the_own_need(short, agreement):
    agreements.name_user(agreement=agreement, user=short.second_endorser, by=short.endorser)
    assert code_of(lambda: confirm(agreement, short.second_endorser)) == "rule-1"


def test_whoever_decided_for_the_owner_does_not_confirm(short, agreement):
    MembershipFactory(user=short.approver, agency=short.consumer, role=Role.ENDORSER)
    assert code_of(lambda: confirm(agreement, short.approver)) == "rule-1"


def test_second_confirmation_on_one_day_is_refused(short, agreement):
    confirm(agreement, short.endorser)
    assert code_of(lambda: confirm(agreement, short.second_endorser)) == "confirmed-already"


def test_other_words_confirm_nothing(short, agreement):
    act = lambda: attesting.confirm(agreement=agreement, by=short.endorser, words="Vâng")  # noqa: E731
    assert code_of(act) == "other-words"
    assert not Attestation.objects.exists()


# --- the day


def test_on_its_day_it_still_gives_and_from_midnight_nothing_without_any_scheduler(short, agreement):
    delivery = short.delivered(agreement)
    lookup = short.agreed(mode=Mode.LOOKUP)
    by = short.requester
    with on(agreement.confirm_by, time(23, 59, 59)):
        deliveries.check_order(agreement, by)
        assert look_up(lookup, by).record is not None
    with on(day_after(agreement)):
        assert agreement.status == lookup.status == AgreementStatus.ACTIVE
        assert not agreement.is_live
        assert not Agreement.objects.live().exists()
        assert not Agreement.objects.counting().exists()
        for act in (
            lambda: deliveries.order(agreement=agreement, by=by),
            lambda: downloads.open_package(delivery=delivery, by=by),
            lambda: look_up(lookup, by),
        ):
            assert code_of(act) == "agreement-not-live"


def test_running_delivery_ends_past_the_day(short, agreement):
    delivery = short.ordered(agreement)
    with on(day_after(agreement)):
        run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.STOPPED)


def test_sweep_suspends_with_its_reason(short, agreement):
    waiting = short.ordered(agreement)
    with on(agreement.confirm_by):
        assert agreements.follow_dates() == 0
    with on(day_after(agreement)):
        assert (agreements.follow_dates(), agreements.follow_dates()) == (1, 0)
    agreement.refresh_from_db()
    waiting.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED
    assert f"{agreement.confirm_by:%d/%m/%Y}" in agreement.status_reason
    assert waiting.status == DeliveryStatus.TERMINATED
    entry = Entry.objects.get(action="agreement.hold_unconfirmed")
    assert (entry.actor, json.loads(entry.details)["stops"]["waiting"]) == ("system", 1)


def test_nothing_is_held_before_its_day(agreement):
    assert code_of(lambda: attesting.hold(agreement=agreement)) == "not-due"


def test_confirmation_brings_it_back(short, agreement):
    with on(day_after(agreement), time(9)):
        agreements.follow_dates()
        agreement.refresh_from_db()
        confirm(agreement, short.endorser)
        assert agreement.is_live
    made = Entry.objects.filter(subject_type="agreement", outcome=Outcome.SUCCESS).order_by("sequence")
    assert [entry.action for entry in made][-3:] == [
        "agreement.hold_unconfirmed",
        "agreement.confirm",
        "agreement.reinstate",
    ]


def test_confirmation_with_the_sweep_down_is_enough(short, agreement):
    with on(day_after(agreement), time(9)):
        confirm(agreement, short.endorser)
        assert agreement.is_live
    assert not Entry.objects.filter(action="agreement.reinstate").exists()


@pytest.mark.parametrize("first", ["person", "day"])
def test_what_a_person_suspended_stays_so_after_a_confirmation(short, agreement, first):
    if first == "person":
        short.suspended(agreement)
    with on(day_after(agreement), time(9)):
        agreements.follow_dates()
        agreement.refresh_from_db()
        if first == "day":
            short.suspended(agreement)
        confirm(agreement, short.endorser)
        assert agreement.status == AgreementStatus.SUSPENDED
        agreements.resume(agreement=agreement, by=short.approver, reason="Đã rõ")
        assert agreement.is_live


def test_owner_does_not_resume_what_nobody_confirmed(short, agreement):
    with on(day_after(agreement), time(9)):
        agreements.follow_dates()
        agreement.refresh_from_db()
        resume = lambda: agreements.resume(agreement=agreement, by=short.approver, reason="x")  # noqa: E731
        assert code_of(resume) == "not-confirmed"


def test_source_that_changed_keeps_it_suspended_and_the_confirmation_stays(short, agreement):
    with on(day_after(agreement), time(9)):
        agreements.follow_dates()
        SchemaChangeFactory(dataset=agreement.dataset)
        agreement.refresh_from_db()
        confirm(agreement, short.endorser)
    assert agreement.status == AgreementStatus.SUSPENDED
    assert Attestation.objects.count() == 1
    assert Entry.objects.filter(action="agreement.reinstate", outcome=Outcome.REFUSED).count() == 1


def test_review_of_a_source_resumes_nothing_that_was_suspended_otherwise(short, agreement):
    """Held once for its source and resumed, then suspended as nobody confirmed it: that is no business of a review."""
    change = SchemaChangeFactory(dataset=agreement.dataset)
    holding.hold_changed()
    type(change).objects.filter(pk=change.pk).update(
        reviewed_at=timezone.now(), reviewed_by=short.approver, decision="accept", note="Đã rõ"
    )
    agreements.resume(agreement=agreement, by=short.approver, reason="Đã rõ")
    with on(day_after(agreement), time(9)):
        agreements.follow_dates()
        assert [one.is_held for one in holding.dependants(change)] == [False]


def test_announced_suspension_is_not_ended_by_a_confirmation(short, agreement):
    stop_notices.announce(
        agreement=agreement,
        by=short.approver,
        kind=StopKind.SUSPEND,
        takes_effect_on=stop_notices.earliest_day(),
        reason="Bảo trì",
    )
    with on(agreement.stops_on, time(9)):
        confirm(agreement, short.endorser)
        assert not agreement.is_live
        agreements.follow_dates()
        agreement.refresh_from_db()
    with on(agreement.confirm_by, time(9)):
        confirm(agreement, short.endorser)
    assert agreement.status == AgreementStatus.SUSPENDED


def test_change_that_is_agreed_meanwhile_does_not_bring_it_back_by_itself(short, agreement):
    request = short.under_review(short.submitted(short.proposed(short.followed(agreement))))
    with on(day_after(agreement), time(9)):
        agreements.follow_dates()
        short.voted(request)
        newer = Agreement.objects.get(case__request=request)
        assert newer.status == AgreementStatus.SUSPENDED
        confirm(newer, short.endorser)
        assert newer.is_live


def test_letter_says_that_it_is_suspended(short, agreement):
    letter = agreement.case.letters.get()
    check = lambda: letter_checks.by_code(agency=letter.agency.code, number=letter.number, code=letter.check_code)  # noqa: E731
    assert f"{agreement.valid_to:%d/%m/%Y}" in str(check().standing)
    with on(day_after(agreement)):
        assert not check().is_in_force
        assert str(check().standing) == str(letter_checks.NO_LONGER[AgreementStatus.SUSPENDED])


# --- reminding


def test_signatories_are_reminded_once_for_each_day_that_is_due(short, agreement):
    with on(agreement.confirm_by - timedelta(days=21), time(9)):
        assert attesting.remind() == 0
    with on(agreement.confirm_by - timedelta(days=2), time(9)):
        assert (attesting.remind(), attesting.remind()) == (1, 0)
        late = person(short.consumer, Role.ENDORSER)
        assert attesting.remind() == 1
        confirm(agreement, short.endorser)
        assert attesting.remind() == 0
    told = Notice.objects.filter(kind=attesting.REMINDER.code).values_list("recipient", flat=True)
    assert sorted(told) == sorted([short.endorser.pk, short.second_endorser.pk, late.pk])
    with on(agreement.confirm_by - timedelta(days=2), time(9)):
        assert attesting.remind() == 1, "the next day that is due"


def test_sweep_reminds(short, agreement):
    with on(agreement.confirm_by, time(9)):
        tasks.sweep()
    assert Notice.objects.filter(kind=attesting.REMINDER.code).count() == 2


# --- the database


def _attest(agreement, by, **changes) -> None:
    today = timezone.localdate()
    with transaction.atomic():
        Attestation.objects.create(
            **{
                "agreement": agreement,
                "confirmed_by": by,
                "confirmed_at": timezone.now(),
                "confirmed_on": today,
                "covers_until": today + timedelta(days=100),
                "statement": "x",
            }
            | changes
        )


@pytest.mark.parametrize("who", ["requester", "approver", "operator"])
def test_database_lets_only_signatories_confirm(short, agreement, who):
    with pytest.raises(IntegrityError, match="only a signatory"):
        _attest(agreement, getattr(short, who))
    MembershipFactory(user=short.approver, agency=short.consumer, role=Role.ENDORSER)
    with pytest.raises(IntegrityError, match="whoever decided"):
        _attest(agreement, short.approver)
    _attest(agreement, short.endorser)
    agreement.refresh_from_db()
    assert agreement.confirm_by == timezone.localdate() + timedelta(days=100)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"covers_until": timezone.localdate() + timedelta(days=900)}, "that far"),
        ({"covers_until": timezone.localdate()}, "covers_something"),
        ({"statement": ""}, "exchange_attestation_statement"),
    ],
)
def test_database_refuses_a_confirmation_that_is_none(short, agreement, changes, match):
    with pytest.raises(IntegrityError, match=match):
        _attest(agreement, short.endorser, **changes)


def test_database_refuses_to_confirm_what_ended(short, agreement):
    agreements.revoke(agreement=agreement, by=short.approver, reason="Hết căn cứ")
    with pytest.raises(IntegrityError, match="does not run"):
        _attest(agreement, short.endorser)


def test_database_keeps_confirmations(short, agreement):
    _attest(agreement, short.endorser)
    with pytest.raises(IntegrityError, match="once_a_day"):
        _attest(agreement, short.second_endorser)
    refused("UPDATE exchange_attestation SET covers_until = covers_until + 1", match="cannot be rewritten")
    refused("DELETE FROM exchange_attestation", match="ever deleted")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused_to_the_owner_too("TRUNCATE exchange_attestation", match="ever deleted")


def test_only_a_confirmation_moves_the_day(short, agreement):
    before = agreement.confirm_by
    for value in (None, before - timedelta(days=1), before + timedelta(days=50)):
        execute("UPDATE exchange_agreement SET confirm_by = %s, gives_until = valid_to", value)
        agreement.refresh_from_db()
        assert (agreement.confirm_by, agreement.gives_until) == (before, before)


@pytest.mark.parametrize("days", [None, 900])
def test_agreement_without_a_day_or_with_a_far_one_is_refused(short, agreement, days):
    day = days and timezone.localdate() + timedelta(days=days)
    with pytest.raises(IntegrityError, match="by which it is confirmed"):
        insert_copy(agreement, confirm_by=day, code="TT-1", status="agreed")


def test_delivery_past_the_day_is_refused_by_the_database(short, agreement):
    with triggers_off("exchange_agreement"):
        yesterday = timezone.localdate() - timedelta(days=1)
        Agreement.objects.update(valid_from=yesterday, confirm_by=yesterday)
    execute("UPDATE exchange_agreement SET stops_on = stops_on")
    with pytest.raises(IntegrityError, match="without an agreement in force"), transaction.atomic():
        Delivery.objects.create(code="GD-1", agreement=agreement, slot="9")


def test_agreements_from_before_get_a_day_counted_from_today(short):
    ordinary = short.agreed(frequency=Frequency.ON_DEMAND)
    once = short.agreed(frequency=Frequency.ONCE)
    with triggers_off("exchange_agreement"):
        Agreement.objects.update(confirm_by=None)
    migration = import_module("exchange.migrations.0036_terms_of_confirmation")
    migration.begin(apps, None)
    migration.begin(apps, None)  # a second run changes nothing
    for agreement in (ordinary, once):
        agreement.refresh_from_db()
    assert ordinary.confirm_by == timezone.localdate() + timedelta(days=180)
    assert once.confirm_by == once.valid_to
