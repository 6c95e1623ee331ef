"""Rules 1 and 2: requester, editor, signatory and approvers are different people, and approvers are nobody of the asking side."""

from datetime import timedelta

import pytest
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.models import Decision
from exchange.refusals import Refusal
from exchange.services import agreements, cases, requests
from exchange.states import RequestStatus
from registry.choices import Role
from registry.models import Agency, User
from registry.permissions import DECIDE
from registry.services import access
from tests.factories import AgencyFactory, DelegationFactory, MembershipFactory, assign, decider, person
from tests.scenarios import hash_of


def approve(request, by, **narrowed):
    return cases.approve(request=request, by=by, revision_hash=hash_of(request), **narrowed)


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
    refused(lambda: requests.endorse(request=request, by=requester), "rule-1", "request.endorse")


def test_last_editor_cannot_sign(world, superuser):
    editor = person(world.consumer, Role.REQUESTER, Role.ENDORSER, is_superuser=superuser)
    request = world.draft()
    requests.save_draft(request=request, by=editor, version=request.version, content={"letter_number": "13/UBND"})
    request = world.proposed(request)
    refused(lambda: requests.endorse(request=request, by=editor), "rule-1", "request.endorse")


def test_proposer_of_somebody_elses_draft_cannot_sign(world):
    proposer = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    request = requests.propose(request=world.draft(), by=proposer)
    refused(lambda: requests.endorse(request=request, by=proposer), "rule-1", "request.endorse")


def test_signatory_may_edit_after_a_return_and_then_cannot_sign(world):
    endorser = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    request = requests.endorse(request=world.proposed(), by=endorser)
    cases.claim(request=request, by=world.officer)
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    requests.save_draft(request=request, by=endorser, version=request.version, content={"reason": "Rõ hơn"})
    world.proposed(request)
    refused(lambda: requests.endorse(request=request, by=endorser), "rule-1", "request.endorse")


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
    requests.endorse(request=request, by=someone if part == "endorser" else world.endorser)
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
            Agency.objects.filter(pk=agency.pk).update(parent=AgencyFactory())
            agency.refresh_from_db()
        agency = agency.parent
    approver = world.approver
    User.objects.filter(pk=approver.pk).update(is_superuser=superuser)
    MembershipFactory(user=approver, agency=agency, role=Role.REVIEWER)
    request = world.under_review()
    refused(lambda: approve(request, approver), "rule-1", "request.approve")


def test_approver_of_a_sister_agency_may_decide(world):
    MembershipFactory(user=world.approver, agency=AgencyFactory(parent=world.ministry), role=Role.REVIEWER)
    assert approve(world.under_review(), world.approver).status == RequestStatus.APPROVED


def test_superuser_without_roles_can_do_nothing(world):
    root = person(world.stranger, is_superuser=True)
    request = world.proposed()
    refused(lambda: requests.endorse(request=request, by=root), "not-your-role", "request.endorse")
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
