"""Blind votes: each is compared with the request alone; what all share is taken when the last one is in."""

import itertools
import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from evidence.models import Entry
from exchange.models import Agreement, Decision, Letter
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import bulk, cases, requests
from exchange.services.blind_votes import came_apart
from exchange.states import RequestStatus
from registry.models import Notice
from tests.exchange.desk import as_user, page, press, told
from tests.factories import DelegationFactory
from tests.scenarios import agreement_of, hash_of

pytestmark = pytest.mark.django_db
APART = "exchange.case.votes-apart"
ALERT = "gộp lại thì không còn gì để chia sẻ"


@pytest.fixture
def world(make_world):
    return make_world(quorum=2, blind_review=True)


@pytest.fixture
def three(make_world):
    return make_world(quorum=3, blind_review=True)


def approve(request, by, *fields, **narrowed):
    given = {"fields": set(fields), "reason": "Đủ dùng"} if fields else {}
    return cases.approve(request=request, by=by, revision_hash=hash_of(request), **{**given, **narrowed})


def apart(world):
    """Under review, after two votes that share nothing."""
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id")
    return approve(request, world.approvers[1], "full_name")


def names(vote: Decision) -> list[str]:
    return Scope.from_text(vote.scope).field_names


def change(sql: str, *arguments) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, arguments)


# --- no vote tells of another


def test_same_votes_meet_the_same_answer_whatever_others_voted(three):
    """The second of three learns nothing, whether the first narrowed, and to what."""
    for before in ((), ("citizen_id",), ("full_name",), ("born",)):
        request = three.under_review()
        approve(request, three.approvers[0], *before)
        approve(request, three.approvers[1], "full_name")
        assert request.status == RequestStatus.UNDER_REVIEW
        second = request.cases.get().decisions.live().get(made_by=three.approvers[1])
        assert names(second) == ["full_name"]
        entry = Entry.objects.filter(action="request.approve", subject_id=request.code).order_by("sequence").last()
        assert json.loads(entry.details)["scope_sha256"] == second.scope_hash


def test_refusals_are_about_the_request_alone(three):
    request = three.under_review()
    approve(request, three.approvers[0], "citizen_id", row_limit=5)
    for narrowed, code in (
        ({"fields": {"full_name"}}, "reason-needed"),
        ({"row_limit": 9}, "reason-needed"),
        ({"fields": {"phone"}, "reason": "Thêm"}, "rule-3"),
        ({"fields": set(), "reason": "Không"}, "nothing-left"),
    ):
        with pytest.raises(Refusal) as caught:
            cases.approve(request=request, by=three.approvers[1], revision_hash=hash_of(request), **narrowed)
        assert caught.value.code == code


# --- the last vote


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_agreement_is_what_all_share_in_whichever_order_they_voted(three, order):
    request, day = three.under_review(), timezone.localdate() + timedelta(days=30)
    votes = [
        lambda by: approve(request, by, "citizen_id", "born"),
        lambda by: approve(request, by, "full_name", "citizen_id", period_to=day),
        lambda by: approve(request, by, row_limit=7, reason="Bảy dòng là đủ"),
    ]
    for number, vote in enumerate(order):
        votes[vote](three.approvers[number])
    assert request.status == RequestStatus.OFFERED
    requests.accept(request=request, by=three.endorser)
    scope = Scope.from_text(agreement_of(request).scope)
    assert (scope.field_names, scope.row_limit, scope.period_to) == (["citizen_id"], 7, day)
    letter = json.loads(Letter.objects.get().content)
    assert [field["name"] for field in letter["scope"]["fields"]] == ["citizen_id"]
    assert len(letter["decided_by"]) == 3
    assert letter["left_out"]["fields"] == ["full_name", "born"]


def test_hidden_narrower_vote_bounds_the_agreement(world):
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id")
    approve(request, world.approvers[1])  # all that was asked for, as far as this approver is concerned
    assert request.status == RequestStatus.OFFERED
    assert [len(names(vote)) for vote in Decision.objects.order_by("pk")] == [1, 3]
    requests.accept(request=request, by=world.endorser)
    assert Scope.from_text(agreement_of(request).scope).field_names == ["citizen_id"]


def test_votes_that_share_all_agree_at_once(world):
    request = world.voted()
    assert request.status == RequestStatus.APPROVED
    assert agreement_of(request).is_live


def test_blind_votes_among_many_are_compared_with_what_was_asked(world):
    request = world.under_review()
    choice = bulk.choice_of(request.cases.get())
    approve(request, world.approvers[0], "citizen_id")
    (result,) = bulk.make("approve", [choice], by=world.approvers[1])
    assert result.done
    request.refresh_from_db()
    assert request.status == RequestStatus.OFFERED


# --- votes that leave nothing in common


def test_votes_that_share_nothing_are_set_aside_and_given_anew(world):
    request = apart(world)
    assert request.status == RequestStatus.UNDER_REVIEW
    assert not request.cases.get().decisions.live().exists()
    assert Decision.objects.count() == 2, "the last vote is recorded, too"
    assert not Letter.objects.exists()
    assert json.loads(Entry.objects.get(action="request.votes_apart").details)["votes_voided"] == 2
    for approver in world.approvers[:2]:
        approve(request, approver, "citizen_id")
    assert request.status == RequestStatus.OFFERED


def test_third_vote_tells_that_two_share_nothing(three):
    request = three.under_review()
    approve(request, three.approvers[0], "citizen_id")
    approve(request, three.approvers[1], "full_name")
    assert request.cases.get().decisions.live().count() == 2
    assert not came_apart(request.cases.get())
    assert not Notice.objects.filter(kind=APART).exists()
    approve(request, three.approvers[2])
    assert came_apart(request.cases.get())
    assert not request.cases.get().decisions.live().exists()


