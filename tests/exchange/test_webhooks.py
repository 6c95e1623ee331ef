"""Events for agencies' systems: written with what happened, signed, tried again, sent again, and never to the wrong place."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from evidence.models import Entry, Outcome
from exchange.announcements import ANNOUNCEMENTS
from exchange.choices import DisabledBecause, MessageState, SendOutcome, StopKind
from exchange.fulfilment import locks
from exchange.models import OutboxEvent, WebhookAttempt, WebhookMessage
from exchange.refusals import Incomplete, Refusal
from exchange.services import cases, dispatching, outbox, requests, stop_notices, webhooks
from exchange.webhooks import addresses, event_types, sending
from registry.choices import Role
from registry.models import Notice
from tests.exchange.receiver import Receiver
from tests.factories import person
from tests.scenarios import hash_of


@pytest.fixture(autouse=True)
def own_machine(settings):
    """As a portal on one's own machine: plain HTTP, and loopback is a network of agencies."""
    from ipaddress import ip_network

    settings.DEBUG = True
    settings.WEBHOOK_PRIVATE_NETWORKS = [("", ip_network("127.0.0.0/8"))]


@pytest.fixture
def receiver():
    with Receiver().serving() as running:
        yield running


@pytest.fixture
def made(world, receiver):
    """An endpoint of the consumer agency, and its secret."""
    return webhooks.create(agency=world.consumer, by=world.endorser, url=receiver.url, description="Văn thư")


@pytest.fixture
def endpoint(made):
    return made[0]


def types_of(endpoint) -> list[str]:
    return list(endpoint.messages.order_by("event_id").values_list("event__type", flat=True))


def states_of(endpoint) -> list[str]:
    return list(endpoint.messages.order_by("event_id").values_list("state", flat=True))


def sent(endpoint) -> None:
    dispatching.send_due(endpoint.pk)
    endpoint.refresh_from_db()


# --- what is written, and for whom


def test_both_agencies_hear_of_an_exchange_from_the_moment_it_concerns_them(world, receiver, endpoint):
    owner, _secret = webhooks.create(agency=world.provider, by=world.approver, url=receiver.url)
    stranger = person(world.stranger, Role.ENDORSER)
    other, _secret = webhooks.create(agency=world.stranger, by=stranger, url=receiver.url)
    world.agreed()
    assert types_of(endpoint) == [
        "request.pending-endorsement", "request.submitted", "request.under-review", "request.approved",
        "agreement.agreed", "agreement.active",
    ]  # fmt: skip
    assert types_of(owner) == types_of(endpoint)[1:]
    assert types_of(other) == []


def test_votes_are_no_events_until_the_quorum_is_met(make_world, receiver):
    world = make_world(quorum=2)
    owner, _secret = webhooks.create(agency=world.provider, by=world.approver, url=receiver.url)
    request = world.under_review()
    before = types_of(owner)
    world.voted(request, votes=1)
    assert types_of(owner) == before
    cases.approve(request=request, by=world.approvers[1], revision_hash=hash_of(request))
    assert "request.approved" in types_of(owner)


def test_nothing_personal_and_no_reason_is_in_an_event(world, endpoint):
    request = world.under_review()
    cases.send_back(
        request=request, by=world.officer, reason="Thiếu căn cứ: ông Nguyễn Văn A", revision_hash=hash_of(request)
    )
    event = OutboxEvent.objects.get(type="request.returned")
    assert event.data == {
        "object": "request", "code": request.code, "id": str(request.public_id), "state": "returned",
        "previous": "under-review", "move": "return", "request": request.code,
        "consumer": world.consumer.code, "provider": world.provider.code,
    }  # fmt: skip
    entry = Entry.objects.get(action="request.return")
    assert (event.sequence, event.occurred_at) == (entry.sequence, entry.at)


