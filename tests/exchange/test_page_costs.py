"""What the pages of one request and of the desk ask of the database: little, and the same however much there is."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.choices import Audience
from exchange.services import cases, comments
from exchange.states import Side
from registry.choices import Role
from tests.exchange.desk import as_user, changelist, page
from tests.factories import person
from tests.scenarios import hash_of


def questions(user, url: str) -> int:
    """How many queries the page takes, once content types are known."""
    client = as_user(user)
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    return len(captured)


def talk(world, request, count: int) -> None:
    for number in range(count):
        comments.write(request=request, by=world.officer, side=Side.PROVIDER, text=f"{number}", audience=Audience.BOTH)


def returned(world, request) -> None:
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))


@pytest.mark.parametrize("reader", ["officer", "last_approver"])
def test_a_case_costs_the_same_with_votes_comments_and_revisions(make_world, reader):
    world = make_world(quorum=3)
    user = {"officer": world.officer, "last_approver": world.approvers[2]}[reader]
    request = world.under_review(field_names=list(world.fields))
    returned(world, request)
    cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    talk(world, request, 1)
    case = request.cases.get()
    before = questions(user, page(case))
    assert before < 60

    returned(world, request)
    returned(world, request)
    for approver in world.approvers[:2]:
        cases.approve(request=request, by=approver, revision_hash=hash_of(request))
    talk(world, request, 8)
    assert questions(user, page(case)) == before


def test_a_case_that_is_closed_costs_no_more(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    for approver in world.approvers[:2]:
        cases.approve(request=request, by=approver, revision_hash=hash_of(request))
    assert questions(world.officer, page(request.cases.get())) < 50
    assert questions(person(world.stranger, Role.AUDITOR, is_staff=True), page(request.cases.get())) < 50


def test_a_form_of_a_case_costs_less_than_its_page(make_world):
    world = make_world(quorum=2)
    case = world.voted(votes=1).cases.get()
    assert questions(world.approvers[1], page(case, "approve")) < 45


def test_a_request_costs_the_same_with_comments_and_revisions(world):
    request = world.under_review()
    returned(world, request)
    talk(world, request, 1)
    before = questions(world.requester, request.get_absolute_url())
    assert before < 30
    returned(world, request)
    talk(world, request, 8)
    assert questions(world.requester, request.get_absolute_url()) == before


def test_a_draft_costs_less_than_fifty(world):
    assert questions(world.requester, world.draft().get_absolute_url()) < 50


@pytest.mark.parametrize("reader", ["requester", "endorser", "officer", "approver"])
def test_my_desk_costs_less_than_forty(world, reader):
    world.submitted()
    world.under_review()
    world.proposed()
    assert questions(getattr(world, reader), reverse("exchange:desk")) < 40


def test_the_queue_costs_less_than_twenty(world):
    world.submitted()
    world.under_review()
    assert questions(world.officer, changelist("reviewcase")) < 20
