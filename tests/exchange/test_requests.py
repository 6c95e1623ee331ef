"""The consumer's side: drafts, proposing, signing, answering an offer, withdrawing, lapsing."""

import json
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import ConsentBasis
from exchange.models import Agreement, Delivery, ExchangeRequest, Letter
from exchange.refusals import Incomplete, Refusal, WrongState
from exchange.scope import sha256
from exchange.services import cases, lapsing, requests
from exchange.states import AgreementStatus, RequestStatus
from registry.choices import AccessRights, Lifecycle, Masking, Mode, Role
from registry.models import Database, Dataset, PolicyField, SharingPolicy
from tests.factories import LegalInstrumentFactory, person
from tests.scenarios import agreement_of, hash_of


def endorse(request, by, **changes):
    return requests.endorse(**{"request": request, "by": by, "revision_hash": hash_of(request), **changes})


def problems_of(world, **content) -> dict:
    request = world.draft(**content)
    with pytest.raises(Incomplete) as caught:
        world.proposed(request)
    request.refresh_from_db()
    assert request.status == RequestStatus.DRAFT
    return caught.value.fields


@pytest.mark.parametrize("name", ["letter_number", "field_names", "legal_article", "reason", "system_level"])
def test_request_without_a_needed_field_cannot_be_proposed(world, name):
    assert set(problems_of(world, **{name: [] if name == "field_names" else ""})) == {name}


def test_every_missing_field_is_named_at_once(world):
    request = requests.create(consumer=world.consumer, by=world.requester)
    with pytest.raises(Incomplete) as caught:
        world.proposed(request)
    assert len(caught.value.fields) > 20


@pytest.mark.parametrize("answer", [True, None])
def test_state_secret_cannot_be_filed(world, answer):
    assert set(problems_of(world, has_state_secret=answer)) == {"has_state_secret"}


def test_law_that_is_not_in_force_cannot_be_cited(world):
    assert set(problems_of(world, legal_basis=LegalInstrumentFactory(ended=True))) == {"legal_basis"}
    future = LegalInstrumentFactory(effective_from=timezone.localdate() + timedelta(days=1))
    assert set(problems_of(world, legal_basis=future)) == {"legal_basis"}


def test_law_has_to_be_in_force_on_the_first_day_of_use(world):
    begins = timezone.localdate() + timedelta(days=30)
    ends_before = LegalInstrumentFactory(effective_to=begins)
    period = {"period_from": begins, "period_to": begins + timedelta(days=9)}
    assert set(problems_of(world, legal_basis=ends_before, **period)) == {"legal_basis"}
    world.proposed(legal_basis=LegalInstrumentFactory(effective_to=begins + timedelta(days=1)), **period)


def test_law_that_ended_since_cannot_be_signed_under(world):
    """The boundary: the day named as its end is the first on which it no longer carries a request."""
    ends = timezone.localdate() + timedelta(days=5)
    basis = LegalInstrumentFactory(effective_to=ends)
    with time_machine.travel(
        datetime.combine(ends - timedelta(days=1), time(23, 59), timezone.get_current_timezone()), tick=False
    ):
        world.submitted(world.proposed(legal_basis=basis))
        waiting = world.proposed(legal_basis=basis)
    first_day = datetime.combine(ends, time(0, 0), timezone.get_current_timezone())
    with time_machine.travel(first_day, tick=False), pytest.raises(Incomplete) as caught:
        world.submitted(waiting)
    assert set(caught.value.fields) == {"legal_basis"}


def test_personal_data_needs_a_ground(world):
    assert set(problems_of(world, consent_basis=ConsentBasis.NOT_PERSONAL)) == {"consent_basis"}
    world.proposed(field_names=["province"], consent_basis=ConsentBasis.NOT_PERSONAL)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Dataset, {"is_published": False}),
        (Dataset, {"access_rights": AccessRights.NON_PUBLIC}),
        (Dataset, {"removed_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (Database, {"lifecycle": Lifecycle.RETIRED}),
    ],
)
def test_dataset_that_is_not_offered_cannot_be_asked_for(world, model, change):
    request = world.draft()
    model.objects.update(**change)
    with pytest.raises(Incomplete) as caught:
        world.proposed(ExchangeRequest.objects.get(pk=request.pk))
    assert "dataset" in caught.value.fields


def test_own_dataset_cannot_be_asked_for(world):
    world.consumer, world.requester = world.provider, person(world.provider, Role.REQUESTER)
    assert "dataset" in problems_of(world)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"field_names": ["citizen_id", "salary"]}, "field_names"),
        ({"row_filter": [{"field": "note", "operator": "eq", "values": ["x"]}]}, "row_filter"),
        ({"row_filter": [{"field": "province", "operator": "between", "values": ["01"]}]}, "row_filter"),
        ({"row_filter": [{"field": "province", "operator": "eq", "values": []}]}, "row_filter"),
        ({"row_limit": 10_000_000}, "row_limit"),
        ({"period_to": date(2099, 1, 1), "retention_until": date(2099, 1, 1)}, "period_to"),
    ],
)
def test_what_the_policy_does_not_offer_cannot_be_asked_for(world, content, field):
    assert field in problems_of(world, **content)


