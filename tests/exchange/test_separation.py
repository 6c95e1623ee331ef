"""Rules 1 and 2: requester, editor, signatory and approvers are different people, and approvers are nobody of the asking side."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange import rules
from exchange.choices import ConflictKind, Recommendation, Verdict
from exchange.models import Decision, ExchangeRequest
from exchange.refusals import Refusal
from exchange.scope import sha256
from exchange.services import (
    advice,
    agreements,
    cases,
    comments,
    extending,
    recusals,
    requests,
    scopes,
    taking_over,
)
from exchange.states import RequestStatus, Side
from registry.choices import Role
from registry.models import User
from registry.permissions import DECIDE, HANDLE
from registry.services import access
from tests.exchange.test_database_refuses import vote
from tests.factories import (
    AgencyFactory,
    DelegationFactory,
    MembershipFactory,
    assign,
    decider,
    handler,
    person,
    put_below,
    reviewer,
)
from tests.scenarios import hash_of


def approve(request, by, **narrowed):
    return cases.approve(request=request, by=by, revision_hash=hash_of(request), **narrowed)


def endorse(request, by, **changes):
    return requests.endorse(**{"request": request, "by": by, "revision_hash": hash_of(request), **changes})


def refused(act, code: str, action: str) -> None:
    """The act is refused with the code, and the refusal stands in the ledger."""
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code
    entry = Entry.objects.filter(action=action, outcome=Outcome.REFUSED).first()
    assert entry is not None
    assert f'"code":"{code}"' in entry.details


def both_sides(world, **attributes) -> User:
    """Somebody who holds every role in both agencies, and the duty to decide."""
    someone = person(world.consumer, Role.REQUESTER, Role.ENDORSER, **attributes)
    for role in (Role.CASE_OFFICER, Role.APPROVER):
        MembershipFactory(user=someone, agency=world.provider, role=role)
    return assign(someone, world.database, DECIDE)


@pytest.fixture(params=[False, True], ids=["ordinary", "superuser"])
def superuser(request):
    return request.param


def test_requester_cannot_sign_the_own_request(world, superuser):
    requester = person(world.consumer, Role.REQUESTER, Role.ENDORSER, is_superuser=superuser)
    request = requests.propose(request=world.draft(by=requester), by=requester)
    refused(lambda: endorse(request, requester), "rule-1", "request.endorse")


def test_last_editor_cannot_sign(world, superuser):
    editor = person(world.consumer, Role.REQUESTER, Role.ENDORSER, is_superuser=superuser)
    request = world.draft()
    requests.save_draft(request=request, by=editor, version=request.version, content={"letter_number": "13/UBND"})
    request = world.proposed(request)
    refused(lambda: endorse(request, editor), "rule-1", "request.endorse")


def test_proposer_of_somebody_elses_draft_cannot_sign(world):
    proposer = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    request = requests.propose(request=world.draft(), by=proposer)
    refused(lambda: endorse(request, proposer), "rule-1", "request.endorse")


def test_signatory_may_edit_after_a_return_and_then_cannot_sign(world):
    endorser = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    request = endorse(world.proposed(), endorser)
    cases.claim(request=request, by=world.officer)
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    requests.save_draft(request=request, by=endorser, version=request.version, content={"reason": "Rõ hơn"})
    world.proposed(request)
    refused(lambda: endorse(request, endorser), "rule-1", "request.endorse")


def test_requester_cannot_accept_the_own_offer(world):
    requester = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    request = requests.propose(request=world.draft(by=requester), by=requester)
    world.offered(world.under_review(world.submitted(request)))
    refused(lambda: requests.accept(request=request, by=requester), "rule-1", "request.accept")


@pytest.mark.parametrize("part", ["requester", "endorser", "editor", "proposer"])
def test_nobody_decides_who_took_part(world, part, superuser):
    someone = both_sides(world, is_superuser=superuser)
    request = world.draft(by=someone if part == "requester" else None)
    if part == "editor":
        requests.save_draft(request=request, by=someone, version=request.version, content={"reason": "Khác"})
    requests.propose(request=request, by=someone if part == "proposer" else world.requester)
    endorse(request, someone if part == "endorser" else world.endorser)
    world.under_review(request)
    someone.memberships.filter(agency=world.consumer).update(valid_to=timezone.localdate() - timedelta(days=1))
    refused(lambda: approve(request, someone), "rule-1", "request.approve")
    refused(
        lambda: cases.reject(
            request=request, by=someone, reason="Không", legal_basis=world.basis, revision_hash=hash_of(request)
        ),
        "rule-1",
        "request.reject",
    )
    assert not Decision.objects.exists()


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_no_approver_belongs_to_the_asking_agency_or_one_above_it(world, levels, superuser):
    agency = world.consumer
    for _level in range(levels):
        if agency.parent is None:
            put_below(agency, AgencyFactory())
        agency = agency.parent
    approver = world.approver
    User.objects.filter(pk=approver.pk).update(is_superuser=superuser)
    MembershipFactory(user=approver, agency=agency, role=Role.REVIEWER)
    request = world.under_review()
    refused(lambda: approve(request, approver), "rule-1", "request.approve")


@pytest.mark.parametrize("above", ["before", "proposed", "signed", "now"])
def test_moving_the_asking_agency_in_between_opens_no_way(world, above):
    """The approver works in the one agency that stood above the asking one at that time, and at no other."""
    concerned, request = AgencyFactory(), world.draft()
    MembershipFactory(user=world.approver, agency=concerned, role=Role.REVIEWER)
    steps = {
        "before": lambda: None,
        "proposed": lambda: world.proposed(request),
        "signed": lambda: world.submitted(request),
        "now": lambda: world.under_review(request),
    }
    for when, step in steps.items():
        put_below(world.consumer, concerned if when == above else AgencyFactory())
        step()
    if above == "before":
        assert approve(request, world.approver).status == RequestStatus.APPROVED
        return
    refused(lambda: approve(request, world.approver), "rule-1", "request.approve")
    # Nor does the database take it, nor in somebody's place.
    delegate = person(world.provider, Role.APPROVER)
    delegation = DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    refused(lambda: approve(request, delegate), "rule-1", "request.approve")
    for by, given in ((world.approver, None), (delegate, delegation)):
        with pytest.raises(IntegrityError, match="requesting agency or of one above it"):
            vote(request, by, delegation=given)


def test_agreement_is_not_resumed_by_who_stood_above_when_it_was_asked_for(world):
    agreement = world.suspended()
    MembershipFactory(user=world.approvers[1], agency=world.ministry, role=Role.REVIEWER)
    put_below(world.consumer, AgencyFactory())
    refused(
        lambda: agreements.resume(agreement=agreement, by=world.approvers[1], reason="Đã kiểm tra"),
        "rule-1",
        "agreement.resume",
    )
    assert agreements.resume(agreement=agreement, by=world.approver, reason="Đã kiểm tra").status == "active"


@pytest.mark.parametrize("before", ["SELECT 1", "SET LOCAL session_replication_role = replica"])
def test_standing_permission_of_who_stood_above_grants_nothing(make_world, before):
    world = make_world(standing=True)
    MembershipFactory(user=world.policy.decided_by, agency=world.ministry, role=Role.REVIEWER)
    request = world.proposed()
    put_below(world.consumer, AgencyFactory())
    assert world.submitted(request).status == RequestStatus.SUBMITTED  # not granted at once: somebody decides
    with connection.cursor() as cursor:
        cursor.execute(before)
        cursor.execute(
            "SELECT exchange_conflict(%s, request) FROM exchange_exchangerequest request WHERE id = %s",
            [world.policy.decided_by_id, request.pk],
        )
        assert "above it" in cursor.fetchone()[0]


def test_who_moved_to_another_agency_neither_takes_on_nor_decides(world):
    request = world.submitted()
    world.officer.memberships.update(agency=AgencyFactory())
    refused(lambda: cases.claim(request=request, by=world.officer), "not-your-role", "request.claim")
    cases.claim(request=request, by=handler(world.database))
    world.approver.memberships.update(agency=AgencyFactory())
    refused(lambda: approve(request, world.approver), "not-your-role", "request.approve")
    with pytest.raises(IntegrityError, match="only somebody of the owner"):
        vote(request, world.approver)


def test_approver_of_a_sister_agency_may_decide(world):
    MembershipFactory(user=world.approver, agency=AgencyFactory(parent=world.ministry), role=Role.REVIEWER)
    assert approve(world.under_review(), world.approver).status == RequestStatus.APPROVED


def test_superuser_without_roles_can_do_nothing(world):
    root = person(world.stranger, is_superuser=True)
    request = world.proposed()
    refused(lambda: endorse(request, root), "not-your-role", "request.endorse")
    world.submitted(request)
    refused(lambda: cases.claim(request=request, by=root), "not-your-role", "request.claim")
    world.under_review(request)
    refused(lambda: approve(request, root), "not-your-role", "request.approve")
    agreement = world.agreed()
    refused(lambda: agreements.revoke(agreement=agreement, by=root, reason="Thử"), "not-your-role", "agreement.revoke")


def test_refusal_names_the_agency_of_who_was_refused(world):
    outsider = person(world.stranger, Role.APPROVER)
    request = world.under_review()
    refused(lambda: approve(request, outsider), "not-your-role", "request.approve")
    entry = Entry.objects.get(outcome=Outcome.REFUSED)
    assert (entry.actor, entry.agency) == (str(outsider.public_id), world.stranger.code)


def test_approver_who_is_not_assigned_to_the_database_cannot_decide(world, superuser):
    approver = person(world.provider, Role.APPROVER, is_superuser=superuser)
    refused(lambda: approve(world.under_review(), approver), "not-assigned", "request.approve")


def test_approver_whose_assignment_was_withdrawn_cannot_decide(world):
    request = world.under_review()
    access.withdraw(permission=DECIDE, on=world.database, to=world.approver, by=None)
    refused(lambda: approve(request, world.approver), "not-assigned", "request.approve")


def test_approver_whose_membership_ended_yesterday_cannot_decide(world):
    request = world.under_review()
    world.approver.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    refused(lambda: approve(request, world.approver), "not-your-role", "request.approve")


def test_approver_whose_membership_ends_today_still_decides(world):
    world.approver.memberships.update(valid_to=timezone.localdate())
    assert approve(world.under_review(), world.approver).status == RequestStatus.APPROVED


def test_approver_whose_account_was_closed_cannot_decide(world):
    world.approver.is_active = False
    world.approver.save()
    refused(lambda: approve(world.under_review(), world.approver), "nobody", "request.approve")


def test_approver_votes_once(make_world):
    world = make_world(quorum=2)
    request = approve(world.under_review(), world.approver)
    assert request.status == RequestStatus.UNDER_REVIEW
    refused(lambda: approve(request, world.approver), "rule-2", "request.approve")


@pytest.mark.parametrize("verdict", ["return", "reject"])
def test_approver_does_not_vote_twice_with_another_verdict(make_world, verdict):
    world = make_world(quorum=2)
    request = approve(world.under_review(), world.approver)
    common = {"request": request, "by": world.approver, "reason": "Đổi ý", "revision_hash": hash_of(request)}
    act = {
        "return": lambda: cases.send_back(**common),
        "reject": lambda: cases.reject(**common, legal_basis=world.basis),
    }[verdict]
    refused(act, "rule-2", f"request.{verdict}")


def test_decision_on_an_older_text_is_refused(world):
    request = world.under_review()
    refused(
        lambda: cases.approve(request=request, by=world.approver, revision_hash="0" * 64), "rule-2", "request.approve"
    )


def delegate_of(world, delegator=None, *roles) -> User:
    """A colleague without own duties, to whom an approver delegated."""
    delegate = person(world.provider, *(roles or (Role.CASE_OFFICER,)))
    DelegationFactory(agency=world.provider, delegator=delegator or world.approver, delegate=delegate)
    return delegate


def test_delegate_decides_in_the_name_of_the_approver(world):
    request = approve(world.under_review(), delegate_of(world))
    decision = Decision.objects.get()
    assert request.status == RequestStatus.APPROVED
    assert decision.delegation.delegator == world.approver
    entry = Entry.objects.get(action="request.approve", subject_id=request.code)
    assert str(world.approver.public_id) in entry.details


def test_unassigned_approver_decides_only_under_a_delegation_that_is_named(world):
    approve(world.under_review(), delegate_of(world, None, Role.APPROVER))
    assert Decision.objects.get().delegation.delegator == world.approver


def test_delegate_with_an_own_conflict_cannot_decide(world):
    delegate = delegate_of(world)
    MembershipFactory(user=delegate, agency=world.ministry, role=Role.AUDITOR)
    refused(lambda: approve(world.under_review(), delegate), "rule-1", "request.approve")


def test_delegate_of_an_approver_with_a_conflict_cannot_decide(world):
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    refused(lambda: approve(world.under_review(), delegate_of(world)), "rule-1", "request.approve")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["concerned-first", "free-first"])
def test_delegate_decides_for_the_approver_who_is_free_to(make_world, order):
    """Of the approvers who delegated one declared a conflict: the other's delegation counts, whichever came first."""
    world = make_world()
    concerned, free = world.approvers[:2]
    delegate = delegate_of(world, (concerned, free)[order[0]])
    DelegationFactory(agency=world.provider, delegator=(concerned, free)[order[1]], delegate=delegate)
    request = world.under_review()
    recusals.declare(request=request, by=concerned, kind=ConflictKind.FAMILY)
    approve(request, delegate)
    assert Decision.objects.get().delegation.delegator == free


