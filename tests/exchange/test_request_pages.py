"""The request form, the page of a request, its buttons, and who reaches which address of the exchange."""

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange import summary
from exchange.choices import Direction, PaperReason, SearchPage
from exchange.forms.request import BasisForm
from exchange.models import ExchangeRequest, PaperExchange, RequestTemplate, SavedSearch, WebhookEndpoint
from exchange.services import (
    agreements,
    attachments,
    cases,
    comments,
    destruction,
    joint,
    paper,
    request_templates,
    requests,
    saved_searches,
    webhooks,
)
from exchange.states import Side
from exchange.urls import urlpatterns
from registry.choices import AccessRights, Mode, Role
from registry.models import Dataset
from tests import factories
from tests.factories import person
from tests.scenarios import COLUMNS, hash_of

pytestmark = pytest.mark.django_db


def url(name: str, thing=None, *more) -> str:
    return reverse(f"exchange:{name}", args=[thing.public_id, *more] if thing else [])


def step_of(draft, number: int) -> str:
    return url("request-edit", draft, number)


def data_of(draft: ExchangeRequest, **changes) -> dict:
    """What the first screen posts."""
    return {
        "version": draft.version,
        "dataset": draft.dataset.code,
        "field_names": ["citizen_id", "full_name"],
        "mode": "package",
        "file_format": "csv",
        "frequency": "once",
        "row_limit": "",
        **changes,
    }


def basis_of(draft: ExchangeRequest, **changes) -> dict:
    names = ("letter_number", "letter_subject", "urgency", "signatory_name", "signatory_position", "focal_name")
    names += ("focal_position", "focal_phone", "focal_email", "legal_article", "purpose", "reason", "consent_basis")
    content = {name: getattr(draft, name) for name in names}
    return {"version": draft.version, "legal_basis": draft.legal_basis.number, **content, **changes}


def use_of(draft: ExchangeRequest, **changes) -> dict:
    return {
        "version": draft.version,
        "period_from": draft.period_from.isoformat(),
        "period_to": draft.period_to.isoformat(),
        "retention_until": draft.retention_until.isoformat(),
        "onward_sharing": "none",
        "security_measures": "Mã hoá",
        "system_level": "3",
        "named_users": [str(draft.created_by.public_id)],
        "has_state_secret": "no",
        "undertaking": "on",
        **changes,
    }


# The form


def test_create_begins_a_draft_with_the_dataset_and_the_clerk(client, world):
    world.requester.position, world.requester.phone = "Chuyên viên", "024 1"
    world.requester.save()
    client.force_login(world.requester)
    page = client.get(url("request-create"), {"dataset": world.dataset.code})
    assert world.consumer.name in page.text
    response = client.post(url("request-create"), {"dataset": world.dataset.code, "agency": world.consumer.code})
    draft = ExchangeRequest.objects.get()
    assert response.url == step_of(draft, 1)
    assert (draft.dataset, draft.focal_name) == (world.dataset, world.requester.full_name)
    assert list(draft.named_users.all()) == [world.requester]


def test_create_asks_for_the_agency_where_there_are_several(client, world):
    factories.MembershipFactory(user=world.requester, agency=world.stranger, role=Role.REQUESTER)
    client.force_login(world.requester)
    assert client.get(url("request-create")).text.count('name="agency"') == 2
    client.post(url("request-create"), {"agency": world.stranger.code})
    assert ExchangeRequest.objects.get().consumer == world.stranger


@pytest.mark.parametrize("code", ["no-such-dataset", "\0", "x" * 100_000])
def test_create_with_an_unknown_dataset_begins_nothing(client, world, code):
    client.force_login(world.requester)
    response = client.post(url("request-create"), {"dataset": code, "agency": world.consumer.code})
    assert response.status_code == 422
    assert not ExchangeRequest.objects.exists()


def test_create_for_another_agency_is_refused(client, world):
    client.force_login(world.endorser)
    client.post(url("request-create"), {"agency": world.consumer.code})
    assert not ExchangeRequest.objects.exists()


def test_the_first_screen_of_an_empty_draft_chooses_the_dataset(client, world):
    draft = requests.create(consumer=world.consumer, by=world.requester)
    hidden = factories.DatasetFactory(title_vi="Không chia sẻ", access_rights=AccessRights.NON_PUBLIC)
    client.force_login(world.requester)
    page = client.get(step_of(draft, 1), {"q": "\0"})
    assert f'value="{world.dataset.code}"' in page.text
    assert hidden.title not in page.text
    client.post(step_of(draft, 1), {"version": draft.version, "choose": "yes", "dataset": world.dataset.code})
    draft.refresh_from_db()
    assert draft.dataset == world.dataset


