"""Following deliveries and fetching their files."""

import hashlib
import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evidence.models import Entry, Outcome
from exchange.choices import Frequency
from exchange.models import Delivery
from exchange.services import agreements
from registry.choices import FileFormat, Role
from tests import factories
from tests.api.conftest import ApiClient, application_of, client_for, fetch_token

LIST = "/api/v1/deliveries/"


@pytest.fixture
def named(world, system):
    """A package agreement that names the system."""

    def build(**content):
        agreement = world.agreed(**content)
        agreements.name_user(agreement=agreement, user=system, by=world.endorser)
        return agreement

    return build


@pytest.fixture
def delivery(world, named):
    return world.delivered(named())


def body_of(answer) -> bytes:
    return b"".join(answer.streaming_content)


def test_list_shows_state_and_hash(api, delivery):
    document = api.get(LIST).json()
    assert document["count"] == 1
    (shown,) = document["results"]
    assert shown["id"] == str(delivery.public_id)
    assert shown["status"] == "completed"
    assert shown["sha256"] == delivery.sha256
    assert shown["rows"] == 20
    assert shown["is_downloadable"] is True
    assert shown["agreement"] == str(delivery.agreement.public_id)


def test_list_is_filtered(api, world, delivery):
    world.ordered()
    assert api.get(LIST, {"status": "requested"}).json()["count"] == 1
    assert api.get(LIST, {"agreement": str(delivery.agreement.public_id)}).json()["count"] == 1
    assert api.get(LIST, {"agreement": "x"}).status_code == 400


def test_list_costs_the_same_queries_for_2_and_20_deliveries(api, world):
    counts = []
    for number in (2, 18):
        for _delivery in range(number):
            world.ordered()
        with CaptureQueriesContext(connection) as queries:
            assert len(api.get(LIST).json()["results"]) == (2 if number == 2 else 20)
        counts.append(len(queries))
    assert counts == [4, 4]  # token and account, role, count, page


def test_detail_shows_progress(api, world):
    delivery = world.ordered()
    Delivery.objects.filter(pk=delivery.pk).update(rows_expected=200, rows_done=50)
    document = api.get(f"{LIST}{delivery.public_id}/").json()
    assert (document["status"], document["percent_done"], document["rows_done"]) == ("requested", 25, 50)
    assert document["sha256"] == ""


@pytest.mark.parametrize(
    ("file_format", "media_type"),
    [(FileFormat.CSV, "text/csv; charset=utf-8"), (FileFormat.JSONL, "application/x-ndjson")],
)
def test_file_is_the_sealed_one_and_recorded(api, world, named, system, file_format, media_type):
    delivery = world.delivered(named(file_format=file_format))
    answer = api.get(f"{LIST}{delivery.public_id}/file/", headers={"accept": "text/csv"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == media_type
    assert answer["Cache-Control"] == "no-store"
    assert delivery.file_name in answer["Content-Disposition"]
    assert answer["Content-Disposition"].startswith("attachment")
    assert hashlib.sha256(body_of(answer)).hexdigest() == delivery.sha256
    entry = Entry.objects.get(action="delivery.download")
    assert (entry.outcome, entry.actor) == (Outcome.SUCCESS, str(system.public_id))


def test_manifest_names_the_hash_of_the_file(api, delivery):
    answer = api.get(f"{LIST}{delivery.public_id}/manifest/")
    assert answer["Content-Type"] == "application/json"
    assert json.loads(body_of(answer))["file"]["sha256"] == delivery.sha256
    assert Entry.objects.filter(action="delivery.manifest", outcome=Outcome.SUCCESS).count() == 1


def refused(api, delivery, code):
    for part in ("file", "manifest"):
        answer = api.get(f"{LIST}{delivery.public_id}/{part}/")
        assert answer.status_code == 403
        assert answer.json()["code"] == code
        assert answer["Content-Type"] == "application/json"
    entries = Entry.objects.filter(subject_type="delivery", outcome=Outcome.REFUSED)
    assert {json.loads(entry.details)["code"] for entry in entries} == {code}
    assert entries.count() == 2


def test_file_for_a_system_that_is_not_named_is_refused(world, delivery):
    refused(client_for(factories.person(world.consumer, Role.SYSTEM)), delivery, "not-named")


def test_file_under_a_suspended_agreement_is_refused(api, world, delivery):
    world.suspended(delivery.agreement)
    refused(api, delivery, "agreement-not-live")


def test_file_that_is_not_ready_is_refused(api, world, named):
    refused(api, world.ordered(named(frequency=Frequency.ON_DEMAND)), "not-available")


def test_file_whose_time_is_over_is_refused(api, world, named, settings):
    settings.DELIVERY_DAYS = 0
    refused(api, world.delivered(named()), "not-available")


def test_file_that_is_missing_is_refused(api, world, delivery):
    world.path_of(delivery).unlink()
    world.path_of(delivery).with_name(f"{delivery.file_name}.manifest.json").unlink()
    refused(api, delivery, "file-missing")


def test_file_that_cannot_be_recorded_is_503(api, delivery):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE evidence_entry RENAME TO evidence_entry_lost")
    answer = api.get(f"{LIST}{delivery.public_id}/file/")
    assert answer.status_code == 503
    assert answer.json()["code"] == "not-recorded"


@pytest.mark.parametrize("part", ["", "file/", "manifest/"])
def test_delivery_of_another_agency_is_as_absent(world, delivery, part):
    stranger = client_for(factories.person(world.stranger, Role.SYSTEM))
    foreign, absent = (stranger.get(f"{LIST}{which}/{part}") for which in (delivery.public_id, uuid.uuid4()))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert stranger.get(LIST).json()["count"] == 0


def test_deliveries_need_their_scope(world, system, delivery):
    token = fetch_token(application_of(system), scope="lookup").json()["access_token"]
    for part in ("", f"{delivery.public_id}/", f"{delivery.public_id}/file/", f"{delivery.public_id}/manifest/"):
        answer = ApiClient(token).get(f"{LIST}{part}")
        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient-scope"
    assert ApiClient(token).get("/api/v1/agreements/").status_code == 200
