"""Suspension and revocation with notice: announced, called off, and holding on its day by itself."""

import json
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange import versions, workflow
from exchange.choices import EndReason, Frequency, RequestKind, StopKind
from exchange.fulfilment import expiry, run
from exchange.models import Agreement, DeadlineProfile, Delivery, StopNotice
from exchange.refusals import Refusal
from exchange.services import agreements, deliveries, downloads, letter_checks, lookups, reminders, stop_notices
from exchange.states import AgreementStatus, DeliveryStatus
from exchange.terms import DEFAULTS, Term
from registry.choices import Mode, Role
from registry.models import Notice
from tests.exchange.desk import as_user
from tests.exchange.test_database_refuses import execute, refused, refused_to_the_owner_too, triggers_off
from tests.factories import MembershipFactory, person

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
pytestmark = pytest.mark.postgresql


@pytest.fixture
def agreement(world):
    return world.agreed(frequency=Frequency.ON_DEMAND)


def announce(world, agreement, kind=StopKind.SUSPEND, *, by=None, day=None, reason="Bảo trì nguồn dữ liệu"):
    return stop_notices.announce(
        agreement=agreement,
        by=by or world.approver,
        kind=kind,
        takes_effect_on=day or stop_notices.earliest_day(),
        reason=reason,
    )


def on(day, at=time(0, 0)):
    return time_machine.travel(datetime.combine(day, at, tzinfo=HANOI), tick=False)


def code_of(act) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def look_up(agreement, by):
    return lookups.look_up(agreement=agreement, by=by, key="001099000001", case_number="HS-1", purpose="procedure")


# --- stop_notices


def test_until_its_day_nothing_changes(world, agreement):
    announce(world, agreement)
    assert agreement.status == AgreementStatus.ACTIVE
    assert (agreement.stops_on, agreement.stops_as) == (stop_notices.earliest_day(), StopKind.SUSPEND)
    with on(agreement.stops_on - timedelta(days=1), time(23, 59, 59)):
        assert agreement.is_live
        deliveries.check_order(agreement, world.requester)
        assert list(Agreement.objects.live()) == list(Agreement.objects.counting()) == [agreement]
        assert agreements.follow_dates() == 0
    assert world.delivered(agreement).status == DeliveryStatus.COMPLETED


@pytest.mark.parametrize("kind", StopKind)
def test_from_midnight_of_its_day_nothing_is_given_without_any_scheduler(world, agreement, kind):
    delivery = world.delivered(agreement)
    lookup = world.agreed(mode=Mode.LOOKUP)
    for one in (agreement, lookup):
        announce(world, one, kind)
    with on(agreement.stops_on):
        assert agreement.status == lookup.status == AgreementStatus.ACTIVE
        assert not agreement.is_live
        assert not Agreement.objects.live().exists()
        assert not Agreement.objects.counting().exists()
        for act in (
            lambda: deliveries.order(agreement=agreement, by=world.requester),
            lambda: downloads.open_package(delivery=delivery, by=world.requester),
            lambda: look_up(lookup, world.requester),
        ):
            assert code_of(act) == "agreement-not-live"


def test_midnight_of_the_day_is_that_of_hanoi(world, agreement):
    announce(world, agreement)
    with on(agreement.stops_on):
        assert timezone.now().date() < agreement.stops_on, "still the day before in UTC"
        assert not agreement.is_live


def test_running_delivery_ends_on_the_day_with_the_scheduler_down(world, agreement):
    delivery = world.ordered(agreement)
    announce(world, agreement)
    with on(agreement.stops_on):
        run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.STOPPED)


def test_refusal_says_since_when_and_by_whose_word(world, agreement):
    announce(world, agreement)
    with on(agreement.stops_on), pytest.raises(Refusal, match=f"{agreement.stops_on:%d/%m/%Y}"):
        deliveries.check_order(agreement, world.requester)


def test_notice_counts_whole_working_days(world, agreement):
    DeadlineProfile.objects.filter(code=Term.STOP_NOTICE).update(working_days=3)
    with on(date(2026, 11, 30), time(9)):  # a Monday
        assert stop_notices.earliest_day() == date(2026, 12, 4), "Tuesday to Thursday lie in between"
    with on(date(2026, 12, 3), time(9)):
        assert stop_notices.earliest_day() == date(2026, 12, 9), "the weekend does not count"
    DeadlineProfile.objects.filter(code=Term.STOP_NOTICE).delete()
    assert stop_notices.earliest_day() > timezone.localdate() + timedelta(days=DEFAULTS[Term.STOP_NOTICE])


