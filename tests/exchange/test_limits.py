"""How much may be taken in which time: carried from the policy to the agreement, counted when data moves, at once, too."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import EndReason, Frequency
from exchange.fulfilment import run
from exchange.models import Delivery, ExchangeRequest, Lookup, LookupRate
from exchange.offers import offer_to
from exchange.refusals import Incomplete, Refusal
from exchange.scope import Scope
from exchange.services import agreements, deliveries, limits, lookups, scopes
from exchange.services.numbers import DELIVERY, take
from exchange.states import DeliveryStatus
from registry.choices import Limit, Mode, Role
from registry.models import SharingPolicy
from tests import factories
from tests.api.conftest import client_for
from tests.exchange.test_lookups import KEY, keys, look_up
from tests.scenarios import ROWS

pytestmark = pytest.mark.postgresql

ON_DEMAND = {"frequency": Frequency.ON_DEMAND}


def refused(act, **arguments) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act(**arguments)
    return caught.value


def begun_earlier(span, by):
    """Let a day or minute that was counted be over; nobody else can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE exchange_lookuprate DISABLE TRIGGER exchange_lookuprate_counted")
        LookupRate.objects.filter(span=span).update(starts_at=timezone.now() - by)
        cursor.execute("ALTER TABLE exchange_lookuprate ENABLE ALWAYS TRIGGER exchange_lookuprate_counted")


def set_policy(world, **changes):
    SharingPolicy.objects.filter(pk=world.policy.pk).update(**changes)
    world.policy.refresh_from_db()


# --- from the policy to the agreement


def test_limits_of_the_policy_are_signed_and_agreed(make_world, client):
    world = make_world(rows_per_month=5_000, deliveries_per_month=3, lookups_per_day=7)
    agreement = world.agreed(**ON_DEMAND)
    scope = Scope.from_text(agreement.scope)
    assert dict(scope.limits) == {Limit.ROWS_PER_MONTH: 5_000, Limit.DELIVERIES_PER_MONTH: 3}
    assert Scope.from_text(scope.text) == scope
    assert dict(Scope.from_text(world.agreed(mode=Mode.LOOKUP).scope).limits) == {Limit.LOOKUPS_PER_DAY: 7}
    client.force_login(world.requester)
    page = client.get(reverse("exchange:agreement-detail", args=[agreement.public_id])).content.decode()
    assert "Tối đa 3 gói dữ liệu mỗi tháng" in page
    request = client.get(reverse("exchange:request-detail", args=[agreement.case.request.public_id])).content.decode()
    assert "Tối đa 3 gói dữ liệu mỗi tháng" in request


def test_a_limit_that_is_lowered_later_stops_what_was_agreed_above_it(make_world):
    world = make_world(deliveries_per_month=3)
    agreement = world.agreed(**ON_DEMAND)
    set_policy(world, deliveries_per_month=5)
    scopes.check_shareable_now(agreement)
    set_policy(world, deliveries_per_month=2)
    assert refused(scopes.check_shareable_now, agreement=agreement).code == "outside-policy"


def test_a_limit_that_comes_later_stops_what_was_agreed_without_one(world):
    agreement = world.agreed(**ON_DEMAND)
    assert Scope.from_text(agreement.scope).limits == ()
    set_policy(world, rows_per_month=10)
    assert refused(deliveries.order, agreement=agreement, by=world.requester).code == "outside-policy"


def test_limits_that_change_between_proposal_and_signature_go_back_to_the_clerk(make_world):
    world = make_world(deliveries_per_month=3)
    request = world.proposed(**ON_DEMAND)
    set_policy(world, deliveries_per_month=2)
    assert refused(world.submitted, request=request).code == "offer-changed"


# --- once, or again and again


