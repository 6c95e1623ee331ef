"""Advice before a decision, and votes that nobody sees before all are in: in services, pages and the database."""

import json

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from evidence.models import Entry
from exchange.admin.dossier import Dossier
from exchange.choices import Recommendation, Verdict
from exchange.models import Advice, Decision, ReviewCase
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import advice, cases
from exchange.states import RequestStatus
from registry.choices import Role
from registry.models import SharingPolicy
from registry.permissions import DECIDE
from tests import factories
from tests.scenarios import agreement_of, hash_of


@pytest.fixture
def advised(make_world):
    """A world whose policy asks two reviewers first."""
    return make_world(reviews_needed=2)


@pytest.fixture
def blind(make_world):
    return make_world(quorum=2, blind_review=True)


def give(request, by, text="Không vượt quá mức cần thiết", **changes):
    return advice.give(
        **{
            "request": request,
            "by": by,
            "recommendation": Recommendation.FOR,
            "text": text,
            "revision_hash": hash_of(request),
            **changes,
        }
    )


def refused(act, **arguments) -> str:
    with pytest.raises(Refusal) as caught:
        act(**arguments)
    return caught.value.code


def approve(request, by, **narrowed):
    return cases.approve(request=request, by=by, revision_hash=hash_of(request), **narrowed)


def page_of(client, request, by):
    client.force_login(by)
    case = request.cases.get()
    return client.get(reverse("admin:exchange_reviewcase_change", args=[case.pk])).content.decode()


# --- advice


def test_nobody_approves_before_the_advice_is_in(advised):
    request = advised.under_review()
    assert request.cases.get().reviews_needed == 2
    reviewers = [factories.reviewer(advised.database) for _number in range(2)]
    assert refused(approve, request=request, by=advised.approver) == "advice-missing"
    give(request, reviewers[0])
    assert refused(approve, request=request, by=advised.approver) == "advice-missing"
    give(request, reviewers[1], recommendation=Recommendation.AGAINST)
    approve(request, advised.approver)
    assert agreement_of(request)


def test_advice_goes_on_record_without_its_words(advised):
    request = advised.under_review()
    given = give(request, factories.reviewer(advised.database), text="Chỉ nên cấp năm sinh")
    entry = Entry.objects.get(action="request.advise")
    details = json.loads(entry.details)
    assert (details["recommendation"], details["revision_sha256"]) == ("for", given.revision_hash)
    assert "năm sinh" not in entry.details
    assert entry.agency == advised.provider.code


def test_only_an_assigned_reviewer_without_conflict_advises(advised):
    request = advised.under_review()
    unassigned = factories.person(advised.provider, Role.REVIEWER)
    of_consumer = factories.reviewer(advised.database)
    factories.MembershipFactory(user=of_consumer, agency=advised.ministry, role=Role.REVIEWER)
    took_part = factories.reviewer(advised.database)
    request.editors.add(took_part)
    boss = factories.UserFactory(superuser=True)
    codes = [
        refused(give, request=request, by=by) for by in (unassigned, of_consumer, took_part, advised.approver, boss)
    ]
    assert codes == ["not-assigned", "rule-1", "rule-1", "not-your-role", "not-your-role"]
    assert Entry.objects.filter(action="request.advise", outcome="refused").count() == 5
    for by in (of_consumer, took_part, advised.approver):
        with pytest.raises(IntegrityError), transaction.atomic():
            _write_advice(request, by)


def test_a_reviewer_advises_once_and_does_not_decide(advised):
    request = advised.under_review()
    both = factories.reviewer(advised.database)
    factories.MembershipFactory(user=both, agency=advised.provider, role=Role.APPROVER)
    factories.assign(both, advised.database, DECIDE)
    give(request, both)
    give(request, factories.reviewer(advised.database))
    assert refused(give, request=request, by=both) == "rule-2"
    assert refused(approve, request=request, by=both) == "rule-1"
    with pytest.raises(IntegrityError), transaction.atomic():
        _write_vote(request, both)


def test_advice_is_about_the_revision_that_was_read(advised):
    request = advised.under_review()
    reviewer = factories.reviewer(advised.database)
    assert refused(give, request=request, by=reviewer, revision_hash="0" * 64) == "rule-2"
    give(request, reviewer)
    cases.send_back(request=request, by=advised.officer, reason="Thiếu", revision_hash=hash_of(request))
    assert refused(give, request=request, by=reviewer) == "wrong-state"
    advised.under_review(advised.submitted(advised.proposed(request)))
    assert request.cases.get().reviews_needed == 2
    give(request, reviewer)  # the new revision is another text
    assert Advice.objects.count() == 2


