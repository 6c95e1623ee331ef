"""One record by key: the answer, every refusal, and what each leaves in the ledger, in logs and in error bodies."""

import json
import logging
import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.throttling import UserRateThrottle

from evidence.models import Entry, Outcome, Salt
from exchange import tasks
from exchange.models import Agreement
from exchange.refusals import SUSPENDED
from exchange.services import agreements, lookups
from exchange.states import AgreementStatus
from registry import credentials
from registry.choices import Engine, FieldKind, Mode, Purpose, Role
from registry.connectors import PermanentSourceError, TemporarySourceError
from registry.connectors.sqlite import SQLiteConnector
from registry.models import Connection, Membership
from tests import factories, scenarios
from tests.api.conftest import ApiClient, application_of, client_for, fetch_token, lookups_of
from tests.source_servers import source_database

pytestmark = pytest.mark.postgresql

KEY = "001099000001"
ABSENT = "001099999999"


@pytest.fixture
def ledger_since():
    """The entries written since the test began to act, oldest first."""
    last = []

    def since():
        return list(Entry.objects.filter(sequence__gt=last[0]).order_by("sequence"))

    def begin():
        last[:] = [Entry.objects.first().sequence if Entry.objects.exists() else 0]
        return since

    return begin


def brief(entries):
    return [(entry.action, entry.outcome, json.loads(entry.details).get("code")) for entry in entries]


def assert_error(answer, status, code):
    assert answer.status_code == status
    document = answer.json()
    assert document["code"] == code
    assert document["detail"]
    assert set(document) <= {"code", "detail", "fields"}
    assert answer["Cache-Control"] == "no-store"
    for key in (KEY, ABSENT):
        assert key not in answer.content.decode()
    return document


# --- answers


def test_lookup_answers_agreed_fields_masked(api, agreement, ledger_since, system, world):
    since = ledger_since()
    answer = api.look_up(agreement, KEY)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    ask, told = since()
    assert answer.json() == {
        "record": {"citizen_id": KEY, "full_name": "Nguyễn Văn 1", "born": "1951"},
        "receipt": str(ask.sequence),
        "agreement": agreement.code,
        "version": 1,
    }
    assert brief([ask, told]) == [
        ("lookup.ask", Outcome.SUCCESS, None),
        ("lookup.answer", Outcome.SUCCESS, None),
    ]
    assert {entry.actor for entry in (ask, told)} == {str(system.public_id)}
    assert {entry.agency for entry in (ask, told)} == {world.consumer.code}
    assert "HS-1" not in ask.details
    salt = bytes(Salt.objects.get(entry=ask.sequence).value)
    assert json.loads(ask.details)["digests"]["case_number"] == lookups.ledger.digest("HS-1", salt=salt)
    assert json.loads(told.details)["found"] is True


def test_lookup_costs_the_same_queries_for_any_number_of_fields(api, agreement, world):
    api.look_up(agreement, KEY)  # Django remembers content types from the first one on
    counts = []
    for number in (0, 20):
        for _field in range(number):
            factories.PolicyFieldFactory(policy=world.policy)
        with CaptureQueriesContext(connection) as queries:
            assert api.look_up(agreement, KEY).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 31


@pytest.mark.parametrize("is_swept", [False, True])
def test_lookup_over_a_changed_source_says_that_sharing_is_suspended(api, agreement, world, is_swept):
    factories.SchemaChangeFactory(dataset=world.dataset)
    if is_swept:
        tasks.sweep()
        agreement.refresh_from_db()
        assert agreement.status == AgreementStatus.SUSPENDED
    answer = api.look_up(agreement, KEY)
    assert answer.status_code == 409
    assert answer.json()["code"] == "source-changed"
    assert str(SUSPENDED) in answer.json()["detail"]


def test_lookup_suspended_while_the_source_is_read_gives_nothing(api, agreement, world, monkeypatch):
    def suspend_first(self, *args, **kwargs):
        agreements.suspend(agreement=agreement, by=world.approver, reason="Kiểm tra")
        return [{"citizen_id": KEY}]

    monkeypatch.setattr(SQLiteConnector, "lookup", suspend_first)
    answer = api.look_up(agreement, KEY)
    assert answer.status_code == 403
    assert answer.json()["code"] == "agreement-not-live"
    assert KEY not in answer.content.decode()


