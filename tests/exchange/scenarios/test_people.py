"""Scenarios 4 and 5: nobody decides on what they asked for, nor anybody of the asking side, whichever way they try."""

import pytest
from django.utils.translation import gettext as _

from evidence.models import Entry, Outcome
from exchange.models import Agreement, Decision
from exchange.refusals import Refusal
from exchange.services import cases
from exchange.states import RequestStatus
from registry.choices import Role
from registry.permissions import DECIDE
from tests import factories
from tests.exchange.desk import as_user, buttons, page, rows
from tests.exchange.scenarios import walk
from tests.exchange.test_database_refuses import vote
from tests.exchange.test_moved_votes import move
from tests.exchange.test_separation import delegate_of
from tests.scenarios import hash_of

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
TOOK_PART = "Whoever filed, edited or signed a request cannot decide on it."
ASKING_SIDE = (
    "%(person)s belongs to %(agency)s, which asks, or stands above the asking agency today or stood there when "
    "the request was proposed or signed: another approver decides."
)


def decides_too(person, world):
    """The person is an approver of the owner as well, assigned to the database."""
    factories.MembershipFactory(user=person, agency=world.provider, role=Role.APPROVER)
    person.is_staff = True
    person.save()
    return factories.assign(person, world.database, DECIDE)


def nothing_was_decided(request) -> bool:
    decided = Decision.objects.filter(case__request=request).exists() or Agreement.objects.exists()
    return walk.fresh(request).status == RequestStatus.UNDER_REVIEW and not decided


def by_page(request, by, world):
    return walk.forged(request, by, shown_to=world.approvers[-1])


def from_the_shell(request, by) -> Refusal:
    with pytest.raises(Refusal) as caught:
        cases.approve(request=request, by=by, revision_hash=hash_of(request))
    return caught.value


@pytest.fixture(params=["requester", "endorser"])
def both(request, world):
    """Somebody who asks, and could decide; the clerk or the signatory."""
    return decides_too(getattr(world, request.param), world)


@pytest.mark.parametrize("is_superuser", [False, True], ids=["ordinary", "superuser"])
def test_scenario_04_self_approval_is_refused_with_the_rule(world, both, is_superuser):
    """By page, bulk action and shell: the rule is told, each refusal is on record, and nothing was decided."""
    both.is_superuser = is_superuser
    both.save()
    request = walk.to_the_desk(world)
    assert buttons(as_user(both), walk.case_of(request))["approve"] is False
    assert walk.says(as_user(both).get(page(walk.case_of(request))), _(TOOK_PART))

    answer = by_page(request, both, world)
    assert answer.status_code == 403
    assert walk.says(answer, _(TOOK_PART))
    in_bulk = walk.in_bulk("approve", [request], both)
    assert walk.results(in_bulk) == ["rule-1"]
    assert walk.says(in_bulk, _(TOOK_PART))
    assert str(from_the_shell(request, both)) == _(TOOK_PART)

    told = walk.refusals("request.approve", "rule-1")
    assert {(entry.actor, entry.subject_id) for entry in told} == {(str(both.public_id), request.code)}
    assert told.count() == 3
    assert nothing_was_decided(request)


@pytest.mark.parametrize("is_superuser", [False, True], ids=["ordinary", "superuser"])
def test_scenario_04_a_raw_vote_of_who_took_part_fails(world, both, is_superuser):
    type(both).objects.filter(pk=both.pk).update(is_superuser=is_superuser)
    request = walk.to_the_desk(world)
    walk.refused_in_sql(lambda: vote(request, both), match="filed, edited or signed")
    assert nothing_was_decided(request)


def test_scenario_04_nor_does_anybody_decide_in_the_name_of_who_took_part(world, both):
    """A delegate keeps the conflicts of whoever is away."""
    delegate = delegate_of(world, both, Role.CASE_OFFICER)
    request = walk.to_the_desk(world)
    answer = by_page(request, delegate, world)
    assert answer.status_code == 403
    assert walk.results(walk.in_bulk("approve", [request], delegate)) == ["rule-1"]
    assert from_the_shell(request, delegate).code == "rule-1"
    given = delegate.delegations_received.get()
    walk.refused_in_sql(lambda: vote(request, delegate, delegation=given), match="filed, edited or signed")
    assert nothing_was_decided(request)


