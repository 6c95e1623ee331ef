"""Access in an emergency: two signatures, a few days, nothing wider than the policy, and a review by others afterwards."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import AfterVerdict, EmergencyGround, Frequency, RequestKind
from exchange.models import AfterReview, Agreement, DeadlineProfile, Escalation, ReviewCase
from exchange.refusals import Incomplete, Refusal
from exchange.services import agreements as concluding
from exchange.services import (
    amendments,
    bulk,
    cases,
    deadlines,
    desk,
    digests,
    emergencies,
    escalating,
    joint,
    requests,
)
from exchange.states import AgreementStatus, RequestStatus
from exchange.terms import Term
from registry.choices import Mode, PersonalData, Role
from registry.models import Field, Notice
from tests import factories
from tests.exchange.past import put_due
from tests.factories import person
from tests.scenarios import agreement_of, hash_of

pytestmark = pytest.mark.django_db
CONFIRM, OBJECT = AfterVerdict.CONFIRM, AfterVerdict.OBJECT


def urgent(world, **changes) -> dict:
    """What the clerk writes of a flood: three days from today."""
    today = timezone.localdate()
    return {
        "is_emergency": True,
        "emergency_ground": EmergencyGround.DISASTER,
        "emergency_reason": "Sơ tán dân vùng ngập",
        "period_from": today,
        "period_to": today + timedelta(days=2),
        "retention_until": today + timedelta(days=10),
        **changes,
    }


def submitted(world, **changes):
    return world.submitted(**urgent(world, **changes))


def granted(world, **changes) -> Agreement:
    request = submitted(world, **changes)
    cases.take_up(request=request, by=world.approver)
    cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    return agreement_of(request)


def days_on(days: int):
    return time_machine.travel(timezone.now() + timedelta(days=days))


def refused(code: str, act, *arguments, **named) -> None:
    with pytest.raises(Refusal) as caught:
        act(*arguments, **named)
    assert caught.value.code == code


def names(user) -> list[str]:
    return [section.name for section in desk.for_person(user)]


# --- two signatures


def test_one_approver_grants_it_at_once_though_three_are_asked_otherwise(make_world):
    world = make_world(quorum=3, approvers=5)
    request = submitted(world)
    case = request.cases.get()
    assert (case.term, case.quorum, case.votes_needed) == (Term.EMERGENCY, 3, 1)
    assert case.due_on == deadlines.due_on(timezone.localdate(), 1)
    told = Notice.objects.filter(kind="exchange.emergency.waiting")
    assert {notice.recipient for notice in told} == {*world.approvers, world.officer}
    cases.take_up(request=request, by=world.approvers[3])
    cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    assert request.status == RequestStatus.APPROVED
    agreement = agreement_of(request)
    assert agreement.is_emergency
    assert agreement.is_live
    case.refresh_from_db()
    assert case.review_due_on == deadlines.due_on(timezone.localdate(), 5)
    assert "emergency" in request.revisions.first().content
    marked = Entry.objects.in_case(request.code).filter(details__contains='"emergency":true')
    actions = set(marked.values_list("action", flat=True))
    assert {"request.propose", "request.endorse", "request.take_up", "request.approve", "agreement.conclude"} <= actions
    assert {"agreement.activate"} <= actions


def test_whoever_filed_or_signed_does_not_grant_it(world):
    request = world.proposed(**urgent(world))
    both = factories.decider(world.database)
    factories.MembershipFactory(user=both, agency=world.consumer, role=Role.ENDORSER)
    refused("rule-1", requests.endorse, request=_filed_by(world, both), by=both, revision_hash="x")
    requests.endorse(request=request, by=both, revision_hash=hash_of(request))
    refused("rule-1", cases.take_up, request=request, by=both)
    refused("not-your-role", cases.take_up, request=request, by=world.operator)
    refused("not-your-role", cases.take_up, request=request, by=factories.UserFactory(superuser=True))
    cases.take_up(request=request, by=world.approver)
    refused("rule-1", cases.approve, request=request, by=both, revision_hash=hash_of(request))
    refused("not-your-role", cases.approve, request=request, by=world.operator, revision_hash=hash_of(request))


def _filed_by(world, user):
    factories.MembershipFactory(user=user, agency=world.consumer, role=Role.REQUESTER)
    request = requests.create(consumer=world.consumer, by=user, content=world.content())
    return requests.propose(request=request, by=user)


def test_a_deputy_with_a_dated_delegation_is_the_second_signature(world):
    request = submitted(world)
    given = factories.DelegationFactory(
        agency=world.provider, delegator=world.approver, delegate=person(world.provider, Role.CASE_OFFICER)
    )
    assert "decide" in names(given.delegate)
    cases.take_up(request=request, by=given.delegate)
    cases.approve(request=request, by=given.delegate, revision_hash=hash_of(request))
    assert agreement_of(request).is_emergency
    # the deputy's vote is the approver's own: neither reviews it
    refused("rule-1", emergencies.review, request=request, by=world.approver, verdict=CONFIRM)


def test_an_ordinary_request_is_not_taken_up(world):
    refused("no-emergency", cases.take_up, request=world.submitted(), by=world.approver)
    entry = Entry.objects.filter(outcome=Outcome.REFUSED).latest("sequence")
    assert entry.action == "request.take_up"


def test_a_case_officer_can_take_it_on_as_well(world):
    assert granted_after_claim(world).is_emergency


def granted_after_claim(world) -> Agreement:
    request = cases.claim(request=submitted(world), by=world.officer)
    cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    return agreement_of(request)


# --- short, once, and nothing wider


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"period_to": 3}, "period_to"),
        ({"period_from": 2, "period_to": 2}, "period_from"),
        ({"emergency_ground": ""}, "emergency_ground"),
        ({"emergency_reason": ""}, "emergency_reason"),
        ({"mode": Mode.PACKAGE, "frequency": Frequency.ON_DEMAND}, "frequency"),
    ],
)
def test_it_is_short_at_once_and_once(world, changes, field):
    today = timezone.localdate()
    days = {name: today + timedelta(days=value) for name, value in changes.items() if isinstance(value, int)}
    with pytest.raises(Incomplete) as caught:
        world.proposed(**urgent(world, **(changes | days)))
    assert set(caught.value.fields) == {field}


def test_the_row_says_how_long_and_the_database_how_long_at_most(world):
    DeadlineProfile.objects.filter(code=Term.EMERGENCY_PERIOD).update(working_days=90)
    today = timezone.localdate()
    with pytest.raises(Incomplete):
        world.proposed(**urgent(world, period_to=today + timedelta(days=7)))
    assert granted(world, period_to=today + timedelta(days=6)).is_emergency


def test_it_widens_nothing(make_world):
    world = make_world(purposes=["statistics"])
    with pytest.raises(Refusal) as caught:
        world.proposed(**urgent(world))
    assert caught.value.code != "incomplete"
    agreement = granted(make_world())
    assert '"masking":"year"' in agreement.scope


def test_what_a_standing_permission_gives_is_no_emergency(make_world):
    world = make_world(standing=True)
    refused("not-an-emergency", world.proposed, **urgent(world))
    assert world.agreed().is_standing


def test_it_ends_with_its_last_day_with_nobody_at_work(world):
    agreement = granted(world)
    with days_on(2):
        assert agreement.is_live
    with days_on(3):
        agreement.refresh_from_db()
        assert agreement.status == AgreementStatus.ACTIVE
        assert not agreement.is_live


def test_it_is_neither_changed_nor_renewed(world):
    agreement = granted(world)
    for kind in (RequestKind.AMENDMENT, RequestKind.RENEWAL):
        refused("emergency-once", amendments.begin, agreement=agreement, kind=kind, by=world.requester)
    copied = requests.copy(request=agreement.case.request, by=world.requester)
    assert not copied.is_emergency


def test_it_is_asked_for_on_its_own(world):
    draft = world.draft(**urgent(world))
    other = factories.SharingPolicyFactory().dataset
    refused("emergency-alone", joint.add_part, request=draft, dataset=other, by=world.requester)
    ordinary = world.draft()
    joint.add_part(request=ordinary, dataset=other, by=world.requester)
    ordinary.refresh_from_db()
    save = {"request": ordinary, "by": world.requester, "version": ordinary.version, "content": {"is_emergency": True}}
    refused("emergency-alone", requests.save_draft, **save)


def test_it_is_not_decided_in_bulk(world):
    request = submitted(world)
    cases.take_up(request=request, by=world.approver)
    refused("one-by-one", bulk.check, "approve", request.cases.get(), world.approver)


# --- reviewed afterwards


def test_as_many_others_as_the_quorum_review_it(make_world):
    world = make_world(quorum=2, approvers=4)
    request = granted(world).case.request
    case = request.cases.get()
    assert case in desk.to_review(world.approvers[1])
    assert case not in desk.to_review(world.approver)
    refused("rule-1", emergencies.review, request=request, by=world.approver, verdict=CONFIRM)
    refused("not-assigned", emergencies.review, request=request, by=world.operator, verdict=CONFIRM)
    refused(
        "not-assigned", emergencies.review, request=request, by=factories.UserFactory(superuser=True), verdict=CONFIRM
    )
    emergencies.review(request=request, by=world.approvers[1], verdict=CONFIRM)
    refused("rule-2", emergencies.review, request=request, by=world.approvers[1], verdict=CONFIRM)
    case.refresh_from_db()
    assert case.reviewed_at is None
    emergencies.review(request=request, by=world.approvers[2], verdict=CONFIRM)
    case.refresh_from_db()
    assert case.reviewed_at
    refused("reviewed-already", emergencies.review, request=request, by=world.approvers[3], verdict=CONFIRM)
    assert Notice.objects.filter(kind="exchange.emergency.reviewed", recipient=world.requester).exists()
    assert not desk.to_review(world.approvers[3]).exists()


def test_an_objection_ends_what_is_running_and_stands_in_the_ledger(world):
    agreement = granted(world)
    request = agreement.case.request
    refused("reason-needed", emergencies.review, request=request, by=world.approvers[1], verdict=OBJECT)
    emergencies.review(request=request, by=world.approvers[1], verdict=OBJECT, reason="Không phải thiên tai")
    agreement.refresh_from_db()
    assert (agreement.status, agreement.status_reason) == (AgreementStatus.REVOKED, "Không phải thiên tai")
    entry = Entry.objects.filter(action="request.review", outcome=Outcome.SUCCESS).get()
    assert '"verdict":"object"' in entry.details
    assert '"emergency":true' in entry.details
    people = {notice.recipient for notice in Notice.objects.filter(kind="exchange.emergency.objected")}
    assert people == {world.requester, world.endorser, world.approver}


def test_an_objection_to_what_is_over_already_is_recorded_as_well(world):
    agreement = granted(world)
    with days_on(5):
        concluding.expire(agreement=agreement)
    emergencies.review(request=agreement.case.request, by=world.approvers[1], verdict=OBJECT, reason="Sai")
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.EXPIRED
    assert emergencies.rate_of(world.consumer, world.provider).objected == 1


def test_conflicts_count_for_the_review_too(world):
    request = granted(world).case.request
    moved = factories.decider(world.database)
    factories.MembershipFactory(user=moved, agency=world.ministry, role=Role.AUDITOR)
    refused("rule-1", emergencies.review, request=request, by=moved, verdict=CONFIRM)
    refused("nothing-to-review", emergencies.review, request=world.under_review(), by=world.approver, verdict=CONFIRM)


def test_advice_on_sensitive_data_is_given_afterwards(world):
    Field.objects.filter(pk=world.fields["full_name"].pk).update(personal_data=PersonalData.SENSITIVE)
    reviewer = factories.reviewer(world.database)
    request = granted(world).case.request
    case = request.cases.get()
    assert (world.policy.reviews_needed, case.reviews_needed) == (0, 1)
    assert case in desk.to_review(reviewer)
    emergencies.review(request=request, by=world.approvers[1], verdict=CONFIRM)
    case.refresh_from_db()
    assert case.reviewed_at is None
    given = emergencies.review(request=request, by=reviewer, verdict=OBJECT, reason="Nên che tên")
    assert given.part == "reviewer"
    case.refresh_from_db()
    assert case.reviewed_at  # a reviewer advises; only approvers end an agreement
    assert agreement_of(request).status == AgreementStatus.ACTIVE


def test_blind_review_hides_what_others_said_until_all_is_in(client, make_world):
    world = make_world(quorum=2, approvers=4, blind_review=True)
    request = granted(world).case.request
    emergencies.review(request=request, by=world.approvers[1], verdict=CONFIRM, reason="Đúng là lũ lớn")
    page = reverse("admin:exchange_reviewcase_change", args=[request.cases.get().pk])
    listed = reverse("admin:exchange_afterreview_changelist")
    for user, is_shown in ((world.approvers[2], False), (world.approvers[1], True)):
        client.force_login(user)
        assert ("Đúng là lũ lớn" in client.get(page).content.decode()) == is_shown
        assert (request.code in client.get(listed).content.decode()) == is_shown
    emergencies.review(request=request, by=world.approvers[2], verdict=CONFIRM)
    client.force_login(world.approvers[3])
    assert "Đúng là lũ lớn" in client.get(page).content.decode()


def test_a_review_that_is_late_escalates_like_a_decision_that_is_late(world):
    request = granted(world).case.request
    case = request.cases.get()
    above = factories.AgencyFactory()
    factories.put_below(world.provider, above)
    chief = person(above, Role.APPROVER)
    with days_on(40):
        assert ReviewCase.objects.review_overdue().get() == case
        assert world.approvers[1].pk in digests.concerned()
        assert digests.counts_for(world.approvers[1])["overdue"] == 1
        assert escalating.escalate_due() == 1
        assert set(Escalation.objects.values_list("step", "is_review")) == {(1, True), (2, True), (3, True)}
        assert escalating.escalate_due() == 0
        assert [section.name for section in desk.for_person(chief)] == ["superior"]
        assert Agreement.objects.get(case=case).status == AgreementStatus.ACTIVE  # nothing decides itself
    emergencies.review(request=request, by=world.approvers[1], verdict=CONFIRM)
    with days_on(40):
        assert not escalating.brought_before(chief).exists()


# --- the database


def execute(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement, values)


def refused_by_database(statement: str, *values) -> None:
    with pytest.raises(IntegrityError):
        execute(statement, *values)


REVIEW = """INSERT INTO exchange_afterreview (case_id, part, verdict, reason, made_at, made_by_id, agency_id)
            VALUES (%s, %s, %s, %s, now(), %s, %s)"""


@pytest.mark.postgresql
def test_sql_reviews_for_nobody_else(world):
    case = granted(world).case
    for by, part in (
        (world.approver, "approver"),  # signed it
        (world.officer, "approver"),
        (world.operator, "approver"),
        (world.endorser, "approver"),
        (world.approvers[1], "reviewer"),
    ):
        refused_by_database(REVIEW, case.pk, part, "confirm", "", by.pk, case.provider_id)
    refused_by_database(REVIEW, case.pk, "approver", "object", "", world.approvers[1].pk, case.provider_id)
    ordinary = world.agreed().case
    refused_by_database(REVIEW, ordinary.pk, "approver", "confirm", "", world.approvers[1].pk, case.provider_id)
    execute(REVIEW, case.pk, "approver", "confirm", "", world.approvers[1].pk, case.provider_id)
    refused_by_database(REVIEW, case.pk, "approver", "confirm", "", world.approvers[1].pk, case.provider_id)
    refused_by_database("UPDATE exchange_afterreview SET verdict = 'object', reason = 'x'")
    refused_by_database("DELETE FROM exchange_afterreview")


@pytest.mark.postgresql
def test_sql_ends_no_review_and_puts_none_off(make_world):
    world = make_world(quorum=2)
    case = granted(world).case
    refused_by_database("UPDATE exchange_reviewcase SET reviewed_at = now() WHERE id = %s", case.pk)
    refused_by_database("UPDATE exchange_reviewcase SET review_due_on = '2099-01-01' WHERE id = %s", case.pk)
    refused_by_database("UPDATE exchange_reviewcase SET review_due_on = NULL WHERE id = %s", case.pk)
    ordinary = world.under_review().cases.get()
    refused_by_database("UPDATE exchange_reviewcase SET review_due_on = '2099-01-01' WHERE id = %s", ordinary.pk)


@pytest.mark.postgresql
def test_sql_marks_no_agreement_and_makes_none_of_one_vote_otherwise(make_world):
    world = make_world(quorum=2)
    agreement = granted(world)
    for change in ("is_emergency = false", "valid_to = valid_to + 30"):
        refused_by_database(f"UPDATE exchange_agreement SET {change} WHERE id = %s", agreement.pk)  # noqa: S608
    request = world.proposed()
    refused_by_database("UPDATE exchange_exchangerequest SET is_emergency = true WHERE id = %s", request.pk)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conname IN"
            " ('exchange_agreement_emergency_short', 'exchange_agreement_emergency_once')"
        )
        assert len(cursor.fetchall()) == 2


@pytest.mark.postgresql
def test_no_emergency_lasts_longer_whoever_concludes_it(world, monkeypatch):
    monkeypatch.setattr("exchange.services.deadlines.EMERGENCY_MOST_DAYS", 90)
    DeadlineProfile.objects.filter(code=Term.EMERGENCY_PERIOD).update(working_days=90)
    with pytest.raises(IntegrityError, match="emergency_short"):
        granted(world, period_to=timezone.localdate() + timedelta(days=7))
    assert not AfterReview.objects.exists()


# --- desks, queue, pages


def test_it_stands_first_on_the_desk_and_in_the_queue(client, world):
    ordinary = world.under_review()
    put_due(timezone.localdate() - timedelta(days=9), ordinary)
    request = submitted(world)
    section = next(one for one in desk.for_person(world.approver) if one.name == "decide")
    assert [row.code for row in section.rows] == [request.code, ordinary.code]
    client.force_login(world.approver)
    page = client.get(reverse("admin:exchange_reviewcase_changelist")).content.decode()
    assert page.index(request.code) < page.index(ordinary.code)


def test_form_letter_and_pages_say_it(client, world):
    client.force_login(world.requester)
    draft = world.draft()
    step = reverse("exchange:request-edit", args=[draft.public_id, 3])
    assert 'name="is_emergency"' in client.get(step).content.decode()
    today = timezone.localdate()
    data = {
        "version": draft.version,
        "is_emergency": "on",
        "emergency_ground": "epidemic",
        "emergency_reason": "Ổ dịch mới",
        "period_from": today.isoformat(),
        "period_to": (today + timedelta(days=1)).isoformat(),
        "retention_until": (today + timedelta(days=9)).isoformat(),
        "onward_sharing": "none",
        "security_measures": "Mã hoá",
        "system_level": "3",
        "named_users": [str(world.requester.public_id)],
        "has_state_secret": "no",
        "undertaking": "on",
    }
    assert client.post(step, data).status_code == 302
    draft.refresh_from_db()
    assert (draft.is_emergency, draft.emergency_ground) == (True, "epidemic")
    request = world.submitted(world.proposed(draft))
    assert "Ổ dịch mới" in client.get(request.get_absolute_url()).content.decode()
    client.force_login(world.approver)
    case = reverse("admin:exchange_reviewcase_change", args=[request.cases.get().pk])
    assert "Ổ dịch mới" in client.get(case).content.decode()
    take_up = reverse("admin:exchange_reviewcase_take_up", args=[request.cases.get().pk])
    assert client.get(take_up).status_code == 200
    assert client.post(take_up).status_code == 302
    cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    client.force_login(world.requester)
    agreement = agreement_of(request)
    assert "Ổ dịch mới" in client.get(agreement.get_absolute_url()).content.decode()
    letter = request.cases.get().letters.get()
    assert '"emergency":"epidemic"' in letter.content
    assert (
        str(EmergencyGround.EPIDEMIC.label)
        in client.get(reverse("exchange:letter-detail", args=[letter.public_id])).content.decode()
    )
    client.force_login(world.approvers[1])
    review = reverse("admin:exchange_reviewcase_review", args=[request.cases.get().pk])
    assert client.get(review).status_code == 200
    assert client.post(review, {"verdict": "object", "reason": ""}).status_code == 422
    assert client.post(review, {"verdict": "confirm", "reason": ""}).status_code == 302
    assert client.get(review).status_code == 302
    workload = client.get(reverse("admin:exchange_reviewcase_workload")).content.decode()
    assert str(world.consumer) in workload


def test_auditors_see_every_review_with_as_many_queries_for_2_as_for_20(client, world):
    auditor = person(world.stranger, Role.AUDITOR)
    counts = []
    for more in (2, 18):
        for _number in range(more):
            request = granted(world).case.request
            emergencies.review(request=request, by=world.approvers[1], verdict=CONFIRM)
            granted(world)
        figures = []
        for user, url in (
            (auditor, reverse("admin:exchange_afterreview_changelist")),
            (world.approvers[1], reverse("exchange:desk")),
            (world.approvers[1], reverse("admin:exchange_reviewcase_workload")),
        ):
            client.force_login(user)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(url).status_code == 200
            figures.append(len(captured))
        counts.append(figures)
    assert counts[0] == counts[1]