def test_mode_or_purpose_that_no_policy_offers_cannot_be_asked_for(make_world):
    world = make_world(modes=[Mode.LOOKUP])
    assert set(problems_of(world)) == {"dataset", "mode", "purpose"}


def test_policy_for_other_agencies_does_not_count(make_world):
    world = make_world(any_agency=False)
    world.policy.recipients.set([world.stranger])
    assert "dataset" in problems_of(world)
    world.policy.recipients.add(world.consumer)
    world.proposed()


def test_field_that_is_ticked_twice_is_asked_for_once(world):
    request = world.proposed(field_names=["full_name", "citizen_id", "full_name"])
    fields = json.loads(request.revisions.get().content)["scope"]["fields"]
    assert [field["name"] for field in fields] == ["citizen_id", "full_name"]


def test_proposal_freezes_the_text_and_its_hash(world):
    request = world.proposed()
    revision = request.revisions.get()
    content = json.loads(revision.content)
    assert revision.content_hash == sha256(revision.content)
    assert content["letter_number"] == "12/UBND-VP"
    assert content["legal_basis"] == world.basis.number
    assert content["named_users"] == [str(world.requester.public_id)]


def test_filter_value_typed_with_combining_marks_can_be_signed(world):
    value = unicodedata.normalize("NFD", "Đà Nẵng")
    request = world.submitted(row_filter=[{"field": "province", "operator": "eq", "values": [value]}])
    assert request.status == RequestStatus.SUBMITTED


def test_signature_after_the_policy_changed_is_refused(world):
    request = world.proposed()
    PolicyField.objects.filter(field__name="full_name").update(masking=Masking.PARTIAL)
    with pytest.raises(Refusal) as caught:
        endorse(request, world.endorser)
    assert caught.value.code == "offer-changed"


def test_signature_under_a_text_that_was_changed_is_refused(world):
    request = world.proposed()
    with pytest.raises(Refusal) as caught:
        endorse(request, world.endorser, revision_hash="0" * 64)
    assert caught.value.code == "rule-2"
    requests.endorse(request=request, by=world.endorser, revision_hash=hash_of(request))


def test_signature_after_the_policy_ended_is_refused(world):
    request = world.proposed()
    SharingPolicy.objects.update(valid_to=timezone.localdate() - timedelta(days=1))
    with pytest.raises(Incomplete):
        endorse(request, world.endorser)


def test_older_page_cannot_overwrite_a_newer_draft(world):
    request = world.draft()
    colleague = person(world.consumer, Role.REQUESTER)
    requests.save_draft(request=request, by=colleague, version=1, content={"reason": "Mới"})
    with pytest.raises(Refusal) as caught:
        requests.save_draft(request=request, by=world.requester, version=1, content={"reason": "Cũ"})
    assert (caught.value.code, caught.value.status) == ("stale", 409)
    request.refresh_from_db()
    assert (request.reason, request.last_edited_by) == ("Mới", colleague)


def test_proposed_request_cannot_be_edited(world):
    request = world.proposed()
    with pytest.raises(WrongState):
        requests.save_draft(request=request, by=world.requester, version=1, content={"reason": "Khác"})


def test_field_that_is_not_content_cannot_be_smuggled_into_a_draft(world):
    with pytest.raises(ValueError, match="status"):
        requests.save_draft(request=world.draft(), by=world.requester, version=1, content={"status": "approved"})


@pytest.mark.parametrize("role", [Role.ENDORSER, Role.APPROVER])
def test_only_requesters_file(world, role):
    with pytest.raises(Refusal):
        requests.create(consumer=world.consumer, by=person(world.consumer, role))


def test_standing_permission_grants_at_once(make_world):
    world = make_world(standing=True)
    request = world.submitted()
    agreement = agreement_of(request)
    assert (request.status, agreement.status) == (RequestStatus.APPROVED, AgreementStatus.ACTIVE)
    assert agreement.is_standing
    details = json.loads(Entry.objects.get(action="request.grant", subject_id=request.code).details)
    assert details["decided_by"] == str(world.approver.public_id)


