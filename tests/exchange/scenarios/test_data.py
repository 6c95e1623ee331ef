"""Scenarios 6, 8 and 9: no field is smuggled in, no day is outlived, and what is revoked in mid-delivery is never seen."""

import re
import sqlite3
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from exchange import tasks
from exchange.choices import EndReason, Frequency
from exchange.fulfilment import expiry
from exchange.models import Agreement, Delivery
from exchange.scope import Scope
from exchange.services import agreements, scopes
from exchange.states import AgreementStatus, DeliveryStatus
from registry.choices import Mode, Role
from tests import factories
from tests.api.conftest import client_for
from tests.exchange.desk import as_user, page, press
from tests.exchange.scenarios import walk
from tests.exchange.test_database_refuses import delivery_row, insert_copy, triggers_off
from tests.exchange.test_fulfilment import during_the_run
from tests.exchange.test_request_pages import data_of, step_of, url
from tests.scenarios import ROWS, TABLE

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
ASKED = ["citizen_id", "born"]
KEY = ROWS[0][0]


def holds_only_what_was_asked(world, delivery) -> bool:
    data = walk.download(delivery, world.requester)
    return walk.table_of(data)[0] == ASKED and ROWS[0][1] not in data.decode()


# 6: a smuggled field


def test_scenario_06_forged_forms_add_no_field(world):
    """To the draft of somebody else's, to a signed text, to a vote, to the admin: wherever a POST can name a field."""
    request = walk.file(world, field_names=ASKED)
    clerk, late = as_user(world.requester), data_of(walk.fresh(request), field_names=[*ASKED, "full_name"])
    clerk.post(step_of(request, 1), late)  # the signatory already reads it
    walk.sign(request, world.endorser)
    walk.take_on(request, world.officer)
    clerk.post(step_of(request, 1), late)
    for answers in ({"fields_kept": [*ASKED, "full_name"]}, {"fields_kept": [*ASKED, "password"]}):
        answer = walk.forged(request, world.approver, world.approver, reason="Thêm", **answers)
        assert answer.status_code == 422
    smuggled = {"field_names": "full_name", "scope": '{"fields": []}', "fields": "full_name"}
    assert walk.forged(request, world.approver, world.approver, **smuggled).status_code == 302
    agreement = Agreement.objects.get()
    for thing in (request, agreement, agreement.deliveries.get()):
        for user in (world.approver, factories.UserFactory(superuser=True)):
            assert as_user(user).post(page(thing), smuggled).status_code in (403, 404, 405)
    assert holds_only_what_was_asked(world, walk.work_through(agreement.deliveries.get()))


def test_scenario_06_a_field_that_is_not_offered_is_not_even_saved(world):
    draft = world.draft(field_names=ASKED)
    answer = as_user(world.requester).post(step_of(draft, 1), data_of(draft, field_names=[*ASKED, "password"]))
    assert answer.status_code == 422
    assert walk.fresh(draft).field_names == ASKED


def test_scenario_06_an_altered_task_leads_to_the_rows_of_its_own_agreement(world):
    """A task carries a number and nothing else: another number is another delivery, within what that one may give."""
    wide = walk.granted(world, field_names=["full_name"]).deliveries.get()
    narrow = walk.granted(world, field_names=ASKED).deliveries.get()
    altered = {"id": narrow.pk, "fields": ["full_name"]}
    for argument in (altered, f"{narrow.pk} OR 1=1", 10**9):
        with pytest.raises((TypeError, ValueError, Delivery.DoesNotExist, DatabaseError)), transaction.atomic():
            tasks.deliver(argument)
    with pytest.raises(TypeError):
        tasks.deliver(narrow.pk, ["full_name"])
    walk.work_through(wide)
    assert holds_only_what_was_asked(world, walk.work_through(narrow))


def test_scenario_06_a_column_that_was_added_to_the_source_is_not_delivered(world):
    delivery = walk.granted(world, field_names=ASKED).deliveries.get()
    with sqlite3.connect(world.source) as source:
        source.execute(f"ALTER TABLE {TABLE} ADD COLUMN secret TEXT DEFAULT 'bí mật'")
    assert holds_only_what_was_asked(world, walk.work_through(delivery))


def _scope(agreement) -> dict:
    wide = _wide(agreement)
    return {"scope": wide.text}


def _scope_and_hash(agreement) -> dict:
    return {**_scope(agreement), "scope_hash": _wide(agreement).digest}


def _all_three(agreement) -> dict:
    plan = scopes.extract_plan(_wide(agreement), scopes.fields_of(agreement.dataset))
    return {**_scope_and_hash(agreement), "plan_hash": plan.digest()}


