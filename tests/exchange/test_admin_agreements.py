"""Agreements in the admin: read, suspended, resumed and revoked there."""

import pytest

from evidence.models import Entry
from exchange.services import deliveries
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

    response = press(world.approver, agreement, "suspend", reason="Nghi ngờ sai mục đích")
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
    press(world.approver, agreement, "revoke", reason="Hết căn cứ")
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.REVOKED
    assert buttons(as_user(world.approver), agreement) == {}


def test_reason_is_needed(world):
    agreement = world.agreed()
    assert press(world.approver, agreement, "revoke", reason="  ").status_code == 422
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.ACTIVE


def test_second_press_is_refused(world):
    agreement = world.agreed()
    client = as_user(world.approver)
    data = filled(client, page(agreement, "revoke"), reason="Hết căn cứ")
    assert client.post(page(agreement, "revoke"), data).status_code == 302
    assert client.post(page(agreement, "revoke"), data).status_code == 409
    assert refused("agreement.revoke").count() == 1


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