def test_packages_again_and_again_take_a_policy_that_gives_them(make_world):
    world = make_world(modes=[Mode.PACKAGE])
    with pytest.raises(Incomplete) as caught:
        world.proposed(**ON_DEMAND)
    assert caught.value.code == "no-policy"
    assert Scope.from_text(world.agreed().scope).mode == Mode.PACKAGE
    set_policy(world, modes=[Mode.RECURRING])
    agreement = world.agreed(**ON_DEMAND)
    assert (agreement.mode, Scope.from_text(agreement.scope).mode) == (Mode.RECURRING, Mode.RECURRING)
    assert world.delivered(agreement).status == DeliveryStatus.COMPLETED
    assert world.delivered(agreement).slot == "2"
    set_policy(world, modes=[Mode.PACKAGE])
    assert refused(deliveries.order, agreement=agreement, by=world.requester).code == "outside-policy"


def test_form_offers_what_the_policies_give(make_world):
    world = make_world(modes=[Mode.PACKAGE, Mode.LOOKUP], lookups_per_day=9)
    offer = offer_to(world.consumer, world.dataset)
    assert (offer.methods, offer.frequencies) == ((Mode.PACKAGE, Mode.LOOKUP), (Frequency.ONCE,))
    assert offer.limits_by_mode[Mode.LOOKUP] == [["tối đa 9 lượt tra cứu mỗi ngày"]]
    set_policy(world, modes=[Mode.RECURRING])
    offer = offer_to(world.consumer, world.dataset)
    assert (offer.methods, offer.frequencies) == ((Mode.PACKAGE,), (Frequency.ON_DEMAND,))


def test_a_request_says_how_often_by_its_frequency_alone(world):
    request = world.draft()
    with pytest.raises(IntegrityError), transaction.atomic():
        ExchangeRequest.objects.filter(pk=request.pk).update(mode=Mode.RECURRING)


# --- packages


def test_no_more_packages_than_the_month_allows(make_world):
    world = make_world(deliveries_per_month=2)
    agreement = world.agreed(**ON_DEMAND)
    first = world.ordered(agreement)
    deliveries.cancel(delivery=first, by=world.requester)  # gave nothing, so it does not count
    for _number in range(2):
        assert world.delivered(agreement).status == DeliveryStatus.COMPLETED
    refusal = refused(deliveries.order, agreement=agreement, by=world.requester)
    assert refusal.code == "deliveries-used"
    assert Entry.objects.filter(action="delivery.order", outcome="refused").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(code=take(DELIVERY), agreement=agreement, slot="9")


def test_no_more_rows_than_the_month_allows(make_world):
    world = make_world(rows_per_month=len(ROWS) + 5)
    agreement = world.agreed(**ON_DEMAND)
    assert world.delivered(agreement).rows == len(ROWS)
    assert [(use.used, use.is_used_up) for use in limits.uses(agreement)] == [(len(ROWS), False)]
    second = world.delivered(agreement)
    assert (second.status, second.end_reason) == (DeliveryStatus.TERMINATED, EndReason.LIMIT)
    assert not world.path_of(second).is_file()


def test_rows_are_counted_again_when_the_file_is_done(make_world, monkeypatch):
    world = make_world(rows_per_month=len(ROWS) - 1)
    agreement = world.agreed(**ON_DEMAND)
    monkeypatch.setattr(limits, "within_month", lambda plan, agreement: plan)
    delivery = world.delivered(agreement)
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.LIMIT)
    assert list(world.deliveries_folder.glob("*.csv")) == []
    # and the database counts where the services do not
    monkeypatch.setattr(limits, "check_rows", lambda agreement, rows: None)
    delivery = world.ordered(agreement)
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.STARTED


def test_the_month_that_is_used_up_is_over_next_month(make_world):
    world = make_world(rows_per_month=len(ROWS))
    agreement = world.agreed(**ON_DEMAND)
    world.delivered(agreement)
    assert refused(deliveries.order, agreement=agreement, by=world.requester).code == "rows-used"
    assert limits.uses(agreement)[0].again.day == 1


# --- look-ups


def test_no_more_look_ups_than_the_day_allows(make_world):
    world = make_world(lookups_per_day=2)
    agreement = world.agreed(mode=Mode.LOOKUP)
    assert look_up(world, agreement, "001099999999").record is None  # asking counts, also in vain
    assert look_up(world, agreement).record
    refusal = refused(look_up, world=world, agreement=agreement)
    assert (refusal.code, refusal.status) == ("rate-used", 429)
    assert 0 < refusal.retry_after <= 86_400
    assert Lookup.objects.count() == 2
    assert Entry.objects.filter(action="lookup.ask", outcome="refused").count() == 1
    begun_earlier("day", timedelta(days=1))
    assert look_up(world, agreement).record
    assert LookupRate.objects.get().asked == 1