def test_the_database_keeps_advice_and_asks_for_it(advised):
    request = advised.under_review()
    given = give(request, factories.reviewer(advised.database))
    for change in (
        lambda: Advice.objects.update(text="Khác"),
        lambda: given.delete(),
        lambda: _write_vote(request, advised.approver),
        lambda: ReviewCase.objects.update(reviews_needed=0),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_reviewer_advises_on_the_page_of_the_case(advised, client):
    request = advised.under_review()
    reviewer = factories.reviewer(advised.database)
    assert "Cho ý kiến" in page_of(client, request, reviewer)
    address = reverse("admin:exchange_reviewcase_advise", args=[request.cases.get().pk])
    sent = {"revision_hash": hash_of(request), "recommendation": "conditions", "text": "Che ngày sinh"}
    assert client.get(address).status_code == 200
    assert client.post(address, sent | {"text": ""}).status_code == 422
    assert client.post(address, sent).status_code == 302
    assert client.post(address, sent).status_code == 403
    assert "Che ngày sinh" in page_of(client, request, advised.approver)
    client.force_login(advised.approver)
    assert client.get(address).status_code == 302
    client.force_login(factories.reviewer(factories.DatabaseFactory()))
    assert client.post(address, sent).status_code == 404


# --- blind review


def test_votes_of_others_are_hidden_until_all_are_in(blind, client):
    request = blind.under_review()
    first, second, third = blind.approvers
    approve(request, first, fields={"citizen_id"}, reason="Đủ số định danh")
    for reader in (second, third, blind.officer):
        page = page_of(client, request, reader)
        assert "Đủ số định danh" not in page
        assert first.full_name not in page
        assert "1 trên 2" not in page
    assert "Đủ số định danh" in page_of(client, request, first)
    client.force_login(second)
    listed = client.get(reverse("admin:exchange_decision_changelist")).content.decode()
    assert request.code not in listed
    assert client.get(reverse("admin:exchange_decision_change", args=[Decision.objects.get().pk])).status_code == 404
    assert Dossier(request.cases.get()).decisions == []

    approve(request, second)
    request.refresh_from_db()
    assert request.status == RequestStatus.OFFERED
    assert "Đủ số định danh" in page_of(client, request, third)


def test_what_is_let_out_lies_within_every_blind_vote(blind):
    request = blind.under_review()
    first, second, _third = blind.approvers
    approve(request, first, fields={"citizen_id", "born"}, reason="Không cần họ tên")
    # what the first left out is not said: the second decides on what was asked for
    assert refused(approve, request=request, by=second, fields={"citizen_id", "full_name"}) == "reason-needed"
    approve(request, second, fields={"citizen_id", "full_name"}, reason="Không cần ngày sinh")
    request.refresh_from_db()
    votes = Decision.objects.filter(verdict=Verdict.APPROVE).order_by("pk")
    assert Scope.from_text(votes[1].scope).field_names == ["citizen_id", "full_name"]
    last = json.loads(Entry.objects.filter(action="request.approve").order_by("sequence").last().details)
    shared = Scope.from_text(votes[1].scope).narrowed(fields={"citizen_id"})
    assert (last["scope_sha256"], last["shared_scope_sha256"]) == (votes[1].scope_hash, shared.digest)
    assert request.status == RequestStatus.OFFERED


def test_advice_is_hidden_until_all_of_it_is_in(make_world, client):
    world = make_world(reviews_needed=2, blind_review=True)
    request = world.under_review()
    first, second = (factories.reviewer(world.database) for _number in range(2))
    give(request, first, text="Ý kiến thứ nhất")
    assert "Ý kiến thứ nhất" in page_of(client, request, first)
    for reader in (second, world.approver):
        assert "Ý kiến thứ nhất" not in page_of(client, request, reader)
    give(request, second)
    assert "Ý kiến thứ nhất" in page_of(client, request, world.approver)


def test_blind_review_and_advice_stay_with_the_case(blind):
    request = blind.under_review()
    SharingPolicy.objects.update(valid_to=None)
    assert request.cases.get().blind_review
    with pytest.raises(IntegrityError), transaction.atomic():
        ReviewCase.objects.update(blind_review=False)


def _write_advice(request, by):
    case, revision = request.cases.get(), request.revisions.first()
    return Advice.objects.create(
        case=case, revision=revision, revision_hash=revision.content_hash, recommendation=Recommendation.FOR,
        text="x", made_by=by, agency=case.provider,
    )  # fmt: skip


def _write_vote(request, by):
    case, revision = request.cases.get(), request.revisions.first()
    scope = Scope.from_text(json.dumps(json.loads(revision.content)["scope"]))
    return Decision.objects.create(
        case=case, revision=revision, revision_hash=revision.content_hash, verdict=Verdict.APPROVE, scope=scope.text,
        scope_hash=scope.digest, made_by=by, agency=case.provider,
    )  # fmt: skip
