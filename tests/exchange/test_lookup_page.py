"""The counter: one record, under an agreement that names the person; the key stays out of addresses and logs."""

import json
import logging

import pytest
from django.urls import reverse

from evidence.models import Entry
from exchange.services import agreements
from registry.choices import Mode, Purpose

pytestmark = pytest.mark.django_db
PAGE = "exchange:lookup"
KEY = "001099000013"


def ask(client, agreement, **changes):
    data = {"agreement": str(agreement.public_id), "key": KEY, "case_number": "HS-2026-0001", **changes}
    return client.post(reverse(PAGE), data)


@pytest.fixture
def agreement(world):
    return world.agreed(mode=Mode.LOOKUP)


@pytest.fixture
def clerk(client, world, agreement):
    client.force_login(world.requester)
    return client


def test_the_page_shows_purpose_and_key(clerk, world, agreement):
    page = clerk.get(reverse(PAGE)).text
    assert str(Purpose.PROCEDURE.label) in page
    assert world.fields["citizen_id"].title in page


def test_a_record_is_answered_as_agreed_with_its_receipt(clerk, agreement):
    response = ask(clerk, agreement)
    assert response.status_code == 200
    values = [str(value) for _title, value, _masking in response.context["lines"]]
    assert values == [KEY, "Nguyễn Văn 13", "1963"]
    entry = Entry.objects.get(action="lookup.ask")
    assert f"<strong>{entry.sequence}</strong>" in response.text
    assert "no-store" in response.headers["Cache-Control"]
    assert 'name="key" value' not in response.text  # the next one starts empty


def test_no_record_is_an_answer(clerk, agreement):
    response = ask(clerk, agreement, key="999999999999")
    assert response.status_code == 200
    assert response.context["answer"].record is None
    assert f"<strong>{Entry.objects.get(action='lookup.ask').sequence}</strong>" in response.text


@pytest.mark.parametrize(
    "changes",
    [{"key": ""}, {"key": "a\0b"}, {"key": "1" * 201}, {"case_number": " "}, {"case_number": "x" * 1_000_000}],
)
def test_a_wrong_entry_is_told_and_asks_nothing(clerk, agreement, changes):
    response = ask(clerk, agreement, **changes)
    assert response.status_code == 422
    assert "data-error-summary" in response.text
    assert not Entry.objects.filter(action="lookup.ask").exists()


def test_a_source_that_is_down_keeps_the_entries(clerk, world, agreement):
    world.source.unlink()
    response = ask(clerk, agreement)
    assert response.status_code in (502, 503)
    assert f'value="{KEY}"' in response.text
    assert "data-error-summary" in response.text


def test_a_suspended_agreement_is_not_offered(clerk, world, agreement):
    agreements.suspend(agreement=agreement, by=world.approver, reason="Kiểm tra")
    assert not clerk.get(reverse(PAGE)).context["agreements"]
    assert ask(clerk, agreement).status_code == 404
    assert not Entry.objects.filter(action="lookup.answer").exists()


def test_whoever_is_not_named_gets_no_answer(client, world, agreement):
    client.force_login(world.endorser)
    assert not client.get(reverse(PAGE)).context["agreements"]
    assert ask(client, agreement).status_code == 404


@pytest.mark.parametrize("wanted", ["x", "\0", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_agreement_is_not_found(clerk, wanted):
    assert clerk.get(reverse(PAGE), {"agreement": wanted}).status_code == 404


def test_several_agreements_are_chosen_from(clerk, world, agreement):
    other = world.agreed(mode=Mode.LOOKUP, purpose=Purpose.SUPERVISION)
    assert "key" not in clerk.get(reverse(PAGE)).text.split("<form")[-1]
    page = clerk.get(reverse(PAGE), {"agreement": str(other.public_id)}).text
    assert str(Purpose.SUPERVISION.label) in page
    assert ask(clerk, other).status_code == 200


def test_a_policy_without_a_key_is_told(clerk, world, agreement):
    world.policy.policy_fields.filter(field__name="citizen_id").update(is_filterable=False)
    response = clerk.get(reverse(PAGE))
    assert response.status_code == 200
    assert response.context["unusable"].code == "no-key"
    assert ask(clerk, agreement).status_code in (302, 403)


def test_the_key_stays_out_of_address_log_and_ledger(clerk, agreement, caplog):
    with caplog.at_level(logging.DEBUG):
        response = ask(clerk, agreement)
    assert KEY not in response.wsgi_request.get_full_path()
    assert KEY not in "".join(record.getMessage() for record in caplog.records if record.name != "django.db.backends")
    for entry in Entry.objects.filter(action__startswith="lookup."):
        assert KEY not in json.dumps(entry.details)
