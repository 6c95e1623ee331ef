"""Requests of somebody who left: visible to the colleagues, told of, and taken over on record."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.models import ExchangeRequest
from exchange.refusals import Refusal
from exchange.services import cases, requests, taking_over
from exchange.states import RequestStatus
from registry.choices import Role
from registry.models import Membership, Notice
from registry.permissions import DECIDE
from tests.exchange.test_leavers import HOW, code_of, leave
from tests.factories import MembershipFactory, assign, person
from tests.scenarios import agreement_of, hash_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague(world):
    return person(world.consumer, Role.REQUESTER)


def url(name: str, request) -> str:
    return reverse(f"exchange:{name}", args=[request.public_id])


def told(kind) -> set:
    return {notice.recipient for notice in Notice.objects.filter(kind=kind.code)}


@HOW
@pytest.mark.parametrize("state", ["draft", "proposed", "submitted", "under_review", "offered"])
def test_colleague_takes_over_what_somebody_left(world, colleague, how, state):
    request = getattr(world, state)()
    status = request.status
    leave(world.requester, how, world)
    assert list(ExchangeRequest.objects.visible_to(colleague)) == [request]
    taking_over.take_over(request=request, by=colleague)
    assert (request.responsible, request.created_by, request.status) == (colleague, world.requester, status)
    entry = Entry.objects.get(action="request.take_over")
    assert (entry.actor, entry.agency) == (str(colleague.public_id), world.consumer.code)
    assert str(world.requester.public_id) in entry.details


def test_exchange_goes_on_after_it_was_taken_over(world, colleague):
    request = world.proposed()
    leave(world.requester, "left", world)
    taking_over.take_over(request=request, by=colleague)
    requests.send_back(request=request, by=world.endorser, reason="Sửa")
    requests.save_draft(
        request=request, by=colleague, version=request.version, content={"reason": "Mới"}, named_users=[colleague]
    )
    request.refresh_from_db()
    requests.propose(request=request, by=colleague)
    world.voted(world.under_review(world.submitted(request)))
    assert agreement_of(request).is_live


def test_former_and_new_one_are_authors_for_rule_1(world, colleague):
    request = world.proposed()
    leave(world.requester, "moved", world)
    taking_over.take_over(request=request, by=colleague)
    for someone in (world.requester, colleague):
        MembershipFactory(user=someone, agency=world.consumer, role=Role.ENDORSER)
        act = lambda by=someone: requests.endorse(request=request, by=by, revision_hash=hash_of(request))  # noqa: E731
        assert code_of(act) == "rule-1"
    world.under_review(world.submitted(request))
    for someone in (world.requester, colleague):
        someone.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
        MembershipFactory(user=someone, agency=world.provider, role=Role.APPROVER)
        assign(someone, world.database, DECIDE)
        act = lambda by=someone: cases.approve(request=request, by=by, revision_hash=hash_of(request))  # noqa: E731
        assert code_of(act) == "rule-1"


def test_requester_takes_nothing_from_somebody_who_is_there(world, colleague):
    request = world.draft()
    assert code_of(lambda: taking_over.take_over(request=request, by=colleague)) == "not-left"
    assert Entry.objects.get(action="request.take_over").outcome == Outcome.REFUSED


@pytest.mark.parametrize("who", ["endorser", "requester"])
def test_signatory_or_whoever_has_it_gives_it_to_a_colleague(world, colleague, who):
    request, by = world.draft(), getattr(world, who)
    taking_over.take_over(request=request, by=by, to=colleague)
    assert request.responsible == colleague
    assert told(taking_over.GIVEN) == {colleague}
    assert request.code in Notice.objects.get().text
    if who == "endorser":  # the signatory wrote nothing, and can still sign
        assert world.submitted(world.proposed(request)).endorsed_by == by


def test_last_free_signatory_is_not_made_an_author(world):
    both = person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    request = world.draft()
    taking_over.check(request=request, by=world.endorser, to=both)  # others can sign
    Membership.objects.filter(user__in=[world.endorser, world.second_endorser]).update(
        valid_to=timezone.localdate() - timedelta(days=1)
    )
    assert code_of(lambda: taking_over.take_over(request=request, by=world.requester, to=both)) == "nobody-left-to-sign"


def test_who_can_neither_give_nor_take(world, colleague):
    request = world.submitted()
    leave(world.requester, "left", world)
    take = lambda by, to=None: code_of(lambda: taking_over.take_over(request=request, by=by, to=to))  # noqa: E731
    other = person(world.consumer, Role.REQUESTER)
    assert take(colleague, other) == "not-left", "only for oneself"
    assert take(world.endorser) == "not-your-agency", "a signatory files nothing"
    assert take(world.endorser, person(world.stranger, Role.REQUESTER)) == "not-your-agency"
    assert take(world.endorser, person(world.consumer, Role.REQUESTER, is_active=False)) == "not-your-agency"
    for by in (world.officer, world.approver, world.operator, person(world.stranger, Role.ENDORSER)):
        assert take(by, colleague) == "not-your-role"
    MembershipFactory(user=world.endorser, agency=world.consumer, role=Role.REQUESTER)
    assert take(world.second_endorser, world.endorser) == "rule-1", "who signed it"
    taking_over.take_over(request=request, by=colleague)
    assert take(world.second_endorser, colleague) == "same-person"
    requests.withdraw(request=request, by=colleague)
    assert take(world.endorser, other) == "wrong-state"


@HOW
def test_colleagues_and_signatories_are_told_once(world, colleague, how):
    request, closed = world.proposed(), world.draft()
    requests.withdraw(request=closed, by=world.requester)
    assert taking_over.tell_of_left() == 0
    leave(world.requester, how, world)
    assert (taking_over.tell_of_left(), taking_over.tell_of_left()) == (1, 0)
    assert told(taking_over.LEFT_BEHIND) == {colleague, world.endorser, world.second_endorser}
    assert Notice.objects.first().path == url("request-detail", request)
    taking_over.take_over(request=request, by=colleague)
    leave(colleague, how, world)
    assert taking_over.tell_of_left() == 1, "of the next one who left"


def test_another_role_is_not_enough_to_look_after_it(world, colleague):
    world.draft()
    world.requester.memberships.update(role=Role.AUDITOR)
    assert [one.code for one in taking_over.left_behind()] == [ExchangeRequest.objects.get().code]


def test_page_offers_it_to_those_who_can(client, world, colleague):
    request = world.draft()
    button = url("request-take-over", request)
    client.force_login(colleague)
    assert button not in client.get(url("request-detail", request)).text
    leave(world.requester, "left", world)
    page = client.get(url("request-detail", request))
    assert button in page.text
    assert page.context["has_left"]
    client.post(button)
    request.refresh_from_db()
    assert request.responsible == colleague
    assert world.requester.full_name in client.get(url("request-detail", request)).text


def test_signatory_chooses_a_colleague_on_the_page(client, world, colleague):
    request = world.proposed()
    client.force_login(world.endorser)
    assert str(colleague.public_id) in client.get(url("request-detail", request)).text
    for wrong in ("", "x", str(world.approver.public_id)):
        client.post(url("request-take-over", request), {"user": wrong})
        request.refresh_from_db()
        assert request.taken_over_by is None
    client.post(url("request-take-over", request), {"user": str(colleague.public_id)})
    request.refresh_from_db()
    assert request.taken_over_by == colleague


def test_database_lets_only_a_requester_who_did_not_sign_look_after_it(world, colleague):
    request = world.submitted()

    def set_care(person_id):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exchange_exchangerequest SET taken_over_by_id = %s, taken_over_at = now() WHERE id = %s",
                [person_id, request.pk],
            )

    for someone in (world.approver, world.second_endorser, person(world.stranger, Role.REQUESTER)):
        with pytest.raises(IntegrityError, match="only a requester of its agency"):
            set_care(someone.pk)
    MembershipFactory(user=world.endorser, agency=world.consumer, role=Role.REQUESTER)
    with pytest.raises(IntegrityError, match="whoever signed"):
        set_care(world.endorser.pk)
    set_care(colleague.pk)
    with pytest.raises(IntegrityError, match="only a requester"):
        set_care(None)
    requests.withdraw(request=request, by=world.requester)
    assert ExchangeRequest.objects.get().status == RequestStatus.WITHDRAWN
    with pytest.raises(IntegrityError, match="is closed"):
        set_care(world.requester.pk)


def test_database_begins_a_request_with_who_files_it(world, colleague):
    draft = world.draft()
    with pytest.raises(IntegrityError, match="begins with who files it"), transaction.atomic():
        ExchangeRequest.objects.create(
            code="YC-X", consumer=draft.consumer, created_by=draft.created_by, last_edited_by=draft.created_by,
            taken_over_by=colleague, taken_over_at=timezone.now(),
        )  # fmt: skip


def test_refusal_says_who_has_it(world, colleague):
    with pytest.raises(Refusal) as caught:
        taking_over.take_over(request=world.draft(), by=colleague)
    assert str(world.requester) in str(caught.value.message)
