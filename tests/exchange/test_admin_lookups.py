"""Look-ups in the admin: auditors read them, nobody else, and a list costs the same whatever its length."""

import pytest
from django.utils import timezone

from exchange.models import Lookup, LookupUsage
from registry.choices import Role
from tests.exchange.desk import as_user, changelist, page, questions
from tests.factories import person


@pytest.fixture
def lookups(world):
    agreement = world.agreed()
    LookupUsage.objects.create(agreement=agreement, answered=2)

    def add(count: int) -> None:
        start = Lookup.objects.count()
        for number in range(start, start + count):
            Lookup.objects.create(
                agreement=agreement,
                asked_at=timezone.now(),
                by=person(world.consumer, Role.REQUESTER),
                case_number=f"HS-{number}",
                receipt=1_000_000 + number,
            )

    add(2)
    return add


@pytest.mark.parametrize("model", ["lookup", "lookupusage"])
def test_lookups_are_for_auditors(world, lookups, model):
    assert as_user(person(world.stranger, Role.AUDITOR)).get(changelist(model)).status_code == 200
    for role in (Role.CASE_OFFICER, Role.APPROVER, Role.OPERATOR):
        assert as_user(person(world.provider, role)).get(changelist(model)).status_code == 403


def test_lookup_page_shows_the_case_and_changes_nothing(world, lookups):
    client = as_user(person(world.stranger, Role.AUDITOR))
    lookup = Lookup.objects.first()
    assert lookup.case_number in client.get(page(lookup)).content.decode()
    assert client.post(page(lookup), {"case_number": "HS-X"}).status_code == 403


def test_list_asks_as_many_questions_for_20_rows_as_for_2(world, lookups):
    client = as_user(person(world.stranger, Role.AUDITOR))
    questions(client, "lookup")
    few = questions(client, "lookup")
    lookups(18)
    assert questions(client, "lookup") == few