def test_delegate_of_several_approvers_counts_once_and_for_the_oldest_delegation(make_world):
    world = make_world(quorum=2)
    first, second = world.approvers[:2]
    delegate = delegate_of(world, first)
    DelegationFactory(agency=world.provider, delegator=second, delegate=delegate)
    request = approve(world.under_review(), delegate)
    assert Decision.objects.get().delegation.delegator == first
    refused(lambda: approve(request, delegate), "rule-2", "request.approve")


def test_delegate_of_several_approvers_is_refused_where_none_of_them_is_free(make_world):
    world = make_world()
    request = world.under_review()
    delegate = delegate_of(world, world.approvers[0])
    DelegationFactory(agency=world.provider, delegator=world.approvers[1], delegate=delegate)
    for approver in world.approvers[:2]:
        recusals.declare(request=request, by=approver, kind=ConflictKind.FAMILY)
    refused(lambda: approve(request, delegate), "rule-1", "request.approve")


def test_delegate_speaks_for_the_approver_who_is_not_of_the_asking_side(make_world):
    world = make_world()
    agreement = approve(world.under_review(), world.approvers[1]).cases.get().agreements.get()
    delegate = delegate_of(world, world.approvers[0])
    DelegationFactory(agency=world.provider, delegator=world.approvers[1], delegate=delegate)
    MembershipFactory(user=world.approvers[0], agency=world.ministry, role=Role.AUDITOR)
    assert rules.check_speaks_for_owner(agreement, delegate).delegator == world.approvers[1]
    MembershipFactory(user=world.approvers[1], agency=world.ministry, role=Role.AUDITOR)
    with pytest.raises(Refusal, match=world.ministry.name):
        rules.check_speaks_for_owner(agreement, delegate)


