"""A change or another period of an agreement: asked for beside the running version, which it replaces in one moment."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import EndReason, Frequency, RequestKind
from exchange.fulfilment import expiry, run
from exchange.models import Agreement, ExchangeRequest, LookupUsage
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import agreements, amendments, cases, deliveries, downloads, lapsing, limits, requests
from exchange.services.agreements import USE
from exchange.states import AgreementStatus, DeliveryStatus, RequestStatus
from registry import permissions
from registry.choices import Limit, Mode, Purpose, Role
from registry.models import SharingPolicy
from tests.exchange.test_lookups import KEY, look_up
from tests.factories import AgencyFactory, DatasetFactory, person
from tests.scenarios import agreement_of, hash_of

pytestmark = pytest.mark.postgresql

ON_DEMAND = {"frequency": Frequency.ON_DEMAND}
AMENDMENT, RENEWAL = RequestKind.AMENDMENT, RequestKind.RENEWAL
WIDER = {"field_names": ["citizen_id", "full_name", "born", "province"]}
NARROWER = {"field_names": ["citizen_id"]}


@pytest.fixture
def agreement(world):
    return world.agreed(**ON_DEMAND)


def code_of(act) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def begin(agreement, by, kind=AMENDMENT):
    return amendments.begin(agreement=agreement, kind=kind, by=by)


def fresh(thing):
    return type(thing).objects.get(pk=thing.pk)


def fields_of(agreement) -> list[str]:
    return Scope.from_text(agreement.scope).field_names


def execute(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


# --- asking


def test_a_change_begins_with_what_was_agreed_and_declares_nothing(world):
    agreement = agreement_of(requests.accept(request=world.offered(**ON_DEMAND), by=world.endorser))
    colleague = person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=colleague, by=world.endorser)
    agreements.remove_user(agreement=agreement, user=world.requester, by=world.endorser)
    other = person(world.consumer, Role.REQUESTER)
    draft = begin(agreement, other)
    assert (draft.kind, draft.amends, draft.status) == (AMENDMENT, agreement, RequestStatus.DRAFT)
    assert draft.field_names == ["citizen_id"], "what was offered, not what was asked for"
    assert (draft.period_from, draft.period_to) == (agreement.valid_from, agreement.valid_to)
    assert (draft.letter_number, draft.undertaking, draft.has_state_secret) == ("", False, None)
    assert list(draft.named_users.all()) == [colleague]
    assert (draft.created_by, list(draft.editors.all())) == (other, [other])


def test_another_period_follows_this_one_and_is_as_long(world, agreement):
    draft = begin(agreement, world.requester, RENEWAL)
    first = agreement.valid_to + timedelta(days=1)
    assert (draft.period_from, draft.period_to) == (first, first + timedelta(days=90))
    assert draft.retention_until == draft.period_to + timedelta(days=30)


def test_another_period_ends_with_the_policy(world, agreement):
    last = agreement.valid_to + timedelta(days=10)
    SharingPolicy.objects.filter(pk=world.policy.pk).update(valid_to=last)
    assert begin(fresh(agreement), world.requester, RENEWAL).period_to == last


def test_period_stays_open_where_the_policy_gives_none(world, agreement):
    SharingPolicy.objects.filter(pk=world.policy.pk).update(valid_to=agreement.valid_to)
    draft = begin(fresh(agreement), world.requester, RENEWAL)
    assert (draft.period_to, draft.retention_until) == (None, None)


def test_period_that_is_over_is_renewed_from_today(world, agreement):
    with time_machine.travel(timezone.now() + timedelta(days=100)):
        agreements.follow_dates()
        assert code_of(lambda: begin(fresh(agreement), world.requester)) == "agreement-ended"
        assert begin(fresh(agreement), world.requester, RENEWAL).period_from == timezone.localdate()


@pytest.mark.parametrize("who", ["endorser", "officer", "approver", "operator", "stranger"])
def test_only_a_requester_of_the_consumer_asks(world, agreement, who):
    by = person(world.stranger, Role.REQUESTER) if who == "stranger" else getattr(world, who)
    assert code_of(lambda: begin(agreement, by)) == "not-your-role"
    assert Entry.objects.get(action="agreement.amendment", outcome=Outcome.REFUSED).subject_id == agreement.code
    assert not ExchangeRequest.objects.filter(amends=agreement).exists()


@pytest.mark.parametrize("second", [AMENDMENT, RENEWAL])
def test_one_at_a_time(world, agreement, second):
    first = begin(agreement, world.requester)
    assert code_of(lambda: begin(agreement, world.requester, second)) == "under-way"
    requests.withdraw(request=first, by=world.requester)
    assert begin(agreement, world.requester, second).kind == second


@pytest.mark.parametrize("end", ["revoke", "relinquish"])
def test_what_was_ended_for_a_reason_is_neither_changed_nor_prolonged(world, agreement, end):
    by = world.approver if end == "revoke" else world.endorser
    getattr(agreements, end)(agreement=agreement, by=by, reason="Kết thúc")
    for kind in (AMENDMENT, RENEWAL):
        assert code_of(lambda kind=kind: begin(agreement, world.requester, kind)) == "agreement-ended"


def test_dataset_of_a_change_stays(world, agreement):
    draft = begin(agreement, world.requester)
    other = DatasetFactory(database=world.database)
    act = lambda: requests.save_draft(  # noqa: E731
        request=draft, by=world.requester, version=draft.version, content={"dataset": other}
    )
    assert code_of(act) == "other-dataset"
    assert fresh(draft).dataset == world.dataset


def test_signed_text_says_which_version_it_is_about(world, agreement):
    request = world.proposed(world.followed(agreement))
    content = request.revisions.get().content
    assert f'"agreement":"{agreement.code}"' in content
    assert '"kind":"amendment"' in content
    assert '"version":1' in content


# --- while it is on its way


def _stopped(world, agreement, stop) -> ExchangeRequest:
    request = world.followed(agreement, **WIDER)
    if stop == "withdraw":
        requests.withdraw(request=request, by=world.requester)
    if stop == "reject":
        world.under_review(world.submitted(world.proposed(request)))
        cases.reject(
            request=request, by=world.approver, reason="Không", legal_basis=world.basis, revision_hash=hash_of(request)
        )
    if stop == "decline":
        world.voted(
            world.under_review(world.submitted(world.proposed(request))),
            narrowed={"fields": {"citizen_id"}, "reason": "Thừa"},
        )
        requests.decline(request=request, by=world.endorser, reason="Không đủ")
    return request


@pytest.mark.parametrize("stop", ["withdraw", "reject", "decline"])
def test_running_version_is_untouched_whatever_becomes_of_the_request(world, agreement, stop):
    before = Agreement.objects.filter(pk=agreement.pk).values().get()
    request = _stopped(world, agreement, stop)
    assert fresh(request).closed_at
    assert Agreement.objects.filter(pk=agreement.pk).values().get() == before
    assert Agreement.objects.filter(code=agreement.code).count() == 1
    assert world.delivered(agreement).status == DeliveryStatus.COMPLETED
    assert fields_of(agreement) == ["citizen_id", "full_name", "born"]


def test_lapsed_change_leaves_the_agreement_alone(world):
    agreement = world.agreed(**ON_DEMAND, period_to=timezone.localdate() + timedelta(days=200),
                             retention_until=timezone.localdate() + timedelta(days=200))  # fmt: skip
    request = world.followed(agreement, **WIDER)
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        lapsing.lapse_stale()
        assert fresh(request).status == RequestStatus.EXPIRED
        assert agreement.is_live
        assert begin(agreement, world.requester).status == RequestStatus.DRAFT


# --- a change that is granted


def test_granted_change_is_the_next_version_at_once(world, agreement):
    newer = world.amended(agreement, **WIDER)
    assert (newer.code, newer.version, newer.status) == (agreement.code, 2, AgreementStatus.ACTIVE)
    assert fields_of(newer) == WIDER["field_names"]
    former = fresh(agreement)
    assert (former.status, former.ended_at is not None) == (AgreementStatus.SUPERSEDED, True)
    assert fields_of(former) == ["citizen_id", "full_name", "born"], "a version never changes"
    entries = Entry.objects.about("agreement", agreement.code).filter(action="agreement.supersede")
    assert entries.get().outcome == Outcome.SUCCESS


def test_narrowed_change_replaces_when_the_offer_is_accepted(world, agreement):
    request = world.submitted(world.proposed(world.followed(agreement, **WIDER)))
    world.voted(world.under_review(request), narrowed={"fields": {"citizen_id"}, "reason": "Thừa"})
    assert fresh(agreement).status == AgreementStatus.ACTIVE
    requests.accept(request=request, by=world.endorser)
    assert fields_of(agreement_of(request)) == ["citizen_id"]
    assert fresh(agreement).status == AgreementStatus.SUPERSEDED


def test_change_within_a_standing_permission_replaces_at_the_signature(make_world):
    world = make_world(standing=True)
    agreement = world.agreed(**ON_DEMAND)
    newer = world.amended(agreement, **NARROWER)
    assert (newer.version, newer.is_standing, newer.status) == (2, True, AgreementStatus.ACTIVE)
    assert fresh(agreement).status == AgreementStatus.SUPERSEDED


def test_open_delivery_ends_and_says_why(world, agreement):
    delivery = world.ordered(agreement)
    attempt = deliveries.begin(delivery=delivery, worker="test")
    world.amended(agreement, **NARROWER)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.REPLACED)
    assert "2" in delivery.message
    run.deliver(delivery.pk)
    assert not list(world.deliveries_folder.glob("*"))
    assert not deliveries.report(attempt=attempt, rows=1, size=1)


def test_delivered_file_stays_as_long_as_the_new_version_gives_all_of_it(world, agreement):
    delivery = world.delivered(agreement)
    wider = world.amended(agreement, **WIDER)
    downloads.open_package(delivery=fresh(delivery), by=world.requester).close()
    assert expiry.remove_expired() == 0
    world.amended(wider, **NARROWER)
    act = lambda: downloads.open_package(delivery=fresh(delivery), by=world.requester)  # noqa: E731
    assert code_of(act) == "no-longer-agreed"
    assert expiry.remove_expired() == 1
    assert not world.path_of(delivery).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": Purpose.STATISTICS},
        {"row_limit": 5},
        {"row_filter": [{"field": "province", "operator": "in", "values": ["01"]}]},
    ],
    ids=["purpose", "rows", "filter"],
)
def test_delivered_file_goes_with_anything_that_is_no_longer_given(world, agreement, change):
    delivery = world.delivered(agreement)
    world.amended(agreement, **change)
    act = lambda: downloads.open_package(delivery=fresh(delivery), by=world.requester)  # noqa: E731
    assert code_of(act) == "no-longer-agreed"


def test_file_of_an_earlier_version_goes_with_the_agreement(world, agreement):
    delivery = world.delivered(agreement)
    newer = world.amended(agreement, **WIDER)
    agreements.revoke(agreement=newer, by=world.approver, reason="Kết thúc")
    act = lambda: downloads.open_package(delivery=fresh(delivery), by=world.requester)  # noqa: E731
    assert code_of(act) == "agreement-not-live"
    assert expiry.remove_expired() == 1


def test_change_of_an_ended_agreement_cannot_be_granted(world, agreement):
    request = world.under_review(world.submitted(world.proposed(world.followed(agreement, **WIDER))))
    agreements.revoke(agreement=agreement, by=world.approver, reason="Kết thúc")
    act = lambda: cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))  # noqa: E731
    assert code_of(act) == "agreement-ended"
    assert fresh(request).status == RequestStatus.UNDER_REVIEW
    assert not Agreement.objects.filter(code=agreement.code, version=2).exists()


def test_suspension_outlasts_the_version(world, agreement):
    world.suspended(agreement)
    newer = world.amended(agreement, **WIDER)
    assert (newer.status, newer.status_reason) == (AgreementStatus.SUSPENDED, "Kiểm tra")
    assert code_of(lambda: deliveries.order(agreement=newer, by=world.requester)) == "agreement-not-live"
    agreements.resume(agreement=newer, by=world.approver, reason="Đã rõ")
    assert world.ordered(newer).status == DeliveryStatus.REQUESTED


def test_revoking_takes_along_what_was_to_follow(world, agreement):
    following = world.amended(agreement, RENEWAL)
    agreements.revoke(agreement=agreement, by=world.approver, reason="Kết thúc")
    assert fresh(following).status == AgreementStatus.REVOKED


def test_version_that_waits_can_be_ended_alone(world, agreement):
    following = world.amended(agreement, RENEWAL)
    agreements.relinquish(agreement=following, by=world.endorser, reason="Không cần nữa")
    assert fresh(agreement).is_live


# --- another period


def test_another_period_begins_on_its_day_without_a_gap_and_without_a_scheduler(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    following = world.amended(agreement, RENEWAL)
    assert (following.status, fresh(agreement).status) == (AgreementStatus.AGREED, AgreementStatus.ACTIVE)
    last = timezone.localtime().replace(hour=23, minute=59, second=59) + timedelta(days=90)
    with time_machine.travel(last, tick=False):
        assert look_up(world, agreement).agreement == agreement
    with time_machine.travel(last + timedelta(seconds=2), tick=False):
        assert look_up(world, agreement).agreement == following
        assert fresh(agreement).status == AgreementStatus.SUPERSEDED
        assert fresh(following).status == AgreementStatus.ACTIVE


def test_sweep_begins_the_next_period_before_it_ends_the_last(world, agreement):
    following = world.amended(agreement, RENEWAL)
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert agreements.follow_dates() == 1
    assert (fresh(following).status, fresh(agreement).status) == (AgreementStatus.ACTIVE, AgreementStatus.SUPERSEDED)


def test_early_next_period_cuts_the_present_one_short(world, agreement):
    middle = timezone.localdate() + timedelta(days=30)
    following = world.amended(agreement, RENEWAL, period_from=middle)
    assert fresh(agreement).is_live
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        agreements.follow_dates()
        assert [one.version for one in Agreement.objects.counting()] == [following.version]


def test_change_of_a_period_that_waits_takes_its_place(world, agreement):
    following = world.amended(agreement, RENEWAL)
    assert code_of(lambda: begin(agreement, world.requester)) == "newer-version"
    third = world.amended(following, **NARROWER)
    assert [one.status for one in (fresh(agreement), fresh(following), third)] == ["active", "superseded", "agreed"]
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        agreements.follow_dates()
    assert [one.status for one in (fresh(agreement), fresh(third))] == ["superseded", "active"]


def test_suspension_is_carried_into_the_next_period(world, agreement):
    following = world.amended(agreement, RENEWAL)
    world.suspended(agreement)
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        agreements.follow_dates()
    assert fresh(following).status == AgreementStatus.SUSPENDED


def test_package_that_is_given_once_comes_once_more_in_another_period(world):
    agreement = world.delivered().agreement
    following = world.amended(agreement, RENEWAL, period_from=timezone.localdate())
    assert following.deliveries.get().status == DeliveryStatus.REQUESTED


# --- who uses it, and how much


def test_users_are_those_of_today_and_those_that_the_change_names(world, agreement):
    system, late, gone = (person(world.consumer, Role.SYSTEM) for _number in range(3))
    agreements.name_user(agreement=agreement, user=gone, by=world.endorser)
    request = world.followed(agreement)
    requests.save_draft(
        request=request, by=world.requester, version=request.version, content={}, named_users=[world.requester, gone, system]
    )  # fmt: skip
    world.submitted(world.proposed(fresh(request)))
    agreements.name_user(agreement=agreement, user=late, by=world.endorser)
    agreements.remove_user(agreement=agreement, user=gone, by=world.endorser)
    world.voted(world.under_review(fresh(request)))
    named = permissions.people_named(USE, agreement_of(request))
    assert set(named) == {world.requester, system, late}


def test_naming_counts_for_the_version_that_waits_too(world, agreement):
    following, colleague = world.amended(agreement, RENEWAL), person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=colleague, by=world.endorser)
    agreements.remove_user(agreement=agreement, user=world.requester, by=world.endorser)
    assert list(permissions.people_named(USE, following)) == [colleague]


def test_change_gives_no_second_helping_of_packages(make_world):
    world = make_world(deliveries_per_month=1)
    agreement = world.agreed(**ON_DEMAND)
    world.delivered(agreement)
    newer = world.amended(agreement, **WIDER)
    assert code_of(lambda: deliveries.order(agreement=newer, by=world.requester)) == "deliveries-used"
    with pytest.raises(IntegrityError, match="packages in one month"):
        execute(
            """INSERT INTO exchange_delivery (public_id, code, agreement_id, slot, status, requested_at, next_attempt_at,
                   rows_done, bytes_done, sha256, file_name, end_reason, message)
               VALUES (gen_random_uuid(), 'GN-X', %s, '1', 'requested', now(), now(), 0, 0, '', '', '', '')""",
            newer.pk,
        )


def test_change_gives_no_second_helping_of_rows(make_world):
    world = make_world(rows_per_month=30)
    agreement = world.agreed(**ON_DEMAND)
    assert world.delivered(agreement).rows == 20
    delivery = world.delivered(world.amended(agreement, **WIDER))
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.LIMIT)


def test_change_gives_no_second_helping_of_lookups(make_world):
    world = make_world(lookups_per_day=2)
    agreement = world.agreed(mode=Mode.LOOKUP)
    look_up(world, agreement)
    newer = world.amended(agreement, **WIDER)
    look_up(world, agreement)
    assert code_of(lambda: look_up(world, newer)) == "rate-used"
    assert {use.limit: use.used for use in limits.uses(newer)} == {Limit.LOOKUPS_PER_DAY: 2}


def test_volume_of_lookups_goes_on_after_a_change_and_begins_anew_with_a_period(world):
    agreement = world.agreed(mode=Mode.LOOKUP, row_limit=2)
    look_up(world, agreement)
    newer = world.amended(agreement, **WIDER)
    look_up(world, newer)
    assert LookupUsage.objects.get().answered == 2
    assert code_of(lambda: look_up(world, newer)) == "volume-used"
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        agreements.follow_dates()
        following = world.amended(fresh(newer), RENEWAL)
        assert look_up(world, agreement).agreement == following


def test_data_that_was_given_once_comes_again_only_if_there_is_more_of_it(world):
    agreement = world.delivered().agreement
    narrower = world.amended(agreement, **NARROWER)
    assert not narrower.deliveries.exists()
    assert code_of(lambda: deliveries.order(agreement=narrower, by=world.requester)) == "delivered-once"
    wider = world.amended(narrower, **WIDER)
    assert wider.deliveries.get().status == DeliveryStatus.REQUESTED


def test_lookups_by_the_first_address_give_what_the_present_version_gives(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    newer = world.amended(agreement, **NARROWER)
    answer = look_up(world, agreement)
    assert (answer.agreement, answer.record) == (newer, {"citizen_id": KEY})


# --- the database


def test_database_refuses_a_second_request_about_the_same_version(world, agreement):
    draft = begin(agreement, world.requester)
    with pytest.raises(IntegrityError, match="one_open_about_agreement"):
        execute(
            """INSERT INTO exchange_exchangerequest SELECT (jsonb_populate_record(r, jsonb_build_object(
                   'id', 999999, 'code', 'YC-X', 'public_id', gen_random_uuid()))).*
               FROM exchange_exchangerequest r WHERE id = %s""",
            draft.pk,
        )


@pytest.mark.parametrize("column", ["consumer_id", "dataset_id"])
def test_database_keeps_a_request_with_its_agreement(world, agreement, column):
    draft = begin(agreement, world.requester)
    other = AgencyFactory() if column == "consumer_id" else DatasetFactory(database=world.database)
    with pytest.raises(IntegrityError):
        execute(f"UPDATE exchange_exchangerequest SET {column} = %s WHERE id = %s", other.pk, draft.pk)  # noqa: S608
    with pytest.raises(IntegrityError, match="another agency or dataset"):
        execute(
            """INSERT INTO exchange_exchangerequest SELECT (jsonb_populate_record(r, jsonb_build_object(
                   'id', 999999, 'code', 'YC-X', 'public_id', gen_random_uuid(), %s::text, %s))).*
               FROM exchange_exchangerequest r WHERE id = %s""",
            column, other.pk, draft.pk,
        )  # fmt: skip


def test_database_keeps_what_a_request_is_about(world, agreement):
    draft, other = begin(agreement, world.requester), world.draft()
    for statement, row in (
        ("UPDATE exchange_exchangerequest SET kind = 'renewal' WHERE id = %s", draft),
        ("UPDATE exchange_exchangerequest SET kind = 'new', amends_id = NULL WHERE id = %s", draft),
        ("UPDATE exchange_exchangerequest SET kind = 'amendment' WHERE id = %s", other),
    ):
        with pytest.raises(IntegrityError, match="never changes"):
            execute(statement, row.pk)
    with pytest.raises(IntegrityError, match="kind_paired"):
        execute(
            """INSERT INTO exchange_exchangerequest SELECT (jsonb_populate_record(r, jsonb_build_object(
                   'id', 999999, 'code', 'YC-X', 'public_id', gen_random_uuid(), 'kind', 'renewal'))).*
               FROM exchange_exchangerequest r WHERE id = %s""",
            other.pk,
        )


def test_database_refuses_a_request_about_a_version_that_has_a_successor(world, agreement):
    draft = begin(agreement, world.requester)
    requests.withdraw(request=draft, by=world.requester)
    world.amended(agreement, **WIDER)
    with pytest.raises(IntegrityError, match="only the latest version"):
        execute(
            """INSERT INTO exchange_exchangerequest SELECT (jsonb_populate_record(r, jsonb_build_object(
                   'id', 999999, 'code', 'YC-X', 'public_id', gen_random_uuid(), 'status', 'draft', 'closed_at', null))).*
               FROM exchange_exchangerequest r WHERE id = %s""",
            draft.pk,
        )


INSERT_VERSION = """INSERT INTO exchange_agreement SELECT (jsonb_populate_record(a, jsonb_build_object(
    'id', 999999, 'public_id', gen_random_uuid(), 'status', 'agreed', 'ended_at', null) || %s::jsonb)).*
    FROM exchange_agreement a WHERE id = %s"""


def test_database_refuses_a_version_that_follows_nothing(world, agreement):
    with pytest.raises(IntegrityError, match="begins with version 1"):
        execute(INSERT_VERSION, '{"version": 2}', agreement.pk)


@pytest.mark.parametrize("changes", ['{"version": 3}', '{"code": "TT-X", "version": 1}', '{"code": "TT-X"}'])
def test_database_refuses_a_version_out_of_turn(world, agreement, changes):
    newer = world.amended(agreement, **WIDER)
    with pytest.raises(IntegrityError, match="a version follows the one"):
        execute(INSERT_VERSION, changes, newer.pk)


def test_database_refuses_two_running_versions(world, agreement):
    following = world.amended(agreement, RENEWAL)
    for status in ("active", "suspended"):
        with pytest.raises(IntegrityError, match="one_running"):
            execute("UPDATE exchange_agreement SET status = %s WHERE id = %s", status, following.pk)


def test_database_replaces_nothing_by_nothing(world, agreement):
    with pytest.raises(IntegrityError, match="takes the place"):
        execute("UPDATE exchange_agreement SET status = 'superseded', ended_at = now() WHERE id = %s", agreement.pk)


def test_database_refuses_a_version_after_one_that_was_ended(world, agreement):
    """What the service refuses, as if it had not looked."""
    request = world.under_review(world.submitted(world.proposed(world.followed(agreement, **WIDER))))
    cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    newer = agreement_of(request)
    agreements.revoke(agreement=newer, by=world.approver, reason="Kết thúc")
    with pytest.raises(IntegrityError, match="was ended: nothing follows it"):
        execute(INSERT_VERSION, "{}", newer.pk)


# --- pages


def url(name: str, thing) -> str:
    return reverse(f"exchange:{name}", args=[thing.public_id])


@pytest.mark.parametrize(("name", "kind"), [("agreement-amend", AMENDMENT), ("agreement-renew", RENEWAL)])
def test_button_begins_the_draft_and_the_agreement_leads_to_it(client, world, agreement, name, kind):
    client.force_login(world.requester)
    page = url("agreement-detail", agreement)
    assert url(name, agreement) in client.get(page).text
    response = client.post(url(name, agreement))
    draft = ExchangeRequest.objects.get(amends=agreement)
    assert (response.url, draft.kind) == (url("request-detail", draft), kind)
    assert agreement.code in client.get(response.url).text
    text = client.get(page).text
    assert draft.code in text
    assert url(name, agreement) not in text
    steps = reverse("exchange:request-edit", args=[draft.public_id, 1])
    assert "choose=yes" not in client.get(steps).text
    assert "exchange/request_step1.html" in [used.name for used in client.get(steps + "?choose=yes").templates]


def test_buttons_are_for_requesters_of_the_consumer(client, world, agreement):
    client.force_login(world.endorser)
    assert url("agreement-amend", agreement) not in client.get(url("agreement-detail", agreement)).text
    client.post(url("agreement-amend", agreement))
    client.force_login(person(world.stranger, Role.REQUESTER))
    assert client.post(url("agreement-amend", agreement)).status_code == 404
    assert not ExchangeRequest.objects.filter(amends=agreement).exists()


def test_page_of_a_replaced_version_leads_to_the_present_one(client, world, agreement):
    newer = world.amended(agreement, **WIDER)
    client.force_login(world.requester)
    text = client.get(url("agreement-detail", agreement)).text
    assert newer.get_absolute_url() in text
    assert url("agreement-amend", agreement) not in text
    assert url("agreement-amend", newer) in client.get(newer.get_absolute_url()).text


def test_counter_goes_on_with_the_page_that_was_open(client, world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    newer = world.amended(agreement, **NARROWER)
    client.force_login(world.requester)
    asked = {"agreement": str(agreement.public_id), "key": KEY, "case_number": "HS-1"}
    response = client.post(reverse("exchange:lookup"), asked)
    assert (response.status_code, response.context["agreement"]) == (200, newer)
    for wanted in ("x", str(world.agreed(**ON_DEMAND).public_id)):
        assert client.get(reverse("exchange:lookup"), {"agreement": wanted}).status_code == 404
