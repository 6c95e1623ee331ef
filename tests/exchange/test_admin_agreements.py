"""Agreements in the admin: read, suspended, resumed and revoked there."""

import pytest
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import StopKind
from exchange.services import deliveries, stop_notices
from exchange.states import AgreementStatus, DeliveryStatus
from registry.choices import Role
from tests import factories
from tests.exchange.desk import as_user, buttons, filled, page, press, questions, refused, told
from tests.factories import person


def test_page_tells_the_scope_in_words(world):
    agreement = world.agreed(row_limit=500)
    text = as_user(world.approver).get(page(agreement)).content.decode()
    for words in (agreement.code, "citizen_id", "500", str(world.consumer), str(world.dataset), agreement.scope_hash):
        assert words in text


def test_buttons_follow_state_and_role(world):
    agreement = world.agreed()
    auditor = as_user(person(factories.AgencyFactory(), Role.AUDITOR))
    assert buttons(as_user(world.approver), agreement) == {"suspend": True, "revoke": True}
    assert buttons(as_user(world.operator), agreement) == {"suspend": True}
    assert buttons(auditor, agreement) == {}
    assert buttons(as_user(world.officer), agreement) == {}
    world.suspended(agreement)
    assert buttons(as_user(world.approver), agreement) == {"suspend": True, "resume": True, "revoke": True}
    assert buttons(as_user(world.operator), agreement) == {"suspend": True}  # for another reason, in an emergency


def test_suspend_says_what_it_stops_and_stops_it(world):
    agreement = world.agreed()
    delivery = agreement.deliveries.get()
    stops = as_user(world.approver).get(page(agreement, "suspend")).context["page"].stops
    assert "1" in stops[0].text
    deliveries.begin(delivery=delivery, worker="test")
    assert as_user(world.approver).get(page(agreement, "suspend")).context["page"].stops != stops

    response = press(world.approver, agreement, "suspend", when="now", reason="Nghi ngờ sai mục đích")
    agreement.refresh_from_db()
    delivery.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED
    assert delivery.status == DeliveryStatus.TERMINATED
    assert agreement.code in told(response)
    assert "Nghi ngờ sai mục đích" in response.content.decode()


def test_operator_suspends_in_an_emergency(world):
    agreement = world.agreed()
    press(world.operator, agreement, "suspend", reason="Sự cố")
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED


@pytest.mark.parametrize("name", ["resume", "revoke"])
def test_operator_can_do_nothing_else(world, name):
    agreement = world.agreed() if name == "revoke" else world.suspended()
    status = agreement.status
    response = as_user(world.operator).post(page(agreement, name), {"reason": "Thử"})
    agreement.refresh_from_db()
    assert response.status_code == 403
    assert "Thử" in response.content.decode()
    assert agreement.status == status
    assert refused(f"agreement.{name}").get().subject_id == agreement.code


def test_resume_and_revoke(world):
    agreement = world.suspended()
    press(world.approver, agreement, "resume", reason="Đã rõ")
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.ACTIVE
    press(world.approver, agreement, "revoke", when="now", reason="Hết căn cứ")
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.REVOKED
    assert buttons(as_user(world.approver), agreement) == {}


def test_reason_is_needed(world):
    agreement = world.agreed()
    assert press(world.approver, agreement, "revoke", when="now", reason="  ").status_code == 422
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.ACTIVE


def test_second_press_is_refused(world):
    agreement = world.agreed()
    client = as_user(world.approver)
    data = filled(client, page(agreement, "revoke"), when="now", reason="Hết căn cứ")
    assert client.post(page(agreement, "revoke"), data).status_code == 302
    assert client.post(page(agreement, "revoke"), data).status_code == 409
    assert refused("agreement.revoke").count() == 1