@pytest.mark.parametrize("delegate_first", [True, False])
def test_approver_and_delegate_are_one_vote(make_world, delegate_first):
    world = make_world(quorum=2)
    first, second = delegate_of(world), world.approver
    if not delegate_first:
        first, second = second, first
    request = approve(world.under_review(), first)
    refused(lambda: approve(request, second), "rule-2", "request.approve")
    assert request.status == RequestStatus.UNDER_REVIEW


@pytest.mark.parametrize("ended", ["delegation", "delegator", "duty"])
def test_delegation_that_ended_gives_nothing(world, ended):
    delegate, yesterday = delegate_of(world), timezone.localdate() - timedelta(days=1)
    if ended == "delegation":
        delegate.delegations_received.update(valid_to=yesterday)
    elif ended == "delegator":
        world.approver.memberships.update(valid_to=yesterday)
    else:
        access.withdraw(permission=DECIDE, on=world.database, to=world.approver, by=None)
    refused(lambda: approve(world.under_review(), delegate), "not-your-role", "request.approve")


def test_standing_permission_decided_by_somebody_of_the_asking_side_decides_nothing(make_world):
    world = make_world(standing=True)
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    request = world.submitted()
    assert request.status == RequestStatus.SUBMITTED
    cases.claim(request=request, by=world.officer)
    agreement = cases.approve(request=request, by=world.approvers[1], revision_hash=hash_of(request)).cases.get()
    assert not agreement.agreements.get().is_standing