def _plan(agreement) -> dict:
    return {"plan_hash": "0" * 64}


def _wide(agreement) -> Scope:
    scope = Scope.from_text(agreement.scope)
    return replace(scope, fields=(scope.fields[0], ("full_name", "keep"), *scope.fields[1:]))


@pytest.mark.parametrize(
    ("altered", "code"),
    [
        (_scope, "scope-altered"),
        (_scope_and_hash, "not-as-agreed"),
        (_all_three, "not-as-agreed"),
        (_plan, "not-as-agreed"),
    ],
)
def test_scenario_06_an_agreement_that_was_altered_past_the_guards_gives_nothing(world, altered, code):
    """Whoever owns the tables can switch the guards off. The ledger still says what was agreed."""
    agreement = walk.granted(world, field_names=ASKED)
    delivery = agreement.deliveries.get()
    with triggers_off("exchange_agreement"):
        Agreement.objects.filter(pk=agreement.pk).update(**altered(agreement))
    delivery = walk.work_through(delivery)
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.CHANGED)
    assert delivery.attempts.get().code == code
    assert walk.files_of(world) == []
    told = as_user(world.requester).get(url("delivery-detail", delivery))
    assert walk.says(told, str(DeliveryStatus.TERMINATED.label))


def test_scenario_06_an_altered_agreement_answers_no_question_either(world):
    agreement = world.agreed(mode=Mode.LOOKUP, field_names=ASKED)
    with triggers_off("exchange_agreement"):
        Agreement.objects.filter(pk=agreement.pk).update(**_all_three(agreement))
    answer = ask(as_user(world.requester), agreement)
    # As a whole: people of the tests are called alike, with a number behind.
    assert not re.search(rf"{ROWS[0][1]}(?!\d)", answer.content.decode())
    assert walk.refusals("lookup.ask", "not-as-agreed").count() == 1


# 8: the end of a period


def ask(client, agreement):
    question = {"agreement": str(agreement.public_id), "key": KEY, "case_number": "HS-1"}
    return client.post(reverse("exchange:lookup"), question, follow=True)


def midnight(day, seconds: int):
    moment = datetime.combine(day, time(), HANOI) + timedelta(seconds=seconds)
    return time_machine.travel(moment, tick=False)


@pytest.fixture
def last_day():
    return timezone.localdate() + timedelta(days=5)


def is_answered(response) -> bool:
    return KEY in response.content.decode() and "1951" in response.content.decode()


@pytest.mark.parametrize(("seconds", "is_given"), [(-1, True), (1, False)], ids=["23:59:59", "00:00:01"])
def test_scenario_08_no_look_up_after_the_end(world, last_day, seconds, is_given):
    """On the page and through the API, with no sweep in between: the flag still says that it is in force."""
    agreement = world.agreed(mode=Mode.LOOKUP, field_names=ASKED, period_to=last_day)
    system = factories.person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    with midnight(last_day + timedelta(days=1), seconds):
        on_the_page = ask(as_user(world.requester), agreement)
        assert is_answered(on_the_page) == is_given
        assert on_the_page.status_code == (200 if is_given else 404)  # the page offers no agreement that is over
        answer = client_for(system).look_up(agreement, KEY)
        assert (answer.status_code == 200) == is_given
        if not is_given:
            assert answer.json()["code"] == "agreement-not-live"
            assert walk.refusals("lookup.ask", "agreement-not-live").count() == 1
    assert walk.fresh(agreement).status == AgreementStatus.ACTIVE


@pytest.mark.parametrize(("seconds", "is_given"), [(-1, True), (1, False)], ids=["23:59:59", "00:00:01"])
def test_scenario_08_no_package_after_the_end(world, last_day, seconds, is_given):
    """Downloads on the page and through the API, another order, and the run of what waits since before midnight."""
    agreement = world.agreed(field_names=ASKED, frequency=Frequency.ON_DEMAND, period_to=last_day)
    system = factories.person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    delivered, waiting = world.delivered(agreement), world.ordered(agreement)
    with midnight(last_day + timedelta(days=1), seconds):
        clerk, machine = as_user(world.requester), client_for(system)
        answer = clerk.post(url("delivery-download", delivered))
        assert (answer.status_code == 200) == is_given
        answer = machine.get(f"/api/v1/deliveries/{delivered.public_id}/file/")
        assert (answer.status_code == 200) == is_given
        assert walk.work_through(waiting).status == (
            DeliveryStatus.COMPLETED if is_given else DeliveryStatus.TERMINATED
        )
        orders = agreement.deliveries.count()
        clerk.post(url("agreement-order", agreement))
        assert agreement.deliveries.count() - orders == is_given
        if not is_given:
            assert walk.refusals("delivery.download", "agreement-not-live").count() == 2
            assert walk.refusals("delivery.order", "agreement-not-live").count() == 1
    assert walk.fresh(agreement).status == AgreementStatus.ACTIVE, "nobody has swept"