def test_who_voted_and_the_case_officer_are_told(world):
    request = world.under_review()
    given = DelegationFactory(agency=world.provider, delegator=world.approvers[0])
    approve(request, given.delegate, "citizen_id")
    approve(request, world.approvers[1], "full_name")
    people = {notice.recipient for notice in Notice.objects.filter(kind=APART)}
    assert people == {given.delegate, world.approvers[0], world.approvers[1], world.officer}


def test_case_says_so_and_shows_the_votes(world):
    request = world.under_review()
    case = request.cases.get()
    approve(request, world.approvers[0], "citizen_id", reason="Đủ số định danh")
    assert ALERT not in as_user(world.officer).get(page(case)).text
    response = press(world.approvers[1], case, "approve", fields_kept=["full_name"], reason="Đủ họ tên")
    assert "phiếu cuối cùng" in told(response)
    for reader in (world.officer, *world.approvers):
        text = as_user(reader).get(page(case)).text
        assert ALERT in text.split('role="alert"')[1].split("</div>")[0]
        assert "Đủ số định danh" in text
        assert "Đủ họ tên" in text
    assert "loại bỏ tất cả" not in as_user(world.requester).get(request.get_absolute_url()).text


def test_new_round_is_blind_again(world):
    request = apart(world)
    approve(request, world.approvers[0], "born", reason="Chỉ năm sinh")
    text = as_user(world.approvers[1]).get(page(request.cases.get())).text
    assert "Chỉ năm sinh" not in text


def test_votes_void_for_another_reason_are_no_disagreement(world):
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id")
    cases.send_back(request=request, by=world.approvers[1], reason="Thiếu", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert not came_apart(request.cases.get())


# --- open votes stay as they are


def test_open_vote_still_lies_within_the_one_before(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id")
    with pytest.raises(Refusal) as caught:
        approve(request, world.approvers[1], "full_name")
    assert caught.value.code == "rule-3"
    with pytest.raises(IntegrityError, match="can only narrow"):
        write_vote(request, world.approvers[1], Scope.from_text(asked(request)).narrowed(fields={"full_name"}))


# --- the database


def asked(request) -> str:
    return json.dumps(json.loads(request.revisions.first().content)["scope"])


def write_vote(request, by, scope: Scope) -> Decision:
    with transaction.atomic():
        return Decision.objects.create(
            case=request.cases.get(), revision=request.revisions.first(), revision_hash=hash_of(request),
            verdict="approve", scope=scope.text, scope_hash=scope.digest, reason="Đủ", made_by=by,
            agency=request.provider,
        )  # fmt: skip


def test_database_takes_a_blind_vote_beside_the_others_but_none_beyond_the_request(world):
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id")
    whole = Scope.from_text(asked(request))
    wider = Scope.from_text(whole.text.replace('"citizen_id"', '"income"', 1))
    with pytest.raises(IntegrityError, match="can only narrow"):
        write_vote(request, world.approvers[1], wider)
    assert write_vote(request, world.approvers[1], whole.narrowed(fields={"full_name"})).pk


@pytest.mark.parametrize("which", ["requested", "first", "last"])
def test_database_takes_no_agreement_beyond_what_all_share(world, which):
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id", "born")
    approve(request, world.approvers[1], "citizen_id", "full_name")
    first, last = Decision.objects.order_by("pk")
    scope = Scope.from_text({"requested": asked(request), "first": first.scope, "last": last.scope}[which])
    with transaction.atomic():
        requests.accept(request=request, by=world.endorser)
        agreement = Agreement.objects.get()
        transaction.set_rollback(True)
    change("UPDATE exchange_exchangerequest SET status = 'approved', closed_at = now() WHERE id = %s", request.pk)
    agreement.pk, agreement.status = None, "agreed"
    with transaction.atomic():
        agreement.save(force_insert=True)  # what all share is taken
        transaction.set_rollback(True)
    agreement.pk, agreement.scope, agreement.scope_hash = None, scope.text, scope.digest
    with pytest.raises(IntegrityError, match="what all approvers share"), transaction.atomic():
        agreement.save(force_insert=True)


def test_database_voids_no_blind_vote_before_all_are_in_nor_where_they_share_something(world):
    request = world.under_review()
    approve(request, world.approvers[0], "citizen_id")
    void = "UPDATE exchange_decision SET voided_at = now() + interval '1 second'"
    with pytest.raises(IntegrityError, match="only a new revision"):
        change(void)
    whole = Scope.from_text(asked(request))
    with transaction.atomic():
        write_vote(request, world.approvers[1], whole)
        with pytest.raises(IntegrityError, match="only a new revision"):
            change(void)
        transaction.set_rollback(True)
    write_vote(request, world.approvers[1], whole.narrowed(fields={"born"}))
    with pytest.raises(IntegrityError, match="only a new revision"):
        change("UPDATE exchange_decision SET voided_at = '2020-01-01'")
    change(void)
    assert not Decision.objects.live().exists()


def test_database_voids_no_later_vote_with_an_earlier_round(world):
    request = apart(world)
    approve(request, world.approvers[0], "citizen_id")
    earlier = Decision.objects.filter(voided_at__isnull=False).first().voided_at
    with pytest.raises(IntegrityError, match="only a new revision"):
        change("UPDATE exchange_decision SET voided_at = %s WHERE voided_at IS NULL", earlier)