def test_another_assigned_approver_can_decide_where_one_cannot(world):
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    assert approve(world.under_review(), decider(world.database)).status == RequestStatus.APPROVED


def returned(world, request):
    return cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))


def moves_to_the_consumer(world, someone) -> User:
    """A new post on the other side of the table."""
    someone.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    return MembershipFactory(user=someone, agency=world.consumer, role=Role.ENDORSER).user


@pytest.mark.parametrize("move", ["accept", "decline"])
@pytest.mark.parametrize("through_delegate", [False, True])
def test_whoever_made_the_offer_does_not_answer_it(world, move, through_delegate):
    request = world.under_review()
    approve(request, delegate_of(world) if through_delegate else world.approver, fields={"citizen_id"}, reason="Đủ")
    someone = moves_to_the_consumer(world, world.approver)
    reason = {"reason": "Không"} if move == "decline" else {}
    refused(lambda: getattr(requests, move)(request=request, by=someone, **reason), "rule-1", f"request.{move}")
    assert getattr(requests, move)(request=request, by=world.endorser, **reason).closed_at


def test_whoever_returned_a_request_does_not_sign_its_next_revision(world):
    request = world.proposed(returned(world, world.under_review()))
    someone = moves_to_the_consumer(world, world.officer)
    refused(lambda: endorse(request, someone), "rule-1", "request.endorse")
    sql = "UPDATE exchange_revision SET endorsed_by_id = %s, endorsed_at = now() WHERE id = %s"
    refused_by_database(sql, someone.pk, request.revisions.first().pk, match="decided on a request")