def test_request_beyond_the_standing_permission_goes_to_the_owner(make_world):
    world = make_world(standing=True)
    wider = SharingPolicy.objects.get()
    PolicyField.objects.filter(policy=wider, field__name="full_name").delete()
    second = SharingPolicy.objects.create(
        dataset=world.dataset, title="Rộng hơn", modes=wider.modes, purposes=wider.purposes, any_agency=True,
        legal_basis=wider.legal_basis, valid_from=wider.valid_from,
    )  # fmt: skip
    for name in ("citizen_id", "full_name", "born"):
        PolicyField.objects.create(policy=second, field=world.fields[name], masking=Masking.KEEP)
    assert world.submitted().status == RequestStatus.SUBMITTED
    assert world.submitted(field_names=["citizen_id"]).status == RequestStatus.APPROVED


def test_accepted_offer_gives_the_narrowed_agreement(world):
    request = world.offered()
    assert (Agreement.objects.count(), Delivery.objects.count(), Letter.objects.count()) == (0, 0, 1)
    requests.accept(request=request, by=world.second_endorser)
    agreement = agreement_of(request)
    assert [field["name"] for field in json.loads(agreement.scope)["fields"]] == ["citizen_id"]
    assert agreement.scope_hash == request.cases.get().decisions.get().scope_hash
    assert world.path_of(world.delivered(agreement)).read_text().startswith("citizen_id\n")


def test_declined_offer_gives_nothing(world):
    request = requests.decline(request=world.offered(), by=world.endorser, reason="Không đủ")
    assert (request.status, Agreement.objects.count()) == (RequestStatus.WITHDRAWN, 0)


def test_offer_that_is_no_longer_shared_cannot_be_accepted(world):
    request = world.offered()
    SharingPolicy.objects.update(valid_to=timezone.localdate() - timedelta(days=1))
    with pytest.raises(Refusal) as caught:
        requests.accept(request=request, by=world.endorser)
    assert (caught.value.code, request.status, Agreement.objects.count()) == ("policy-ended", "offered", 0)


def test_send_back_needs_a_reason(world):
    request = world.proposed()
    with pytest.raises(Refusal) as caught:
        requests.send_back(request=request, by=world.endorser, reason="  ")
    assert caught.value.code == "reason-needed"


def test_copy_has_the_content_and_none_of_the_declarations(world):
    request = requests.withdraw(request=world.submitted(letter_day=date(2026, 3, 5)), by=world.requester)
    copied = requests.copy(request=request, by=world.requester)
    assert (request.letter_day, copied.letter_day) == (date(2026, 3, 5), None)
    assert (copied.status, copied.copied_from, copied.code != request.code) == (RequestStatus.DRAFT, request, True)
    assert (copied.field_names, copied.reason) == (request.field_names, request.reason)
    assert (copied.undertaking, copied.has_state_secret, copied.letter_number) == (False, None, "")
    assert copied.endorsed_by is None


def test_withdrawn_request_stays_withdrawn(world):
    request = requests.withdraw(request=world.under_review(), by=world.requester)
    with pytest.raises(WrongState):
        cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))


def lapse_after(days: int, request) -> str:
    later = timezone.now() + timedelta(days=days)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: later)
        lapsing.lapse_stale()
    request.refresh_from_db()
    return request.status


def test_draft_lapses_when_nobody_touched_it_for_long(world):
    request = world.draft()
    assert lapse_after(87, request) == RequestStatus.DRAFT
    assert lapse_after(95, request) == RequestStatus.EXPIRED
    assert request.closed_at is not None


def test_return_lapses_counted_from_the_return(world):
    request = world.under_review()
    with pytest.MonkeyPatch.context() as patch:
        long_after = timezone.now() + timedelta(days=85)
        patch.setattr(timezone, "now", lambda: long_after)
        cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    assert lapse_after(100, request) == RequestStatus.RETURNED
    assert lapse_after(180, request) == RequestStatus.EXPIRED


def test_offer_lapses_when_nobody_answers(world):
    request = world.offered()
    assert lapse_after(28, request) == RequestStatus.OFFERED
    assert lapse_after(35, request) == RequestStatus.EXPIRED


def test_request_that_waits_for_the_owner_never_lapses(world):
    assert lapse_after(1_000, world.under_review()) == RequestStatus.UNDER_REVIEW


def test_every_step_is_in_the_ledger(make_world):
    world = make_world(quorum=2)
    delivery = world.delivered()
    code = delivery.agreement.case.request.code
    actions = list(Entry.objects.in_case(code).values_list("action", flat=True))
    assert actions == [
        "request.create",
        "request.propose",
        "request.endorse",
        "request.claim",
        "request.approve",
        "request.approve",
        "agreement.conclude",
        "access.grant",
        "agreement.activate",
        "delivery.order",
        "delivery.start",
        "delivery.complete",
    ]


