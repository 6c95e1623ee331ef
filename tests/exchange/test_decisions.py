"""The owner's side: returning with the clock standing still, deciding by quorum, narrowing, rejecting."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.models import Agreement, Decision, Delivery, Letter
from exchange.refusals import Refusal, WrongState
from exchange.scope import Scope
from exchange.services import cases, requests
from exchange.states import AgreementStatus, RequestStatus
from registry.choices import Masking
from registry.models import PolicyField, SharingPolicy
from tests.factories import (
    AgencyFactory,
    LegalInstrumentFactory,
    PolicyFieldFactory,
    SharingPolicyFactory,
    decider,
)
from tests.scenarios import agreement_of, hash_of


def approve(request, by, **narrowed):
    return cases.approve(request=request, by=by, revision_hash=hash_of(request), **narrowed)


def send_back(world, request, **fields):
    return cases.send_back(
        request=request, by=world.officer, reason="Thiếu căn cứ", revision_hash=hash_of(request), **fields
    )


def test_two_of_two_give_one_agreement_with_exactly_the_fields(make_world):
    world = make_world(quorum=2)
    request = approve(world.under_review(), world.approvers[0])
    assert (request.status, Agreement.objects.count(), Letter.objects.count()) == (RequestStatus.UNDER_REVIEW, 0, 0)
    approve(request, world.approvers[1])
    agreement, letter = agreement_of(request), Letter.objects.get()
    assert (request.status, agreement.status) == (RequestStatus.APPROVED, AgreementStatus.ACTIVE)
    assert Scope.from_text(agreement.scope).field_names == ["citizen_id", "full_name", "born"]
    assert (letter.number, json.loads(letter.content)["revision_sha256"]) == (1, hash_of(request))
    assert Delivery.objects.get().agreement == agreement
    assert agreement.valid_to == request.period_to


def test_agreement_names_the_users_of_the_request(world):
    agreement = world.agreed()
    grant = json.loads(Entry.objects.get(action="access.grant", subject_id=agreement.code).details)
    assert grant == {"permission": "use_agreement", "to": str(world.requester.public_id)}


def test_votes_narrow_each_other(make_world):
    world = make_world(quorum=2)
    request = approve(
        world.under_review(), world.approvers[0], fields={"citizen_id", "born"}, reason="Không cần họ tên"
    )
    approve(request, world.approvers[1], row_limit=5, reason="Chỉ cần vài dòng")
    assert request.status == RequestStatus.OFFERED
    last = Scope.from_text(Decision.objects.order_by("-pk").first().scope)
    assert (last.field_names, last.row_limit) == (["citizen_id", "born"], 5)


def test_second_vote_cannot_widen_what_the_first_one_left(make_world):
    world = make_world(quorum=2)
    request = approve(world.under_review(), world.approvers[0], fields={"citizen_id"}, reason="Chỉ cần số định danh")
    with pytest.raises(Refusal) as caught:
        approve(request, world.approvers[1], fields={"citizen_id", "full_name"})
    assert (caught.value.code, Decision.objects.count()) == ("rule-3", 1)
    assert world.fields["full_name"].title in str(caught.value)


@pytest.mark.parametrize("narrowed", [{"fields": {"citizen_id"}}, {"row_limit": 5}])
def test_narrowing_without_a_reason_is_refused(world, narrowed):
    request = world.under_review()
    with pytest.raises(Refusal) as caught:
        approve(request, world.approver, reason=" ", **narrowed)
    assert (caught.value.code, Decision.objects.count()) == ("reason-needed", 0)


def test_who_only_confirms_what_a_colleague_left_needs_no_reason(make_world):
    world = make_world(quorum=2)
    request = approve(world.under_review(), world.approvers[0], fields={"citizen_id"}, reason="Chỉ cần số định danh")
    approve(request, world.approvers[1], fields={"citizen_id"})
    assert request.status == RequestStatus.OFFERED
    assert json.loads(Letter.objects.get().content)["reason"] == "Chỉ cần số định danh"


@pytest.mark.parametrize("fields", [{"note"}, {"citizen_id", "note"}])
def test_field_that_was_not_asked_for_cannot_be_approved(world, fields):
    request = world.under_review()
    with pytest.raises(Refusal) as caught:
        approve(request, world.approver, fields=fields)
    assert (caught.value.code, request.cases.get().decisions.count()) == ("rule-3", 0)


@pytest.mark.parametrize("narrowed", [{"fields": set()}, {"period_to": timezone.datetime(2020, 1, 1).date()}])
def test_approval_of_nothing_is_refused(world, narrowed):
    with pytest.raises(Refusal) as caught:
        approve(world.under_review(), world.approver, **narrowed)
    assert caught.value.code == "nothing-left"


def test_wider_limit_or_later_end_changes_nothing(world):
    request = approve(
        world.under_review(row_limit=5), world.approver, row_limit=500, period_to=timezone.localdate() + timedelta(900)
    )
    assert request.status == RequestStatus.APPROVED
    assert Scope.from_text(agreement_of(request).scope).row_limit == 5


def test_return_and_resubmission_void_the_votes(make_world):
    world = make_world(quorum=2)
    request = approve(world.under_review(), world.approvers[0])
    send_back(world, request, field_reasons={"legal_article": "Nêu rõ khoản"})
    assert (request.status, request.status_reason) == (RequestStatus.RETURNED, "Thiếu căn cứ")
    with pytest.raises(WrongState) as caught:
        approve(request, world.approvers[1])
    assert caught.value.status == 409
    requests.save_draft(
        request=request, by=world.requester, version=request.version, content={"legal_article": "Điều 6, khoản 1"}
    )
    world.under_review(world.submitted(world.proposed(request)))
    assert not Decision.objects.live().exists()
    assert request.revisions.count() == 2
    approve(request, world.approvers[1])
    assert request.status == RequestStatus.UNDER_REVIEW, "the vote on the first text does not count"
    approve(request, world.approvers[0])
    assert request.status == RequestStatus.APPROVED


def test_case_is_free_again_after_a_return(world):
    request = send_back(world, world.under_review())
    world.submitted(world.proposed(request))
    assert request.cases.get().claimed_by is None


def test_rejection_has_reason_basis_and_letter(world):
    request = world.under_review()
    arguments = {"request": request, "by": world.approver, "revision_hash": hash_of(request)}
    for basis in (None, LegalInstrumentFactory(ended=True)):
        with pytest.raises(Refusal) as caught:
            cases.reject(**arguments, reason="Không đúng", legal_basis=basis)
        assert caught.value.code == "basis-needed"
    with pytest.raises(Refusal):
        cases.reject(**arguments, reason="", legal_basis=world.basis)
    assert Letter.objects.count() == 0
    cases.reject(**arguments, reason="Không đúng thẩm quyền", legal_basis=world.basis)
    letter = json.loads(Letter.objects.get().content)
    assert (letter["verdict"], letter["legal_basis"]) == ("reject", world.basis.number)
    assert request.status == RequestStatus.REJECTED


@pytest.mark.parametrize("frequency", ["once", "on-demand"])
def test_what_is_no_longer_shared_cannot_be_approved(world, frequency):
    request = world.under_review(frequency=frequency)
    PolicyField.objects.filter(field__name="full_name").update(masking=Masking.NULL)
    with pytest.raises(Refusal) as caught:
        approve(request, world.approver)
    assert (caught.value.code, request.status) == ("outside-policy", RequestStatus.UNDER_REVIEW)
    assert (Agreement.objects.count(), Letter.objects.count(), Decision.objects.count()) == (0, 0, 0)
    approve(request, world.approver, fields={"citizen_id"}, reason="Chỉ cần số định danh")
    assert request.status == RequestStatus.OFFERED


def test_reason_stands_in_the_ledger_as_a_digest_only(world):
    request = send_back(world, world.under_review())
    entry = Entry.objects.get(action="request.return", subject_id=request.code)
    assert "Thiếu" not in entry.details
    assert "digests" in json.loads(entry.details)


@pytest.mark.parametrize("row_limit", [0, -5])
def test_limit_below_one_row_is_refused(world, row_limit):
    with pytest.raises(Refusal) as caught:
        approve(world.under_review(), world.approver, row_limit=row_limit)
    assert (caught.value.code, Decision.objects.count()) == ("nothing-left", 0)


def test_approval_until_yesterday_is_refused(world):
    week_ago = timezone.localdate() - timedelta(days=7)
    request = world.under_review(period_from=week_ago)
    with pytest.raises(Refusal) as caught:
        approve(request, world.approver, period_to=timezone.localdate() - timedelta(days=1))
    assert (caught.value.code, Decision.objects.count()) == ("nothing-left", 0)


def test_request_whose_dataset_changed_hands_is_refused_and_recorded(world):
    request = world.under_review()
    world.database.owner = AgencyFactory()
    with connection.cursor() as cursor:  # past the guard of the registry
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE registry_database DISABLE TRIGGER USER")
        world.database.save()
        cursor.execute("ALTER TABLE registry_database ENABLE TRIGGER USER")
    with pytest.raises(Refusal) as caught:
        approve(request, decider(world.database))
    assert caught.value.code == "owner-changed"
    assert Entry.objects.filter(action="request.approve", outcome=Outcome.REFUSED).count() == 1
    assert requests.withdraw(request=request, by=world.requester).closed_at


def test_return_is_no_way_to_fewer_approvers(make_world):
    world = make_world(quorum=2)
    request = send_back(world, world.under_review())
    easier = SharingPolicyFactory(dataset=world.dataset, quorum=1)
    for line in world.policy.policy_fields.all():
        PolicyFieldFactory(policy=easier, field=line.field, masking=line.masking)
    world.under_review(world.submitted(world.proposed(request)))
    assert (request.cases.get().policy, request.cases.get().quorum) == (easier, 2)
    assert approve(request, world.approver).status == RequestStatus.UNDER_REVIEW


def test_return_meets_a_quorum_that_was_raised(world):
    request = send_back(world, world.under_review())
    SharingPolicy.objects.update(quorum=3)
    assert world.submitted(world.proposed(request)).cases.get().quorum == 3