def serves_owner(world, part: str):
    """A request that was sent back, and somebody who had that part in it for the owner."""
    request, someone = world.under_review(), None
    match part:
        case "reviewer":
            someone = reviewer(world.database)
            advice.give(
                request=request,
                by=someone,
                recommendation=Recommendation.FOR,
                text="Đủ",
                revision_hash=hash_of(request),
            )
        case "claimed":
            someone = world.officer
        case "released":
            someone = handler(world.database)
            cases.hand_over(request=request, by=world.officer, to=someone)
            cases.release(request=request, by=someone)
            cases.claim(request=request, by=world.officer)
        case "handed-over":
            someone = handler(world.database)
            cases.hand_over(request=request, by=world.officer, to=someone)
            cases.hand_over(request=request, by=world.officer, to=handler(world.database))
        case "lengthened":
            someone = world.approvers[1]
            extending.extend(request=request, by=someone, working_days=1, reason="Hỏi ý kiến")
        case "wrote":
            someone = world.approvers[1]
            comments.write(request=request, by=someone, side=Side.PROVIDER, text="Đã xem")
        case "concerned":
            someone = world.approvers[1]
            recusals.declare(request=request, by=someone, kind=ConflictKind.FAMILY)
    return request, someone


PARTS = ["reviewer", "claimed", "released", "handed-over", "lengthened", "wrote", "concerned"]


@pytest.mark.parametrize("part", PARTS)
def test_whoever_served_the_owner_signs_nothing(world, part):
    request, someone = serves_owner(world, part)
    request = world.proposed(
        cases.send_back(request=request, by=world.approver, reason="Sửa", revision_hash=hash_of(request))
    )
    moves_to_the_consumer(world, someone)
    refused(lambda: endorse(request, someone), "rule-1", "request.endorse")
    refused(lambda: requests.send_back(request=request, by=someone, reason="x"), "rule-1", "request.send_back")
    assert endorse(request, world.endorser).status == RequestStatus.SUBMITTED


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("move", ["accept", "decline"])
def test_whoever_served_the_owner_answers_no_offer(world, part, move):
    request, someone = serves_owner(world, part)
    world.offered(request)
    moves_to_the_consumer(world, someone)
    reason = {"reason": "Không"} if move == "decline" else {}
    refused(lambda: getattr(requests, move)(request=request, by=someone, **reason), "rule-1", f"request.{move}")


@pytest.mark.parametrize("part", PARTS)
def test_whoever_served_the_owner_files_nothing_for_the_asking_agency(world, part):
    request, someone = serves_owner(world, part)
    cases.send_back(request=request, by=world.approver, reason="Sửa", revision_hash=hash_of(request))
    someone.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    MembershipFactory(user=someone, agency=world.consumer, role=Role.REQUESTER)
    edit = {"request": request, "version": request.version, "content": {"reason": "Khác"}}
    refused(lambda: requests.save_draft(**edit, by=someone), "rule-1", "request.edit")
    refused(lambda: requests.propose(request=request, by=someone), "rule-1", "request.propose")
    refused(lambda: requests.withdraw(request=request, by=someone), "rule-1", "request.withdraw")
    refused(
        lambda: taking_over.take_over(request=request, by=world.endorser, to=someone), "rule-1", "request.take_over"
    )
    assert requests.save_draft(**edit, by=world.requester).version == request.version + 1


def test_serving_the_owner_in_one_request_closes_no_other(world):
    """Nor does a move that was refused count as a part."""
    request, other = world.under_review(), world.proposed()
    someone = person(world.provider, Role.CASE_OFFICER)
    refused(
        lambda: cases.send_back(request=request, by=someone, reason="x", revision_hash=hash_of(request)),
        "not-assigned",
        "request.return",
    )
    cases.send_back(request=request, by=world.approver, reason="Sửa", revision_hash=hash_of(request))
    request = world.proposed(request)
    assert endorse(request, moves_to_the_consumer(world, someone)).status == RequestStatus.SUBMITTED
    assert endorse(other, moves_to_the_consumer(world, world.approver)).status == RequestStatus.SUBMITTED


