"""My desk: what waits for one person, and nothing that does not."""

from datetime import timedelta

import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exchange.choices import ConflictKind, Recommendation, Urgency
from exchange.services import advice, cases, desk, recusals, requests
from registry.choices import Role
from registry.services import access
from tests import factories
from tests.exchange.past import put_due
from tests.factories import person
from tests.scenarios import hash_of


def codes(user) -> dict[str, list[str]]:
    return {section.name: [row.code for row in section.rows] for section in desk.for_person(user)}


def test_each_person_sees_what_waits_for_them(make_world):
    world = make_world(quorum=2)
    draft = world.draft()
    proposed, submitted, review = world.proposed(), world.submitted(), world.under_review()
    offered = world.offered(world.under_review())
    returned = world.under_review()
    cases.send_back(request=returned, by=world.officer, reason="Xem lại", revision_hash=hash_of(returned))
    assert codes(world.requester) == {"correct": [returned.code], "drafts": [draft.code]}
    assert codes(world.endorser) == {"sign": [proposed.code], "answer": [offered.code]}
    assert codes(world.officer) == {"take": [submitted.code], "handle": [review.code]}
    assert codes(world.approvers[2]) == {"decide": [review.code]}
    assert codes(person(world.stranger, *Role)) == {}


def test_whoever_voted_is_done(make_world):
    world = make_world(quorum=3)
    request = world.voted(votes=1)
    assert codes(world.approver) == {}
    assert codes(world.approvers[1]) == {"decide": [request.code]}


def test_a_void_vote_makes_it_wait_again(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert codes(world.approver) == {"decide": [request.code]}


def test_what_a_person_stays_out_of_does_not_wait(world):
    request = world.under_review()
    recusals.declare(request=request, by=world.approver, kind=ConflictKind.OTHER)
    assert codes(world.approver) == {}
    edited = world.draft()
    edited.editors.add(world.approvers[1])
    world.under_review(world.submitted(world.proposed(edited)))
    assert codes(world.approvers[1]) == {"decide": [request.code]}


def test_a_delegate_sees_the_absent_approvers_work_on_those_days(world):
    request = world.under_review()
    delegate = person(world.provider, Role.REQUESTER, is_staff=True)
    assert codes(delegate) == {}
    delegation = factories.DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    assert codes(delegate) == {"decide": [request.code]}
    yesterday = timezone.localdate() - timedelta(days=1)
    type(delegation).objects.update(valid_from=yesterday, valid_to=yesterday)
    assert codes(delegate) == {}


def test_an_approver_who_lost_the_role_sees_nothing(world):
    world.under_review()
    world.approver.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    assert codes(world.approver) == {}


def test_advice_waits_until_it_is_given_on_the_latest_revision(make_world):
    world = make_world(reviews_needed=1)
    reviewer = factories.reviewer(world.database)
    request = world.under_review()
    assert codes(reviewer) == {"advise": [request.code]}
    given = {"recommendation": Recommendation.FOR, "text": "Được"}
    advice.give(request=request, by=reviewer, revision_hash=hash_of(request), **given)
    assert codes(reviewer) == {}
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert codes(reviewer) == {"advise": [request.code]}


def test_files_wait_until_their_time_is_over(world):
    delivery = world.delivered()
    access.grant(permission="use_agreement", on=delivery.agreement, to=world.requester, by=None)
    assert codes(world.requester)["download"] == [delivery.code]
    with time_machine.travel(delivery.available_until):
        assert "download" not in codes(world.requester)


def test_the_one_due_first_comes_first_and_is_marked(world, client):
    later, sooner = world.under_review(), world.under_review(urgency=Urgency.EXPRESS)
    put_due(timezone.localdate() - timedelta(days=1), sooner)
    assert codes(world.approver) == {"decide": [sooner.code, later.code]}
    client.force_login(world.approver)
    shown = client.get(reverse("exchange:desk")).content.decode()
    assert "1 quá hạn" in shown
    assert "status-overdue" in shown
    assert str(Urgency.EXPRESS.label) in shown


def test_ten_are_shown_and_the_rest_is_a_link_away(world, client):
    for _number in range(11):
        world.under_review()
    [section] = desk.for_person(world.approver)
    assert (len(section.rows), section.has_more) == (10, True)
    client.force_login(world.approver)
    assert section.more_url.replace("&", "&amp;") in client.get(reverse("exchange:desk")).content.decode()
    assert client.get(section.more_url).context["cl"].result_count == 11


def test_an_empty_desk_says_so(world, client):
    client.force_login(world.requester)
    assert "Không có việc nào chờ Ông/Bà" in client.get(reverse("exchange:desk")).content.decode()


def test_withdrawn_is_gone(world):
    request = world.under_review()
    requests.withdraw(request=request, by=world.requester)
    assert codes(world.approver) == {}


def test_it_asks_as_many_questions_for_20_as_for_2(world, client):
    everybody = person(world.provider, *Role, is_staff=True)
    factories.assign(everybody, world.database, "decide_requests", "handle_requests", "review_requests")
    for agency_role in (Role.REQUESTER, Role.ENDORSER):
        factories.MembershipFactory(user=everybody, agency=world.consumer, role=agency_role)
    client.force_login(everybody)
    counts = []
    for rows in (2, 18):
        for _number in range(rows):
            world.draft()
            world.proposed()
            world.submitted()
            world.under_review()
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("exchange:desk"))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 40