def test_day_within_the_notice_or_after_the_end_is_refused(world, agreement):
    before, after = stop_notices.earliest_day() - timedelta(days=1), agreement.valid_to + timedelta(days=1)
    for day in (before, after):
        assert code_of(lambda day=day: announce(world, agreement, day=day)) == "outside-notice"
    announce(world, agreement, day=agreement.valid_to)
    entries = Entry.objects.filter(action="agreement.announce").values_list("outcome", flat=True)
    assert sorted(entries) == [Outcome.REFUSED, Outcome.REFUSED, Outcome.SUCCESS]


def test_second_announcement_is_refused_and_at_once_stays_possible(world, agreement):
    announce(world, agreement)
    assert code_of(lambda: announce(world, agreement, StopKind.REVOKE)) == "announced-already"
    agreements.suspend(agreement=agreement, by=world.approver, reason="Sự cố")
    assert agreement.status == AgreementStatus.SUSPENDED


@pytest.mark.parametrize("who", ["operator", "officer", "endorser", "requester"])
def test_only_an_approver_of_the_owner_announces_and_calls_off(world, agreement, who):
    by = getattr(world, who)
    assert code_of(lambda: announce(world, agreement, by=by)) == "not-your-role"
    announce(world, agreement)
    assert code_of(lambda: stop_notices.call_off(agreement=agreement, by=by, reason="x")) == "not-your-role"


@pytest.mark.parametrize("act", ["announce", "call_off"])
def test_reason_is_needed(world, agreement, act):
    if act == "announce":
        assert code_of(lambda: announce(world, agreement, reason=" ")) == "reason-needed"
    else:
        announce(world, agreement)
        assert (
            code_of(lambda: stop_notices.call_off(agreement=agreement, by=world.approver, reason=" "))
            == "reason-needed"
        )


def test_ledger_says_what_was_announced_and_what_it_stops(world, agreement):
    world.delivered(agreement)
    announce(world, agreement, StopKind.REVOKE)
    details = json.loads(Entry.objects.get(action="agreement.announce").details)
    assert (details["kind"], details["takes_effect_on"]) == ("revoke", agreement.stops_on.isoformat())
    assert (details["from"], details["to"]) == ("active", "active")
    assert details["stops"]["packages"] == 1
    assert "reason" in details["digests"]


def test_those_concerned_are_told(world, agreement):
    announce(world, agreement, StopKind.REVOKE)
    told = Notice.objects.filter(kind="agreement-revocation-announced")
    assert {one.recipient for one in told} == {world.requester, world.endorser, world.second_endorser}
    assert told.first().path == agreement.get_absolute_url()
    stop_notices.call_off(agreement=agreement, by=world.approver, reason="Đã rõ")
    told = Notice.objects.filter(kind="agreement-stop-called-off").values_list("recipient", flat=True)
    assert set(told) == {world.requester.pk, world.endorser.pk, world.second_endorser.pk}


def test_announcing_leaves_the_reason_of_the_state(world, agreement):
    world.suspended(agreement)
    announce(world, agreement, StopKind.REVOKE, reason="Hết căn cứ")
    assert agreement.status_reason == "Kiểm tra"


# --- calling off


def test_called_off_it_goes_on_beyond_the_day(world, agreement):
    announce(world, agreement)
    day = agreement.stops_on
    stop_notices.call_off(agreement=agreement, by=world.approvers[1], reason="Đã khắc phục")
    assert (agreement.stops_on, agreement.stops_as, agreement.gives_until) == (None, "", agreement.valid_to)
    with on(day):
        assert agreement.is_live
        assert agreements.follow_dates() == 0
    announce(world, agreement, StopKind.REVOKE)
    assert StopNotice.objects.count() == 2


def test_on_its_day_it_cannot_be_called_off(world, agreement):
    announce(world, agreement)
    off = lambda: stop_notices.call_off(agreement=agreement, by=world.approver, reason="x")  # noqa: E731
    with on(agreement.stops_on):
        assert code_of(off) == "day-has-come"
    stop_notices.call_off(agreement=agreement, by=world.approver, reason="Còn kịp")
    assert code_of(off) == "nothing-announced"