def test_refused_move_writes_no_event(world):
    request = world.submitted()
    before = OutboxEvent.objects.count()
    with pytest.raises(Refusal):
        cases.claim(request=request, by=world.requester)
    assert OutboxEvent.objects.count() == before


def test_event_goes_with_its_transaction(world):
    request, before = world.submitted(), OutboxEvent.objects.count()
    with transaction.atomic():
        cases.claim(request=request, by=world.officer)
        transaction.set_rollback(True)
    assert OutboxEvent.objects.count() == before


def test_endpoint_hears_only_what_it_chose(world, receiver):
    chosen = ["agreement.active", "request.returned"]
    endpoint, _secret = webhooks.create(agency=world.consumer, by=world.endorser, url=receiver.url, types=chosen)
    world.agreed()
    assert types_of(endpoint) == ["agreement.active"]


def test_stop_that_is_announced_is_an_event_with_its_day(world):
    agreement, day = world.agreed(), stop_notices.earliest_day()
    stop = {"kind": StopKind.REVOKE, "takes_effect_on": day, "reason": "Hết căn cứ"}
    stop_notices.announce(agreement=agreement, by=world.approver, **stop)
    announced = OutboxEvent.objects.get(type="agreement.stop-announced")
    assert announced.data["takes_effect_on"] == day.isoformat()
    assert (announced.data["state"], announced.data["previous"]) == ("active", "active")
    stop_notices.call_off(agreement=agreement, by=world.approver, reason="Đã rõ")
    assert OutboxEvent.objects.filter(type="agreement.stop-called-off").count() == 1


def test_every_announced_state_has_a_type_that_can_be_chosen():
    told = {event_types.type_of(table, one.event or target) for (table, _move, target), one in ANNOUNCEMENTS.items()}
    assert told | {event_types.AGREED} == set(event_types.TYPES)


# --- how it is sent


def test_message_is_a_signed_cloud_event(world, receiver, made):
    endpoint, secret = made
    request = world.proposed()
    sent(endpoint)
    [(headers, body)] = receiver.taken
    document = Webhook(secret).verify(body, headers)  # the library that receivers use
    event = OutboxEvent.objects.get()
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-id"] == document["id"] == str(event.event_id)
    assert document["specversion"] == "1.0"
    assert document["type"] == "vn.ndc.portal.request.pending-endorsement"
    assert document["subject"] == request.code
    assert int(document["sequence"]) == event.sequence
    assert document["data"]["state"] == "pending-endorsement"
    [message] = endpoint.messages.all()
    assert (message.state, message.attempts.get().http_status) == (MessageState.TAKEN, 204)


def test_changed_body_or_other_secret_does_not_verify(world, receiver, made):
    endpoint, secret = made
    world.proposed()
    sent(endpoint)
    [(headers, body)] = receiver.taken
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"pending", b"Pending"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(webhooks.signing.new_secret()).verify(body, headers)


def test_replaced_secret_and_the_one_before_both_sign_for_a_day(world, receiver, made):
    endpoint, former = made
    _endpoint, secret = webhooks.renew_secret(endpoint=endpoint, by=world.endorser)
    request = world.proposed()
    sent(endpoint)
    headers, body = receiver.taken[-1]
    for key in (former, secret):
        Webhook(key).verify(body, headers)
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        requests.withdraw(request=request, by=world.requester)
        sent(endpoint)
        headers, body = receiver.taken[-1]
        Webhook(secret).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(former).verify(body, headers)


def test_events_arrive_in_their_order(world, receiver, endpoint):
    world.agreed()
    sent(endpoint)
    arrived = [json.loads(body)["type"].removeprefix("vn.ndc.portal.") for _headers, body in receiver.taken]
    assert arrived == types_of(endpoint)
    assert set(states_of(endpoint)) == {MessageState.TAKEN}


