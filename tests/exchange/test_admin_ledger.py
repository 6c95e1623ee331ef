"""The ledger as auditors read it: people by name, actions in words, and few questions however long the page."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence import ledger
from evidence.models import Entry, Outcome
from exchange.timeline import SENTENCES
from registry.choices import Role
from tests import factories
from tests.exchange.desk import as_user
from tests.factories import person

LIST = "admin:evidence_entry_changelist"


@pytest.fixture
def auditor(db):
    return as_user(person(factories.AgencyFactory(), Role.AUDITOR))


def shown(client, **query) -> list[Entry]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def record(**fields) -> Entry:
    usual = {"action": "registry.dataset.change", "actor": ledger.SYSTEM, "subject": ("dataset", "DS-1")}
    with transaction.atomic():
        return ledger.record(**{**usual, **fields})


def test_list_and_page_tell_names_and_words(world, auditor):
    request = world.submitted()
    text = auditor.get(reverse(LIST)).text
    for words in (world.endorser.full_name, str(SENTENCES["request.endorse"]), request.code, world.consumer.code):
        assert words in text
    assert str(world.endorser.public_id) not in text
    entry = Entry.objects.get(action="request.endorse")
    text = auditor.get(reverse("admin:evidence_entry_change", args=[entry.pk])).text
    for words in (world.endorser.full_name, str(world.endorser.public_id), "request.endorse"):
        assert words in text


@pytest.mark.made_up_actions
def test_action_of_the_registry_is_told_in_words_and_an_unknown_one_by_its_code(auditor):
    record()
    record(action="thing.do", subject=("thing", "T-1"))
    text = auditor.get(reverse(LIST)).text
    assert "registry.dataset.change" not in text
    assert "thing.do" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"outcome__exact": "refused"}, {"DS-2"}),
        ({"kind": "agency"}, {"A-3"}),
        ({"days": "1"}, {"DS-1", "DS-2", "A-3"}),
        ({"q": "BTC"}, {"A-3"}),
        ({"q": "DS-1"}, {"DS-1"}),
        ({"q": "YC-9"}, {"DS-2"}),
        ({"q": "somebody"}, {"A-3"}),
    ],
)
def test_filters_and_search(auditor, query, found):
    record()
    record(subject=("dataset", "DS-2"), outcome=Outcome.REFUSED, correlation_id="YC-9")
    record(subject=("agency", "A-3"), actor=ledger.Actor("somebody", "BTC"))
    assert {entry.subject_id for entry in shown(auditor, **query)} == found


@pytest.mark.parametrize(("days", "found"), [("1", 0), ("7", 1), ("30", 1)])
def test_days_are_counted_back_from_today(db, days, found):
    record()
    user = person(factories.AgencyFactory(), Role.AUDITOR)
    with time_machine.travel(timezone.now() + timedelta(days=5)):
        assert len(shown(as_user(user), days=days)) == found


def test_list_asks_as_many_questions_for_20_rows_as_for_2(auditor):
    def write(count: int) -> None:
        for _number in range(count):
            record(actor=ledger.Actor(str(factories.UserFactory().public_id), "BTC"))

    write(2)
    shown(auditor)
    with CaptureQueriesContext(connection) as two:
        assert len(shown(auditor)) == 2
    write(18)
    with CaptureQueriesContext(connection) as twenty:
        assert len(shown(auditor)) == 20
    assert len(twenty) == len(two) <= 15