def test_lookup_for_a_database_without_a_connection_is_refused_and_recorded(api, agreement, world, ledger_since):
    world.database.connection.delete()
    since = ledger_since()
    assert api.look_up(agreement, KEY).status_code == 502
    assert [entry.outcome for entry in since()] == ["success", "refused"]


def test_lookup_with_a_personal_number_as_case_number_is_refused(api, agreement):
    answer = api.look_up(agreement, KEY, case_number="HS 097199012345")
    assert answer.status_code == 422
    assert "case_number" in answer.json()["fields"]


def test_lookup_of_an_absent_record_is_null(api, agreement, ledger_since):
    since = ledger_since()
    answer = api.look_up(agreement, ABSENT)
    assert answer.status_code == 200
    assert answer.json()["record"] is None
    assert [json.loads(entry.details).get("found") for entry in since()] == [None, False]


def test_lookup_of_nfd_text_finds_the_same_entry(api, agreement):
    assert api.look_up(agreement, f"  {KEY}\n").json()["record"]["citizen_id"] == KEY


def test_lookup_never_shows_a_field_outside_the_grant(api, agreement, world):
    answer = api.look_up(agreement, KEY)
    assert set(answer.json()["record"]) == {"citizen_id", "full_name", "born"}
    for hidden in ("province", "income", "phone", "note", "0901234501", "1951-03"):
        assert hidden not in answer.content.decode()


def test_lookup_outside_the_row_filter_is_null(world, system):
    agreement = world.agreed(mode=Mode.LOOKUP, row_filter=[{"field": "province", "operator": "eq", "values": ["79"]}])
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    api = client_for(system)
    assert api.look_up(agreement, "001099000001").json()["record"] is None
    assert api.look_up(agreement, "001099000002").json()["record"]["full_name"] == "Nguyễn Văn 2"


def test_lookup_by_a_key_that_is_not_among_the_fields(world, system):
    agreement = world.agreed(mode=Mode.LOOKUP, field_names=["full_name"])
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    answer = client_for(system).look_up(agreement, KEY)
    assert answer.json()["record"] == {"full_name": "Nguyễn Văn 1"}


@pytest.fixture
def in_postgresql(world):
    """The owner's table in a PostgreSQL database of its own, with whole numbers as keys."""
    with source_database(f"{connection.settings_dict['NAME']}_source_of_api") as server:
        server.owner.execute(
            f"CREATE TABLE {scenarios.TABLE} (citizen_id bigint PRIMARY KEY, full_name text, born date)"
        )
        server.owner.execute(f"INSERT INTO {scenarios.TABLE} VALUES (1, 'Nguyễn Văn 1', '1951-03-02')")  # noqa: S608
        Connection.objects.filter(database=world.database).update(
            engine=Engine.POSTGRESQL,
            host=server.host,
            port=server.port,
            name=server.database,
            username=server.username,
            credential=credentials.encrypt(server.password),
            sslmode="prefer",
        )
        world.dataset.schema_name = "public"
        world.dataset.save()
        world.fields["citizen_id"].kind = FieldKind.INTEGER
        world.fields["citizen_id"].save()
        yield


@pytest.mark.usefixtures("in_postgresql")
def test_lookup_in_a_source_in_postgresql(world, system):
    agreement = world.agreed(mode=Mode.LOOKUP)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    api = client_for(system)
    assert api.look_up(agreement, "1").json()["record"] == {
        "citizen_id": 1,
        "full_name": "Nguyễn Văn 1",
        "born": "1951",
    }
    assert api.look_up(agreement, "2").json()["record"] is None
    assert_error(api.look_up(agreement, "one"), 422, "bad-filter")


@pytest.mark.usefixtures("in_postgresql")
def test_lookup_by_a_number_that_is_not_among_the_fields(world, system):
    agreement = world.agreed(mode=Mode.LOOKUP, field_names=["full_name"])
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    assert client_for(system).look_up(agreement, "1").json()["record"] == {"full_name": "Nguyễn Văn 1"}


def test_lookup_by_a_person_who_signed_in(world, agreement):
    clerk = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    clerk.force_login(world.requester)
    body = {"key": KEY, "case_number": "HS-1", "purpose": agreement.purpose}
    refused = clerk.post(lookups_of(agreement.public_id), body, content_type="application/json")
    assert_error(refused, 403, "permission-denied")
    clerk.get("/accounts/login/")
    clerk.cookies["__Host-ndc_csrf"] = token = "a" * 32
    answer = clerk.post(
        lookups_of(agreement.public_id), body, content_type="application/json", headers={"x-csrftoken": token}
    )
    assert answer.status_code == 200
    assert answer.json()["record"]["citizen_id"] == KEY


