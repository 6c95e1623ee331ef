"""Conflicts that people declare themselves: they stay out for good, in services, pages and the database."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

from evidence.models import Entry
from exchange.choices import ConflictKind, Recommendation, Verdict
from exchange.models import Agreement, Decision, Recusal, ReviewCase
from exchange.refusals import Refusal
from exchange.scope import sha256
from exchange.services import advice, cases, recusals, requests
from exchange.states import RequestStatus
from registry.choices import Role
from tests import factories
from tests.exchange.desk import as_user, page, refused
from tests.factories import person
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql


def declare(request, by, **changes):
    return recusals.declare(**{"request": request, "by": by, "kind": ConflictKind.FAMILY, **changes})


def approve(request, by):
    return cases.approve(request=request, by=by, revision_hash=hash_of(request))


def code_of(act, *args, **arguments) -> str:
    with pytest.raises(Refusal) as caught:
        act(*args, **arguments)
    return caught.value.code


def test_whoever_declared_a_conflict_decides_nothing(world):
    request = world.under_review()
    declare(request, world.approver, note="Em trai tôi công tác tại cơ quan yêu cầu")
    for act in (cases.approve, cases.send_back, cases.reject):
        arguments = {"request": request, "by": world.approver, "revision_hash": hash_of(request), "reason": "x"}
        if act is cases.reject:
            arguments["legal_basis"] = world.basis
        assert code_of(act, **arguments) == "rule-1"
    assert refused("request.approve").count() == 1
    entry = Entry.objects.get(action="request.recuse")
    details = json.loads(entry.details)
    assert (details["kind"], details["votes_voided"]) == ("family", 0)
    assert "Em trai" not in entry.details


def test_other_approvers_go_on(world):
    request = world.under_review()
    declare(request, world.approver)
    approve(request, world.approvers[1])
    assert request.status == RequestStatus.APPROVED


def test_a_vote_given_before_is_void_and_does_not_count(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    declare(request, world.approver)
    assert Decision.objects.get().voided_at
    assert approve(request, world.approvers[1]).status == RequestStatus.UNDER_REVIEW
    assert approve(request, world.approvers[2]).status == RequestStatus.APPROVED


def test_a_delegate_does_not_decide_for_whoever_declared_one(world):
    request = world.under_review()
    delegate = person(world.provider, Role.REQUESTER, is_staff=True)
    factories.DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    declare(request, world.approver)
    assert code_of(approve, request, delegate) == "rule-1"


def test_a_vote_in_the_place_of_whoever_declares_one_is_void(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    delegate = person(world.provider, Role.REQUESTER, is_staff=True)
    factories.DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    approve(request, delegate)
    declare(request, world.approver)
    assert Decision.objects.get().voided_at


def test_a_case_officer_gives_the_claim_up(world):
    request = world.under_review()
    declare(request, world.officer)
    case = ReviewCase.objects.get()
    assert (case.claimed_by, case.claimed_at) == (None, None)
    assert code_of(cases.send_back, request=request, by=world.officer, reason="x", revision_hash=hash_of(request))


def test_a_case_officer_who_declared_one_does_not_claim(world):
    request = world.submitted()
    declare(request, world.officer)
    assert code_of(cases.claim, request=request, by=world.officer) == "rule-1"


def test_a_reviewer_who_declared_one_does_not_advise(world):
    request = world.under_review()
    reviewer = factories.reviewer(world.database)
    declare(request, reviewer)
    given = {"recommendation": Recommendation.FOR, "text": "Được", "revision_hash": hash_of(request)}
    assert code_of(advice.give, request=request, by=reviewer, **given) == "rule-1"


def test_it_holds_for_later_revisions(world):
    request = world.under_review()
    declare(request, world.approver)
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert code_of(approve, request, world.approver) == "rule-1"


@pytest.mark.parametrize("who", ["requester", "endorser", "operator"])
def test_only_people_of_the_owner_declare(world, who):
    request = world.under_review()
    assert code_of(declare, request, getattr(world, who)) == "not-your-role"
    assert refused("request.recuse").count() == 1


def test_once_and_not_after_the_end(world):
    request = world.under_review()
    declare(request, world.approver)
    assert code_of(declare, request, world.approver) == "conflict-declared"
    requests.withdraw(request=request, by=world.requester)
    assert code_of(declare, request, world.approvers[1]) == "wrong-state"


def test_the_page_declares_and_says_so(world):
    request = world.under_review()
    case = request.cases.get()
    client = as_user(world.approver)
    assert "Khai báo xung đột" in client.get(page(case)).content.decode()
    assert client.post(page(case, "recuse"), {"note": "x"}).status_code == 422
    answer = client.post(page(case, "recuse"), {"kind": "interest", "note": "Tôi có lợi ích"}, follow=True)
    shown = answer.content.decode()
    assert "Tôi có lợi ích" in shown
    assert "đã khai báo xung đột lợi ích" in shown  # why the buttons are closed
    assert page(case, "recuse") not in shown
    again = client.post(page(case, "recuse"), {"kind": "interest"})
    assert again.status_code == 403
    assert "đã khai báo xung đột lợi ích với yêu cầu này" in again.content.decode()
    assert refused("request.recuse").count() == 1
    assert Recusal.objects.count() == 1


def test_too_few_approvers_are_told(make_world):
    world = make_world(quorum=2, approvers=2)
    request = world.under_review()
    client = as_user(world.officer)
    assert "ít hơn số người" not in client.get(page(request.cases.get())).content.decode()
    declare(request, world.approver)
    assert "ít hơn số người" in client.get(page(request.cases.get())).content.decode()


def test_pages_are_for_those_of_the_desk(world):
    case = world.under_review().cases.get()
    assert as_user(person(world.stranger, Role.APPROVER)).get(page(case, "recuse")).status_code == 404
    auditor = as_user(person(world.provider, Role.AUDITOR))
    assert auditor.get(page(case, "recuse")).status_code == 302
    assert auditor.post(page(case, "recuse"), {"kind": "other"}).status_code == 403
    assert refused("request.recuse").count() == 1
    assert not Recusal.objects.exists()


def test_the_consumer_does_not_read_who_declared_one(world, client):
    request = world.under_review()
    declare(request, world.approver)
    client.force_login(world.requester)
    shown = client.get(f"/requests/{request.public_id}/").content.decode()
    assert str(world.approver) not in shown
    assert "xung đột" not in shown


# --- the database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_recusal SET note = 'khác'",
        "UPDATE exchange_recusal SET person_id = {other}",
        "DELETE FROM exchange_recusal",
        "TRUNCATE exchange_recusal",
        "INSERT INTO exchange_recusal (request_id, case_id, person_id, agency_id, kind, note, declared_at)"
        " SELECT request_id, case_id, {stranger}, agency_id, 'other', '', now() FROM exchange_recusal",
        "INSERT INTO exchange_recusal (request_id, case_id, person_id, agency_id, kind, note, declared_at)"
        " SELECT request_id, case_id, person_id, agency_id, 'other', '', now() FROM exchange_recusal",
        "INSERT INTO exchange_recusal (request_id, case_id, person_id, agency_id, kind, note, declared_at)"
        " SELECT request_id, case_id, {other}, agency_id, 'bored', '', now() FROM exchange_recusal",
    ],
)
def test_declared_is_declared_for_whoever_has_a_prompt(world, statement):
    declare(world.under_review(), world.approver)
    text = statement.format(other=world.approvers[1].pk, stranger=world.requester.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would stand in the way of TRUNCATE
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(text)


def test_the_database_refuses_a_vote_and_advice_after_it(world):
    request = world.under_review()
    case, revision = request.cases.get(), request.revisions.first()
    declare(request, world.approver)
    scope = json.dumps(json.loads(revision.content)["scope"], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    with pytest.raises(IntegrityError, match="declared a conflict"), transaction.atomic():
        Decision.objects.create(
            case=case,
            revision=revision,
            revision_hash=revision.content_hash,
            verdict=Verdict.APPROVE,
            scope=scope,
            scope_hash=sha256(scope),
            made_by=world.approver,
            agency=world.provider,
        )
    assert not Agreement.objects.exists()


def test_the_database_voids_no_vote_without_a_reason_for_it(make_world):
    world = make_world(quorum=2)
    world.voted(votes=1)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE exchange_decision SET voided_at = now()")
