"""Finding one's agreements, and nobody else's."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exchange.scope import Scope
from registry.choices import Mode, Role
from tests import factories
from tests.api.conftest import ApiClient, client_for

LIST = "/api/v1/agreements/"


def test_list_shows_the_own_agencys(api, world, agreement):
    package = world.agreed()
    answer = api.get(LIST)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    document = answer.json()
    assert document["count"] == 2
    assert [found["id"] for found in document["results"]] == [str(package.public_id), str(agreement.public_id)]
    assert document["results"][1] == {
        "id": str(agreement.public_id),
        "code": agreement.code,
        "version": 1,
        "status": "active",
        "is_live": True,
        "consumer": world.consumer.code,
        "provider": world.provider.code,
        "dataset": world.dataset.code,
        "mode": "lookup",
        "file_format": "csv",
        "purpose": "procedure",
        "valid_from": agreement.valid_from.isoformat(),
        "valid_to": agreement.valid_to.isoformat(),
        "gives_until": agreement.valid_to.isoformat(),
        "retention_until": agreement.retention_until.isoformat(),
        "scope_hash": agreement.scope_hash,
    }


@pytest.mark.parametrize(("wanted", "count"), [("status=active", 1), ("status=suspended", 1), ("mode=package", 0)])
def test_list_is_filtered(api, world, agreement, wanted, count):
    world.suspended(mode=Mode.LOOKUP)
    assert api.get(f"{LIST}?{wanted}").json()["count"] == count


@pytest.mark.parametrize("query", ["status=nothing", "status=%00", "mode=x", "status=%ff"])
def test_list_with_a_bad_filter_is_400(api, query):
    answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


@pytest.mark.parametrize("query", ["limit=999999999999999999999", "offset=999999999999999999999", "limit=-1&offset=x"])
def test_list_with_an_odd_page_is_still_a_page(api, agreement, query):
    answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    assert answer.json()["count"] == 1


def test_list_of_another_agency_is_empty(world, agreement):
    stranger = client_for(factories.person(world.stranger, Role.SYSTEM))
    assert stranger.get(LIST).json()["count"] == 0


def test_list_without_a_token_is_401(db):
    assert ApiClient().get(LIST).json()["code"] == "not-authenticated"


def test_list_costs_the_same_queries_for_2_and_20_agreements(api, world):
    counts = []
    for number in (2, 18):
        for _agreement in range(number):
            world.agreed(mode=Mode.LOOKUP)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(api.get(LIST).json()["results"]) == (2 if number == 2 else 20)
        counts.append(len(queries))
    assert counts == [4, 4]  # token and account, role, count, page


def test_detail_names_the_granted_fields(api, agreement):
    document = api.get(f"{LIST}{agreement.public_id}/").json()
    assert document["granted_fields"] == [
        {"name": name, "masking": masking} for name, masking in Scope.from_text(agreement.scope).fields
    ]


def test_detail_shows_no_values_of_the_row_filter(world, system):
    agreement = world.agreed(
        mode=Mode.LOOKUP, row_filter=[{"field": "citizen_id", "operator": "in", "values": ["001099000001"]}]
    )
    assert "001099000001" not in client_for(system).get(f"{LIST}{agreement.public_id}/").content.decode()


def test_detail_of_anothers_agreement_is_as_absent(world, agreement):
    stranger = client_for(factories.person(world.stranger, Role.SYSTEM))
    foreign, absent = (stranger.get(f"{LIST}{which}/") for which in (agreement.public_id, uuid.uuid4()))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert foreign.json()["code"] == "not-found"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_nothing_can_be_changed(api, agreement, method):
    for address in (LIST, f"{LIST}{agreement.public_id}/"):
        assert getattr(api, method)(address).status_code == 405