def test_whoever_joined_the_asking_side_calls_nothing_off(world, agreement):
    announce(world, agreement)
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    off = lambda: stop_notices.call_off(agreement=agreement, by=world.approver, reason="x")  # noqa: E731
    assert code_of(off) == "rule-1"


# --- the day


def test_sweep_suspends_on_the_day_with_the_reason_that_was_given(world, agreement):
    waiting = world.ordered(agreement)
    announce(world, agreement)
    with on(agreement.stops_on):
        assert (agreements.follow_dates(), agreements.follow_dates()) == (1, 0)
    agreement.refresh_from_db()
    waiting.refresh_from_db()
    assert (agreement.status, agreement.status_reason) == (AgreementStatus.SUSPENDED, "Bảo trì nguồn dữ liệu")
    assert (waiting.status, waiting.end_reason) == (DeliveryStatus.TERMINATED, EndReason.STOPPED)
    assert StopNotice.objects.get().done_at is not None
    entry = Entry.objects.get(action="agreement.carry_out")
    assert (entry.actor, json.loads(entry.details)["stops"]["waiting"]) == ("system", 1)
    assert (agreement.stops_on, agreement.gives_until) == (None, agreement.valid_to)


def test_resumed_it_gives_again(world, agreement):
    announce(world, agreement)
    day = agreement.stops_on
    with on(day):
        agreements.follow_dates()
    agreements.resume(agreement=agreement, by=world.approver, reason="Đã xong")
    with on(day):
        assert agreement.is_live


def test_resuming_on_the_day_with_the_scheduler_down_begins_the_suspension_first(world, agreement):
    world.suspended(agreement)
    announce(world, agreement)
    with on(agreement.stops_on):
        agreements.resume(agreement=agreement, by=world.approver, reason="Đã xong")
        assert agreement.is_live
    made = Entry.objects.filter(action__in=["agreement.carry_out", "agreement.resume"]).order_by("sequence")
    assert [entry.action for entry in made] == ["agreement.carry_out", "agreement.resume"]


def test_resuming_after_an_announced_revocation_is_refused(world, agreement):
    world.suspended(agreement)
    announce(world, agreement, StopKind.REVOKE)
    with on(agreement.stops_on):
        resume = lambda: agreements.resume(agreement=agreement, by=world.approver, reason="x")  # noqa: E731
        assert code_of(resume) == "wrong-state"
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.REVOKED


def test_resuming_before_the_day_leaves_the_announcement(world, agreement):
    world.suspended(agreement)
    announce(world, agreement)
    agreements.resume(agreement=agreement, by=world.approver, reason="Đã rõ")
    assert agreement.is_live
    with on(agreement.stops_on):
        assert not agreement.is_live


def test_nothing_is_carried_out_before_its_day(world, agreement):
    announce(world, agreement)
    assert code_of(lambda: stop_notices.carry_out(agreement=agreement)) == "not-due"


# --- versions


@pytest.mark.parametrize("kind", StopKind)
def test_following_version_does_not_escape(world, agreement, kind):
    following = world.amended(agreement, RequestKind.RENEWAL)
    announce(world, agreement, kind, day=following.valid_from)
    following.refresh_from_db()
    assert following.stops_on == following.valid_from
    with on(following.valid_from):
        current = agreements.in_force(agreement)
        assert current.pk == following.pk
        assert not current.is_live
        assert code_of(lambda: deliveries.check_order(current, world.requester)) == "agreement-not-live"
        agreements.follow_dates()
    following.refresh_from_db()
    assert following.status == {"suspend": AgreementStatus.SUSPENDED, "revoke": AgreementStatus.REVOKED}[kind]
    assert StopNotice.objects.get().done_at is not None


def test_revocation_takes_every_following_version_along(world, agreement):
    following = world.amended(agreement, RequestKind.RENEWAL)
    announce(world, agreement, StopKind.REVOKE)
    with on(agreement.stops_on):
        agreements.follow_dates()
    for one in (agreement, following):
        one.refresh_from_db()
        assert one.status == AgreementStatus.REVOKED
    assert Entry.objects.filter(action="agreement.carry_out").count() == 2


