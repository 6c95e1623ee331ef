"""What a clerk is told before a request repeats another one, and an owner before it tells too much with an earlier package."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import Frequency, OnwardSharing
from exchange.differencing import Bounds, Kind
from exchange.refusals import Refusal
from exchange.services import agreements, bulk, cases, overlaps, requests
from exchange.services.overlaps import Extent
from exchange.states import RequestStatus
from registry.choices import Mode, Purpose, Role
from tests.exchange.desk import as_user, filled, page
from tests.factories import AgencyFactory, DatasetFactory, person
from tests.scenarios import NASTY, hash_of

HANOI = [{"field": "province", "operator": "eq", "values": ["01"]}]
ROWS = len(NASTY)
IN_HANOI = sum(number % 2 for number in range(1, ROWS + 1))


def detail(client, request):
    return client.get(reverse("exchange:request-detail", args=[request.public_id]))


def of_case(request):
    return overlaps.of_case(request.cases.get(), request.revisions.first())


def as_agency(world, agency, **content):
    """A delivered package of another agency on the same dataset."""
    clerk, signatory = person(agency, Role.REQUESTER), person(agency, Role.ENDORSER)
    request = requests.create(consumer=agency, by=clerk, content=world.content(**content))
    requests.propose(request=request, by=clerk)
    requests.endorse(request=request, by=signatory, revision_hash=hash_of(request))
    world.voted(world.under_review(request))
    return world.delivered(request.cases.get().agreements.get())


# The clerk


def test_an_agreement_that_covers_the_wish_is_told_first(world):
    agreement = world.agreed(frequency=Frequency.ON_DEMAND)
    draft = world.draft(field_names=["born", "citizen_id"])
    found = overlaps.of_draft(draft)
    assert found.covering == agreement
    text = detail(as_user(world.requester), draft).text
    assert text.index(agreement.code) < text.index(reverse("exchange:request-propose", args=[draft.public_id]))
    assert reverse("exchange:agreement-detail", args=[agreement.public_id]) in text


def test_a_look_up_that_covers_the_wish_leads_to_the_counter(world):
    world.agreed(mode=Mode.LOOKUP)
    text = detail(as_user(world.requester), world.draft(mode=Mode.LOOKUP)).text
    assert f'href="{reverse("exchange:lookup")}"' in text.split('class="notice notice-warning overlaps"')[1]


BEYOND = {
    "a field more": {"field_names": ["citizen_id", "income"]},
    "another purpose": {"purpose": Purpose.STATISTICS},
    "another way": {"mode": Mode.LOOKUP},
    "longer": {"period_to": timezone.localdate() + timedelta(days=100)},
    "more rows": {"row_filter": []},
    "a higher limit": {"row_limit": 2_000},
}


@pytest.mark.parametrize("what", BEYOND)
def test_an_agreement_does_not_cover_what_goes_beyond_it(world, what):
    world.agreed(row_filter=HANOI, row_limit=1_000)
    wish = {"row_filter": HANOI, "row_limit": 500, **BEYOND[what]}
    changes = {"retention_until": timezone.localdate() + timedelta(days=130)}
    assert overlaps.of_draft(world.draft(**wish, **changes)).covering is None
    assert overlaps.of_draft(world.draft(row_filter=HANOI, row_limit=500)).covering is not None


def test_an_agreement_that_has_ended_covers_nothing(world):
    agreement = world.agreed()
    agreements.revoke(agreement=agreement, by=world.approver, reason="Sai mục đích")
    assert overlaps.of_draft(world.draft()).overlaps == []


EXTENTS = [
    (["citizen_id", "full_name", "born"], [], Extent.SAME, Extent.SAME),
    (["citizen_id"], HANOI, Extent.WITHIN, Extent.WITHIN),
    (["citizen_id", "full_name", "born", "income"], [], Extent.AROUND, Extent.SAME),
    (["citizen_id", "income"], [], Extent.PART, Extent.SAME),
    (["income"], [{"field": "citizen_id", "operator": "prefix", "values": ["001"]}], Extent.APART, Extent.WITHIN),
    ([], [], Extent.OPEN, Extent.SAME),
]


@pytest.mark.parametrize(("fields", "rows", "of_fields", "of_rows"), EXTENTS)
def test_another_open_request_is_compared(world, fields, rows, of_fields, of_rows):
    other = world.submitted()
    draft = world.draft(field_names=fields, row_filter=rows)
    [one] = overlaps.of_draft(draft).overlaps
    assert (one.thing, one.fields, one.rows) == (other, of_fields, of_rows)
    text = detail(as_user(world.requester), draft).text
    assert other.code in text


def test_what_is_closed_of_others_or_about_something_else_is_not_an_overlap(world):
    requests.withdraw(request=world.draft(), by=world.requester)
    world.draft(dataset=DatasetFactory(), field_names=[])
    stranger = person(world.stranger, Role.REQUESTER)
    requests.create(consumer=world.stranger, by=stranger, content=world.content())
    draft = world.draft()
    assert overlaps.of_draft(draft).overlaps == []
    assert "overlaps" not in detail(as_user(world.requester), draft).text


def test_a_draft_without_a_dataset_overlaps_nothing(world):
    draft = requests.create(consumer=world.consumer, by=world.requester)
    assert overlaps.of_draft(draft) is None
    assert detail(as_user(world.requester), draft).status_code == 200


def test_a_clerk_reads_of_own_packages_and_no_numbers(world):
    own = world.delivered(row_filter=[])
    theirs = as_agency(world, world.stranger, row_filter=HANOI)
    draft = world.draft(row_filter=HANOI)
    text = detail(as_user(world.requester), draft).text.split('class="notice notice-warning overlaps"')[1]
    assert own.code in text
    assert theirs.code not in text
    words = re.sub(r"<[^>]*>", "", text.split("</ul>")[1]).replace(own.code, "")
    assert not re.search(r"\d", words)


def test_a_request_that_was_sent_shows_no_overlaps_to_the_clerk(world):
    world.agreed()
    assert "overlaps" not in detail(as_user(world.requester), world.proposed()).text


def test_the_page_asks_as_many_questions_for_ten_overlaps_as_for_two(world):
    client, draft = as_user(world.requester), world.draft()

    def questions() -> int:
        detail(client, draft)
        with CaptureQueriesContext(connection) as captured:
            assert detail(client, draft).status_code == 200
        return len(captured)

    for _number in range(2):
        world.draft(), world.delivered()
    two = questions()
    for _number in range(8):
        world.draft(), world.delivered()
    assert questions() == two


GAPS = {
    "field_names": [],
    "purpose": "",
    "legal_basis": None,
    "period_from": None,
    "period_to": None,
    "retention_until": None,
}


@pytest.mark.parametrize("name", GAPS)
def test_a_draft_with_gaps_is_compared_as_far_as_it_goes(world, name):
    agreement = world.agreed()
    text = detail(as_user(world.requester), world.draft(**{name: GAPS[name]})).text
    assert agreement.code in text


# The owner


def singling_out(world, **content):
    """A package of nearly all rows, and a request for the few that one condition leaves."""
    world.delivered()
    return world.under_review(row_filter=HANOI, **content)


def test_two_counted_packages_of_one_agency_single_people_out(world, settings):
    settings.RELEASE_LEAST_DIFFERENCE = ROWS - IN_HANOI + 1
    delivery = world.delivered()
    as_agency(world, world.stranger, row_filter=HANOI)  # the same rows were counted once, for somebody else
    request = world.under_review(row_filter=HANOI)
    [one] = of_case(request).together
    assert (one.delivery, one.finding.kind) == (delivery, Kind.SINGLES_OUT)
    assert one.finding.rows == Bounds(ROWS - IN_HANOI, ROWS - IN_HANOI)
    for name in ("change", "approve"):
        text = as_user(world.approver).get(page(request.cases.get(), name)).text
        assert delivery.code in text
        assert f" {ROWS - IN_HANOI} " in text


def test_enough_rows_between_two_packages_are_told_as_harmless(world, settings):
    settings.RELEASE_LEAST_DIFFERENCE = ROWS - IN_HANOI
    world.delivered()
    as_agency(world, world.stranger, row_filter=HANOI)
    [one] = of_case(world.under_review(row_filter=HANOI)).together
    assert one.finding.kind == Kind.APART


def test_packages_of_other_agencies_do_not_count_unless_the_data_is_passed_on(world):
    theirs = as_agency(world, world.stranger)
    assert of_case(world.submitted(row_filter=HANOI)).together == []
    for text in (f"Gửi {world.stranger.name_vi.upper()} và đơn vị khác", f"Xem {world.stranger.code}."):
        request = world.submitted(row_filter=HANOI, onward_sharing=OnwardSharing.NAMED, onward_agencies=text)
        [one] = of_case(request).together
        assert (one.delivery, one.to, one.finding.kind) == (theirs, world.stranger, Kind.MAY_SINGLE_OUT)
        assert world.stranger.name in as_user(world.officer).get(page(request.cases.get())).text


def test_packages_that_were_passed_on_to_the_agency_count(world):
    theirs = as_agency(
        world, world.stranger, onward_sharing=OnwardSharing.NAMED, onward_agencies=f"{world.consumer.name_vi}, khác"
    )
    [one] = of_case(world.submitted(row_filter=HANOI)).together
    assert one.delivery == theirs


def test_more_fields_for_the_same_key_are_told(world):
    world.delivered(field_names=["citizen_id", "phone"])
    request = world.under_review(field_names=["citizen_id", "income"])
    [one] = of_case(request).together
    assert (one.finding.kind, one.finding.asked, one.finding.given) == (Kind.JOINS, ("income",), ("phone",))


def test_a_look_up_is_not_compared_with_packages(world):
    world.delivered(field_names=["citizen_id", "phone"])
    assert of_case(world.under_review(field_names=["citizen_id", "income"], mode=Mode.LOOKUP)).together == []


def test_the_owner_does_not_see_what_the_agency_has_not_sent(world):
    world.draft(), world.proposed()
    sent = world.submitted()
    request = world.under_review()
    assert [one.thing for one in of_case(request).overlaps] == [sent]
    assert page(sent.cases.get()) in as_user(world.officer).get(page(request.cases.get())).text


def test_a_decision_records_the_hash_of_the_warnings_on_the_page(world):
    request = singling_out(world)
    digest = of_case(request).digest
    client = as_user(world.approver)
    url = page(request.cases.get(), "approve")
    client.post(url, filled(client, url))
    details = json.loads(Entry.objects.get(action="request.approve", correlation_id=request.code).details)
    assert details["warnings_sha256"] == digest
    assert digest != of_case(world.under_review(field_names=["province"])).digest


def test_every_verdict_records_it(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    details = json.loads(Entry.objects.get(action="request.return", correlation_id=request.code).details)
    assert details["warnings_sha256"] == of_case(request).digest


def test_who_did_not_read_a_new_warning_does_not_approve(world):
    request = world.under_review(row_filter=HANOI)
    client = as_user(world.approver)
    url = page(request.cases.get(), "approve")
    answers = filled(client, url)
    world.delivered()
    response = client.post(url, answers)
    request.refresh_from_db()
    assert (response.status_code, request.status) == (403, RequestStatus.UNDER_REVIEW)
    client.post(url, filled(client, url))
    request.refresh_from_db()
    assert request.status == RequestStatus.APPROVED


def test_what_singles_people_out_is_not_approved_among_others(world, settings):
    settings.RELEASE_LEAST_DIFFERENCE = ROWS
    as_agency(world, world.stranger, row_filter=HANOI)
    harmless = world.under_review()
    request = singling_out(world)
    bulk.check("approve", harmless.cases.get(), world.approver)
    with pytest.raises(Refusal) as caught:
        bulk.check("approve", request.cases.get(), world.approver)
    assert caught.value.code == "one-by-one"


def test_a_case_that_was_left_behind_has_no_warnings(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    other = DatasetFactory(database__owner=AgencyFactory())
    requests.save_draft(
        request=request, by=world.requester, version=request.version, content={"dataset": other, "field_names": []}
    )
    assert as_user(world.officer).get(page(request.cases.get())).context["page"].warned == []
