"""What the pages tell people so that they do not run into a wall: obstacles, remarks, limits, and what to do instead."""

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from exchange import offers
from exchange.choices import EndReason
from exchange.forms.inputs import Block, Line, Phone
from exchange.forms.request import STEPS, DataForm, UseForm
from exchange.models import ExchangeRequest
from exchange.progress import ADVICE
from exchange.refusals import SUSPENDED, Incomplete, Suspended
from exchange.services import cases, requests
from exchange.states import RequestStatus
from exchange.summary import shown
from registry import catalogue
from registry.choices import FieldKind, Masking, Mode, Role
from registry.forms.catalogue import CatalogueForm
from registry.models import SharingPolicy
from registry.search import Asked, find
from tests import factories
from tests.exchange.test_request_pages import data_of, step_of, url, use_of
from tests.scenarios import hash_of

pytestmark = pytest.mark.django_db


def page_in_catalogue(dataset) -> str:
    return reverse("registry:dataset-detail", args=[dataset.code])


def ask_link(dataset) -> str:
    return f"{url('request-create')}?dataset={dataset.code}"


# Who uses the data


def test_a_request_without_named_users_is_not_sent(client, world):
    draft = world.draft()
    draft.named_users.clear()
    with pytest.raises(Incomplete) as refusal:
        requests.propose(request=draft, by=world.requester)
    assert list(refusal.value.fields) == ["named_users"]
    client.force_login(world.requester)
    assert f"{step_of(draft, 3)}#id_named_users" in client.get(url("request-detail", draft)).text


def test_the_third_screen_asks_for_a_named_user_unless_the_draft_is_put_aside(world):
    draft = world.draft()
    assert list(UseForm(use_of(draft, named_users=[]), draft=draft).errors) == ["named_users"]
    assert UseForm(use_of(draft, named_users=[], stay="yes"), draft=draft).is_valid()


# Datasets that are not on offer


def test_the_catalogue_invites_to_ask_only_where_something_is_offered(client, world):
    assert ask_link(world.dataset) in client.get(page_in_catalogue(world.dataset)).text
    SharingPolicy.objects.update(any_agency=False)
    world.policy.recipients.add(world.stranger)
    assert ask_link(world.dataset) in client.get(page_in_catalogue(world.dataset)).text
    client.force_login(world.requester)
    page = client.get(page_in_catalogue(world.dataset)).text
    assert ask_link(world.dataset) not in page
    assert str(offers.NOT_OFFERED_TO_YOU) in page


def test_the_catalogue_does_not_invite_where_nothing_is_offered_to_anybody(client, world):
    SharingPolicy.objects.update(valid_from="2020-01-01", valid_to="2020-12-31")
    page = client.get(page_in_catalogue(world.dataset)).text
    assert ask_link(world.dataset) not in page
    assert str(offers.NOT_OFFERED) in page


def test_nobody_is_invited_to_ask_the_own_agency(client, world):
    clerk = factories.person(world.provider, Role.REQUESTER)
    client.force_login(clerk)
    page = client.get(page_in_catalogue(world.dataset)).text
    assert ask_link(world.dataset) not in page
    assert str(offers.OWN_DATASET) in page


@pytest.mark.parametrize("reason", ["own", "nothing"])
def test_a_draft_that_could_lead_nowhere_is_refused_with_the_reason(client, world, reason):
    clerk = world.requester
    if reason == "own":
        clerk = factories.person(world.provider, Role.REQUESTER)
    else:
        SharingPolicy.objects.update(any_agency=False)
    told = str(offers.OWN_DATASET if reason == "own" else offers.NOT_OFFERED_TO_YOU)
    client.force_login(clerk)
    assert told in client.get(url("request-create"), {"dataset": world.dataset.code}).text
    response = client.post(url("request-create"), {"dataset": world.dataset.code}, follow=True)
    assert [str(message) for message in response.context["messages"]] == [told]
    assert not ExchangeRequest.objects.exists()


def suspend(world) -> None:
    change = factories.SchemaChangeFactory(dataset=world.dataset)
    SharingPolicy.objects.update(suspended_at=timezone.now(), suspended_by_change=change)


def test_suspended_sharing_is_told_on_the_page_to_everybody(client, world):
    suspend(world)
    for reader in (None, world.requester):
        if reader:
            client.force_login(reader)
        page = client.get(page_in_catalogue(world.dataset)).text
        assert str(SUSPENDED) in page
        assert ask_link(world.dataset) not in page
    factories.SharingPolicyFactory(dataset=world.dataset)
    assert str(SUSPENDED) not in client.get(page_in_catalogue(world.dataset)).text


