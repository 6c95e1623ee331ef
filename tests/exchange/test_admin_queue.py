"""The queue of the review desk."""

from datetime import timedelta

import pytest
from django.utils import timezone

from exchange.choices import Urgency
from exchange.services import cases, requests
from registry.choices import PersonalData, Role
from tests import factories
from tests.exchange.desk import as_user, changelist, questions, rows
from tests.exchange.past import put_due
from tests.factories import person
from tests.scenarios import hash_of


def codes(client, **query) -> list[str]:
    return [case.request.code for case in rows(client, "reviewcase", **query)]


def overdue(request, days=1):
    put_due(timezone.localdate() - timedelta(days=days), request)
    return request


def test_row_tells_what_is_needed_to_choose(make_world):
    world = make_world(quorum=2)
    world.fields["born"].personal_data = PersonalData.SENSITIVE
    world.fields["born"].save()
    request = overdue(world.voted(votes=1, urgency=Urgency.EXPRESS))
    text = as_user(world.approver).get(changelist("reviewcase")).content.decode()
    for words in (
        request.code,
        str(world.consumer),
        str(world.dataset),
        "status-sensitive",
        "status-under-review",
        "status-urgency-express",
        "status-overdue",
        str(world.officer),
    ):
        assert words in text
    case = rows(as_user(world.approver), "reviewcase")[0]
    assert (case.votes, case.quorum, case.asks_sensitive) == (1, 2, True)


def test_void_votes_are_not_counted(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    assert rows(as_user(world.approver), "reviewcase")[0].votes == 0


def test_due_first_comes_first(world):
    later, sooner = world.submitted(), world.submitted()
    overdue(sooner)
    assert codes(as_user(world.officer)) == [sooner.code, later.code]


def test_open_cases_are_shown_first(world):
    client = as_user(world.officer)
    new, review, returned, approved = (
        world.submitted(),
        world.under_review(),
        world.under_review(),
        world.voted(),
    )
    cases.send_back(request=returned, by=world.officer, reason="Xem lại", revision_hash=hash_of(returned))
    assert set(codes(client)) == {new.code, review.code, returned.code}
    assert codes(client, state="new") == [new.code]
    assert codes(client, state="review") == [review.code]
    assert codes(client, state="away") == [returned.code]
    assert codes(client, state="decided") == [approved.code]
    assert len(codes(client, state="all")) == 4


def test_filters(world):
    plain = world.submitted()
    mine = overdue(world.under_review(urgency=Urgency.URGENT, field_names=["citizen_id", "income"]))
    world.fields["income"].personal_data = PersonalData.SENSITIVE
    world.fields["income"].save()
    client = as_user(world.officer)
    assert codes(client, officer="me") == [mine.code]
    assert codes(client, officer="nobody") == [plain.code]
    assert codes(client, overdue="yes") == [mine.code]
    assert codes(client, request__urgency__exact="urgent") == [mine.code]
    assert codes(client, sensitive="yes") == [mine.code]
    assert codes(client, sensitive="no") == [plain.code]


def test_returned_case_is_not_overdue(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    overdue(request)
    client = as_user(world.officer)
    assert codes(client, overdue="yes") == []
    assert "status-overdue" not in client.get(changelist("reviewcase")).content.decode()


@pytest.mark.parametrize("what", ["code", "consumer", "letter"])
def test_search(world, what):
    request = world.submitted(letter_number="77/BHXH-CNTT")
    other = world.submitted()
    client = as_user(world.officer)
    words = {"code": request.code, "consumer": world.consumer.code, "letter": "77/BHXH"}[what]
    found = codes(client, q=words)
    assert request.code in found
    assert (other.code in found) == (what == "consumer")


def test_empty_queue_says_so(world):
    text = as_user(world.officer).get(changelist("reviewcase")).content.decode()
    assert 'class="empty"' in text


def test_search_without_result_says_so(world):
    world.submitted()
    text = as_user(world.officer).get(changelist("reviewcase"), {"q": "không có"}).content.decode()
    assert 'class="empty"' in text


def test_desk_of_another_agency_sees_nothing(world):
    world.submitted()
    assert codes(as_user(person(world.stranger, Role.CASE_OFFICER)), state="all") == []


def test_auditor_sees_every_agency(world):
    request = world.submitted()
    assert codes(as_user(person(factories.AgencyFactory(), Role.AUDITOR))) == [request.code]


def test_withdrawn_request_leaves_the_queue(world):
    request = world.submitted()
    requests.withdraw(request=request, by=world.requester)
    assert codes(as_user(world.officer)) == []


def test_list_asks_as_many_questions_for_20_rows_as_for_2(world):
    client = as_user(world.officer)
    for _number in range(2):
        world.under_review()
    two = questions(client, "reviewcase")
    for _number in range(18):
        world.under_review()
    assert len(codes(client)) == 20
    assert questions(client, "reviewcase") == two
    assert two <= 20


def test_a_whole_number_finds_its_case_only(world):
    request = world.submitted()
    world.submitted(letter_number=request.code)
    client = as_user(world.officer)
    assert codes(client, q=request.code.lower()) == [request.code]
    assert len(codes(client, q=request.code[:-1])) == 2
