"""Scenarios 7 and 10: people at the same moment, nobody by the deadline, and many cases at once."""

import threading
from datetime import date

import pytest
from django.db import connections
from django.test import Client
from django.utils.translation import gettext as _

from evidence.models import Entry, Outcome
from exchange import tasks
from exchange.models import Agreement, Decision, Delivery, Escalation, ExchangeRequest, Letter, ReviewCase
from exchange.refusals import WrongState
from exchange.services import bulk, desk
from exchange.states import RequestStatus
from registry.choices import Role
from registry.models import Notice
from tests import factories
from tests.exchange.desk import as_user, filled, page, refused
from tests.exchange.scenarios import walk
from tests.exchange.test_bulk import cases_of, press, results
from tests.exchange.test_bulk import page as bulk_page
from tests.exchange.test_database_refuses import agreement_row, approved_in_sql, insert_copy, vote
from tests.exchange.test_races import deadlocks, fresh
from tests.exchange.test_terms import at, digest_of
from tests.factories import person
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql
in_one_transaction = pytest.mark.django_db
truly_at_once = pytest.mark.django_db(transaction=True)
ROUNDS = 3


# 7: at the same moment


def posts_at_once(*posts) -> list:
    """Send each POST (client, address, data) from a thread with a connection of its own; the responses, in that order."""
    barrier, found = threading.Barrier(len(posts)), [None] * len(posts)

    def send(number: int, client: Client, address: str, data: dict) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait(timeout=10)
            found[number] = client.post(address, data)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(number, *post), daemon=True) for number, post in enumerate(posts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert None not in found
    return found


def form_of(request, by, name: str, **answers) -> tuple:
    """The form as it stands open in the browser of the person."""
    client, address = as_user(by), page(walk.case_of(request), name)
    return client, address, filled(client, address, **answers)


def one_won(responses, request) -> None:
    """One is led on; the other reads 409 and how things stand now."""
    assert sorted(response.status_code for response in responses) == [302, 409]
    [loser] = [response for response in responses if response.status_code == 409]
    request.refresh_from_db()
    assert walk.says(loser, str(WrongState(request.get_status_display())))
    assert walk.says(loser, request.get_status_display())
    assert refused("request.approve").count() + refused("request.return").count() == 1


@truly_at_once
def test_scenario_07_two_approvers_at_once_conclude_one_agreement(world):
    before = deadlocks()
    for number in range(1, ROUNDS + 1):
        request = walk.to_the_desk(world)
        forms = [form_of(request, by, "approve") for by in world.approvers[:2]]
        responses = posts_at_once(*forms)
        assert sorted(response.status_code for response in responses) == [302, 409]
        [loser] = [response for response in responses if response.status_code == 409]
        assert walk.says(loser, str(RequestStatus.APPROVED.label))
        assert (Agreement.objects.count(), Letter.objects.count(), Delivery.objects.count()) == (number,) * 3
    assert deadlocks() == before


@truly_at_once
def test_scenario_07_a_double_click_is_one_vote(make_world):
    world = make_world(quorum=2)
    request = walk.to_the_desk(world)
    client, address, data = form_of(request, world.approver, "approve")
    again = as_user(world.approver)
    responses = posts_at_once((client, address, data), (again, address, data))
    assert sorted(response.status_code for response in responses) == [302, 403]
    [loser] = [response for response in responses if response.status_code == 403]
    assert walk.says(loser, _("%(person)s has already decided on this revision.") % {"person": world.approver})
    assert Decision.objects.count() == 1
    assert fresh(request).status == RequestStatus.UNDER_REVIEW


@truly_at_once
def test_scenario_07_approving_against_returning_has_one_outcome(world):
    request = walk.to_the_desk(world)
    responses = posts_at_once(
        form_of(request, world.approver, "approve"), form_of(request, world.officer, "return", reason="Sửa")
    )
    one_won(responses, request)
    is_approved = request.status == RequestStatus.APPROVED
    assert is_approved or request.status == RequestStatus.RETURNED
    assert Agreement.objects.count() == Letter.objects.count() == is_approved
    made = Entry.objects.filter(action__in=["request.approve", "request.return"], outcome=Outcome.SUCCESS)
    assert made.count() == 1


@truly_at_once
def test_scenario_07_the_page_against_a_bulk_action(world):
    request = walk.to_the_desk(world)
    case = walk.case_of(request)
    choice = f"{case.pk}.{hash_of(request)}.{bulk.choice_of(case).scope_hash}"
    one, many = posts_at_once(
        form_of(request, world.approvers[0], "approve"),
        (as_user(world.approvers[1]), bulk_page("approve"), {"choice": [choice]}),
    )
    in_bulk = walk.results(many)
    assert (one.status_code, in_bulk) in [(302, ["wrong-state"]), (409, [""])]
    assert Agreement.objects.count() == 1


@in_one_transaction
def test_scenario_07_the_database_takes_one_live_vote(make_world):
    world = make_world(quorum=2)
    request = walk.to_the_desk(world)
    walk.approve(request, world.approver)
    walk.refused_in_sql(lambda: vote(request, world.approver), match="one_live_per_person")


# 10: nobody decides, or many at once


@in_one_transaction
def test_scenario_10_no_decision_by_the_deadline_and_the_approver_on_leave(make_world):
    """The delegate and the superior are told in one digest; nothing approves itself; the figures count it overdue."""
    world = make_world(approvers=1)
    ministry = factories.AgencyFactory()
    factories.put_below(world.provider, ministry)
    colleague, above = person(world.provider, Role.APPROVER), person(ministry, Role.APPROVER)
    delegate = person(world.provider, Role.CASE_OFFICER, is_staff=True)
    with at(date(2026, 3, 2)):
        request = world.under_review(period_to=date(2027, 1, 1), retention_until=date(2027, 1, 1))
        factories.DelegationFactory(
            agency=world.provider,
            delegator=world.approver,
            delegate=delegate,
            valid_from=date(2026, 3, 2),
            valid_to=date(2026, 4, 30),
        )
    with at(date(2026, 3, 10)):  # due on the 9th
        tasks.sweep()
        tasks.sweep()
        assert digest_of(delegate)["overdue"] == 1
        assert digest_of(above) is None
    with at(date(2026, 3, 16)):  # five working days over
        tasks.sweep()
        tasks.sweep()
        assert [section.name for section in desk.for_person(above)] == ["superior"]
        assert [section.name for section in desk.for_person(colleague)] == ["superior"]
        assert digest_of(colleague)["escalated"] == digest_of(above)["escalated"] == 1
        assert digest_of(delegate)["overdue"] == 1
        assert Notice.objects.filter(recipient=above, kind="exchange.digest").count() == 1
        assert ReviewCase.objects.overdue().count() == 1
        assert list(Escalation.objects.values_list("step", flat=True)) == [1, 2, 3]
    assert Entry.objects.filter(action="request.escalate").count() == 3
    request.refresh_from_db()
    assert request.status != RequestStatus.APPROVED
    assert not Delivery.objects.exists()
    approved_in_sql(request)
    walk.refused_in_sql(lambda: insert_copy(agreement_row(request)), match="0 of 1 approvals")


@in_one_transaction
def test_scenario_10_bulk_approval_of_20_with_3_conflicted_changes_17_and_says_why(world):
    """The approver once edited three of them, as a clerk of the asking agency."""
    approver = world.approver
    mixed = [world.under_review() for _number in range(17)]
    conflicted = [world.draft() for _number in range(3)]
    for request in conflicted:
        request.editors.add(approver)
        world.under_review(world.submitted(world.proposed(request)))
    chosen = cases_of(*mixed, *conflicted)
    client = as_user(approver)
    shown = client.get(bulk_page("approve", chosen))
    assert (shown.context["open_count"], shown.context["kept_back"]) == (17, 3)
    forged = [f"{case.pk}.{hash_of(case.request)}.{bulk.choice_of(case).scope_hash}" for case in chosen]
    answer = press(client, "approve", forged)
    assert sorted(code for code, problem in results(answer) if not problem) == sorted(r.code for r in mixed)
    assert {problem for _code, problem in results(answer) if problem} == {"rule-1"}
    assert answer.context["told"] == "17 trên 20 hồ sơ đã thay đổi."
    assert "không được quyết định về yêu cầu đó" in answer.content.decode()
    assert Agreement.objects.count() == 17
    assert ExchangeRequest.objects.filter(status=RequestStatus.UNDER_REVIEW).count() == 3
    assert refused("request.approve").count() == 3
