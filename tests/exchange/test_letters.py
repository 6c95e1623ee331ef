"""Decision letters: one for each decision, numbered without gaps by agency and year, and never changed."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from exchange.choices import Verdict
from exchange.models import Letter
from exchange.refusals import Refusal
from exchange.scope import sha256
from exchange.services import agreements, cases, letters, scopes
from registry.choices import Role
from registry.models import SharingPolicy
from tests import factories
from tests.exchange.past import letters_of_anything
from tests.scenarios import agreement_of, hash_of


def numbers() -> list[int]:
    return sorted(Letter.objects.values_list("number", flat=True))


def test_letters_of_an_agency_are_numbered_from_one(world):
    for _number in range(3):
        world.voted()
    assert numbers() == [1, 2, 3]
    assert Letter.objects.first().notation == f"{Letter.objects.first().number}/{world.provider.code}-CSDL"


def test_refused_decision_takes_no_number(world):
    request = world.under_review()
    SharingPolicy.objects.update(max_rows=1)
    with pytest.raises(Refusal):
        cases.approve(request=request, by=world.approver, revision_hash=hash_of(request))
    SharingPolicy.objects.update(max_rows=5_000_000)
    world.voted(request)
    assert numbers() == [1]


def test_number_that_was_rolled_back_is_given_again(world):
    case = world.under_review().cases.get()

    def fail():
        with transaction.atomic():
            letters.issue(case=case, content={})
            raise RuntimeError

    with letters_of_anything():
        with pytest.raises(RuntimeError):
            fail()
        assert letters.issue(case=case, content={}).number == 1


def test_numbers_begin_anew_with_the_year_in_hanoi(world):
    case = world.under_review().cases.get()
    with letters_of_anything():
        assert letters.issue(case=case, content={}).number == 1
        with time_machine.travel(datetime(2030, 12, 31, 16, 59, tzinfo=ZoneInfo("UTC"))):
            assert (letters.issue(case=case, content={}).year, letters.issue(case=case, content={}).number) == (2030, 2)
        with time_machine.travel(datetime(2030, 12, 31, 17, 1, tzinfo=ZoneInfo("UTC"))):
            letter = letters.issue(case=case, content={})
    assert (letter.year, letter.number) == (2031, 1)


def test_agencies_have_numbers_of_their_own(make_world):
    for _world in range(2):
        make_world().voted()
    assert numbers() == [1, 1]


def test_letter_says_what_was_decided_and_carries_its_hash(world):
    request = world.voted(narrowed={"fields": {"citizen_id"}, "reason": "Chỉ cần số định danh"})
    letter = Letter.objects.get()
    content = json.loads(letter.content)
    assert letter.content_hash == sha256(letter.content)
    assert [field["name"] for field in content["scope"]["fields"]] == ["citizen_id"]
    assert (content["request"], content["your_letter"]) == (request.code, "12/UBND-VP")
    assert (content["from"], content["to"]) == (world.provider.code, world.consumer.code)
    assert content["reason"] == "Chỉ cần số định danh"
    assert content["left_out"] == {"fields": ["full_name", "born"]}
    assert content["requested_scope_sha256"] == scopes.scope_of_revision(request.revisions.first()).digest
    assert content["decided_by"] == [{"position": world.approver.position, "agency": world.provider.code}]
    assert content["sharing_basis"] == world.policy.legal_basis.number


def test_letter_names_both_offices_where_one_decides_for_another(world):
    request = world.under_review()
    delegate = factories.person(world.provider, Role.REVIEWER, position="Phó Vụ trưởng")
    world.approver.position = "Vụ trưởng"
    world.approver.save()
    factories.DelegationFactory(delegator=world.approver, delegate=delegate, agency=world.provider)
    cases.approve(request=request, by=delegate, revision_hash=hash_of(request))
    assert json.loads(Letter.objects.get().content)["decided_by"] == [
        {"position": "Phó Vụ trưởng", "agency": world.provider.code, "in_place_of": "Vụ trưởng"}
    ]
    assert str(world.approver) not in Letter.objects.get().content


def test_letter_of_a_whole_approval_leaves_nothing_out(world):
    world.voted()
    assert json.loads(Letter.objects.get().content)["left_out"] == {}


def test_vote_before_the_quorum_issues_no_letter(make_world):
    make_world(quorum=2).voted(votes=1)
    assert numbers() == []


def test_standing_permission_issues_a_letter_that_names_the_decision_behind_it(make_world):
    world = make_world(standing=True)
    world.approver.position = "Vụ trưởng"
    world.approver.save()
    request = world.submitted()
    letter = Letter.objects.get(case__request=request)
    content = json.loads(letter.content)
    assert (letter.number, letter.agency, content["verdict"]) == (1, world.provider, Verdict.APPROVE)
    assert content["revision_sha256"] == hash_of(request)
    assert content["scope"] == json.loads(agreement_of(request).scope)
    assert content["decided_by"] == [{"position": "Vụ trưởng", "agency": world.provider.code}]
    assert content["standing"] == {
        "permission": str(world.policy.public_id),
        "decided_on": timezone.localdate(world.policy.decided_at).isoformat(),
    }


def test_standing_grant_that_fails_takes_no_number(make_world, monkeypatch):
    world = make_world(standing=True)
    with monkeypatch.context() as patch:
        patch.setattr(agreements, "conclude", _refuse)
        with pytest.raises(Refusal):
            world.submitted()
    assert numbers() == []
    world.submitted()
    assert numbers() == [1]


def _refuse(**_arguments):
    raise Refusal("rule-3", "no longer shared")