def test_another_dataset_empties_fields_and_filter(client, world):
    draft = world.draft(row_filter=[{"field": "province", "operator": "eq", "values": ["01"]}])
    other = factories.DatasetFactory()
    client.force_login(world.requester)
    client.post(step_of(draft, 1), {"version": draft.version, "choose": "yes", "dataset": other.code})
    draft.refresh_from_db()
    assert (draft.dataset, draft.field_names, draft.row_filter) == (other, [], [])


def test_fields_are_shown_with_their_masking(client, world):
    client.force_login(world.requester)
    page = client.get(step_of(world.draft(), 1)).text
    assert page.count('name="field_names"') == len(world.fields)
    ticked = re.findall(r'value="(\w+)" checked', page.split('name="mode"')[0])
    assert ticked == ["citizen_id", "full_name", "born"]
    for _name, _native, _kind, personal, masking in COLUMNS:
        assert str(masking.label) in page
        assert str(personal.label) in page


def test_only_filterable_fields_are_offered_for_the_row_filter(client, world):
    client.force_login(world.requester)
    page = client.get(step_of(world.draft(), 1)).text
    offered = set(re.findall(r'<option value="(\w+)"', page.split('name="filter0-field"')[1].split("</select>")[0]))
    assert offered == {"citizen_id", "province"}


def test_three_screens_lead_from_a_draft_to_a_request_that_is_sent(client, world):
    draft = requests.create(consumer=world.consumer, by=world.requester, content={"dataset": world.dataset})
    whole = ExchangeRequest(**{**world.content(), "created_by": world.requester, "last_edited_by": world.requester})
    client.force_login(world.requester)

    filtered = {"filter0-field": "province", "filter0-operator": "in", "filter0-values": "01\r\n79\r\n"}
    response = client.post(step_of(draft, 1), data_of(draft, **filtered, row_limit="100"))
    assert response.url == step_of(draft, 2)
    whole.version = 2
    response = client.post(step_of(draft, 2), basis_of(whole))
    assert response.url == step_of(draft, 3)
    whole.version = 3
    response = client.post(step_of(draft, 3), use_of(whole))
    assert response.url == url("request-detail", draft)

    draft.refresh_from_db()
    assert draft.row_filter == [{"field": "province", "operator": "in", "values": ["01", "79"]}]
    assert (draft.row_limit, draft.legal_basis, draft.has_state_secret) == (100, world.basis, False)
    client.post(url("request-propose", draft))
    draft.refresh_from_db()
    assert draft.status == "pending-endorsement"


def test_an_empty_screen_is_saved(client, world):
    draft = requests.create(consumer=world.consumer, by=world.requester, content={"dataset": world.dataset})
    client.force_login(world.requester)
    for number in (1, 2, 3):
        draft.refresh_from_db()
        response = client.post(step_of(draft, number), {"version": draft.version, "stay": "yes"})
        assert response.url == step_of(draft, number)


WRONG = [
    (1, {"field_names": ["citizen_id", "password"]}, "field_names"),
    (1, {"dataset": "no-such-dataset"}, None),
    (1, {"dataset": "a\0b"}, None),
    (1, {"mode": "sync"}, "mode"),
    (1, {"row_limit": "0"}, "row_limit"),
    (1, {"row_limit": "many"}, "row_limit"),
    (1, {"row_limit": "9" * 5_000}, "row_limit"),
    (1, {"row_limit": "5000001"}, "row_limit"),
    (1, {"filter0-field": "income", "filter0-operator": "eq", "filter0-values": "1"}, "filter0-field"),
    (1, {"filter0-field": "province", "filter0-operator": "like", "filter0-values": "1"}, "filter0-operator"),
    (1, {"filter0-field": "province", "filter0-operator": "", "filter0-values": "1"}, "filter0-operator"),
    (1, {"filter0-field": "", "filter0-operator": "eq", "filter0-values": "1"}, "filter0-field"),
    (1, {"filter1-field": "province", "filter1-operator": "eq", "filter1-values": ""}, "filter1-values"),
    (1, {"filter1-field": "province", "filter1-operator": "between", "filter1-values": "1"}, "filter1-values"),
    (1, {"filter1-field": "province", "filter1-operator": "eq", "filter1-values": "a\0b"}, "filter1-values"),
    (1, {"filter1-field": "province", "filter1-operator": "eq", "filter1-values": "x" * 1_000_000}, "filter1-values"),
    (2, {"legal_basis": "0/0000/GIA"}, "legal_basis"),
    (2, {"purpose": "curiosity"}, "purpose"),
    (2, {"focal_email": "nobody"}, "focal_email"),
    (2, {"letter_number": "1" * 61}, "letter_number"),
    (2, {"reason": "r" * 1_000_000}, "reason"),
    (2, {"reason": "a\0b"}, "reason"),
    (3, {"period_from": "32/13/2026"}, "period_from"),
    (3, {"period_from": "9999-12-31", "period_to": "9999-12-31"}, "period_from"),
    (3, {"period_from": "2027-01-02", "period_to": "2027-01-01"}, "period_to"),
    (3, {"named_users": [str(uuid.uuid4())]}, "named_users"),
    (3, {"named_users": ["\0"]}, "named_users"),
    (3, {"has_state_secret": "perhaps"}, "has_state_secret"),
    (3, {"system_level": "9"}, "system_level"),
]