def test_no_draft_is_begun_and_none_is_sent_while_sharing_is_suspended(client, world):
    draft = world.draft()
    suspend(world)
    client.force_login(world.requester)
    assert str(SUSPENDED) in client.get(step_of(draft, 1)).text
    response = client.post(url("request-create"), {"dataset": world.dataset.code})
    assert response.status_code == 409
    assert str(SUSPENDED) in response.text
    assert list(ExchangeRequest.objects.all()) == [draft]
    with pytest.raises(Suspended) as refused:
        requests.propose(request=draft, by=world.requester)
    assert refused.value.code == "sharing-suspended"
    client.post(url("request-propose", draft))
    draft.refresh_from_db()
    assert draft.status == RequestStatus.DRAFT


@pytest.mark.parametrize(
    "dates", [{"valid_from": "2999-01-01"}, {"valid_from": "2020-01-01", "valid_to": "2020-12-31"}]
)
def test_a_suspended_policy_of_other_days_is_no_suspension(client, world, dates):
    suspend(world)
    SharingPolicy.objects.update(**dates)
    page = client.get(page_in_catalogue(world.dataset)).text
    assert str(offers.NOT_OFFERED) in page
    assert world.policy.title not in page


@pytest.mark.parametrize(
    "state", ["suspended", {"valid_from": "2999-01-01"}, {"valid_from": "2020-01-01", "valid_to": "2020-12-31"}]
)
def test_what_is_not_in_force_is_offered_nowhere(client, world, state):
    everywhere = {
        "facet": lambda: list(find(Asked(chosen={"mode": [Mode.PACKAGE]})).ids),
        "row": lambda: catalogue.offered_modes(catalogue.listing().get()),
        "machines": lambda: "odrl:Offer" in client.get(f"/catalogue/datasets/{world.dataset.code}.ttl").text,
        "form": lambda: offers.offer_to(world.consumer, world.dataset).modes,
    }
    assert all(ask() for ask in everywhere.values())
    suspend(world) if state == "suspended" else SharingPolicy.objects.update(**state)
    assert not [name for name, ask in everywhere.items() if ask()]


# What the owner asked to change


@pytest.fixture
def returned(world):
    request = world.under_review()
    cases.send_back(
        request=request,
        by=world.officer,
        reason="Chưa rõ",
        field_reasons={"reason": "Thủ tục <nào>?", "row_filter": "Một tỉnh thôi"},
        revision_hash=hash_of(request),
    )
    return request


def test_all_remarks_stand_together_with_links_to_their_fields(client, world, returned):
    client.force_login(world.requester)
    page = client.get(url("request-detail", returned)).text
    assert "Thủ tục &lt;nào&gt;?" in page
    assert "Một tỉnh thôi" in page
    assert f"{step_of(returned, 1)}#id_row_filter" in page
    assert f"{step_of(returned, 2)}#id_reason" in page


def test_remarks_stay_readable_after_filing_again(client, world, returned):
    world.proposed(returned)
    for reader in (world.requester, world.endorser):
        client.force_login(reader)
        for name in ("request-detail", "request-endorse"):
            if name == "request-endorse" and reader == world.requester:
                continue
            page = client.get(url(name, returned)).text
            assert "Một tỉnh thôi" in page
            assert step_of(returned, 1) not in page


# Limits and maskings of each method


def test_limits_and_maskings_are_told_by_method_where_they_differ(client, make_world):
    world = make_world(modes=[Mode.PACKAGE], max_rows=500_000)
    counter = factories.SharingPolicyFactory(dataset=world.dataset, modes=[Mode.LOOKUP], max_rows=1)
    factories.PolicyFieldFactory(policy=counter, field=world.fields["phone"], masking=Masking.KEEP)
    form = DataForm(draft=world.draft())
    help_text = str(form.fields["row_limit"].help_text)
    assert f"{Mode.PACKAGE.label}: 500\u202f000; {Mode.LOOKUP.label}: 1" in help_text
    assert form.offer.fields["phone"].masking_labels == [
        f"{Mode.PACKAGE.label}: {Masking.PARTIAL.label}",
        f"{Mode.LOOKUP.label}: {Masking.KEEP.label}",
    ]
    assert form.offer.fields["full_name"].masking_labels == [Masking.KEEP.label]


