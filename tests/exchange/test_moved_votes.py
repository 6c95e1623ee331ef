"""An approver who joins the asking side after voting: the case says so, and is not closed on that vote."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.models import Decision
from exchange.refusals import Refusal
from exchange.services import cases
from exchange.states import RequestStatus
from registry.choices import Role
from tests.exchange.desk import as_user, buttons, page, press, rows
from tests.factories import DelegationFactory, MembershipFactory
from tests.scenarios import agreement_of, hash_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(make_world):
    return make_world(quorum=2)


@pytest.fixture
def request_(world):
    """Under review, with the vote of the first approver."""
    return world.voted(votes=1)


def move(person, agency) -> None:
    person.memberships.update(valid_to=timezone.localdate())
    MembershipFactory(user=person, agency=agency, role=Role.AUDITOR)


def approve(request, by):
    return cases.approve(request=request, by=by, revision_hash=hash_of(request))


def code_of(act) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def set_status(request, status: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE exchange_exchangerequest SET status = %s WHERE id = %s", [status, request.pk])


@pytest.mark.parametrize("where", ["consumer", "ministry"])
def test_case_is_not_closed_on_the_vote_of_somebody_who_moved(world, request_, where):
    move(world.approver, getattr(world, where))
    assert code_of(lambda: approve(request_, world.approvers[1])) == "voter-moved"
    request_.refresh_from_db()
    assert request_.status == RequestStatus.UNDER_REVIEW
    assert request_.cases.get().decisions.live().count() == 1, "the vote that was refused is not kept"
    assert Entry.objects.filter(action="request.approve", outcome=Outcome.REFUSED).count() == 1


def test_vote_set_aside_is_made_anew_by_another(world, request_):
    move(world.approver, world.consumer)
    cases.set_aside(request=request_, by=world.officer)
    assert request_.status == RequestStatus.UNDER_REVIEW
    assert Decision.objects.get().voided_at is not None
    approve(request_, world.approvers[1])
    assert request_.status == RequestStatus.UNDER_REVIEW
    approve(request_, world.approvers[2])
    assert agreement_of(request_).is_live
    assert Entry.objects.get(action="request.set_aside").actor == str(world.officer.public_id)


def test_vote_that_does_not_close_is_taken_meanwhile(make_world):
    world = make_world(quorum=3)
    request = world.voted(votes=1)
    move(world.approver, world.consumer)
    approve(request, world.approvers[1])
    assert request.cases.get().decisions.live().count() == 2


@pytest.mark.parametrize("who", ["delegate", "delegator"])
def test_move_of_either_of_a_delegation_counts(world, who):
    request = world.under_review()
    given = DelegationFactory(agency=world.provider, delegator=world.approver, valid_from=date(2020, 1, 1))
    approve(request, given.delegate)
    move(getattr(given, who), world.ministry)
    assert code_of(lambda: approve(request, world.approvers[1])) == "voter-moved"


@pytest.mark.parametrize("where", ["stranger", "provider", None])
def test_going_elsewhere_changes_nothing(world, request_, where):
    """The agency at the time of voting counts."""
    if where:
        move(world.approver, getattr(world, where))
    else:
        world.approver.memberships.update(valid_to=date(2020, 2, 1))
    approve(request_, world.approvers[1])
    assert request_.status == RequestStatus.APPROVED


def test_nothing_is_set_aside_where_nobody_moved(world, request_):
    assert code_of(lambda: cases.set_aside(request=request_, by=world.officer)) == "nobody-moved"
    assert Decision.objects.get().voided_at is None


def test_whoever_moved_sets_nothing_aside(world, request_):
    move(world.approver, world.consumer)
    assert code_of(lambda: cases.set_aside(request=request_, by=world.approver)) == "rule-1"


def test_database_closes_no_case_on_such_a_vote(world, request_):
    with transaction.atomic():
        approve(request_, world.approvers[1])
        assert request_.status == RequestStatus.APPROVED
        transaction.set_rollback(True)
    move(world.approver, world.ministry)
    for status in ("approved", "offered"):
        with pytest.raises(IntegrityError, match="has joined the asking side"):
            set_status(request_, status)


def test_database_voids_a_vote_only_of_who_moved(world, request_):
    def void():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE exchange_decision SET voided_at = now()")

    with pytest.raises(IntegrityError, match="only a new revision"):
        void()
    move(world.approver, world.ministry)
    void()
    assert Decision.objects.get().voided_at


def test_desk_shows_it_and_offers_to_set_the_vote_aside(world, request_):
    case = request_.cases.get()
    assert "set_aside" not in buttons(as_user(world.officer), case)
    assert not rows(as_user(world.officer), "reviewcase")[0].has_moved_vote
    move(world.approver, world.consumer)
    client = as_user(world.officer)
    assert rows(client, "reviewcase")[0].has_moved_vote
    assert "đã chuyển" in client.get(reverse("admin:exchange_reviewcase_changelist")).text
    text = client.get(page(case)).text
    assert 'role="alert"' in text
    assert str(world.approver) in text.split('role="alert"')[1].split("</div>")[0]
    assert buttons(client, case)["set_aside"]
    press(world.officer, case, "set_aside")
    assert Decision.objects.get().voided_at
    assert "set_aside" not in buttons(client, case)


def test_blind_review_does_not_tell_whose_vote_it_was(make_world):
    world = make_world(quorum=2, blind_review=True)
    request = world.voted(votes=1)
    move(world.approver, world.consumer)
    text = as_user(world.officer).get(page(request.cases.get())).text
    alert = text.split('role="alert"')[1].split("</div>")[0]
    assert str(world.approver) not in alert