def test_message_that_is_answered_with_an_error_is_tried_again_while_others_go_on(world, receiver, endpoint):
    receiver.answers = [500, 204]
    world.submitted()
    sent(endpoint)
    assert states_of(endpoint) == [MessageState.WAITING, MessageState.TAKEN]
    first = endpoint.messages.earliest("event_id")
    assert (first.attempts_made, first.attempts.get().outcome) == (1, SendOutcome.REFUSED)
    sent(endpoint)
    assert len(receiver.taken) == 2  # its time has not come
    with time_machine.travel(timezone.now() + dispatching.PAUSES[0]):
        sent(endpoint)
    assert set(states_of(endpoint)) == {MessageState.TAKEN}
    assert receiver.taken[0][0]["webhook-id"] == receiver.taken[2][0]["webhook-id"]


def test_portal_gives_a_message_up_and_says_so_once(world, receiver, endpoint):
    receiver.answers = [404]
    world.submitted()
    moment = timezone.now()
    for pause in (timedelta(0), *dispatching.PAUSES):
        moment += pause + timedelta(seconds=1)
        with time_machine.travel(moment, tick=False):
            sent(endpoint)
    assert states_of(endpoint) == [MessageState.GIVEN_UP, MessageState.GIVEN_UP]
    told = Notice.objects.filter(kind="exchange.webhook.given-up")
    assert {notice.recipient for notice in told} == {world.endorser, world.second_endorser}
    assert told.count() == 2
    receiver.answers = [200]
    with time_machine.travel(moment):
        webhooks.replay(message=endpoint.messages.first(), by=world.endorser)
        sent(endpoint)
    assert sorted(states_of(endpoint)) == [MessageState.GIVEN_UP, MessageState.TAKEN]


def test_system_that_cannot_be_reached_loses_nothing(world, receiver, endpoint):
    receiver.stop()
    world.submitted()
    sent(endpoint)
    assert endpoint.messages.filter(attempts__isnull=False).count() == 1  # the second one was not even tried
    assert endpoint.failures == 1
    assert endpoint.is_paused
    assert states_of(endpoint) == [MessageState.WAITING] * 2
    OrmQ.objects.all().delete()
    assert dispatching.nudge_due() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert dispatching.nudge_due() == 1


def test_system_that_asks_to_wait_is_left_alone_that_long(world, receiver, endpoint):
    receiver.answers = [(503, {"Retry-After": "600"}), 204]
    world.submitted()
    sent(endpoint)
    assert timedelta(seconds=590) < endpoint.paused_until - timezone.now() <= timedelta(seconds=600)
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        sent(endpoint)
    assert set(states_of(endpoint)) == {MessageState.TAKEN}
    assert (endpoint.failures, endpoint.failing_since, endpoint.paused_until) == (0, None, None)


def test_system_that_is_away_for_days_is_switched_off_and_its_agency_told(world, receiver, endpoint):
    receiver.stop()
    world.submitted()
    sent(endpoint)
    with time_machine.travel(timezone.now() + dispatching.PATIENCE + timedelta(minutes=1)):
        sent(endpoint)
        assert endpoint.disabled_because == DisabledBecause.FAILING
        told = Notice.objects.filter(kind="exchange.webhook.off")
        assert {notice.recipient for notice in told} == {world.endorser, world.second_endorser}
        assert states_of(endpoint) == [MessageState.WAITING] * 2
        assert dispatching.nudge_due() == 0
        webhooks.enable(endpoint=endpoint, by=world.endorser)
        assert WebhookMessage.objects.due().filter(endpoint=endpoint).count() == 2


def test_system_that_wants_no_more_gets_no_more(world, receiver, endpoint):
    receiver.answers = [410]
    world.submitted()
    sent(endpoint)
    assert endpoint.disabled_because == DisabledBecause.GONE
    assert len(receiver.taken) == 1


def test_redirect_is_not_followed(world, receiver, endpoint):
    receiver.answers = [(302, {"Location": "http://127.0.0.1:1/"})]
    world.proposed()
    sent(endpoint)
    assert endpoint.messages.get().attempts.get().outcome == SendOutcome.REFUSED