def test_signatory_of_an_earlier_revision_does_not_decide(world):
    first = both_sides(world)
    request = returned(world, world.under_review(endorse(world.proposed(), first)))
    world.under_review(endorse(world.proposed(request), world.second_endorser))
    leaves_the_consumer(world, first)
    assert [revision.endorsed_by for revision in request.revisions.all()] == [world.second_endorser, first]
    refused(lambda: approve(request, first), "rule-1", "request.approve")
    with pytest.raises(IntegrityError, match="cannot decide"), transaction.atomic():
        decide_in_sql(request, first)


def test_editor_stays_one_although_somebody_saved_later(world):
    both = both_sides(world)
    request = world.draft()
    request = requests.save_draft(request=request, by=both, version=request.version, content={"reason": "Của tôi"})
    request = requests.save_draft(request=request, by=world.requester, version=2, content={"reason": "Cũng vậy"})
    world.proposed(request)
    refused(lambda: endorse(request, both), "rule-1", "request.endorse")
    sql = "UPDATE exchange_revision SET endorsed_by_id = %s, endorsed_at = now() WHERE id = %s"
    refused_by_database(sql, both.pk, request.revisions.get().pk, match="cannot sign")
    assert request not in ExchangeRequest.objects.to_be_signed_by(both)
    world.under_review(world.submitted(request))
    leaves_the_consumer(world, both)
    refused(lambda: approve(request, both), "rule-1", "request.approve")
    with pytest.raises(IntegrityError, match="cannot decide"), transaction.atomic():
        decide_in_sql(request, both)


def test_record_of_who_edited_cannot_be_undone(world):
    request = world.proposed()
    table = "exchange_exchangerequest_editors"
    for sql in (f"DELETE FROM {table}", f"UPDATE {table} SET user_id = {world.endorser.pk}"):  # noqa: S608 - constants
        refused_by_database(f"{sql} WHERE exchangerequest_id = %s", request.pk, match="is kept")


def test_signature_under_a_revision_is_written_once(world):
    revision = world.submitted().revisions.get()
    for change in ("endorsed_by_id = NULL, endorsed_at = NULL", "endorsed_at = now()", "content = '{}'"):
        refused_by_database(f"UPDATE exchange_revision SET {change} WHERE id = %s", revision.pk, match="rewritten")  # noqa: S608


def test_half_a_signature_is_refused(world):
    revision = world.proposed().revisions.get()
    refused_by_database("UPDATE exchange_revision SET endorsed_at = now() WHERE id = %s", revision.pk, match="paired")


@pytest.mark.parametrize("part", ["requester", "signatory", "ministry"])
def test_nobody_takes_on_what_their_own_side_asks_for(world, part):
    officer = {"requester": world.requester, "signatory": world.endorser, "ministry": world.officer}[part]
    request = world.submitted()
    if part == "ministry":
        MembershipFactory(user=officer, agency=world.ministry, role=Role.AUDITOR)
    else:
        MembershipFactory(user=officer, agency=world.provider, role=Role.CASE_OFFICER)
        assign(officer, world.database, HANDLE)
    refused(lambda: cases.claim(request=request, by=officer), "rule-1", "request.claim")


def test_officer_of_the_asking_side_returns_nothing(world):
    request = world.under_review()
    MembershipFactory(user=world.officer, agency=world.ministry, role=Role.AUDITOR)
    refused(lambda: returned(world, request), "rule-1", "request.return")


def leaves_the_consumer(world, someone) -> None:
    someone.memberships.filter(agency=world.consumer).update(valid_to=timezone.localdate() - timedelta(days=1))


def refused_by_database(sql: str, *values, match: str) -> None:
    with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def decide_in_sql(request, by) -> None:
    """A vote past the services, complete in every other respect."""
    revision = request.revisions.first()
    text = scopes.scope_of_revision(revision).text
    Decision.objects.create(
        case=request.cases.get(), revision=revision, revision_hash=revision.content_hash, verdict=Verdict.APPROVE,
        scope=text, scope_hash=sha256(text), made_by=by, agency=request.provider,
    )  # fmt: skip
