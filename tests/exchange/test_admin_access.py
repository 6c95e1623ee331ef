"""Who sees what of the exchange in the admin."""

import pytest
from django.urls import reverse

from exchange.models import Agreement, Delivery, ExchangeRequest, ReviewCase
from registry.choices import Role
from tests import factories
from tests.exchange.desk import as_user, changelist, filled, page, rows
from tests.factories import person

MODELS = ("reviewcase", "agreement", "delivery", "exchangerequest", "decision", "letter")


# Two lists hide what is closed unless all of it is asked for.
ALL = {"reviewcase": {"state": "all"}, "delivery": {"state": "all"}}


@pytest.fixture
def delivered(world):
    return world.delivered()


@pytest.mark.parametrize(
    ("role", "open_to_role"),
    [
        (Role.CASE_OFFICER, {"reviewcase", "agreement", "exchangerequest", "decision", "letter"}),
        (Role.REVIEWER, {"reviewcase", "agreement", "exchangerequest", "decision", "letter"}),
        (Role.APPROVER, {"reviewcase", "agreement", "exchangerequest", "decision", "letter"}),
        (Role.OPERATOR, {"agreement", "delivery"}),
        (Role.AUDITOR, set(MODELS)),
        (Role.REQUESTER, set()),
    ],
)
def test_list_pages_open_by_role(world, delivered, role, open_to_role):
    client = as_user(person(world.provider, role, is_staff=True))
    answers = {model: client.get(changelist(model)).status_code for model in MODELS}
    assert answers == {model: 200 if model in open_to_role else 403 for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_detail_page_opens_for_auditor(world, delivered, model):
    client = as_user(person(world.provider, Role.AUDITOR))
    assert client.get(page(rows(client, model, **ALL.get(model, {}))[0])).status_code == 200


def test_lists_are_empty_for_another_agencys_desk(world, delivered):
    client = as_user(person(world.stranger, Role.APPROVER))
    for model in ("reviewcase", "agreement", "exchangerequest", "decision", "letter"):
        assert rows(client, model, **ALL.get(model, {})) == []


def test_detail_pages_are_absent_for_another_agencys_desk(world, delivered):
    client = as_user(person(world.stranger, Role.APPROVER))
    case = ReviewCase.objects.get()
    for thing in (case, Agreement.objects.get(), ExchangeRequest.objects.get(), case.letters.get()):
        assert client.get(page(thing)).status_code == 404
    for name in ("claim", "approve", "return", "reject"):
        assert client.get(page(case, name)).status_code == 404
        assert client.post(page(case, name)).status_code == 404
    assert client.get(reverse("admin:exchange_reviewcase_change", args=[10**9])).status_code == 404


def test_sign_in_page_opens(client, db):
    assert client.get(reverse("admin:login")).status_code == 200


def test_consumer_clerk_is_kept_out(world, delivered):
    client = as_user(world.requester)
    assert client.get(changelist("reviewcase")).status_code == 302
    assert client.get(page(ReviewCase.objects.get())).status_code == 302


@pytest.mark.parametrize("model", MODELS)
def test_nothing_can_be_added_changed_or_deleted(world, delivered, model):
    client = as_user(factories.UserFactory(superuser=True))
    thing = {
        "reviewcase": ReviewCase.objects.get,
        "agreement": Agreement.objects.get,
        "delivery": Delivery.objects.get,
        "exchangerequest": ExchangeRequest.objects.get,
        "decision": ReviewCase.objects.get().decisions.get,
        "letter": ReviewCase.objects.get().letters.get,
    }[model]()
    assert client.get(reverse(f"admin:exchange_{model}_add")).status_code == 403
    assert client.post(page(thing), {"status": "revoked"}).status_code in (403, 405)
    assert client.post(page(thing, "delete"), {"post": "yes"}).status_code == 403
    thing.refresh_from_db()


def test_delegate_without_a_role_of_the_desk_sees_and_decides(world):
    request = world.under_review()
    delegate = person(world.provider, Role.REQUESTER, is_staff=True)
    client = as_user(delegate)
    case = ReviewCase.objects.get()
    assert client.get(page(case)).status_code == 403

    factories.DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    shown = client.get(page(case, "approve"))
    assert shown.status_code == 200
    assert str(world.approver) in shown.content.decode()
    client.post(page(case, "approve"), filled(client, page(case, "approve")))
    request.refresh_from_db()
    assert request.status == "approved"
    assert case.decisions.get().delegation.delegator == world.approver


def test_operators_keep_terms_and_calendar(world):
    client = as_user(world.operator)
    day = {"day": "2026-09-02", "kind": "off", "title": "Quốc khánh", "source": ""}
    assert client.post(reverse("admin:exchange_calendarday_add"), day).status_code == 302
    term = {"code": "special", "title": "Hồ sơ thường", "working_days": "10", "source": "NĐ"}
    assert client.post(reverse("admin:exchange_deadlineprofile_add"), term).status_code == 302
    client = as_user(world.approver)
    assert client.get(reverse("admin:exchange_calendarday_add")).status_code == 403