def test_slow_answer_ends_at_the_deadline(world, receiver, endpoint, monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    receiver.wait.clear()
    world.proposed()
    sent(endpoint)
    attempt = endpoint.messages.get().attempts.get()
    assert attempt.outcome == SendOutcome.SLOW
    assert attempt.duration_ms < 5_000


def test_worker_that_died_while_sending_holds_a_message_for_minutes_only(world, receiver, endpoint, monkeypatch):
    world.proposed()

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sending, "post", killed)
        with pytest.raises(KeyboardInterrupt):
            dispatching.send_due(endpoint.pk)
    sent(endpoint)
    assert receiver.taken == []
    with time_machine.travel(timezone.now() + dispatching.LEASE):
        sent(endpoint)
    assert len(receiver.taken) == 1


# --- sending again


def test_everything_since_a_day_is_sent_again_under_its_identifiers(world, receiver, endpoint):
    world.agreed()
    sent(endpoint)
    since = timezone.now() - timedelta(hours=1)
    assert webhooks.replay_since(endpoint=endpoint, by=world.endorser, since=since) == 6
    sent(endpoint)
    identifiers = [headers["webhook-id"] for headers, _body in receiver.taken]
    assert identifiers[:6] == identifiers[6:]


def test_endpoint_that_came_later_can_be_told_what_was_before(world, receiver):
    world.agreed()
    endpoint, _secret = webhooks.create(
        agency=world.provider, by=world.approver, url=receiver.url, types=["agreement.active"]
    )
    assert webhooks.replay_since(endpoint=endpoint, by=world.approver, since=timezone.now() - timedelta(days=1)) == 1
    sent(endpoint)
    assert len(receiver.taken) == 1


def test_test_event_is_about_the_endpoint_alone(world, receiver, made):
    endpoint, secret = made
    webhooks.send_test(endpoint=endpoint, by=world.endorser)
    sent(endpoint)
    [(headers, body)] = receiver.taken
    assert Webhook(secret).verify(body, headers)["data"] == {"endpoint": str(endpoint.public_id)}


def test_events_of_long_ago_are_forgotten_with_what_was_sent(world, receiver, endpoint):
    world.proposed()
    sent(endpoint)
    assert outbox.forget_old() == 0
    old = OutboxEvent.objects.create(
        type="request.draft", subject="YC", sequence=1, occurred_at=timezone.now() - timedelta(days=91),
        consumer=world.consumer,
    )  # fmt: skip
    outbox.send(old, [endpoint])
    sent(endpoint)
    assert outbox.forget_old() == 1
    assert OutboxEvent.objects.count() == WebhookMessage.objects.count() == WebhookAttempt.objects.count() == 1


# --- who manages them


@pytest.mark.parametrize("act", [
    lambda endpoint, by: webhooks.change(endpoint=endpoint, by=by, description="x", types=[]),
    lambda endpoint, by: webhooks.renew_secret(endpoint=endpoint, by=by),
    lambda endpoint, by: webhooks.disable(endpoint=endpoint, by=by),
    lambda endpoint, by: webhooks.enable(endpoint=endpoint, by=by),
    lambda endpoint, by: webhooks.send_test(endpoint=endpoint, by=by),
    lambda endpoint, by: webhooks.replay_since(endpoint=endpoint, by=by, since=timezone.now()),
])  # fmt: skip
def test_only_who_answers_for_the_agency_manages_its_webhooks(world, endpoint, act):
    for by in (world.requester, world.approver, world.operator):
        with pytest.raises(Refusal) as refused:
            act(endpoint, by)
        assert refused.value.code == "not-your-role"
    refusals = Entry.objects.filter(outcome=Outcome.REFUSED, subject_type="webhook")
    assert refusals.count() == 3


def test_superuser_manages_no_webhooks_of_an_agency(world, endpoint):
    by = person(world.stranger, Role.OPERATOR)
    by.is_superuser = True
    by.save()
    with pytest.raises(Refusal):
        webhooks.renew_secret(endpoint=endpoint, by=by)