# --- 400, 413, 415: the shape


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"key": NaN, "case_number": "a", "purpose": "procedure"}',
        b'{"key": "1", "key": "2", "case_number": "a", "purpose": "procedure"}',
        b'{"key": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"key": ' + b"9" * 10_000 + b"}",
        b'{"key": "1"}',
        b'{"key": "1", "case_number": "a", "purpose": "procedure", "extra": 1}',
        b'{"key": "1", "case_number": "a", "purpose": "everything"}',
        b'{"key": "1\\u0000", "case_number": "a", "purpose": "procedure"}',
        b'{"key": "1", "case_number": "\\u0000", "purpose": "procedure"}',
        b'{"key": "\\ud800", "case_number": "a", "purpose": "procedure"}',
        b'{"key": "1", "case_number": "\\udfff", "purpose": "procedure"}',
        b'{"key": "1", "case_number": "a", "purpose": "\\ud800"}',
        b'{"key": "1", "case_number": "a", "purpose": "\\u0000"}',
        b'{"\\ud800": "1", "key": "1", "case_number": "a", "purpose": "procedure"}',
        b'{"key": ["1"], "case_number": "a", "purpose": "procedure"}',
        b'{"key": {"1": 1}, "case_number": "a", "purpose": ["procedure"]}',
        b'{"key": true, "case_number": "a", "purpose": "procedure"}',
        b'{"key": null, "case_number": null, "purpose": null}',
        b'{"key": "' + b"1" * 201 + b'", "case_number": "a", "purpose": "procedure"}',
        b'{"key": "1", "case_number": "' + b"a" * 101 + b'", "purpose": "procedure"}',
    ],
)
def test_lookup_with_a_bad_body_is_400_and_no_lookup(api, agreement, ledger_since, body):
    since = ledger_since()
    answer = api.post(lookups_of(agreement.public_id), body, content_type="application/json")
    document = assert_error(answer, 400, answer.json()["code"])
    assert document["code"] in ("malformed", "invalid")
    assert since() == []


@pytest.mark.parametrize("member", ["key", "case_number", "purpose", KEY])
def test_lookup_errors_never_quote_what_was_sent(api, agreement, member):
    body = {"key": KEY, "case_number": "HS-1", "purpose": "procedure", member: KEY * 30}
    answer = api.post(lookups_of(agreement.public_id), body, content_type="application/json")
    assert_error(answer, 400, "invalid")


