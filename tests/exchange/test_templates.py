"""Templates of requests: kept by an agency, published by an owner, and begun from as far as they are still offered."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import Frequency, TemplatePart
from exchange.models import ExchangeRequest, RequestTemplate
from exchange.refusals import Incomplete, Refusal
from exchange.services import request_templates
from registry.choices import Mode, Purpose, Role
from registry.models import Dataset, LegalInstrument
from tests.exchange.desk import as_user, page, told
from tests.factories import DatasetFactory, person

ALL = list(TemplatePart)
HANOI = {"field": "province", "operator": "eq", "values": ["01"]}
PERSON = {"field": "citizen_id", "operator": "in", "values": ["001099000001"]}


def url(name: str, thing=None) -> str:
    return reverse(f"exchange:{name}", args=[thing.public_id] if thing else [])


def kept(world, parts=ALL, name="Mẫu", **content) -> RequestTemplate:
    return request_templates.save(request=world.draft(**content), by=world.requester, name=name, parts=parts)


def published(world, name="Thường hỏi", **content) -> RequestTemplate:
    case = world.under_review(**content).cases.get()
    return request_templates.publish(case=case, by=world.approver, name=name)


def started(world, template, **changes):
    arguments = {"template": template, "consumer": world.consumer, "by": world.requester, "known": {}, **changes}
    return request_templates.start(**arguments)


# Keeping


def test_a_draft_from_a_template_is_like_its_request(world):
    template = kept(world, row_filter=[HANOI], row_limit=50)
    draft, told_of = started(world, template)
    like = world.draft(row_filter=[HANOI], row_limit=50)
    assert told_of == []
    for name in (
        "dataset", "field_names", "row_filter", "row_limit", "mode", "legal_basis", "purpose", "reason", "letter_subject",
        "signatory_name", "period_from", "period_to", "retention_until", "security_measures", "system_level",
    ):  # fmt: skip
        assert getattr(draft, name) == getattr(like, name), name
    assert (draft.letter_number, draft.undertaking, draft.has_state_secret) == ("", False, None)
    assert Entry.objects.get(action="template.save").subject_id == str(template.public_id)


@pytest.mark.parametrize(
    ("part", "there", "absent"),
    [
        (TemplatePart.DATA, "field_names", "reason"),
        (TemplatePart.BASIS, "reason", "field_names"),
        (TemplatePart.LETTER, "letter_subject", "security_measures"),
        (TemplatePart.USE, "security_measures", "letter_subject"),
    ],
)
def test_only_the_chosen_parts_are_kept(world, part, there, absent):
    template = kept(world, parts=[part])
    draft, _told = started(world, template)
    assert getattr(draft, there)
    assert not getattr(draft, absent)
    assert (draft.dataset is not None) == (part == TemplatePart.DATA)
    assert (draft.period_to is not None) == (part == TemplatePart.USE)


def test_no_list_of_people_is_kept(world):
    template = kept(world, row_filter=[PERSON, HANOI])
    assert template.content["row_filter"] == [HANOI]
    assert "001099000001" not in json.dumps(template.content)


def test_days_are_counted_from_the_day_of_beginning(world):
    template = kept(world, parts=[TemplatePart.USE])
    assert (template.content["period_days"], template.content["retention_days"]) == (90, 120)
    assert started(world, template)[0].period_to == timezone.localdate() + timedelta(days=90)


@pytest.mark.parametrize("who", ["endorser", "approver", "officer"])
def test_only_a_requester_keeps_templates(world, who):
    with pytest.raises(Refusal):
        request_templates.save(request=world.draft(), by=getattr(world, who), name="x", parts=ALL)
    assert Entry.objects.filter(action="template.save", outcome=Outcome.REFUSED).exists()
    assert not RequestTemplate.objects.exists()


def test_a_template_without_parts_or_with_a_name_in_use_is_refused(world):
    with pytest.raises(Incomplete):
        kept(world, parts=[])
    template = kept(world)
    with pytest.raises(Incomplete):
        kept(world)
    request_templates.archive(template=template, by=world.requester)
    kept(world)


# What is no longer offered


def test_a_field_that_is_no_longer_offered_is_dropped_and_named(world):
    template = kept(world, field_names=["citizen_id", "income"], row_filter=[HANOI])
    world.policy.policy_fields.get(field__name="income").delete()
    world.policy.policy_fields.filter(field__name="province").update(is_filterable=False)
    draft, told_of = started(world, template)
    assert (draft.field_names, draft.row_filter) == (["citizen_id"], [])
    assert world.fields["income"].title in told_of[0]
    assert world.fields["province"].title in told_of[1]


def test_a_dataset_that_is_no_longer_published_is_dropped_with_its_fields(world):
    template = kept(world)
    Dataset.objects.filter(pk=world.dataset.pk).update(is_published=False)
    draft, told_of = started(world, template)
    assert (draft.dataset, draft.field_names) == (None, [])
    assert draft.reason
    assert len(told_of) == 1
    assert world.dataset.title not in told_of[0]


def test_ways_purposes_limits_and_laws_that_no_longer_fit_are_dropped(world):
    template = kept(world, mode=Mode.LOOKUP, purpose=Purpose.STATISTICS, row_limit=500)
    world.policy.modes, world.policy.purposes, world.policy.max_rows = [Mode.PACKAGE], [Purpose.PROCEDURE], 100
    world.policy.save()
    LegalInstrument.objects.filter(pk=world.basis.pk).update(effective_to="2021-01-01")
    draft, told_of = started(world, template)
    assert (draft.mode, draft.frequency, draft.purpose, draft.row_limit, draft.legal_basis) == (
        Mode.PACKAGE, Frequency.ONCE, "", None, None,
    )  # fmt: skip
    assert len(told_of) == 4


def test_an_archived_template_or_one_of_another_agency_begins_nothing(world):
    template = kept(world)
    with pytest.raises(Refusal):
        started(world, template, consumer=world.stranger, by=person(world.stranger, Role.REQUESTER))
    request_templates.archive(template=template, by=world.requester)
    template.refresh_from_db()
    with pytest.raises(Refusal):
        started(world, template)


# The owner's


def test_an_owner_publishes_fields_and_basis_and_nothing_of_the_agency(world):
    template = published(world, row_filter=[PERSON, HANOI], procedure_code="1.001234")
    assert template.content["field_names"] == ["citizen_id", "full_name", "born"]
    assert template.content["row_filter"] == [HANOI]
    assert template.content["legal_basis"] == world.basis.number
    assert not {"reason", "procedure_code", "letter_subject", "security_measures"} & set(template.content)
    other = person(world.stranger, Role.REQUESTER)
    draft, _told = started(world, template, consumer=world.stranger, by=other)
    assert draft.field_names == ["citizen_id", "full_name", "born"]


@pytest.mark.parametrize("who", ["officer", "requester", "operator"])
def test_only_an_approver_assigned_to_the_database_publishes(world, who):
    case = world.under_review().cases.get()
    for someone in (getattr(world, who), person(world.provider, Role.APPROVER)):
        with pytest.raises(Refusal):
            request_templates.publish(case=case, by=someone, name="x")
    assert not RequestTemplate.objects.exists()


def test_the_owner_publishes_from_the_case(world):
    case = world.under_review().cases.get()
    address = page(case, "publish")
    client = as_user(world.approver)
    assert client.get(address).status_code == 200
    assert client.post(address, {"name": ""}).status_code == 422
    client.post(address, {"name": "Thường hỏi"})
    assert client.post(address, {"name": "Thường hỏi"}).status_code == 422
    assert RequestTemplate.objects.get().is_public
    assert as_user(world.officer).get(address).status_code == 404


def test_clerks_are_offered_what_the_owner_published_for_the_dataset(world):
    template = published(world)
    client = as_user(person(world.stranger, Role.REQUESTER))
    assert url("template-start", template) in client.get(url("request-create"), {"dataset": world.dataset.code}).text
    assert template.name not in client.get(url("request-create")).text
    other = DatasetFactory()
    assert template.name not in client.get(url("request-create"), {"dataset": other.code}).text
    request_templates.archive(template=template, by=world.approver)
    assert template.name not in client.get(url("request-create"), {"dataset": world.dataset.code}).text


# Pages


def test_a_clerk_keeps_a_template_and_a_colleague_begins_from_it(world):
    request = world.draft(field_names=["citizen_id", "income"])
    client = as_user(world.requester)
    assert url("template-save", request) in client.get(url("request-detail", request)).text
    client.post(url("template-save", request), {"name": "Hằng tháng", "parts": ["data", "basis"]})
    template = RequestTemplate.objects.get()
    world.policy.policy_fields.get(field__name="income").delete()
    colleague = as_user(person(world.consumer, Role.REQUESTER))
    assert "Hằng tháng" in colleague.get(url("request-create")).text
    response = colleague.post(url("template-start", template), {"agency": world.consumer.code}, follow=True)
    draft = ExchangeRequest.objects.first()
    assert response.redirect_chain[-1][0] == url("request-detail", draft)
    assert (draft.field_names, draft.focal_name) == (["citizen_id"], draft.created_by.full_name)
    assert world.fields["income"].title in told(response)


def test_a_template_is_renamed_and_archived(world):
    template = kept(world)
    client = as_user(world.requester)
    client.post(url("template-detail", template), {"name": "Tên mới"})
    assert "Tên mới" in client.get(url("template-list")).text
    client.post(url("template-archive", template))
    assert "Tên mới" not in client.get(url("template-list")).text
    assert "Tên mới" in client.get(url("template-list"), {"archived": "yes"}).text
    assert url("template-archive", template) not in client.get(url("template-detail", template)).text
    client.post(url("template-detail", template), {"name": "Khác"})
    template.refresh_from_db()
    assert template.name == "Tên mới"
    kept(world, name="A")
    second = kept(world, name="B")
    assert client.post(url("template-detail", second), {"name": "A"}).status_code == 422


def test_templates_of_another_agency_are_not_listed(world):
    kept(world), published(world)
    assert not as_user(person(world.stranger, Role.REQUESTER)).get(url("template-list")).context["templates"]
    assert len(as_user(world.approver).get(url("template-list")).context["templates"]) == 1


@pytest.mark.parametrize("name", ["template-list", "request-create"])
def test_the_list_asks_as_many_questions_for_20_templates_as_for_2(world, name):
    client = as_user(world.requester)

    def questions() -> int:
        client.get(url(name))
        with CaptureQueriesContext(connection) as captured:
            client.get(url(name))
        return len(captured)

    for number in range(2):
        kept(world, name=str(number))
    two = questions()
    for number in range(2, 22):
        kept(world, name=str(number))
    assert questions() == two
    assert client.get(url(name)).text.count("<li>") >= 20


# What plain SQL is refused


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_requesttemplate SET content = '{{}}'",
        "UPDATE exchange_requesttemplate SET is_public = true",
        "UPDATE exchange_requesttemplate SET archived_at = now()",
        "UPDATE exchange_requesttemplate SET name = ''",
        "DELETE FROM exchange_requesttemplate",
        "TRUNCATE exchange_requesttemplate",
        "INSERT INTO exchange_requesttemplate (public_id, agency_id, is_public, name, parts, content, created_at, created_by_id)"
        " SELECT gen_random_uuid(), agency_id, false, 'x', parts, content, now(), {stranger} FROM exchange_requesttemplate",
        "INSERT INTO exchange_requesttemplate (public_id, agency_id, is_public, name, parts, content, created_at, created_by_id,"
        " dataset_id) SELECT gen_random_uuid(), agency_id, true, 'x', '{{data}}', content, now(), created_by_id, dataset_id"
        " FROM exchange_requesttemplate",
        "INSERT INTO exchange_requesttemplate (public_id, agency_id, is_public, name, parts, content, created_at, created_by_id)"
        " SELECT gen_random_uuid(), agency_id, false, 'x', '{{everything}}', content, now(), created_by_id"
        " FROM exchange_requesttemplate",
        "INSERT INTO exchange_requesttemplate (public_id, agency_id, is_public, name, parts, content, created_at, created_by_id)"
        " SELECT gen_random_uuid(), agency_id, false, name, parts, content, now(), created_by_id FROM exchange_requesttemplate",
    ],
)
def test_the_database_refuses(world, statement):
    kept(world)
    stranger = person(world.stranger, Role.REQUESTER)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(statement.format(stranger=stranger.pk))


def test_an_archived_template_never_changes(world):
    template = kept(world)
    request_templates.archive(template=template, by=world.requester)
    with pytest.raises(IntegrityError, match="archived template"), transaction.atomic():
        RequestTemplate.objects.filter(pk=template.pk).update(name="x")