def test_scenario_08_the_database_takes_no_delivery_after_the_end(world):
    """Its own clock says so: here the last day was moved to yesterday past the guards."""
    agreement = world.agreed(field_names=ASKED)
    yesterday = timezone.localdate() - timedelta(days=1)
    with triggers_off("exchange_agreement"):
        Agreement.objects.update(valid_from=yesterday, valid_to=yesterday, gives_until=yesterday)
    walk.refused_in_sql(lambda: insert_copy(delivery_row(agreement)), match="without an agreement in force")


# 9: revoked while it is delivered


def revoke_on_the_page(world, agreement) -> None:
    answer = press(world.approver, agreement, "revoke", when="now", reason="Dùng sai mục đích")
    assert answer.status_code == 200
    assert walk.fresh(agreement).status == AgreementStatus.REVOKED


@pytest.fixture
def revoked(world, monkeypatch):
    """An earlier package is there to be fetched, and a system is named, when the owner revokes in the middle of the next."""
    agreement = walk.granted(world, field_names=ASKED, frequency="on-demand")
    system = factories.person(world.consumer, Role.SYSTEM)
    agreements.name_user(agreement=agreement, user=system, by=world.endorser)
    clerk, machine = as_user(world.requester), client_for(system)
    clerk.post(url("agreement-order", agreement))
    earlier = walk.work_through(agreement.deliveries.get())
    clerk.post(url("agreement-order", agreement))
    running = agreement.deliveries.latest("pk")
    staged = []

    def in_the_middle():
        staged.extend(name for name in walk.files_of(world) if name.endswith(".part"))
        revoke_on_the_page(world, agreement)

    during_the_run(monkeypatch, in_the_middle)
    walk.work_through(running)
    assert staged, "it was in the middle of writing"
    return agreement, earlier, walk.fresh(running), clerk, machine


def test_scenario_09_no_file_appears_and_staged_bytes_are_gone(world, revoked):
    _agreement, earlier, running, _clerk, _machine = revoked
    assert (running.status, running.end_reason) == (DeliveryStatus.TERMINATED, EndReason.STOPPED)
    expiry.remove_expired()
    assert [name for name in walk.files_of(world) if earlier.code not in name] == []
    assert not running.sha256
    assert not running.file_name


def test_scenario_09_links_and_tokens_are_dead(world, revoked):
    """The page and the token go on existing; neither gives a byte, of the one that ran or of the one before."""
    agreement, earlier, running, clerk, machine = revoked
    for delivery in (earlier, running):
        assert clerk.post(url("delivery-download", delivery)).status_code == 302
        assert clerk.post(url("delivery-manifest", delivery)).status_code == 302
        for part in ("file", "manifest"):
            answer = machine.get(f"/api/v1/deliveries/{delivery.public_id}/{part}/")
            assert answer.status_code == 403
            assert answer.json()["code"] == "agreement-not-live"
    assert machine.look_up(agreement, KEY).status_code in (403, 404, 409)
    assert walk.says(clerk.get(url("delivery-detail", running)), str(DeliveryStatus.TERMINATED.label))


def test_scenario_09_no_retry_resumes_it(world, revoked):
    """Neither the task again, nor the sweep, nor another order, nor the owner, nor SQL."""
    agreement, earlier, running, clerk, _machine = revoked
    attempts = running.attempts.count()
    walk.work_through(running)
    tasks.sweep()
    walk.work_through(running)
    clerk.post(url("agreement-order", agreement))
    assert walk.refusals("delivery.order", "agreement-not-live").count() == 1
    assert as_user(world.approver).get(page(agreement, "resume")).status_code == 302
    walk.refused_in_sql(
        "UPDATE exchange_delivery SET status = 'started', finished_at = NULL WHERE id = %s",
        running.pk,
        match="finished",
    )
    walk.refused_in_sql(
        "UPDATE exchange_agreement SET status = 'active', ended_at = NULL WHERE id = %s",
        agreement.pk,
        match="closed|ended|cannot go from|finished",
    )
    assert running.attempts.count() == attempts
    assert list(agreement.deliveries.order_by("pk")) == [earlier, running]
    assert walk.fresh(running).status == DeliveryStatus.TERMINATED