@pytest.mark.parametrize("kind", [RequestKind.AMENDMENT, RequestKind.RENEWAL])
def test_version_that_is_agreed_afterwards_carries_the_day(world, agreement, kind):
    announce(world, agreement)
    newer = world.amended(agreement, kind)
    assert newer.version == 2
    assert newer.stops_on == agreement.stops_on
    assert newer.gives_until == agreement.stops_on - timedelta(days=1)
    with on(agreement.stops_on):
        assert not versions.serving(agreement).is_live
    stop_notices.call_off(
        agreement=newer if kind == RequestKind.AMENDMENT else agreement, by=world.approver, reason="x"
    )
    newer.refresh_from_db()
    assert newer.gives_until == newer.valid_to


def test_version_that_begins_after_a_suspension_begins_suspended(world, agreement):
    following = world.amended(agreement, RequestKind.RENEWAL)
    announce(world, agreement)
    with on(agreement.stops_on):
        agreements.follow_dates()
    with on(following.valid_from):
        agreements.follow_dates()
    following.refresh_from_db()
    assert following.status == AgreementStatus.SUSPENDED


@pytest.mark.parametrize("is_resumed", [False, True])
def test_suspension_outlasts_the_days_between_two_periods(world, is_resumed):
    """Announced and carried out in the first period, which runs out suspended some days before the next one begins."""
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    begins = agreement.valid_to + timedelta(days=10)
    following = world.amended(
        agreement,
        RequestKind.RENEWAL,
        period_from=begins,
        period_to=begins + timedelta(days=30),
        retention_until=begins + timedelta(days=60),
    )
    announce(world, agreement)
    with on(agreement.stops_on):
        agreements.follow_dates()
        if is_resumed:
            agreements.resume(agreement=agreement, by=world.approver, reason="Đã xong")
    with on(agreement.valid_to + timedelta(days=1)):
        agreements.follow_dates()
    with on(begins):
        agreements.follow_dates()
    following.refresh_from_db()
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.EXPIRED
    assert following.status == (AgreementStatus.ACTIVE if is_resumed else AgreementStatus.SUSPENDED)


def test_file_is_removed_once_an_announced_revocation_holds(world, agreement):
    delivery = world.delivered(agreement)
    announce(world, agreement, StopKind.REVOKE)
    assert expiry.remove_expired() == 0
    with on(agreement.stops_on):
        assert agreement.is_over
        assert expiry.remove_expired() == 1
    assert not world.path_of(delivery).exists()


def test_file_stays_through_an_announced_suspension(world, agreement):
    delivery = world.delivered(agreement)
    announce(world, agreement)
    with on(agreement.stops_on):
        assert expiry.remove_expired() == 0
    assert world.path_of(delivery).exists()


def test_nobody_is_asked_to_prolong_what_is_going_to_be_revoked(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    announce(world, agreement, StopKind.REVOKE, day=agreement.valid_to)
    with on(agreement.valid_to - timedelta(days=3)):
        assert not reminders.ending().exists()
        stop_notices.call_off(agreement=agreement, by=world.approver, reason="Đã rõ")
        assert reminders.ending().exists()


# --- the database


def test_row_without_a_service_holds_as_well(world, agreement):
    """Somebody with a database prompt sees the same: the day holds, and nothing brings it back."""
    announce(world, agreement)
    execute("UPDATE exchange_agreement SET stops_on = NULL, gives_until = valid_to WHERE id = %s", agreement.pk)
    agreement.refresh_from_db()
    assert agreement.gives_until == agreement.stops_on - timedelta(days=1)
    with triggers_off("exchange_stopnotice"):
        StopNotice.objects.update(takes_effect_on=timezone.localdate())
    execute("UPDATE exchange_agreement SET stops_on = stops_on WHERE id = %s", agreement.pk)
    with pytest.raises(IntegrityError, match="without an agreement in force"), transaction.atomic():
        Delivery.objects.create(code="GD-1", agreement=agreement, slot="1")


def _insert(agreement, by, **changes) -> None:
    with transaction.atomic():
        StopNotice.objects.create(
            **{
                "agreement": agreement,
                "kind": StopKind.SUSPEND,
                "takes_effect_on": timezone.localdate() + timedelta(days=1),
                "reason": "x",
                "announced_by": by,
            }
            | changes
        )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"takes_effect_on": timezone.localdate()}, "after today"),
        ({"takes_effect_on": timezone.localdate() + timedelta(days=5000)}, "before the end"),
        ({"kind": "pause"}, "exchange_stopnotice_kind"),
        ({"reason": ""}, "exchange_stopnotice_reason"),
        ({"done_at": timezone.now()}, "begins open"),
    ],
)
def test_database_refuses_an_announcement_that_is_none(world, agreement, changes, match):
    with pytest.raises(IntegrityError, match=match):
        _insert(agreement, world.approver, **changes)
    _insert(agreement, world.approver)