@pytest.mark.parametrize(("name", "kind"), [("suspend", StopKind.SUSPEND), ("revoke", StopKind.REVOKE)])
def test_approver_chooses_a_later_day_and_calls_it_off(world, name, kind):
    agreement = world.agreed()
    day = stop_notices.earliest_day()
    response = press(world.approver, agreement, name, when="later", takes_effect_on=day.isoformat(), reason="Bảo trì")
    agreement.refresh_from_db()
    assert (agreement.status, agreement.stops_on, agreement.stops_as) == (AgreementStatus.ACTIVE, day, kind)
    assert agreement.announcement in response.content.decode()
    assert "Bảo trì" in response.content.decode()
    assert buttons(as_user(world.approver), agreement) == {"suspend": True, "revoke": True, "call_off": True}

    response = press(world.approver, agreement, "call_off", reason="Đã khắc phục")
    agreement.refresh_from_db()
    assert agreement.stops_on is None
    assert agreement.code in told(response)
    assert buttons(as_user(world.approver), agreement) == {"suspend": True, "revoke": True}


def test_day_within_the_notice_is_refused_beside_its_field(world):
    agreement = world.agreed()
    today = timezone.localdate().isoformat()
    response = press(world.approver, agreement, "suspend", when="later", takes_effect_on=today, reason="Bảo trì")
    assert response.status_code == 422
    assert response.context["form"].errors["takes_effect_on"]
    assert "Bảo trì" in response.content.decode()
    assert refused("agreement.announce").get().subject_id == agreement.code


@pytest.mark.parametrize(
    "answers", [{}, {"when": "later", "takes_effect_on": ""}, {"when": "later", "takes_effect_on": "x"}]
)
def test_neither_way_is_taken_for_granted(world, answers):
    agreement = world.agreed()
    assert press(world.approver, agreement, "suspend", reason="Bảo trì", **answers).status_code == 422
    agreement.refresh_from_db()
    assert (agreement.status, agreement.stops_on) == (AgreementStatus.ACTIVE, None)


def test_operator_and_a_second_announcement_have_no_later_day(world):
    agreement = world.agreed()
    assert set(as_user(world.operator).get(page(agreement, "suspend")).context["form"].fields) == {"reason"}
    day = stop_notices.earliest_day().isoformat()
    press(world.approver, agreement, "revoke", when="later", takes_effect_on=day, reason="Hết căn cứ")
    response = as_user(world.approver).get(page(agreement, "suspend"))
    assert set(response.context["form"].fields) == {"reason"}
    assert str(response.context["page"].announce_refusal) in response.content.decode()
    press(world.approver, agreement, "suspend", reason="Sự cố")
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED


def test_whoever_chose_a_later_day_stops_nothing_at_once_when_somebody_was_faster(world):
    agreement = world.agreed()
    client = as_user(world.approver)
    day = stop_notices.earliest_day()
    answers = filled(client, page(agreement, "revoke"), when="later", takes_effect_on=day.isoformat(), reason="Hết")
    assert client.post(page(agreement, "revoke"), answers).status_code == 302
    assert client.post(page(agreement, "revoke"), answers).status_code == 403
    agreement.refresh_from_db()
    assert (agreement.status, agreement.stops_on) == (AgreementStatus.ACTIVE, day)
    assert refused("agreement.announce").count() == 1


def test_superuser_is_refused(world):
    agreement = world.agreed()
    response = as_user(factories.UserFactory(superuser=True)).post(page(agreement, "revoke"), {"reason": "Thử"})
    assert response.status_code == 403
    assert refused("agreement.revoke").exists()


def test_get_changes_nothing(world):
    agreement = world.agreed()
    entries = Entry.objects.count()
    for name in ("change", "suspend", "resume", "revoke"):
        as_user(world.approver).get(page(agreement, name))
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.ACTIVE
    assert Entry.objects.count() == entries


@pytest.mark.parametrize("model", ["agreement", "exchangerequest", "decision", "letter"])
def test_lists_ask_as_many_questions_for_20_rows_as_for_2(world, model):
    client = as_user(person(world.provider, Role.AUDITOR))
    for _number in range(2):
        world.agreed()
    two = questions(client, model)
    for _number in range(18):
        world.agreed()
    assert questions(client, model) == two
    assert two <= 20