def test_secret_is_kept_encrypted_and_is_in_no_entry(world, made):
    endpoint, secret = made
    assert secret not in endpoint.secret
    assert not Entry.objects.filter(details__contains=secret).exists()


def test_secrets_are_encrypted_anew_with_the_newest_key(world, receiver, made, settings):
    from cryptography.fernet import Fernet

    endpoint, secret = made
    webhooks.renew_secret(endpoint=endpoint, by=world.endorser)
    newest = Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [newest, *settings.CREDENTIAL_KEYS]
    call_command("rotate_credentials")
    settings.CREDENTIAL_KEYS = [newest]
    world.proposed()
    sent(endpoint)
    headers, body = receiver.taken[-1]
    Webhook(secret).verify(body, headers)  # as the former one


def test_agency_has_ten_webhooks_at_most(world, receiver, endpoint):
    for number in range(9):
        webhooks.create(agency=world.consumer, by=world.endorser, url=f"{receiver.url}/{number}")
    with pytest.raises(Refusal) as refused:
        webhooks.create(agency=world.consumer, by=world.endorser, url=f"{receiver.url}/10")
    assert refused.value.code == "too-many"


def test_address_is_given_once(world, receiver, endpoint):
    with pytest.raises(Incomplete) as refused:
        webhooks.create(agency=world.consumer, by=world.endorser, url=receiver.url)
    assert refused.value.code == "address-taken"


# --- where it may not go


@pytest.mark.parametrize("url", [
    "ftp://example.vn/", "//example.vn/", "https://", "https://user:word@example.vn/", "https://example.vn/#part",
    "https://example.vn:22/", "https://example.vn:99999/", "https://exa mple.vn/", "https://example.vn/\r\nX: y",
    "javascript:alert(1)", "https://ví-dụ.vn/", "x" * 501, "https://example.vn\\@127.0.0.1/",
])  # fmt: skip
def test_address_that_cannot_be_one_is_refused(world, url):
    with pytest.raises(Incomplete) as refused:
        webhooks.create(agency=world.consumer, by=world.endorser, url=url)
    assert refused.value.code == "bad-address"


