"""Whom a move is told, and whom not."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchange.choices import ConflictKind
from exchange.fulfilment import run
from exchange.refusals import Refusal
from exchange.services import agreements, cases, recusals, requests
from exchange.states import RequestStatus
from registry import permissions
from registry.choices import Mode, Role
from registry.models import Delegation, Membership, Notice
from registry.services import access
from tests import factories
from tests.factories import person
from tests.scenarios import hash_of


def told(kind: str) -> set:
    return {notice.recipient for notice in Notice.objects.filter(kind=f"exchange.{kind}").select_related("recipient")}


def test_signatories_who_may_sign_hear_of_a_proposal(world):
    both = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    requests.propose(request=world.draft(by=both), by=both)
    assert told("request.propose.pending-endorsement") == {world.endorser, world.second_endorser}
    notice = Notice.objects.filter(recipient=world.endorser).get()
    assert notice.path.startswith("/requests/")
    assert world.dataset.title in notice.text


def test_clerk_hears_that_it_was_sent_back_and_the_owner_does_not(world):
    request = world.proposed()
    requests.send_back(request=request, by=world.endorser, reason="Chưa rõ mục đích")
    assert told("request.send_back.draft") == {world.requester}
    assert not Notice.objects.filter(params__icontains="Chưa rõ").exists()


def test_only_those_assigned_hear_that_a_request_arrived(world):
    person(world.provider, Role.CASE_OFFICER)  # of the agency, but not for this database
    former = factories.handler(world.database)
    Membership.objects.filter(user=former).update(valid_to=timezone.localdate() - timedelta(days=1))
    world.submitted()
    assert told("request.endorse.submitted") == {world.officer}


def test_officers_are_not_told_of_what_a_standing_permission_grants(make_world):
    world = make_world(standing=True)
    colleague = person(world.consumer, Role.REQUESTER)
    request = world.draft()
    request.named_users.set([colleague])
    world.submitted(world.proposed(request))
    assert told("request.endorse.submitted") == set()
    assert told("request.grant.approved") == {world.requester, world.endorser, colleague}


def test_those_who_decide_hear_that_it_was_taken_on(make_world):
    world = make_world(approvers=3)
    delegate = person(world.provider, Role.CASE_OFFICER)
    today = timezone.localdate()
    Delegation.objects.create(
        delegator=world.approvers[0], delegate=delegate, agency=world.provider, reason="Nghỉ phép",
        valid_from=today, valid_to=today + timedelta(days=3),
    )  # fmt: skip
    request = world.submitted()
    recusals.declare(request=request, by=world.approvers[2], kind=ConflictKind.FAMILY)
    world.under_review(request)
    assert told("request.claim.under-review") == {world.approvers[0], world.approvers[1], delegate}


def test_reviewers_hear_of_a_case_only_where_their_advice_is_needed(make_world):
    world = make_world(reviews_needed=1)
    reviewer = person(world.provider, Role.REVIEWER)
    access.grant(permission=permissions.REVIEW, on=world.database, to=reviewer, by=None)
    world.under_review()
    assert reviewer in told("request.claim.under-review")


def test_a_vote_is_told_to_nobody_until_the_quorum_is_met(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    before = Notice.objects.count()
    world.voted(request, votes=1)
    assert Notice.objects.count() == before
    cases.approve(request=request, by=world.approvers[1], revision_hash=hash_of(request))
    assert told("request.approve.approved") == {world.requester, world.endorser, world.officer}


def test_offer_is_told_to_whoever_may_accept_it_and_the_answer_to_whoever_decided(make_world):
    world = make_world(quorum=2)
    request = world.offered()
    assert told("request.approve.offered") == {world.requester, world.endorser, world.second_endorser}
    requests.accept(request=request, by=world.endorser)
    assert told("request.accept.approved") == {world.requester, world.officer, *world.approvers[:2]}


def test_withdrawal_is_told_to_the_desk_that_had_the_request(world):
    request = world.under_review()
    requests.withdraw(request=request, by=world.requester)
    assert told("request.withdraw.withdrawn") == {world.endorser, world.officer}


def test_withdrawn_draft_is_told_to_nobody_of_the_owner(world):
    request = requests.create(consumer=world.consumer, by=world.requester, content={})
    requests.withdraw(request=request, by=world.requester)
    assert request.status == RequestStatus.WITHDRAWN
    assert told("request.withdraw.withdrawn") == set()


def test_suspension_is_told_to_both_sides_but_not_to_who_made_it(world):
    agreement = world.agreed()
    system = person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    agreements.suspend(agreement=agreement, by=world.operator, reason="Sự cố")
    assert told("agreement.suspend.suspended") == {world.requester, world.endorser, world.officer, world.approver}
    paths = dict(Notice.objects.filter(kind="exchange.agreement.suspend.suspended").values_list("recipient", "path"))
    assert paths[world.officer.pk].startswith("/admin/")
    assert not paths[world.requester.pk].startswith("/admin/")


def test_leaver_is_not_told(world):
    agreement = world.agreed()
    Membership.objects.filter(user=world.requester).update(valid_to=timezone.localdate() - timedelta(days=1))
    agreements.revoke(agreement=agreement, by=world.approver, reason="Hết căn cứ")
    assert world.requester not in told("agreement.revoke.revoked")


def test_users_hear_of_a_beginning_only_where_it_comes_later_than_the_decision(world):
    world.agreed()
    assert told("agreement.activate.active") == set()
    later = world.agreed(mode=Mode.LOOKUP, period_from=timezone.localdate() + timedelta(days=3))
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        agreements.activate(agreement=later)
        assert told("agreement.activate.active") == {world.requester}


def test_package_is_told_to_who_ordered_it(world):
    delivery = world.delivered()
    assert delivery.requested_by is None
    assert told("delivery.complete.completed") == {world.requester}  # named in the agreement
    assert delivery.get_absolute_url() == Notice.objects.filter(kind="exchange.delivery.complete.completed").get().path


def test_delivery_that_ends_with_its_agreement_is_not_told_beside_it(world):
    delivery = world.ordered()
    agreements.revoke(agreement=delivery.agreement, by=world.approver, reason="Hết căn cứ")
    assert told("delivery.terminate.terminated") == set()
    assert told("agreement.revoke.revoked") == {world.requester, world.endorser, world.officer}


def test_failed_delivery_is_told(world):
    delivery = world.ordered()
    world.source.unlink()
    world.database.connection.delete()
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == "terminated"
    assert told("delivery.terminate.terminated") == {world.requester}


def unread_of(user) -> list[str]:
    return list(Notice.objects.visible_to(user).unread().order_by("pk").values_list("kind", flat=True))


def test_what_asked_for_something_is_put_aside_once_it_was_done(world):
    request = world.proposed()
    assert (
        unread_of(world.endorser)
        == unread_of(world.second_endorser)
        == ["exchange.request.propose.pending-endorsement"]
    )
    world.submitted(request)
    assert unread_of(world.endorser) == unread_of(world.second_endorser) == []
    assert unread_of(world.officer) == ["exchange.request.endorse.submitted"]
    world.under_review(request)
    assert unread_of(world.officer) == []


def test_vote_puts_aside_what_the_voter_was_told_and_leaves_the_others_alone(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    world.voted(request, votes=1)
    assert unread_of(world.approvers[0]) == []
    assert unread_of(world.approvers[1]) == ["exchange.request.claim.under-review"]


def test_news_stay_unread_when_others_go_on(world):
    agreement = world.agreed()
    agreements.suspend(agreement=agreement, by=world.approver, reason="Kiểm tra")
    assert "exchange.request.approve.approved" in unread_of(world.requester)


def test_other_requests_are_not_put_aside(world):
    world.proposed()
    world.submitted(world.proposed())
    assert unread_of(world.endorser) == ["exchange.request.propose.pending-endorsement"]


def test_refused_move_tells_nobody(world):
    request = world.submitted()
    before = Notice.objects.count()
    with pytest.raises(Refusal):
        cases.claim(request=request, by=world.requester)
    assert Notice.objects.count() == before


def test_telling_costs_as_much_for_twenty_as_for_two(make_world):
    def questions(users: int) -> int:
        world = make_world()
        agreement = world.agreed()
        for _number in range(users):
            access.grant(permission=agreements.USE, on=agreement, to=person(world.consumer, Role.REQUESTER), by=None)
        with CaptureQueriesContext(connection) as captured:
            agreements.suspend(agreement=agreement, by=world.approver, reason="Kiểm tra")
        assert len(told("agreement.suspend.suspended")) >= users
        return len(captured)

    questions(1)
    assert questions(20) == questions(2)