def test_the_limit_of_the_chosen_method_holds(make_world):
    world = make_world(modes=[Mode.PACKAGE], max_rows=500_000)
    factories.SharingPolicyFactory(dataset=world.dataset, modes=[Mode.LOOKUP], max_rows=1)
    draft = world.draft()
    assert list(DataForm(data_of(draft, mode="lookup", row_limit="2"), draft=draft).errors) == ["row_limit"]
    assert DataForm(data_of(draft, row_limit="2"), draft=draft).is_valid()


def test_what_lies_outside_the_policy_is_told_at_its_field(client, make_world):
    world = make_world(max_rows=500_000, max_days=30)
    draft = world.draft(row_limit=500_001)
    with pytest.raises(Incomplete) as refusal:
        requests.propose(request=draft, by=world.requester)
    assert list(refusal.value.fields) == ["row_limit", "period_to"]
    client.force_login(world.requester)
    page = client.get(url("request-detail", draft)).text
    assert f"{step_of(draft, 1)}#id_row_limit" in page
    assert f"{step_of(draft, 3)}#id_period_to" in page
    assert "500\u202f000" in page


# What is typed


@pytest.mark.parametrize("field", [Line(), Block(), Line(max_length=5)])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_text_that_cannot_be_stored_is_refused_in_own_words(field, text):
    with pytest.raises(ValidationError) as refusal:
        field.clean(text)
    assert "Null" not in str(refusal.value)


def test_the_catalogue_search_refuses_nul_in_own_words():
    assert "Null" not in str(CatalogueForm({"q": "a\0b"}).errors["q"])


def test_a_line_holds_nothing_invisible():
    assert Line().clean("\ufeffHà\u200b \u202eNội\u2066 \u00ad") == "Hà Nội"
    assert Line().clean("a\u200db") == "a\u200db"


@pytest.mark.parametrize("number", ["024 3333 4444", "+84 (24) 3.333-4444", "113113"])
def test_phone_numbers_are_taken_as_people_write_them(number):
    assert Phone().clean(number) == number


@pytest.mark.parametrize("number", ["12345", "0" * 21, "gọi tổng đài", "٠١٢٣٤٥٦"])
def test_what_is_no_phone_number_is_refused(number):
    with pytest.raises(ValidationError):
        Phone().clean(number)


def test_every_text_input_is_bounded(world):
    draft = world.draft()
    for step in STEPS.values():
        for field in step(draft=draft):
            if isinstance(field.field, forms.CharField) and not field.is_hidden:
                assert "maxlength" in field.as_widget(), field.name


def test_too_many_values_are_told_with_the_limit(world):
    draft = world.draft()
    values = "\n".join(f"{number:012}" for number in range(1_001))
    line = {"filter0-field": "citizen_id", "filter0-operator": "in", "filter0-values": values}
    form = DataForm(data_of(draft, **line), draft=draft)
    assert not form.is_valid()
    assert "1\u202f000" in str(form.lines.forms[0].errors["values"])


def test_an_error_of_a_hidden_field_stands_alone(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    page = client.post(step_of(draft, 1), data_of(draft, dataset="no-such-dataset")).text
    assert 'href="#id_dataset"' not in page


# What is shown


def test_a_draft_without_a_subject_shows_its_code_once_in_the_head(client, world):
    draft = world.draft(letter_subject="")
    client.force_login(world.requester)
    page = client.get(url("request-detail", draft)).text
    assert f"<h1>{draft.code}</h1>" not in page


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (FieldKind.DATE, "1960-03-02", "02/03/1960"),
        (FieldKind.DATE, "1960", "1960"),
        (FieldKind.DATETIME, "2024-03-02T01:15:30Z", "02/03/2024 08:15"),
        (FieldKind.DATETIME, "1960-03-02 08:15:30", "02/03/1960 08:15"),
        (FieldKind.TEXT, "1960-03-02", "1960-03-02"),
        (FieldKind.DATE, None, None),
        (FieldKind.INTEGER, 5, 5),
    ],
)
def test_values_are_shown_by_the_kind_of_their_field(kind, value, told):
    assert shown(kind, value) == told


def test_an_offer_with_fewer_rows_warns(client, world):
    request = world.voted(narrowed={"row_limit": 5, "reason": "Ít hơn"})
    client.force_login(world.endorser)
    assert client.get(url("request-accept", request)).context["has_fewer_rows"]


def test_a_delivery_beyond_its_row_limit_leads_to_the_request(client, world):
    delivery = world.delivered(row_limit=3)
    assert delivery.end_reason == EndReason.LIMIT
    client.force_login(world.requester)
    page = client.get(url("delivery-detail", delivery)).text
    assert str(ADVICE[EndReason.LIMIT]) in page
    assert url("request-detail", delivery.agreement.case.request) in page
