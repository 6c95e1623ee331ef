"""Who handles a case: told to both sides, handed over, put back, and counted for the owner's approvers."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange import timeline
from exchange.choices import DayKind
from exchange.models import CalendarDay, Decision
from exchange.refusals import Refusal
from exchange.services import cases, requests, workload
from exchange.states import RequestStatus
from exchange.waiting import whose_turn
from registry.choices import Role
from registry.models import Notice
from tests.exchange.desk import as_user, changelist, page, press, refused
from tests.exchange.past import put_due
from tests.factories import AgencyFactory, MembershipFactory, handler, person
from tests.scenarios import hash_of

WORKLOAD = "admin:exchange_reviewcase_workload"


def case_of(request):
    return request.cases.get()


# Told to both sides


def test_the_clerk_reads_which_office_handles_it_and_no_name(world):
    with time_machine.travel(timezone.now() - timedelta(days=2)):
        request = world.submitted()
    waiting = whose_turn(request)
    assert (waiting.office, waiting.since) == (world.provider, request.endorsed_at)
    cases.claim(request=request, by=world.officer)
    assert whose_turn(request).since == case_of(request).claimed_at
    text = as_user(world.requester).get(reverse("exchange:request-detail", args=[request.public_id])).text
    assert world.provider.name in text.split('id="next"')[1]
    assert world.officer.full_name not in text


def test_nobody_handles_a_draft(world):
    assert whose_turn(world.draft()).office is None


def test_queue_and_case_name_the_officer_the_day_and_the_last_activity(world):
    request = world.under_review()
    last = Entry.objects.in_case(request.code).last().at
    client = as_user(world.approver)
    [row] = client.get(changelist("reviewcase")).context["cl"].result_list
    assert row.active_at == last
    for text in (client.get(changelist("reviewcase")).text, client.get(page(case_of(request))).text):
        assert str(world.officer) in text
        assert timezone.localtime(last).strftime("%H:%M") in text


# Handing over and putting back


def test_a_case_is_handed_over_to_a_colleague_who_is_told(world):
    colleague, request = handler(world.database), world.under_review()
    press(world.officer, case_of(request), "hand_over", officer=colleague.pk)
    request.refresh_from_db()
    case = case_of(request)
    assert (case.claimed_by, request.status) == (colleague, RequestStatus.UNDER_REVIEW)
    notice = Notice.objects.get(recipient=colleague, kind=cases.HANDED_OVER.code)
    assert (notice.path, notice.params["request"]) == (page(case), request.code)
    details = json.loads(Entry.objects.get(action="request.hand_over").details)
    assert (details["officer"], details["former"]) == (str(colleague.public_id), str(world.officer.public_id))
    assert "request.hand_over" not in [event.title for event in timeline.of_request(request)]
    assert len(timeline.of_request(request)) == Entry.objects.in_case(request.code).count() - 1


def test_who_takes_a_colleagues_case_over_is_not_told_of_it(world):
    colleague, request = handler(world.database), world.under_review()
    cases.hand_over(request=request, by=colleague, to=colleague)
    assert case_of(request).claimed_by == colleague
    assert not Notice.objects.filter(kind=cases.HANDED_OVER.code).exists()


def unassigned(world):
    return person(world.provider, Role.CASE_OFFICER)


def of_the_consumer(world):
    someone = handler(world.database)
    MembershipFactory(user=someone, agency=world.consumer, role=Role.AUDITOR)
    return someone


def elsewhere(world):
    return person(world.stranger, Role.CASE_OFFICER)


@pytest.mark.parametrize("who", [unassigned, of_the_consumer, elsewhere])
def test_a_case_is_handed_only_to_somebody_who_could_take_it_on(world, who):
    request, someone = world.under_review(), who(world)
    with pytest.raises(Refusal):
        cases.hand_over(request=request, by=world.officer, to=someone)
    assert case_of(request).claimed_by == world.officer
    assert refused("request.hand_over").count() == 1


def test_a_case_is_not_handed_to_whoever_has_it(world):
    request = world.under_review()
    with pytest.raises(Refusal) as caught:
        cases.hand_over(request=request, by=world.approver, to=world.officer)
    assert caught.value.code == "same-officer"


def test_the_form_offers_assigned_case_officers_only(world):
    request = world.under_review()
    colleague = handler(world.database)
    unassigned(world), elsewhere(world)
    form = as_user(world.officer).get(page(case_of(request), "hand_over")).context["form"]
    assert list(form.fields["officer"].queryset) == [colleague]


def test_a_case_is_put_back_and_taken_on_anew(world):
    request = world.under_review()
    due_on = case_of(request).due_on
    press(world.officer, case_of(request), "release")
    request.refresh_from_db()
    case = case_of(request)
    assert (request.status, case.claimed_by, case.claimed_at, case.due_on) == (
        RequestStatus.SUBMITTED, None, None, due_on,
    )  # fmt: skip
    assert cases.claim(request=request, by=handler(world.database)).status == RequestStatus.UNDER_REVIEW


@pytest.mark.parametrize("reader", ["officer", "last_approver"])
def test_in_blind_review_putting_back_tells_nothing_of_votes(make_world, reader):
    world = make_world(quorum=2, blind_review=True)
    user = {"officer": world.officer, "last_approver": world.approvers[2]}[reader]
    told = []
    for request in (world.under_review(), world.voted(votes=1)):
        assert case_of(request).is_blind
        with pytest.raises(Refusal) as caught:
            cases.release(request=request, by=user)
        shown = as_user(user).get(page(case_of(request)))
        told.append(
            (
                caught.value.code,
                str(caught.value),
                [one.name for one in shown.context["buttons"]],
                shown.context["reasons"],
            )
        )
    assert told[0] == told[1]
    assert told[0][0] == "blind-review"
    assert {json.loads(entry.details)["code"] for entry in refused("request.release")} == {"blind-review"}


def test_a_case_with_a_decision_is_not_put_back(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    with pytest.raises(Refusal) as caught:
        cases.release(request=request, by=world.officer)
    assert caught.value.code == "decided-already"
    with pytest.raises(IntegrityError, match="cannot be put back"), transaction.atomic():
        type(request).objects.filter(pk=request.pk).update(status="submitted")


def test_votes_on_an_earlier_revision_do_not_hold_a_case(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert Decision.objects.count() == 2
    assert cases.release(request=request, by=world.officer).status == RequestStatus.SUBMITTED


# Workload


def overdue(request, days=1):
    put_due(timezone.localdate() - timedelta(days=days), request)


def test_workload_counts_by_case_officer(world):
    other = handler(world.database)
    for number in range(4):
        request = world.under_review()
        if number == 3:
            cases.hand_over(request=request, by=other, to=other)
            overdue(request)
        else:
            put_due(timezone.localdate() + timedelta(days=number), request)
    world.submitted()
    world.voted()
    lines = workload.of([world.provider])
    assert [(line.officer, line.open, line.soon, line.overdue, line.closed) for line in lines] == [
        (other, 1, 0, 1, 0),
        (world.officer, 3, 3, 0, 1),
        (None, 1, 0, 0, 0),
    ]
    assert workload.of([world.consumer]) == []


def test_what_is_with_the_consumer_or_closed_long_ago_is_not_open(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    with time_machine.travel(timezone.now() - timedelta(days=40)):
        requests.withdraw(request=world.under_review(), by=world.requester)
    assert workload.of([world.provider]) == []


@time_machine.travel("2026-03-16 03:00", tick=False)  # a Monday
def test_the_median_is_of_working_days(world):
    CalendarDay.objects.create(day="2026-03-11", kind=DayKind.OFF, title="Nghỉ")
    for started in ("2026-03-13 03:00", "2026-03-09 03:00", "2026-03-16 03:00"):
        with time_machine.travel(started, tick=False):
            request = world.under_review()
        requests.withdraw(request=request, by=world.requester)
    [line] = workload.of([world.provider])
    assert (line.closed, line.median) == (3, 1)  # 1, 4 and 0


def test_workload_takes_as_many_questions_for_many_as_for_few(world):
    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            workload.of([world.provider])
        return len(captured)

    world.under_review(), world.voted()
    few = questions()
    for _number in range(6):
        someone, request = handler(world.database), world.under_review()
        cases.hand_over(request=request, by=someone, to=someone)
        requests.withdraw(request=world.under_review(), by=world.requester)
    assert questions() == few <= 4


@pytest.mark.parametrize(("role", "status"), [(Role.APPROVER, 200), (Role.AUDITOR, 200), (Role.CASE_OFFICER, 403)])
def test_approvers_and_auditors_see_the_workload(world, role, status):
    request = world.under_review()
    overdue(request)
    agency = AgencyFactory() if role == Role.AUDITOR else world.provider
    client = as_user(person(agency, role))
    response = client.get(reverse(WORKLOAD))
    assert response.status_code == status
    assert (str(world.officer) in response.text) == (status == 200)
    assert (reverse(WORKLOAD) in client.get(changelist("reviewcase")).text) == (status == 200)


def test_an_approver_of_another_agency_sees_nobody(world):
    world.under_review()
    response = as_user(person(world.stranger, Role.APPROVER)).get(reverse(WORKLOAD))
    assert 'class="empty"' in response.text
    assert str(world.officer) not in response.text