def test_plain_http_is_refused_outside_ones_own_machine(world, receiver, settings):
    settings.DEBUG = False
    with pytest.raises(Incomplete) as refused:
        webhooks.create(agency=world.consumer, by=world.endorser, url=receiver.url)
    assert refused.value.code == "bad-address"


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "::1", "fc00::1", "fe80::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:0a00:0001::", "::", "fd00:ec2::254",
])  # fmt: skip
def test_addresses_inside_are_not_reached(address, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    assert not addresses.is_allowed(address, "BCA")


def test_network_of_agencies_is_reached_where_the_settings_name_it(settings):
    from ipaddress import ip_network

    settings.WEBHOOK_PRIVATE_NETWORKS = [("BHXH", ip_network("10.20.0.0/16")), ("", ip_network("169.254.0.0/16"))]
    assert addresses.is_allowed("10.20.1.1", "BHXH")
    assert not addresses.is_allowed("10.20.1.1", "BCA")
    assert not addresses.is_allowed("10.21.1.1", "BHXH")
    assert not addresses.is_allowed("169.254.169.254", "BHXH")
    assert addresses.is_allowed("203.162.4.191", "BCA")


def test_name_that_leads_inside_later_is_not_followed(world, receiver, endpoint, settings):
    """The name was fine when it was typed; at the time of sending it leads to a forbidden address."""
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    world.proposed()
    sent(endpoint)
    assert endpoint.messages.get().attempts.get().outcome == SendOutcome.FORBIDDEN
    assert receiver.taken == []


def test_name_is_asked_for_once_and_its_address_used(world, receiver, endpoint, monkeypatch):
    asked = []

    def answer(host, port, *options, **more):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    port = receiver.url.rpartition(":")[2].partition("/")[0]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", answer)
    other, _secret = webhooks.create(agency=world.consumer, by=world.endorser, url=f"http://hooks.example.vn:{port}/x")
    asked.clear()
    webhooks.send_test(endpoint=other, by=world.endorser)
    sent(other)
    assert [host for host in asked if host != "127.0.0.1"] == ["hooks.example.vn"]
    assert receiver.taken[-1][0]["host"] == f"hooks.example.vn:{port}"


def test_one_forbidden_address_among_allowed_ones_is_enough(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("203.162.4.191", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(addresses.ForbiddenAddress):
        addresses.resolve(addresses.parse("https://example.vn/"), "BCA")


# --- what the database refuses


def test_database_keeps_events_and_addresses_them_to_nobody_else(world, receiver, endpoint):
    world.proposed()
    stranger = person(world.stranger, Role.ENDORSER)
    other, _secret = webhooks.create(agency=world.stranger, by=stranger, url=receiver.url)
    event = OutboxEvent.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    statements = {
        "UPDATE exchange_outboxevent SET type = 'x'": [],
        "DELETE FROM exchange_outboxevent": [],
        "TRUNCATE exchange_outboxevent CASCADE": [],
        "INSERT INTO exchange_webhookmessage (public_id, endpoint_id, event_id, state, attempts_made, next_attempt_at,"
        " created_at) VALUES (gen_random_uuid(), %s, %s, 'waiting', 0, now(), now())": [other.pk, event.pk],
        "UPDATE exchange_webhookmessage SET endpoint_id = %s": [other.pk],
        "UPDATE exchange_webhookendpoint SET url = 'https://example.vn/'": [],
        "UPDATE exchange_webhookendpoint SET agency_id = %s": [world.stranger.pk],
        "DELETE FROM exchange_webhookendpoint": [],
        "INSERT INTO exchange_webhookendpoint (public_id, agency_id, url, description, types, secret, former_secret,"
        " created_at, created_by_id, failures, disabled_because) VALUES (gen_random_uuid(), %s, 'https://example.vn/',"
        " '', '{}', 'x', '', now(), %s, 0, '')": [world.consumer.pk, world.requester.pk],
    }
    for statement, values in statements.items():
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)


def test_slow_system_has_its_turn_and_then_others_have_theirs(world, receiver, endpoint, monkeypatch):
    monkeypatch.setattr(dispatching, "TURN", timedelta(0))
    world.submitted()
    OrmQ.objects.all().delete()
    sent(endpoint)
    assert len(receiver.taken) == 1
    assert [one.task["args"] for one in OrmQ.objects.all()] == [(endpoint.pk,)]  # behind what waits already


def test_some_workers_are_left_for_other_work(world, receiver, endpoint, settings):
    settings.WORKERS = 4
    world.proposed()
    with locks_elsewhere(0, 1):
        sent(endpoint)
        assert receiver.taken == []
    with locks_elsewhere(0):
        sent(endpoint)
        assert len(receiver.taken) == 1


@contextmanager
def locks_elsewhere(*places: int):
    """Other workers, in sessions of their own, that send."""
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}, autocommit=True
    ) as other:
        for place in places:
            other.execute("SELECT pg_advisory_lock(%s, %s)", [locks.SENDING, place])
        yield


# --- two workers at once


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_event_once_and_in_order(make_world, receiver):
    world = make_world()
    endpoint, _secret = webhooks.create(agency=world.consumer, by=world.endorser, url=receiver.url)
    for _number in range(8):
        webhooks.send_test(endpoint=endpoint, by=world.endorser)

    def work() -> None:
        try:
            dispatching.send_due(endpoint.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _number in range(4)]:
            done.result()
    arrived = [headers["webhook-id"] for headers, _body in receiver.taken]
    assert arrived == [str(one) for one in OutboxEvent.objects.order_by("pk").values_list("event_id", flat=True)]