def test_saving_without_a_change_changes_nothing(world):
    request, colleague = world.draft(), person(world.consumer, Role.REQUESTER)
    same = {**world.content(), "reason": unicodedata.normalize("NFD", request.reason)}
    saved = requests.save_draft(request=request, by=colleague, version=1, content=same, named_users=[world.requester])
    assert (saved.version, saved.last_edited_by, saved.edited_at) == (1, world.requester, request.edited_at)
    assert list(saved.editors.all()) == [world.requester]
    assert not Entry.objects.filter(action="request.edit").exists()


def test_edit_is_recorded_by_the_names_of_the_fields_only(world):
    request, colleague = world.draft(), person(world.consumer, Role.REQUESTER)
    content = {"reason": "Về ông Nguyễn Văn A", "purpose": request.purpose, "period_to": request.period_from}
    requests.save_draft(request=request, by=colleague, version=1, content=content, named_users=[colleague])
    entry = Entry.objects.get(action="request.edit")
    assert (entry.actor, entry.agency) == (str(colleague.public_id), world.consumer.code)
    assert json.loads(entry.details) == {"fields": ["named_users", "period_to", "reason"]}
    assert set(request.editors.all()) == {world.requester, colleague}


def refusal_in_ledger(act, action: str) -> dict:
    with pytest.raises(Refusal):
        act()
    entry = Entry.objects.get(action=action, outcome=Outcome.REFUSED)
    return {"subject": entry.subject_id, **json.loads(entry.details)}


def test_refused_draft_is_in_the_ledger(world):
    found = refusal_in_ledger(lambda: requests.create(consumer=world.consumer, by=world.approver), "request.create")
    assert found == {"subject": world.consumer.code, "code": "not-your-role"}


@pytest.mark.parametrize("code", ["not-your-role", "stale", "wrong-state", "bad-text"])
def test_refused_edit_is_in_the_ledger(world, code):
    request = world.proposed() if code == "wrong-state" else world.draft()
    by = world.approver if code == "not-your-role" else world.requester
    content = {"reason": "\ud800" if code == "bad-text" else "Khác"}
    arguments = {"request": request, "by": by, "version": 7 if code == "stale" else 1, "content": content}
    found = refusal_in_ledger(lambda: requests.save_draft(**arguments), "request.edit")
    assert found == {"subject": request.code, "code": code, "state": request.status}
    request.refresh_from_db()
    assert request.reason == world.content()["reason"]


def test_refusal_names_the_state_of_now_not_of_the_page(world):
    request = world.under_review()
    stale = ExchangeRequest.objects.get(pk=request.pk)
    requests.withdraw(request=request, by=world.requester)
    arguments = {"request": stale, "by": world.approver, "revision_hash": hash_of(request)}
    found = refusal_in_ledger(lambda: cases.approve(**arguments), "request.approve")
    assert (found["code"], found["state"]) == ("wrong-state", "withdrawn")


BROKEN = ["a\0b", "\ud800", "\udfff tail"]


@pytest.mark.parametrize("text", BROKEN)
def test_text_that_cannot_be_stored_is_refused_everywhere(world, text):
    request = world.proposed()
    acts = {
        "request.create": lambda: requests.create(
            consumer=world.consumer, by=world.requester, content={"row_filter": [{"values": [text]}]}
        ),
        "request.send_back": lambda: requests.send_back(request=request, by=world.endorser, reason=text),
        "request.withdraw": lambda: requests.withdraw(request=request, by=world.requester, reason=text),
    }
    for action, act in acts.items():
        assert refusal_in_ledger(act, action)["code"] == "bad-text"
    world.under_review(world.submitted(request))
    arguments = {"request": request, "by": world.officer, "reason": "Sửa", "revision_hash": hash_of(request)}
    for fields in ({"reason": text}, {text: "Sửa"}):
        with pytest.raises(Incomplete):
            cases.send_back(**arguments, field_reasons=fields)


def test_nobody_signs_without_naming_the_text(world):
    with pytest.raises(TypeError, match="revision_hash"):
        requests.endorse(request=world.proposed(), by=world.endorser)


def test_same_words_proposed_again_have_another_hash(world):
    request = requests.send_back(request=world.proposed(), by=world.endorser, reason="Xem lại")
    world.proposed(request)
    second, first = request.revisions.all()
    assert second.content_hash != first.content_hash
    assert [json.loads(revision.content)["revision"] for revision in (first, second)] == [1, 2]
    with pytest.raises(Refusal) as caught:
        endorse(request, world.endorser, revision_hash=first.content_hash)
    assert caught.value.code == "rule-2"


def test_agreement_is_not_concluded_when_its_period_is_over(world):
    request = world.offered()
    with time_machine.travel(timezone.now() + timedelta(days=91)), pytest.raises(Refusal) as caught:
        requests.accept(request=request, by=world.endorser)
    assert (caught.value.code, Agreement.objects.count()) == ("outside-dates", 0)