@pytest.mark.parametrize(("number", "changes", "field"), WRONG)
def test_a_wrong_value_is_told_beside_its_field_and_nothing_is_saved(client, world, number, changes, field):
    draft = world.draft()
    posted = {1: data_of, 2: basis_of, 3: use_of}[number](draft, **changes)
    client.force_login(world.requester)
    response = client.post(step_of(draft, number), posted)
    assert response.status_code == 422
    assert "data-error-summary" in response.text
    if field:
        assert re.search(f'id="id_{field}(_error)?"', response.text)
        assert f'href="#id_{field}"' in response.text
    version = draft.version
    draft.refresh_from_db()
    assert draft.version == version


def test_typed_values_stay_on_a_page_with_errors(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    page = client.post(step_of(draft, 3), use_of(draft, period_from="32/13/2026", security_measures="Két sắt")).text
    assert 'value="32/13/2026"' in page
    assert "Két sắt" in page


def test_lone_surrogates_are_errors_of_the_form(world):
    form = BasisForm({"reason": "\ud800", "legal_basis": "\ud800", "letter_subject": "\udfff"}, draft=world.draft())
    assert set(form.errors) == {"reason", "legal_basis", "letter_subject"}


def test_text_is_stored_in_nfc_and_measured_so(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    decomposed = "Viê\u0323t Nam"
    client.post(step_of(draft, 2), basis_of(draft, letter_subject=decomposed, letter_number="e\u0301" * 60))
    draft.refresh_from_db()
    assert draft.letter_subject == "Việt Nam"
    assert draft.letter_number == "é" * 60


def test_days_are_understood_as_clerks_write_them(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    client.post(step_of(draft, 3), use_of(draft, period_to="31/12/2027", retention_until="31-12-2027"))
    draft.refresh_from_db()
    assert draft.period_to.isoformat() == draft.retention_until.isoformat() == "2027-12-31"


def test_the_day_of_the_letter_is_part_of_the_frozen_text(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    assert client.post(step_of(draft, 2), basis_of(draft, letter_day="32/03/2026")).status_code == 422
    client.post(step_of(draft, 2), basis_of(draft, letter_day="05/03/2026"))
    draft.refresh_from_db()
    revision = world.proposed(draft).revisions.get()
    assert json.loads(revision.content)["letter_day"] == "2026-03-05"
    assert "05/03/2026" in client.get(url("request-detail", draft)).text


def test_a_text_from_before_letters_had_a_day_is_read(world):
    revision = world.proposed().revisions.get()
    content = json.loads(revision.content)
    del content["letter_day"]
    revision.content = json.dumps(content)
    assert summary.of_revision(revision).letter[1].values == ()


def test_a_stale_page_keeps_what_was_typed_and_may_be_saved_again(client, world):
    draft = world.draft()
    colleague = person(world.consumer, Role.REQUESTER, full_name="Người Khác")
    requests.save_draft(request=draft, by=colleague, version=draft.version, content={"reason": "Khác"})
    client.force_login(world.requester)
    response = client.post(step_of(draft, 2), basis_of(draft, reason="Của tôi"))
    assert response.status_code == 409
    assert "Người Khác" in response.text
    assert "Của tôi" in response.text
    assert 'name="version" value="2"' in response.text
    client.post(step_of(draft, 2), basis_of(draft, reason="Của tôi", version=2))
    draft.refresh_from_db()
    assert draft.reason == "Của tôi"


@pytest.mark.parametrize("version", ["", "x", "9" * 5_000, "-1"])
def test_a_page_without_a_proper_version_overwrites_nothing(client, world, version):
    draft = world.draft()
    client.force_login(world.requester)
    response = client.post(step_of(draft, 2), basis_of(draft, reason="Đè", version=version))
    draft.refresh_from_db()
    assert response.status_code == 409
    assert draft.reason != "Đè"


def test_a_dataset_that_is_no_longer_published_is_told(client, world):
    draft = world.draft()
    Dataset.objects.filter(pk=world.dataset.pk).update(is_published=False)
    client.force_login(world.requester)
    assert client.get(step_of(draft, 1)).status_code == 200
    response = client.post(step_of(draft, 1), data_of(draft))
    assert response.status_code == 422
    draft.refresh_from_db()
    assert draft.version == 1


def test_fields_that_are_no_longer_offered_are_named(client, world):
    draft = world.draft(field_names=["citizen_id", "income"])
    world.policy.policy_fields.get(field__name="income").delete()
    client.force_login(world.requester)
    page = client.get(step_of(draft, 1)).text
    assert "<strong>income</strong>" in page


def test_a_law_that_has_ended_is_not_offered_and_warned_of(client, world):
    ended = factories.LegalInstrumentFactory(ended=True, replaced_by=world.basis)
    client.force_login(world.requester)
    draft = world.draft()
    page = client.get(step_of(draft, 2)).text
    assert world.basis.number in page
    assert ended.number not in page
    client.post(step_of(draft, 2), basis_of(draft, legal_basis=ended.number))
    draft.refresh_from_db()
    assert draft.legal_basis == ended
    for step in (2, 3):
        warned = client.get(step_of(draft, step)).text
        assert "notice-warning" in warned
        assert world.basis.number in warned


def test_a_law_is_taken_however_its_number_is_typed(client, world):
    factories.LegalInstrumentFactory(number="278/2025/NĐ-CP")
    client.force_login(world.requester)
    draft = world.draft()
    client.post(step_of(draft, 2), basis_of(draft, legal_basis="nghi dinh 278/2025"))
    draft.refresh_from_db()
    assert draft.legal_basis.number == "278/2025/NĐ-CP"
    factories.LegalInstrumentFactory(number="278/2025/QĐ-TTg")
    several = client.post(step_of(draft, 2), basis_of(draft, legal_basis="278/2025"))
    assert several.status_code == 422
    assert "278/2025/QĐ-TTg" in several.text


def test_a_frozen_request_cannot_be_edited(client, world):
    request = world.proposed()
    client.force_login(world.requester)
    assert client.get(step_of(request, 2)).url == url("request-detail", request)
    response = client.post(step_of(request, 2), basis_of(request, reason="Sửa"))
    assert response.url == url("request-detail", request)
    request.refresh_from_db()
    assert request.reason != "Sửa"


def test_state_secrets_are_refused(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    client.post(step_of(draft, 3), use_of(draft, has_state_secret="yes"))
    page = client.get(url("request-detail", draft)).text
    assert f'action="{url("request-propose", draft)}"' not in page
    assert f"{step_of(draft, 3)}#id_has_state_secret" in page
    client.post(url("request-propose", draft))
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_remarks_of_the_owner_stand_beside_the_fields(client, world):
    request = world.under_review()
    cases.send_back(
        request=request,
        by=world.officer,
        reason="Chưa rõ",
        field_reasons={"reason": "Thủ tục <nào>?", "row_filter": "Một tỉnh thôi", "dataset": "Bộ khác"},
        revision_hash=hash_of(request),
    )
    client.force_login(world.requester)
    assert "Chưa rõ" in client.get(url("request-detail", request)).text
    assert "Thủ tục &lt;nào&gt;?" in client.get(step_of(request, 2)).text
    first = client.get(step_of(request, 1)).text
    assert "Một tỉnh thôi" in first
    assert "Bộ khác" in first


# The page of a request and its buttons


def test_the_check_names_what_is_missing_and_links_to_it(client, world):
    draft = world.draft(reason="", period_to=None)
    client.force_login(world.requester)
    page = client.get(url("request-detail", draft)).text
    assert f"{step_of(draft, 2)}#id_reason" in page
    assert f"{step_of(draft, 3)}#id_period_to" in page
    response = client.post(url("request-propose", draft), follow=True)
    assert response.status_code == 200
    assert response.context["exchange_request"].status == "draft"


def test_sending_twice_is_told_and_changes_nothing(client, world):
    draft = world.draft()
    client.force_login(world.requester)
    client.post(url("request-propose", draft))
    response = client.post(url("request-propose", draft), follow=True)
    assert [message.level_tag for message in response.context["messages"]][-1] == "error"
    assert draft.revisions.count() == 1


def test_the_page_shows_hash_result_and_timeline(client, world):
    delivery = world.delivered()
    request = delivery.agreement.case.request
    client.force_login(world.requester)
    page = client.get(url("request-detail", request))
    assert hash_of(request) in page.text
    for thing in (delivery, delivery.agreement):
        assert thing.code in page.text
    events = page.context["events"]
    assert events[-1].actor == world.requester.full_name
    decided = next(event for event in events if event.at == Entry.objects.get(action="request.approve").at)
    assert decided.actor == world.provider.name  # people of another agency stay unnamed
    assert world.approver.full_name not in page.text


def test_the_timeline_hides_refusals_and_unfinished_votes(client, make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    client.force_login(world.requester)
    client.post(url("request-propose", request))
    titles = [str(event.title) for event in client.get(url("request-detail", request)).context["events"]]
    assert len(titles) == 4  # create, propose, endorse, claim


def test_copy_makes_a_new_draft(client, world):
    request = world.proposed()
    client.force_login(world.requester)
    client.post(url("request-copy", request))
    copy = ExchangeRequest.objects.get(copied_from=request)
    assert (copy.status, copy.undertaking, copy.letter_number) == ("draft", False, "")
    assert request.code in client.get(url("request-detail", copy)).text


def test_withdrawing_asks_first(client, world):
    request = world.proposed()
    client.force_login(world.requester)
    assert client.get(url("request-withdraw", request)).status_code == 200
    response = client.post(url("request-withdraw", request), {"reason": "x" * 5_000})
    assert response.status_code == 422
    client.post(url("request-withdraw", request), {"reason": "Không cần nữa"})
    request.refresh_from_db()
    assert request.status == "withdrawn"
    assert client.get(url("request-withdraw", request)).url == url("request-detail", request)


# Signing


def test_the_signatory_signs_what_was_read(client, world):
    request = world.proposed()
    client.force_login(world.endorser)
    page = client.get(url("request-endorse", request)).text
    assert hash_of(request) in page
    assert request.letter_subject in page
    client.post(url("request-endorse", request), {"revision_hash": hash_of(request)})
    request.refresh_from_db()
    assert request.status == "submitted"


@pytest.mark.parametrize("read", ["0" * 64, "", "\0", "x" * 1_000])
def test_another_text_than_the_one_read_is_not_signed(client, world, read):
    request = world.proposed()
    client.force_login(world.endorser)
    response = client.post(url("request-endorse", request), {"revision_hash": read})
    request.refresh_from_db()
    assert response.status_code == 302
    assert request.status == "pending-endorsement"


def test_whoever_edited_sees_why_signing_is_closed(client, world):
    factories.MembershipFactory(user=world.requester, agency=world.consumer, role=Role.ENDORSER)
    request = world.proposed()
    client.force_login(world.requester)
    assert "disabled" in client.get(url("request-endorse", request)).text
    assert request not in client.get(url("endorsement-list")).context["requests"]


def test_sending_back_needs_a_reason(client, world):
    request = world.proposed()
    client.force_login(world.endorser)
    assert client.post(url("request-send-back", request), {"reason": " "}).status_code == 422
    client.post(url("request-send-back", request), {"reason": "Sửa tiêu đề"})
    request.refresh_from_db()
    assert request.status == "draft"
    assert "Sửa tiêu đề" in client.get(url("request-detail", request)).text


def test_an_offer_is_compared_and_accepted(client, world):
    request = world.offered()
    client.force_login(world.endorser)
    page = client.get(url("request-accept", request))
    assert [line.is_same for line in page.context["differences"]][:3] == [True, False, False]
    client.post(url("request-accept", request))
    request.refresh_from_db()
    assert request.status == "approved"


def test_declining_an_offer_needs_a_reason(client, world):
    request = world.offered()
    client.force_login(world.endorser)
    assert client.post(url("request-decline", request), {}).status_code == 422
    client.post(url("request-decline", request), {"reason": "Không đủ"})
    request.refresh_from_db()
    assert request.status == "withdrawn"


# Lists


def test_the_list_is_narrowed_by_state_and_words(client, world):
    world.proposed(letter_subject="Hộ tịch quý một")
    draft = world.draft(letter_subject="Đất đai")
    client.force_login(world.requester)
    found = client.get(url("request-list"), {"status": "draft"}).context["requests"]
    assert list(found) == [draft]
    for words in ("đất", draft.code):
        assert list(client.get(url("request-list"), {"q": words}).context["requests"]) == [draft]
    assert client.get(url("request-list"), {"q": "\0"}).status_code == 400
    assert client.get(url("request-list"), {"status": "x"}).status_code == 400
    assert client.get(url("request-list"), {"page": "999"}).status_code == 200


def test_a_former_requester_sees_nothing_any_more(client, world):
    world.draft()
    world.requester.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    client.force_login(world.requester)
    assert not client.get(url("request-list")).context["requests"]


@pytest.mark.parametrize("name", ["request-list", "endorsement-list"])
def test_lists_cost_the_same_for_two_and_twenty(client, world, name):
    client.force_login(world.endorser)
    counts = []
    for rows in (2, 18):
        for _number in range(rows):
            world.proposed()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(name)).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert len(client.get(url(name)).context["requests"]) == 20


# Who reaches what: every address of the exchange, as a table


ROLES = ("nobody", "requester", "stranger", "endorser", "approver", "auditor")
PUBLIC = {"nobody": 302, "requester": 200, "stranger": 200, "endorser": 200, "approver": 200, "auditor": 200}
OWN = {"nobody": 302, "requester": 200, "stranger": 404, "endorser": 200, "approver": 404, "auditor": 404}
BACK = {**OWN, "requester": 302, "endorser": 302}
CLERK = {**OWN, "endorser": 403}
SIGNATORY = {**OWN, "requester": 404}
# name: (method, kind of object, statuses)
TABLE = {
    ("request-list", "get"): ("", PUBLIC),
    ("request-create", "get"): ("", PUBLIC),
    ("request-create", "post"): ("", dict.fromkeys(ROLES, 302)),
    ("request-detail", "get"): ("draft", OWN),
    ("request-edit", "get"): ("draft", CLERK),
    ("request-edit", "post"): ("draft", {**CLERK, "requester": 302, "endorser": 302}),
    ("request-propose", "get"): ("draft", BACK),
    ("request-propose", "post"): ("draft", BACK),
    ("request-copy", "get"): ("draft", BACK),
    ("request-copy", "post"): ("draft", BACK),
    ("request-take-over", "get"): ("draft", BACK),
    ("request-take-over", "post"): ("draft", BACK),
    ("request-withdraw", "get"): ("draft", {**OWN, "endorser": 302}),
    ("request-withdraw", "post"): ("draft", BACK),
    ("comment-create", "get"): ("draft", OWN),
    ("comment-create", "post"): ("draft", {**OWN, "requester": 422, "endorser": 422}),
    ("comment-retract", "get"): ("talked", BACK),
    ("comment-retract", "post"): ("talked", BACK),
    ("attachment-add", "get"): ("draft", {**OWN, "endorser": 302}),
    ("attachment-add", "post"): ("draft", {**OWN, "requester": 422, "endorser": 422}),
    ("attachment-open", "get"): ("attached", BACK),
    ("attachment-open", "post"): ("attached", OWN),
    ("attachment-remove", "get"): ("attached", BACK),
    ("attachment-remove", "post"): ("attached", BACK),
    ("request-add-dataset", "get"): ("draft", {**OWN, "endorser": 302}),
    ("request-add-dataset", "post"): ("draft", {**OWN, "requester": 422, "endorser": 422}),
    ("joint-detail", "get"): ("joint", OWN),
    ("joint-propose", "get"): ("joint", BACK),
    ("joint-propose", "post"): ("joint", BACK),
    ("joint-endorse", "get"): ("joint", BACK),
    ("joint-endorse", "post"): ("joint", BACK),
    ("joint-withdraw", "get"): ("joint", OWN),
    ("joint-withdraw", "post"): ("joint", BACK),
    ("desk", "get"): ("", PUBLIC),
    ("endorsement-list", "get"): ("", PUBLIC),
    ("request-endorse", "get"): ("proposed", OWN),
    ("request-endorse", "post"): ("proposed", BACK),
    ("request-send-back", "get"): ("proposed", OWN),
    ("request-send-back", "post"): ("proposed", BACK),
    ("request-accept", "get"): ("offered", OWN),
    ("request-accept", "post"): ("offered", BACK),
    ("request-decline", "get"): ("offered", OWN),
    ("request-decline", "post"): ("offered", BACK),
    ("agreement-list", "get"): ("", PUBLIC),
    ("agreement-detail", "get"): ("agreement", OWN),
    ("agreement-relinquish", "get"): ("agreement", {**OWN, "requester": 302}),
    ("agreement-relinquish", "post"): ("agreement", BACK),
    ("agreement-confirm", "get"): ("agreement", {**OWN, "requester": 302}),
    ("agreement-confirm", "post"): ("agreement", {**OWN, "requester": 422, "endorser": 422}),
    ("agreement-order", "get"): ("agreement", BACK),
    ("agreement-order", "post"): ("agreement", BACK),
    ("agreement-amend", "get"): ("agreement", BACK),
    ("agreement-amend", "post"): ("agreement", BACK),
    ("agreement-renew", "get"): ("agreement", BACK),
    ("agreement-renew", "post"): ("agreement", BACK),
    ("agreement-ask-anew", "get"): ("agreement", BACK),
    ("agreement-ask-anew", "post"): ("agreement", BACK),
    ("agreement-users", "get"): ("agreement", BACK),
    ("agreement-users", "post"): ("agreement", BACK),
    ("certificate-create", "get"): ("ended", OWN),
    ("certificate-create", "post"): ("ended", {**OWN, "requester": 422, "endorser": 422}),
    ("certificate-detail", "get"): ("certificate", OWN),
    ("certificate-sign", "get"): ("certificate", BACK),
    ("certificate-sign", "post"): ("certificate", BACK),
    ("certificate-drop", "get"): ("certificate", BACK),
    ("certificate-drop", "post"): ("certificate", BACK),
    ("delivery-detail", "get"): ("delivery", OWN),
    ("delivery-progress", "get"): ("delivery", BACK),
    ("delivery-download", "get"): ("delivery", BACK),
    ("delivery-download", "post"): ("delivery", {**OWN, "endorser": 302}),
    ("delivery-manifest", "get"): ("delivery", BACK),
    ("delivery-manifest", "post"): ("delivery", {**OWN, "endorser": 302}),
    ("delivery-cancel", "get"): ("delivery", BACK),
    ("delivery-cancel", "post"): ("delivery", BACK),
    ("lookup", "get"): ("", PUBLIC),
    ("lookup", "post"): ("", {role: 302 if role == "nobody" else 422 for role in ROLES}),
    ("letter-detail", "get"): ("letter", OWN),
    ("letter-download", "get"): ("letter", BACK),
    ("letter-download", "post"): ("letter", OWN),
    ("request-from-letter", "get"): ("", PUBLIC),
    ("request-from-letter", "post"): (
        "",
        {**dict.fromkeys(ROLES, 403), "nobody": 302, "requester": 422, "stranger": 422},
    ),
    ("template-list", "get"): ("", PUBLIC),
    ("template-save", "get"): ("draft", {**OWN, "endorser": 302}),
    ("template-save", "post"): ("draft", {**OWN, "requester": 422, "endorser": 422}),
    ("template-detail", "get"): ("template", OWN),
    ("template-detail", "post"): ("template", {**OWN, "requester": 422, "endorser": 422}),
    ("template-archive", "get"): ("template", BACK),
    ("template-archive", "post"): ("template", BACK),
    ("template-start", "get"): ("template", BACK),
    ("template-start", "post"): ("template", BACK),
    ("search-save", "post"): ("", dict.fromkeys(ROLES, 302)),
    ("search-delete", "get"): ("search", {**dict.fromkeys(ROLES, 404), "nobody": 302, "requester": 302}),
    ("search-delete", "post"): ("search", {**dict.fromkeys(ROLES, 404), "nobody": 302, "requester": 302}),
    ("paper-list", "get"): ("", PUBLIC),
    ("paper-create", "get"): ("", PUBLIC),
    ("paper-create", "post"): ("", {**dict.fromkeys(ROLES, 403), "nobody": 302, "requester": 422, "stranger": 422}),
    ("paper-export", "get"): ("", PUBLIC),
    ("paper-figures", "get"): ("", PUBLIC),
    ("paper-detail", "get"): ("paper", {**OWN, "auditor": 200}),
    ("paper-correct", "get"): ("paper", {**OWN, "endorser": 302, "auditor": 302}),
    ("paper-correct", "post"): ("paper", {**OWN, "requester": 422, "endorser": 422, "auditor": 422}),
    ("paper-take-back", "get"): ("paper", {**BACK, "auditor": 302}),
    ("paper-take-back", "post"): ("paper", {**OWN, "requester": 422, "endorser": 422, "auditor": 422}),
    ("webhook-list", "get"): ("", PUBLIC),
    ("webhook-create", "get"): ("", {**dict.fromkeys(ROLES, 403), "nobody": 302, "endorser": 200, "approver": 200}),
    ("webhook-create", "post"): ("", {**dict.fromkeys(ROLES, 403), "nobody": 302, "endorser": 422, "approver": 422}),
    ("webhook-detail", "get"): ("webhook", SIGNATORY),
    ("webhook-change", "get"): ("webhook", SIGNATORY),
    ("webhook-change", "post"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-secret", "get"): ("webhook", SIGNATORY),
    ("webhook-secret", "post"): ("webhook", SIGNATORY),
    ("webhook-test", "get"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-test", "post"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-disable", "get"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-disable", "post"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-enable", "get"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-enable", "post"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-replay", "get"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-replay", "post"): ("webhook", {**SIGNATORY, "endorser": 422}),
    ("webhook-message-replay", "get"): ("webhook", {**SIGNATORY, "endorser": 302}),
    ("webhook-message-replay", "post"): ("webhook", {**SIGNATORY, "endorser": 302}),
}


def test_the_table_names_every_address():
    # Whoever holds a letter checks it: tests/exchange/test_letter_checks.py.
    public = {"letter-check", "letter-check-code"}
    assert {pattern.name for pattern in urlpatterns} == {name for name, _method in TABLE} | public


def record_letter(world):
    content = {
        "direction": Direction.SENT,
        "other": world.provider,
        "other_name": "",
        "letter_number": f"{PaperExchange.objects.count()}/UBND-VP",
        "letter_day": timezone.localdate(),
        "information": "Tình trạng hôn nhân",
        "reason": PaperReason.LAW,
    }
    return paper.record(agency=world.consumer, by=world.requester, content=content)


def certificate_of(agreement, by):
    stated = {"kind": "destroyed", "method": "clear", "places": "Máy chủ", "statement": "Đã hủy"}
    return destruction.prepare(agreement=agreement, by=by, answers=stated | {"destroyed_on": timezone.localdate()})


def build(world, kind: str):
    if kind == "joint":
        draft = world.draft()
        dataset = factories.SharingPolicyFactory().dataset
        return joint.add_part(request=draft, dataset=dataset, by=world.requester).joint
    if kind == "talked":
        draft = world.draft()
        comments.write(request=draft, by=world.requester, side=Side.CONSUMER, text="Ghi nhớ")
        return draft
    if kind == "attached":
        draft = world.draft()
        attachments.attach(request=draft, by=world.requester, uploads=[SimpleUploadedFile("a.txt", b"a")])
        return draft
    if kind in ("ended", "certificate"):
        agreement = world.delivered().agreement
        agreements.relinquish(agreement=agreement, by=world.endorser, reason="Xong")
        return agreement if kind == "ended" else certificate_of(agreement, world.requester)
    if kind == "letter":
        return world.agreed().case.letters.get()
    if kind == "template":
        name = f"Mẫu {RequestTemplate.objects.count()}"
        return request_templates.save(request=world.draft(), by=world.requester, name=name, parts=["data"])
    if kind == "search":
        number = SavedSearch.objects.count()
        return saved_searches.save(
            user=world.requester, page=SearchPage.REQUESTS, name=f"Nháp {number}", asked={"status": "draft"}
        )
    if kind == "paper":
        return record_letter(world)
    if kind == "webhook":
        address = f"https://203.162.4.191/{WebhookEndpoint.objects.count()}"  # public, and looked up in no network
        endpoint, _secret = webhooks.create(agency=world.consumer, by=world.endorser, url=address)
        webhooks.send_test(endpoint=endpoint, by=world.endorser)
        return endpoint
    steps = {"draft": world.draft, "proposed": world.proposed, "offered": world.offered}
    steps.update({"agreement": world.agreed, "delivery": world.delivered})
    return steps[kind]() if kind else None


def rest_of_address(name: str, thing=None) -> list:
    if name == "comment-retract":
        return [thing.comments.get().public_id if thing else uuid.uuid4()]
    if name in ("attachment-open", "attachment-remove"):
        return [thing.attachments.get().public_id if thing else uuid.uuid4()]
    if name == "webhook-message-replay":
        return [thing.messages.get().public_id if thing else uuid.uuid4()]
    return [2] if name == "request-edit" else []


@pytest.mark.parametrize(("name", "method"), TABLE)
def test_who_reaches_what(client, world, name, method):
    kind, expected = TABLE[name, method]
    people = {
        "requester": world.requester,
        "stranger": person(world.stranger, Role.REQUESTER),
        "endorser": world.endorser,
        "approver": world.approver,
        "auditor": person(world.stranger, Role.AUDITOR),
    }
    thing = None
    for role in ROLES:
        if thing is None or method == "post":  # reading leaves the thing as it was
            thing = build(world, kind)
        more = rest_of_address(name, thing)
        client.logout()
        if role in people:
            client.force_login(people[role])
        data = {"reason": "Lý do", "agency": world.consumer.code} if method == "post" else {}
        if name == "request-edit" and data:
            data = basis_of(thing)
        address = url(name, thing, *more)
        response = getattr(client, method)(address, data)
        assert response.status_code == expected[role], role
        if role == "nobody":
            assert response.url == f"{reverse('login')}?next={address}"
        elif response.status_code in (200, 302):
            assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize("name", [name for name, _method in TABLE if TABLE[name, _method][0]])
def test_unknown_things_are_not_found(client, world, name):
    client.force_login(world.requester)
    more = rest_of_address(name)
    assert client.get(reverse(f"exchange:{name}", args=[uuid.uuid4(), *more])).status_code == 404


def test_changing_by_get_does_nothing(client, world):
    request = world.draft()
    client.force_login(world.requester)
    for name in ("request-propose", "request-copy"):
        assert client.get(url(name, request)).url == url("request-detail", request)
    assert ExchangeRequest.objects.count() == 1
    assert request.revisions.count() == 0


def test_lookup_mode_is_offered_only_where_the_policy_has_it(client, make_world):
    world = make_world(modes=[Mode.PACKAGE])
    draft = world.draft()
    client.force_login(world.requester)
    assert 'value="lookup"' not in client.get(step_of(draft, 1)).text
    assert client.post(step_of(draft, 1), data_of(draft, mode="lookup")).status_code == 422