@pytest.mark.parametrize("who", ["requester", "endorser", "operator"])
def test_database_lets_only_the_owner_announce_and_call_off(world, agreement, who):
    by = getattr(world, who)
    with pytest.raises(IntegrityError, match="only its owner announces"):
        _insert(agreement, by)
    _insert(agreement, world.approver)
    refused(CANCEL, by.pk, match="only its owner calls off")
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    refused(CANCEL, world.approver.pk, match="only its owner calls off")
    assert execute(CANCEL, world.officer.pk) == 1


CANCEL = "UPDATE exchange_stopnotice SET cancelled_at = now(), cancelled_by_id = %s, cancel_reason = 'x'"


def test_database_refuses_a_second_announcement_of_any_version(world, agreement):
    following = world.amended(agreement, RequestKind.RENEWAL)
    _insert(agreement, world.approver)
    for one in (agreement, following):
        with pytest.raises(IntegrityError, match="announced already"):
            _insert(one, world.approver)


def test_database_keeps_announcements(world, agreement):
    announce(world, agreement)
    refused("UPDATE exchange_stopnotice SET takes_effect_on = takes_effect_on + 1", match="cannot be rewritten")
    refused("UPDATE exchange_stopnotice SET reason = 'y'", match="cannot be rewritten")
    refused("DELETE FROM exchange_stopnotice", match="ever deleted")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused_to_the_owner_too("TRUNCATE exchange_stopnotice", match="ever deleted")
    silent = "UPDATE exchange_stopnotice SET cancelled_at = now(), cancelled_by_id = %s"
    refused(silent, world.approver.pk, match="exchange_stopnotice_cancelled_paired")
    refused("UPDATE exchange_stopnotice SET done_at = now()", match="was not carried out")
    assert execute(CANCEL, world.approver.pk) == 1
    refused(CANCEL, world.approver.pk, match="is over")
    refused(
        "UPDATE exchange_stopnotice SET cancelled_at = NULL, cancelled_by_id = NULL, cancel_reason = ''", match="over"
    )


def test_database_refuses_to_call_off_on_the_day(world, agreement):
    announce(world, agreement)
    with triggers_off("exchange_stopnotice"):
        StopNotice.objects.update(takes_effect_on=timezone.localdate())
    refused(CANCEL, world.approver.pk, match="before its day")


def test_database_takes_a_revocation_for_done_only_when_all_versions_ended(world, agreement):
    announce(world, agreement, StopKind.REVOKE)
    world.suspended(agreement)
    refused("UPDATE exchange_stopnotice SET done_at = now()", match="was not carried out")


def test_refusals_of_the_buttons_explain_themselves(world, agreement):
    colleague = person(world.provider, Role.APPROVER)  # assigned to nothing
    assert workflow.refusal_of(workflow.check_move, "announce", agreement, colleague).code == "not-assigned"


# --- what the consumer sees


def test_consumer_reads_it_on_page_and_list(world, agreement):
    address = reverse("exchange:agreement-list")
    client = as_user(world.requester)
    announce(world, agreement, StopKind.REVOKE, reason="Hết căn cứ pháp lý")
    for path in (address, agreement.get_absolute_url()):
        assert agreement.announcement in client.get(path).content.decode()
    page = client.get(agreement.get_absolute_url()).content.decode()
    assert "Hết căn cứ pháp lý" in page
    stop_notices.call_off(agreement=agreement, by=world.approver, reason="Đã rõ")
    assert "Hết căn cứ pháp lý" not in client.get(agreement.get_absolute_url()).content.decode()


def test_letter_tells_until_when_it_holds(world, agreement):
    announce(world, agreement)
    letter = agreement.case.letters.get()
    last = f"{agreement.stops_on - timedelta(days=1):%d/%m/%Y}"
    assert last in str(_checked(letter).standing)
    with on(agreement.stops_on):
        check = _checked(letter)
    assert not check.is_in_force
    assert str(check.standing) == str(letter_checks.NO_LONGER[AgreementStatus.SUSPENDED])


def _checked(letter):
    return letter_checks.by_code(agency=letter.agency.code, number=letter.number, code=letter.check_code)