def test_scenario_04_a_superuser_without_a_role_decides_nothing(world):
    root = factories.UserFactory(superuser=True)
    request = walk.to_the_desk(world)
    assert by_page(request, root, world).status_code == 403
    assert walk.in_bulk("approve", [request], root).status_code == 403
    assert from_the_shell(request, root).code == "not-your-role"
    assert as_user(root).post("/admin/exchange/decision/add/").status_code == 403
    assert as_user(root).post(page(walk.case_of(request)), {"status": "approved"}).status_code == 405
    assert as_user(root).post(page(request), {"status": "approved"}).status_code == 403
    walk.refused_in_sql(lambda: vote(request, root), match="only somebody of the owner")
    assert walk.refusals("request.approve", "not-your-role").count() == 2
    assert nothing_was_decided(request)


def test_scenario_04_nor_does_the_clerk_sign_the_own_request(world):
    """On the page, from a shell, and in SQL."""
    factories.MembershipFactory(user=world.requester, agency=world.consumer, role=Role.ENDORSER)
    request = walk.file(world)
    answer = as_user(world.requester).post(
        walk.url("request-endorse", request), {"revision_hash": hash_of(request)}, follow=True
    )
    told = _("Whoever filed or last edited a request cannot sign it. Ask another signatory of your agency.")
    assert walk.says(answer, told)
    assert walk.refusals("request.endorse", "rule-1").count() == 1
    walk.refused_in_sql(
        "UPDATE exchange_revision SET endorsed_by_id = %s, endorsed_at = now() WHERE request_id = %s",
        world.requester.pk, request.pk, match="cannot sign",
    )  # fmt: skip
    assert walk.fresh(request).status == RequestStatus.PENDING_ENDORSEMENT


@pytest.mark.parametrize("through", ["oneself", "a delegate"])
@pytest.mark.parametrize("place", ["consumer", "ministry"])
def test_scenario_05_an_approver_of_the_asking_side_is_refused(world, place, through):
    """Somebody of the agency that asks, or of its parent ministry; and whoever decides in their place."""
    agency = getattr(world, place)
    factories.MembershipFactory(user=world.approver, agency=agency, role=Role.REVIEWER)
    by = world.approver if through == "oneself" else delegate_of(world)
    request = walk.to_the_desk(world)
    told = _(ASKING_SIDE) % {"person": world.approver, "agency": agency}
    answer = by_page(request, by, world)
    assert answer.status_code == 403
    assert walk.says(answer, told)
    in_bulk = walk.in_bulk("approve", [request], by)
    assert walk.results(in_bulk) == ["rule-1"]
    assert walk.says(in_bulk, told)
    assert str(from_the_shell(request, by)) == told
    assert walk.refusals("request.approve", "rule-1").count() == 3
    given = by.delegations_received.first()
    walk.refused_in_sql(lambda: vote(request, by, delegation=given), match="requesting agency or of one above it")
    assert nothing_was_decided(request)


def test_scenario_05_changing_agency_after_voting_flags_the_case(make_world):
    """The list and the page say so; the closing vote is refused by page, bulk and shell, and SQL concludes nothing."""
    world = make_world(quorum=2)
    request = walk.to_the_desk(world)
    walk.approve(request, world.approvers[0])
    move(world.approvers[0], world.consumer)
    second = world.approvers[1]
    case = walk.case_of(request)
    listed = as_user(second).get("/admin/exchange/reviewcase/")
    assert walk.says(listed, _("an approver moved"))
    assert rows(as_user(second), "reviewcase") == [case]

    answer = walk.approve(request, second)
    assert answer.status_code == 403
    told = _(
        "An approver moved to the asking agency, or to one above it, after voting. "
        "Set that vote aside; another approver then votes anew."
    )
    assert walk.says(answer, told)
    assert walk.results(walk.in_bulk("approve", [request], second)) == ["voter-moved"]
    assert from_the_shell(request, second).code == "voter-moved"
    assert walk.refusals("request.approve", "voter-moved").count() == 3
    walk.refused_in_sql(
        lambda: (
            vote(request, second),
            walk.plain_sql("UPDATE exchange_exchangerequest SET status = 'approved', closed_at = now()"),
        ),
        match="joined the asking side",
    )
    assert walk.fresh(request).status == RequestStatus.UNDER_REVIEW
    assert not Agreement.objects.exists()
    assert not Entry.objects.filter(action="agreement.conclude", outcome=Outcome.SUCCESS).exists()
