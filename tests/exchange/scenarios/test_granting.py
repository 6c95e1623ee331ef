"""Scenarios 1 to 3: what is granted is what was approved, narrowed or not; and what comes back is decided anew."""

import hashlib
import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from django.utils.translation import gettext as _

from evidence.models import Entry, Outcome
from exchange import tasks
from exchange.models import Agreement, Decision, Delivery, Letter
from exchange.refusals import Refusal, WrongState
from exchange.scope import Scope
from exchange.services import agreements, cases, requests
from exchange.services.deadlines import working_days_between
from exchange.services.scopes import scope_of_revision
from exchange.states import AgreementStatus, RequestStatus
from registry.choices import Role
from tests import factories
from tests.api.conftest import client_for
from tests.exchange.desk import as_user, filled, page, press
from tests.exchange.scenarios import walk
from tests.exchange.test_database_refuses import agreement_row, approved_in_sql, insert_copy, vote
from tests.exchange.test_request_pages import url
from tests.scenarios import ROWS, hash_of

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
FIVE = ["citizen_id", "full_name", "born", "province", "phone"]
THREE = ["citizen_id", "full_name", "born"]


def test_scenario_01_happy_path(make_world):
    """Three fields, signed, taken on, approved by two of two, delivered; all of it on the pages."""
    world = make_world(quorum=2)
    request = walk.to_the_desk(world, field_names=THREE)
    case = walk.case_of(request)
    assert walk.says(walk.approve(request, world.approvers[0]), "1/2")
    assert not Agreement.objects.exists()
    walk.approve(request, world.approvers[1])

    agreement = Agreement.objects.get()
    assert walk.fresh(request).status == RequestStatus.APPROVED
    assert agreement.status == AgreementStatus.ACTIVE
    assert Scope.from_text(agreement.scope).fields == (("citizen_id", "keep"), ("full_name", "keep"), ("born", "year"))
    letter = Letter.objects.get()
    assert (letter.agency, letter.number) == (world.provider, 1)
    assert letter.notation in as_user(world.requester).get(url("letter-detail", letter)).text
    assert agreement.code in as_user(world.approvers[1]).get(page(case)).content.decode()

    delivery = walk.work_through(Delivery.objects.get())
    data = walk.download(delivery, world.requester)
    expected = [[row[0], row[1], row[2][:4]] for row in ROWS]
    assert walk.table_of(data) == [THREE, *expected]
    digest = hashlib.sha256(data).hexdigest()
    entry = Entry.objects.get(action="delivery.complete", outcome=Outcome.SUCCESS)
    assert json.loads(entry.details)["sha256"] == digest
    assert digest in as_user(world.requester).get(url("delivery-detail", delivery)).text


def test_scenario_01_the_api_hands_out_the_same_bytes(make_world):
    world = make_world(quorum=2)
    agreement = walk.granted(world, field_names=THREE)
    system = factories.person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    delivery = walk.work_through(agreement.deliveries.get())
    answer = client_for(system).get(f"/api/v1/deliveries/{delivery.public_id}/file/")
    assert b"".join(answer.streaming_content) == walk.download(delivery, world.requester)


def narrowed_to_three(world):
    request = walk.to_the_desk(world, field_names=FIVE)
    walk.approve(request, world.approver, fields_kept=THREE, reason="Chỉ cần ba trường")
    return walk.fresh(request)


def test_scenario_02_narrowing_is_an_offer_and_moves_no_data(world):
    request = narrowed_to_three(world)
    assert request.status == RequestStatus.OFFERED
    assert not Agreement.objects.exists()
    assert not Delivery.objects.exists()
    tasks.sweep()
    assert not Agreement.objects.exists(), "time alone accepts nothing"

    offer = as_user(world.endorser).get(url("request-accept", request))
    assert walk.says(offer, world.fields["phone"].title)
    assert walk.says(offer, "Chỉ cần ba trường")
    as_user(world.endorser).post(url("request-accept", request))
    agreement = Agreement.objects.get()
    assert Scope.from_text(agreement.scope).field_names == THREE
    delivery = walk.work_through(Delivery.objects.get())
    assert walk.table_of(walk.download(delivery, world.requester))[0] == THREE