def test_minute_and_day_are_counted_apart(make_world):
    world = make_world(lookups_per_minute=1, lookups_per_day=2)
    agreement = world.agreed(mode=Mode.LOOKUP)
    look_up(world, agreement)
    refused(look_up, world=world, agreement=agreement)
    begun_earlier("minute", timedelta(minutes=2))
    look_up(world, agreement)
    assert [(use.limit, use.used) for use in limits.uses(agreement)] == [
        (Limit.LOOKUPS_PER_DAY, 2),
        (Limit.LOOKUPS_PER_MINUTE, 1),
    ]


def test_the_database_counts_whoever_writes_the_question_down(make_world):
    world = make_world(lookups_per_day=1)
    agreement = world.agreed(mode=Mode.LOOKUP)
    look_up(world, agreement)
    asked = {"agreement": agreement, "asked_at": timezone.now(), "by": world.requester, "case_number": "1"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Lookup.objects.create(**asked, receipt=999_999)
    other = world.agreed(mode=Mode.LOOKUP)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lookup.objects.update(agreement=other)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_lookuprate SET asked = 1",
        "UPDATE exchange_lookuprate SET starts_at = starts_at - interval '1 day'",
        "DELETE FROM exchange_lookuprate",
        "TRUNCATE exchange_lookuprate",
        "SET LOCAL session_replication_role = replica; DELETE FROM exchange_lookuprate",
    ],
)
def test_nobody_takes_a_count_back(make_world, statement):
    world = make_world(lookups_per_day=9)
    agreement = world.agreed(mode=Mode.LOOKUP)
    look_up(world, agreement)
    look_up(world, agreement)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(statement)
    assert LookupRate.objects.get().asked == 2


def test_askers_at_once_ask_no_more_than_the_minute_allows(make_world, transactional_db):
    world = make_world(lookups_per_day=3)
    agreement = world.agreed(mode=Mode.LOOKUP)

    def ask(key):
        try:
            return look_up(world, agreement, key).record is not None
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, keys(8)))
    assert (found.count(True), found.count("rate-used")) == (3, 5)
    assert LookupRate.objects.get().asked == Lookup.objects.count() == 3


def test_other_errors_of_the_database_stay_errors(make_world, monkeypatch):
    world = make_world(lookups_per_day=3)
    agreement = world.agreed(mode=Mode.LOOKUP)
    monkeypatch.setattr(lookups.Lookup.objects, "create", lambda **row: (_ for _ in ()).throw(IntegrityError("else")))
    with pytest.raises(IntegrityError):
        look_up(world, agreement)


# --- what a system sees


def test_a_system_sees_the_limits_and_is_told_how_long_to_wait(make_world):
    world = make_world(lookups_per_day=1)
    system = factories.person(world.consumer, Role.SYSTEM)
    agreement = world.agreed(mode=Mode.LOOKUP)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    api = client_for(system)
    assert api.get(f"/api/v1/agreements/{agreement.public_id}/").json()["limits"] == {"lookups_per_day": 1}
    assert api.look_up(agreement, KEY).status_code == 200
    answer = api.look_up(agreement, KEY)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-used")
    assert 0 < int(answer["Retry-After"]) <= 86_400


def test_the_page_for_look_ups_says_when_there_is_more(make_world, client):
    world = make_world(lookups_per_minute=1)
    agreement = world.agreed(mode=Mode.LOOKUP)
    look_up(world, agreement)
    client.force_login(world.requester)
    sent = {"agreement": agreement.public_id, "key": KEY, "case_number": "HS-1", "purpose": agreement.purpose}
    pages = [client.post(reverse("exchange:lookup"), sent).content.decode() for _time in range(2)]
    assert "tối đa 1 lượt tra cứu mỗi phút" in pages[-1]  # also where a minute began in between
