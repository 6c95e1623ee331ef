"""Deciding many cases at once: a result for each, nothing decided unread, and the rules of a single decision."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.choices import Recommendation
from exchange.models import Agreement, ExchangeRequest, ReviewCase
from exchange.services import advice, bulk, cases, requests
from exchange.states import RequestStatus
from registry.choices import PersonalData, Role
from tests import factories
from tests.exchange.desk import as_user, changelist, refused, told
from tests.factories import person
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql


def page(name: str, chosen=()) -> str:
    numbers = "&".join(f"case={case.pk}" for case in chosen)
    return reverse(f"admin:exchange_reviewcase_bulk-{name}") + (f"?{numbers}" if numbers else "")


def cases_of(*found) -> list[ReviewCase]:
    return list(ReviewCase.objects.filter(request__in=found).order_by("pk"))


def ticked(client, name: str, chosen) -> list[str]:
    """The choices that the page sends when nothing on it is changed."""
    return [line.value for line, is_ticked in client.get(page(name, chosen)).context["lines"] if is_ticked]


def press(client, name: str, choices, **answers):
    return client.post(page(name), {"choice": choices, **answers})


def results(response) -> list[tuple[str, str]]:
    found = response.context["results"]
    return [(result.case.request.code, result.refusal.code if result.refusal else "") for result, _line in found]


def test_claiming_what_somebody_else_has_claimed_meanwhile(world):
    first, second = world.submitted(), world.submitted()
    client = as_user(world.officer)
    choices = ticked(client, "claim", cases_of(first, second))
    cases.claim(request=second, by=factories.handler(world.database))
    answer = press(client, "claim", choices)
    assert results(answer) == [(first.code, ""), (second.code, "wrong-state")]


def test_a_request_that_changed_under_the_list_is_not_approved(world):
    request = world.under_review()
    client = as_user(world.approver)
    choices = ticked(client, "approve", cases_of(request))
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert results(press(client, "approve", choices)) == [(request.code, "rule-2")]
    assert not Agreement.objects.exists()
    assert refused("request.approve").count() == 1


def test_what_a_colleague_narrowed_under_the_list_is_not_approved(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    client = as_user(world.approvers[1])
    choices = ticked(client, "approve", cases_of(request))
    cases.approve(
        request=request, by=world.approver, revision_hash=hash_of(request), fields={"citizen_id"}, reason="Đủ"
    )
    assert results(press(client, "approve", choices)) == [(request.code, "rule-2")]
    assert request.revisions.first().decisions.count() == 1


def test_sensitive_data_is_decided_on_its_own_page(world):
    request = world.under_review()
    world.fields["born"].personal_data = PersonalData.SENSITIVE
    world.fields["born"].save()
    client = as_user(world.approver)
    [case] = cases_of(request)
    assert ticked(client, "approve", [case]) == []
    forged = f"{case.pk}.{hash_of(request)}.{bulk.choice_of(case).scope_hash}"
    assert results(press(client, "approve", [forged])) == [(request.code, "one-by-one")]
    assert not Agreement.objects.exists()


@pytest.mark.parametrize("recommendation", [Recommendation.AGAINST, Recommendation.CONDITIONS])
def test_what_a_reviewer_advised_against_is_decided_on_its_own_page(world, recommendation):
    request = world.under_review()
    reviewer = factories.reviewer(world.database)
    advice.give(
        request=request, by=reviewer, recommendation=recommendation, text="Quá rộng", revision_hash=hash_of(request)
    )
    client = as_user(world.approver)
    assert ticked(client, "approve", cases_of(request)) == []
    assert "một người thẩm tra" in client.get(page("approve", cases_of(request))).content.decode().lower()


def test_rejecting_needs_reason_and_basis_and_keeps_the_ticks(world):
    first, second = world.under_review(), world.under_review()
    client = as_user(world.approver)
    choices = ticked(client, "reject", cases_of(first, second))
    listed = [case.pk for case in cases_of(first, second)]
    answer = press(client, "reject", choices[:1], listed=listed)
    assert answer.status_code == 422
    assert [is_ticked for _line, is_ticked in answer.context["lines"]] == [True, False]
    answer = press(client, "reject", choices, listed=listed, reason="Không đủ căn cứ", legal_basis=world.basis.pk)
    assert [problem for _code, problem in results(answer)] == ["", ""]
    assert {request.status for request in ExchangeRequest.objects.all()} == {RequestStatus.REJECTED}
    assert first.cases.get().letters.get().number != second.cases.get().letters.get().number


def test_returning_several(world):
    first, second = world.under_review(), world.under_review()
    client = as_user(world.officer)
    answer = press(client, "return", ticked(client, "return", cases_of(first, second)), reason="Nêu rõ mục đích")
    assert [problem for _code, problem in results(answer)] == ["", ""]
    assert {request.status for request in ExchangeRequest.objects.all()} == {RequestStatus.RETURNED}


def test_nothing_ticked_is_said(world):
    request = world.under_review()
    client = as_user(world.approver)
    answer = press(client, "approve", [], listed=[cases_of(request)[0].pk])
    assert answer.status_code == 422
    assert "ít nhất một hồ sơ" in answer.content.decode()


def test_the_action_leads_to_the_page_and_refuses_too_many(world, monkeypatch):
    chosen = cases_of(world.under_review(), world.under_review())
    client = as_user(world.approver)
    data = {"action": "bulk_approve", "_selected_action": [case.pk for case in chosen]}
    answer = client.post(changelist("reviewcase"), data)
    assert answer.status_code == 302
    assert len(client.get(answer.url).context["lines"]) == 2
    monkeypatch.setattr(bulk, "MOST", 1)
    assert "tối đa 1 hồ sơ" in told(client.post(changelist("reviewcase"), data, follow=True))
    assert client.get(page("approve", chosen)).status_code == 404


def test_cases_of_another_agency_are_not_there(world):
    request = world.under_review()
    [case] = cases_of(request)
    choice = bulk.choice_of(case)
    client = as_user(person(world.stranger, Role.APPROVER))
    assert client.get(page("approve", [case])).context["lines"] == []
    answer = press(client, "approve", [f"{case.pk}.{choice.revision_hash}.{choice.scope_hash}"])
    assert answer.status_code == 422
    request.refresh_from_db()
    assert request.status == RequestStatus.UNDER_REVIEW


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REVIEWER])
def test_who_does_not_decide_has_no_actions(world, role):
    world.under_review()
    client = as_user(person(world.provider, role))
    assert "bulk_approve" not in client.get(changelist("reviewcase")).content.decode()
    assert client.get(page("approve", ReviewCase.objects.all())).status_code == 403


def test_forged_choices_harm_nothing(world):
    world.under_review()
    client = as_user(world.approver)
    for choice in ("", "1", "x.y.z", "1.2.3.4", "99999999999999999999.a.b", "-1.a.b"):
        assert press(client, "approve", [choice]).status_code == 422
    assert client.get(page("approve") + "?case=x&case=99999999999999999999999&case=-1").status_code == 200


def test_a_withdrawn_one_is_told_and_the_rest_goes_on(world):
    first, second = world.under_review(), world.under_review()
    client = as_user(world.approver)
    choices = ticked(client, "approve", cases_of(first, second))
    requests.withdraw(request=first, by=world.requester)
    assert results(press(client, "approve", choices)) == [(first.code, "wrong-state"), (second.code, "")]


def test_the_page_costs_the_same_for_each_case(world):
    client = as_user(world.approver)
    for _number in range(2):
        world.under_review()
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as captured:
            client.get(page("approve", ReviewCase.objects.all()))
        counts.append((len(captured), ReviewCase.objects.count()))
        for _number in range(4):
            world.under_review()
    (few, two), (many, six) = counts
    assert (many - few) / (six - two) <= 30