def test_scenario_02_only_a_signatory_takes_what_is_offered(world):
    """Neither clerk nor approver nor superuser accepts; nor does SQL conclude the five that were asked for."""
    request = narrowed_to_three(world)
    as_user(world.requester).post(url("request-accept", request))
    assert walk.refusals("request.accept", "not-your-role").count() == 1
    assert as_user(world.approver).post(url("request-accept", request)).status_code == 404
    root = factories.UserFactory(superuser=True)
    with pytest.raises(Refusal):
        requests.accept(request=request, by=root)
    assert walk.fresh(request).status == RequestStatus.OFFERED
    approved_in_sql(request)
    wide = agreement_row(request, scope_of_revision(request.revisions.first()))
    walk.refused_in_sql(lambda: insert_copy(wide), match="other than what was approved")


def returned_after_a_vote(world):
    """One of two votes is in when the officer returns it."""
    request = walk.to_the_desk(world, field_names=THREE)
    walk.approve(request, world.approvers[0])
    press(world.officer, walk.case_of(request), "return", reason="Bỏ họ tên", about_field_names="Không cần họ tên")
    return walk.fresh(request)


def test_scenario_03_nobody_approves_while_it_is_returned(make_world):
    """409 on the page, the same refusal in bulk and from a shell; the database takes no vote either."""
    world = make_world(quorum=2)
    request = walk.to_the_desk(world, field_names=THREE)
    walk.approve(request, world.approvers[0])
    second = world.approvers[1]
    data = filled(as_user(second), page(walk.case_of(request), "approve"))
    press(world.officer, walk.case_of(request), "return", reason="Bỏ họ tên", about_field_names="Không cần họ tên")
    request = walk.fresh(request)

    late = as_user(second).post(page(walk.case_of(request), "approve"), data)
    assert late.status_code == 409
    assert walk.says(late, str(RequestStatus.RETURNED.label))
    assert walk.results(walk.in_bulk("approve", [request], second)) == ["wrong-state"]
    with pytest.raises(WrongState):
        cases.approve(request=request, by=second, revision_hash=hash_of(request))
    assert walk.refusals("request.approve", "wrong-state").count() == 3
    walk.refused_in_sql(lambda: vote(request, second), match="not under review")


def test_scenario_03_what_comes_back_changed_is_decided_anew(make_world):
    """The difference is shown, the vote is void, the clock stood still."""
    world = make_world(quorum=2)
    request = returned_after_a_vote(world)
    before = walk.case_of(request).due_on
    assert walk.says(as_user(world.requester).get(url("request-detail", request)), "Không cần họ tên")
    today = timezone.localdate()
    with time_machine.travel(timezone.now() + timedelta(days=14)):
        walk.correct(request, world.requester, field_names=["citizen_id", "born", "phone"])
        walk.sign(request, world.endorser)
        walk.take_on(request, world.officer)
        case = walk.case_of(request)
        paused = working_days_between(today, timezone.localdate())
        assert paused >= 9
        assert case.paused_days == paused
        assert working_days_between(timezone.localdate(), case.due_on) == working_days_between(today, before)

        shown = as_user(world.approvers[1]).get(page(case))
        assert "<del>" in shown.content.decode()
        assert walk.says(shown, "full_name")
        assert shown.context["page"].approvals == 0
        assert not Decision.objects.live().exists()
        assert walk.says(shown, _("void"))
        walk.approve(request, world.approvers[1])
        assert not Agreement.objects.exists(), "the vote on the former text counts for nothing"
        walk.approve(request, world.approvers[0])
        assert Scope.from_text(Agreement.objects.get().scope).field_names == ["citizen_id", "born", "phone"]


def test_scenario_03_a_vote_does_not_come_back_to_life_in_sql(make_world):
    world = make_world(quorum=2)
    request = returned_after_a_vote(world)
    walk.correct(request, world.requester, field_names=["citizen_id"])
    walk.refused_in_sql("UPDATE exchange_decision SET voided_at = NULL", match="only a new revision")
    walk.refused_in_sql(
        "UPDATE exchange_decision SET revision_id = %s", request.revisions.first().pk, match="cannot be rewritten"
    )