def test_lookup_with_a_huge_body_is_413(api, agreement):
    assert_error(api.look_up(agreement, "1" * 20_000), 413, "too-large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_lookup_with_another_media_type_is_415(api, agreement, media_type):
    answer = api.generic("POST", lookups_of(agreement.public_id), b"key=1", content_type=media_type)
    assert_error(answer, 415, "unsupported-media-type")


def test_lookup_by_get_is_405_without_the_key_in_an_address(api, agreement):
    answer = api.get(lookups_of(agreement.public_id), {"key": KEY})
    assert_error(answer, 405, "method-not-allowed")


# --- 401 and 403


def test_lookup_without_a_token_is_401(agreement):
    answer = ApiClient().look_up(agreement, KEY)
    assert_error(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_lookup_by_a_disabled_system_is_401_at_once(api, agreement, system):
    assert api.look_up(agreement, KEY).status_code == 200
    system.is_active = False
    system.save()
    assert_error(api.look_up(agreement, KEY), 401, "invalid-token")


def test_lookup_with_a_token_for_deliveries_is_403(agreement, system):
    token = fetch_token(application_of(system), scope="deliver").json()["access_token"]
    assert_error(ApiClient(token).look_up(agreement, KEY), 403, "insufficient-scope")


def refused(api, agreement, ledger_since, code, status=403, **changes):
    since = ledger_since()
    document = assert_error(api.look_up(agreement, changes.pop("key", KEY), **changes), status, code)
    (entry,) = since()
    assert brief([entry]) == [("lookup.ask", Outcome.REFUSED, code)]
    assert entry.subject_id == agreement.code
    return document


def test_lookup_by_a_system_that_is_not_named_is_refused(world, agreement, ledger_since):
    other = client_for(factories.person(world.consumer, Role.SYSTEM))
    refused(other, agreement, ledger_since, "not-named")


def test_lookup_for_another_purpose_is_refused(api, agreement, ledger_since):
    refused(api, agreement, ledger_since, "purpose", purpose=Purpose.STATISTICS)


def test_lookup_under_a_suspended_agreement_is_refused(api, agreement, ledger_since, world):
    world.suspended(agreement)
    refused(api, agreement, ledger_since, "agreement-not-live")


def test_lookup_after_the_last_day_is_refused_though_the_flag_says_active(api, agreement, ledger_since):
    today = timezone.localdate()
    with connection.cursor() as cursor:
        # As if the days had passed: an agreement's dates cannot be changed in any other way.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE exchange_agreement DISABLE TRIGGER USER")
        yesterday = today - timedelta(days=1)
        Agreement.objects.update(valid_from=today - timedelta(days=9), valid_to=yesterday, gives_until=yesterday)
        cursor.execute("ALTER TABLE exchange_agreement ENABLE TRIGGER USER")
    agreement.refresh_from_db()
    assert agreement.status == "active"
    refused(api, agreement, ledger_since, "agreement-not-live")


def test_lookup_under_a_package_agreement_is_refused(world, system, ledger_since):
    agreement = world.agreed()
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    refused(client_for(system), agreement, ledger_since, "wrong-mode")


def test_lookup_when_the_policy_has_ended_is_refused(api, agreement, ledger_since, world):
    world.policy.valid_to = timezone.localdate() - timedelta(days=1)
    world.policy.save()
    refused(api, agreement, ledger_since, "policy-ended")


def test_lookup_without_key_or_case_number_is_422(api, agreement, ledger_since):
    document = refused(api, agreement, ledger_since, "incomplete", 422, key="  ", case_number="\n")
    assert set(document["fields"]) == {"key", "case_number"}


# --- 404


def test_lookup_under_anothers_agreement_and_an_absent_one_are_the_same(world, agreement, ledger_since):
    stranger = client_for(factories.person(world.stranger, Role.SYSTEM))
    absent = Agreement(public_id=uuid.uuid4(), purpose=agreement.purpose)
    since = ledger_since()
    answers = [stranger.look_up(which, KEY) for which in (agreement, absent)]
    assert_error(answers[0], 404, "not-found")
    assert answers[0].content == answers[1].content
    assert dict(answers[0].headers) == dict(answers[1].headers)
    entries = since()
    assert brief(entries) == [("lookup.ask", Outcome.REFUSED, "not-found")] * 2
    assert [entry.subject_id for entry in entries] == [str(agreement.public_id), str(absent.public_id)]


def test_lookup_by_the_owners_side_is_404(world, agreement):
    clerk = ApiClient()
    clerk.force_login(world.approver)
    assert_error(clerk.look_up(agreement, KEY), 404, "not-found")


def test_lookup_by_a_superuser_of_nowhere_is_404(agreement):
    root = ApiClient()
    root.force_login(factories.UserFactory(superuser=True))
    assert_error(root.look_up(agreement, KEY), 404, "not-found")


def test_lookup_after_the_system_moved_to_another_agency_is_404(world, api, agreement, system):
    Membership.objects.filter(user=system).update(agency=world.stranger)
    assert_error(api.look_up(agreement, KEY), 404, "not-found")


# --- 429


def test_lookups_are_throttled_for_each_account(api, agreement, world, monkeypatch):
    monkeypatch.setitem(UserRateThrottle.THROTTLE_RATES, "lookup", "2/min")
    assert [api.look_up(agreement, KEY).status_code for _number in range(2)] == [200, 200]
    answer = api.look_up(agreement, KEY)
    assert_error(answer, 429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 60
    other = factories.person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=other, by=world.endorser)
    assert client_for(other).look_up(agreement, KEY).status_code == 200


# --- 502 and 503


class FailingConnector:
    def __init__(self, error):
        self.error = error

    def lookup(self, *_args, **_options):
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "waits"),
    [
        (TemporarySourceError("source-busy"), 503, True),
        (TemporarySourceError("unreachable"), 503, True),
        (PermanentSourceError("no-privilege"), 502, False),
        (PermanentSourceError("bad-filter"), 422, False),
    ],
)
def test_lookup_in_a_failing_source(api, agreement, ledger_since, monkeypatch, error, status, waits):
    monkeypatch.setattr(lookups.sources.connectors, "get", lambda _address: FailingConnector(error))
    since = ledger_since()
    answer = api.look_up(agreement, KEY)
    assert_error(answer, status, error.code)
    assert answer.has_header("Retry-After") is waits
    assert brief(since()) == [
        ("lookup.ask", Outcome.SUCCESS, None),
        ("lookup.ask", Outcome.REFUSED, error.code),
    ]


