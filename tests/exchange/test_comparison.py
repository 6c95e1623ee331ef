"""What a change of an agreement changes: told point by point, what goes further marked, to the desk and to the consumer."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.choices import Frequency, OnwardSharing, RequestKind
from exchange.comparison import compare
from exchange.models import Agreement
from exchange.scope import Filter, Scope
from registry.choices import Masking, Mode, Purpose
from tests.exchange.desk import as_user, page

pytestmark = pytest.mark.django_db

AMENDMENT, RENEWAL = RequestKind.AMENDMENT, RequestKind.RENEWAL
ONE_PROVINCE = {"row_filter": [{"field": "province", "operator": "in", "values": ["01"]}]}


@pytest.fixture
def agreement(world):
    return world.agreed(frequency=Frequency.ON_DEMAND, row_limit=1_000)


def changed(agreement, **changes) -> Scope:
    return replace(Scope.from_text(agreement.scope), **changes)


def compared(agreement, kind=AMENDMENT, **changes):
    before = Scope.from_text(agreement.scope)
    return compare(before, changed(agreement, **changes), agreement.dataset, kind=kind)


WIDER = {
    "field": {"fields": (("citizen_id", "keep"), ("full_name", "keep"), ("born", "year"), ("province", "keep"))},
    "masking": {"fields": (("citizen_id", "keep"), ("full_name", "keep"), ("born", Masking.KEEP))},
    "rows": {"row_limit": 1_001},
    "purpose": {"purpose": Purpose.STATISTICS},
    "mode": {"mode": Mode.LOOKUP},
}
NARROWER = {
    "field": {"fields": (("citizen_id", "keep"),)},
    "masking": {"fields": (("citizen_id", "keep"), ("full_name", Masking.NULL), ("born", "year"))},
    "rows": {"row_limit": 999},
    "filter": {"filters": (Filter("province", "in", ("01",)),)},
    "limit": {"limits": (("rows_per_month", 5),)},
    "format": {"file_format": "jsonl"},
}


@pytest.mark.parametrize("name", WIDER)
def test_what_goes_further_is_marked(agreement, name):
    found = compared(agreement, **WIDER[name])
    assert [change.widens for change in found.changes] == [True]
    assert "1" in found.sentence


@pytest.mark.parametrize("name", NARROWER)
def test_what_only_narrows_says_so(agreement, name):
    found = compared(agreement, **NARROWER[name])
    assert found.changes
    assert not found.wider
    assert "hẹp hơn" in found.sentence


def test_filter_and_limit_that_fall_away_go_further(agreement):
    narrow = changed(agreement, filters=(Filter("province", "in", ("01",)),), limits=(("rows_per_month", 5),))
    found = compare(narrow, Scope.from_text(agreement.scope), agreement.dataset)
    assert [change.widens for change in found.changes] == [True, True]


@pytest.mark.parametrize(("days", "widens"), [(1, True), (-1, False)])
def test_period_of_a_change_goes_further_where_it_ends_later(agreement, days, widens):
    found = compared(agreement, period_to=agreement.valid_to + timedelta(days=days))
    assert [change.widens for change in found.changes] == [widens]


def _next(agreement, longer=0):
    first = agreement.valid_to + timedelta(days=1)
    last = first + (agreement.valid_to - agreement.valid_from) + timedelta(days=longer)
    kept = last + (agreement.retention_until - agreement.valid_to)
    return {"period_from": first, "period_to": last, "retention_until": kept}


def test_mere_renewal_says_so_in_one_sentence(agreement):
    found = compared(agreement, RENEWAL, **_next(agreement))
    assert (len(found.changes), found.wider) == (2, 0)
    assert "thời hạn tiếp theo" in found.sentence
    assert compared(agreement, RENEWAL, **_next(agreement, longer=1)).wider == 1
    assert compared(agreement).changes == []


def test_desk_sees_what_changes_beside_the_running_version(world, agreement):
    fields = ["citizen_id", "born", "province"]
    request = world.followed(
        agreement,
        field_names=fields,
        onward_sharing=OnwardSharing.NAMED,
        onward_agencies="Sở Y tế",
        **ONE_PROVINCE,
    )
    world.under_review(world.submitted(world.proposed(request)))
    case = request.cases.get()
    response = as_user(world.approver).get(page(case))
    found = response.context["page"].comparison
    titles = {name: field.title for name, field in world.fields.items()}
    assert [(change.term, change.widens) for change in found.changes][:2] == [
        (titles["full_name"], False),
        (titles["province"], True),
    ]
    also = {change["term"]: change["after"] for change in response.context["page"].also_changed}
    assert "Sở Y tế" in also.values()
    text = response.text
    assert str(agreement) in text
    assert str(found.sentence) in text
    assert text.count("rộng hơn") >= 1


def test_new_request_has_nothing_beside_it(world):
    request = world.under_review()
    response = as_user(world.approver).get(page(request.cases.get()))
    assert response.context["page"].comparison is None
    assert response.context["page"].also_changed == []


def test_signatory_reads_what_changes_before_signing(client, world, agreement):
    request = world.proposed(world.followed(agreement, field_names=["citizen_id", "income"]))
    client.force_login(world.endorser)
    for name in ("request-detail", "request-endorse"):
        response = client.get(reverse(f"exchange:{name}", args=[request.public_id]))
        assert response.context["comparison"].wider == 1
        assert world.fields["income"].title in response.text


def test_consumer_sees_the_versions_with_what_each_changed(client, world, agreement):
    client.force_login(world.requester)
    assert client.get(agreement.get_absolute_url()).context["versions"] == []
    second = world.amended(agreement, field_names=["citizen_id"])
    third = world.amended(second, RENEWAL)
    response = client.get(second.get_absolute_url())
    found = response.context["versions"]
    assert [(one.version, comparison and len(comparison.changes)) for one, comparison in found] == [
        (3, 2),
        (2, 2),
        (1, None),
    ]
    assert third.get_absolute_url() in response.text


def test_questions_do_not_grow_with_the_versions(client, world, agreement):
    client.force_login(world.requester)

    def questions(one: Agreement) -> int:
        client.get(one.get_absolute_url())
        with CaptureQueriesContext(connection) as captured:
            assert client.get(one.get_absolute_url()).status_code == 200
        return len(captured)

    latest = world.amended(agreement, row_limit=999)
    few = questions(latest)
    for number in range(18):
        latest = world.amended(latest, row_limit=900 - number)
    assert questions(latest) == few