def test_lookup_in_a_missing_file_is_an_error_of_the_source(api, agreement, world):
    world.source.unlink()
    answer = api.look_up(agreement, KEY)
    assert answer.status_code in (502, 503)
    assert str(world.source) not in answer.content.decode()


def test_lookup_in_a_table_that_changed_is_502(api, agreement, world):
    world.source.unlink()
    scenarios.sqlite3.connect(world.source).close()
    assert_error(api.look_up(agreement, KEY), 502, "source-changed")


def test_lookup_that_cannot_be_recorded_is_503_and_reads_nothing(api, agreement, monkeypatch):
    asked = []
    monkeypatch.setattr(lookups.sources.connectors, "get", lambda address: asked.append(address))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE evidence_entry RENAME TO evidence_entry_lost")
    answer = api.look_up(agreement, KEY)
    assert_error(answer, 503, "not-recorded")
    assert answer["Retry-After"]
    assert asked == []


def test_lookup_whose_answer_cannot_be_recorded_is_not_handed_out(api, agreement, monkeypatch):
    record, actions = lookups.ledger.record, []

    def record_once(**fields):
        actions.append(fields["action"])
        if fields["action"] == "lookup.answer":
            raise lookups.ledger.EvidenceError("lost")
        return record(**fields)

    monkeypatch.setattr(lookups.ledger, "record", record_once)
    answer = api.look_up(agreement, KEY)
    assert_error(answer, 503, "not-recorded")
    assert "Nguyễn" not in answer.content.decode()
    assert actions == ["lookup.ask", "lookup.answer"]


# --- the key is nowhere


def test_key_and_record_stand_in_no_entry_and_no_log(api, agreement, world, caplog, monkeypatch, ledger_since):
    caplog.set_level(logging.DEBUG)
    since = ledger_since()
    other = client_for(factories.person(world.consumer, Role.SYSTEM))
    stranger = client_for(factories.person(world.stranger, Role.SYSTEM))
    api.look_up(agreement, KEY)
    api.look_up(agreement, ABSENT)
    other.look_up(agreement, KEY)
    stranger.look_up(agreement, KEY)
    api.look_up(agreement, KEY, purpose=Purpose.STATISTICS)
    api.look_up(agreement, KEY, case_number="")
    api.look_up(agreement, KEY, extra=KEY)
    api.look_up(agreement, KEY, purpose=KEY)
    api.post(lookups_of(agreement.public_id), '{"key": "' + KEY, content_type="application/json")
    error = TemporarySourceError("source-slow")
    monkeypatch.setattr(lookups.sources.connectors, "get", lambda _address: FailingConnector(error))
    api.look_up(agreement, KEY)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE evidence_salt RENAME TO evidence_salt_lost")
        api.look_up(agreement, KEY)
        cursor.execute("ALTER TABLE evidence_salt_lost RENAME TO evidence_salt")
    entries = since()
    assert len(entries) == 10
    with connection.cursor() as cursor:
        # Four digits in a row occur in numbers, times and hashes, too: those are left out, and whatever is told stays.
        cursor.execute("SELECT (to_jsonb(e) - ARRAY['sequence', 'at', 'leaf_hash'])::text FROM evidence_entry e")
        ledger = " ".join(
            re.sub(r"[0-9a-f]{32,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", row) for (row,) in cursor
        )
        cursor.execute("SELECT value FROM evidence_salt")
        salts = b" ".join(bytes(value) for (value,) in cursor)
    assert KEY.encode() not in salts
    for value in (KEY, ABSENT, "Nguyễn Văn 1", "1951"):
        assert value not in ledger
        assert value not in caplog.text
    ask = entries[0]
    digest = lookups.ledger.digest(KEY, salt=bytes(Salt.objects.get(entry=ask.sequence).value))
    assert json.loads(ask.details)["digests"]["key"] == digest
