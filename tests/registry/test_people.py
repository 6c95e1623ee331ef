"""Accounts, appointments and delegations in the admin."""

import json
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from evidence.models import Outcome
from registry.choices import Role
from registry.errors import RegistryRefusal
from registry.models import Delegation, Membership, User
from registry.permissions import DECIDE
from registry.services import people
from tests import factories
from tests.factories import PASSWORD, DelegationFactory, person
from tests.registry.pages import add, change, entries, submitted, url

pytestmark = pytest.mark.django_db


def test_adding_a_person_keeps_personal_values_out_of_evidence(client, operator):
    client.force_login(operator)
    response = add(
        client,
        "user",
        username="trang",
        full_name="Phạm Thị Trang",
        email="trang@example.vn",
        phone="0912 345 678",
        usable_password="true",
        password1=PASSWORD,
        password2=PASSWORD,
    )
    user = User.objects.get(username="trang")
    assert response.url == url("user", "change", user.pk)
    entry = entries("registry.user.add").get()
    assert entry.subject_id == str(user.public_id)
    assert not any(word in entry.details for word in ("Trang", "trang", "0912", PASSWORD))


def test_a_password_set_by_an_operator_leaves_evidence_without_it(client, operator):
    user = factories.UserFactory()
    client.force_login(operator)
    response = client.post(
        reverse("admin:auth_user_password_change", args=[user.pk]),
        {"usable_password": "true", "password1": "another horse", "password2": "another horse", "set-password": "1"},
    )
    assert response.status_code == 302
    user.refresh_from_db()
    assert user.check_password("another horse")
    entry = entries("registry.user.password").get()
    assert (entry.actor, entry.subject_id) == (str(operator.public_id), str(user.public_id))
    assert "another" not in entry.details


def test_an_operator_cannot_make_or_change_a_superuser(client, operator):
    boss = factories.UserFactory(superuser=True)
    client.force_login(operator)
    change(client, "user", operator, is_superuser="on")
    operator.refresh_from_db()
    assert not operator.is_superuser
    assert client.post(url("user", "change", boss.pk), {}).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[boss.pk]), {}).status_code == 403


def test_permissions_are_not_given_beside_roles(client):
    client.force_login(factories.UserFactory(superuser=True))
    fields = client.get(url("user", "change", factories.UserFactory().pk)).context["adminform"].form.fields
    assert not {"groups", "user_permissions"} & set(fields)
    assert client.get("/admin/auth/group/").status_code == 404


def test_an_operator_appoints_on_the_page_of_the_person(client, operator):
    user, agency = factories.UserFactory(), factories.AgencyFactory()
    client.force_login(operator)
    today = timezone.localdate()
    response = change(
        client,
        "user",
        user,
        **{
            "memberships-TOTAL_FORMS": 1,
            "memberships-0-agency": agency.pk,
            "memberships-0-role": Role.REQUESTER,
            "memberships-0-valid_from": today.isoformat(),
        },
    )
    assert response.status_code == 302
    assert Membership.objects.get(user=user).agency == agency
    entry = entries("registry.membership.appoint").get()
    assert entry.subject_id == str(user.public_id)
    assert not entries("registry.user.change").exists()


def test_a_past_appointment_can_be_ended_and_not_rewritten(client, operator):
    membership = factories.MembershipFactory(role=Role.REQUESTER)
    other, today = factories.AgencyFactory(), timezone.localdate()
    client.force_login(operator)
    change(client, "membership", membership, agency=other.pk, role=Role.APPROVER, valid_to=today.isoformat())
    membership.refresh_from_db()
    assert (membership.role, membership.valid_to) == (Role.REQUESTER, today)
    assert membership.agency != other
    assert json.loads(entries("registry.membership.end").get().details)["to"] == today.isoformat()


@pytest.mark.parametrize("superuser", [False, True])
def test_nobody_appoints_oneself(client, ndc, superuser):
    user = person(ndc, Role.OPERATOR, is_superuser=superuser)
    client.force_login(user)
    response = add(
        client, "membership", user=user.pk, agency=ndc.pk, role=Role.APPROVER, valid_from=date(2024, 1, 1).isoformat()
    )
    assert response.status_code == 200
    assert not Membership.objects.filter(user=user, role=Role.APPROVER).exists()


def test_nobody_prolongs_the_own_role(client, ndc):
    user = person(ndc, Role.OPERATOR)
    membership = user.memberships.get()
    today = timezone.localdate()
    people.set_end(membership=membership, last_day=today, by=None)
    client.force_login(user)
    assert change(client, "membership", membership, valid_to="").status_code == 200
    assert change(client, "membership", membership, valid_to=(today + timedelta(9)).isoformat()).status_code == 200
    membership.refresh_from_db()
    assert membership.valid_to == today


def test_an_approver_delegates_to_a_colleague(client):
    agency = factories.AgencyFactory()
    approver, colleague = person(agency, Role.APPROVER), person(agency, Role.CASE_OFFICER)
    client.force_login(approver)
    response = add(
        client,
        "delegation",
        delegate=colleague.pk,
        agency=agency.pk,
        reason="Nghỉ phép",
        valid_from="2026-01-05",
        valid_to="2026-01-09",
    )
    assert response.status_code == 302
    given = approver.delegations_given.get()
    assert given.delegate == colleague
    assert entries("registry.delegation.add").get().agency == agency.code


def test_nobody_delegates_to_a_stranger_or_without_being_approver(client, operator):
    agency = factories.AgencyFactory()
    approver, stranger = person(agency, Role.APPROVER), person(factories.AgencyFactory(), Role.APPROVER)
    given = {"agency": agency.pk, "reason": "?", "valid_from": "2026-01-05", "valid_to": "2026-01-09"}
    client.force_login(approver)
    assert add(client, "delegation", delegate=stranger.pk, **given).status_code == 200
    client.force_login(factories.UserFactory(superuser=True))
    assert add(client, "delegation", delegate=approver.pk, **given).status_code == 200
    client.force_login(operator)
    assert client.get(url("delegation", "add")).status_code == 403
    assert not approver.delegations_given.exists()


def test_an_approver_sees_colleagues_only(client):
    agency = factories.AgencyFactory()
    approver = person(agency, Role.APPROVER)
    colleague, stranger = person(agency, Role.REVIEWER), factories.UserFactory()
    client.force_login(approver)
    assert client.get(url("user", "change", colleague.pk)).status_code == 200
    assert client.get(url("user", "change", stranger.pk)).status_code == 404
    assert client.post(url("user", "change", colleague.pk), {}).status_code == 403


def test_refused_appointments_and_delegations_stay_on_record(client, ndc, operator):
    client.force_login(operator)
    assert (
        add(
            client, "membership", user=operator.pk, agency=ndc.pk, role=Role.AUDITOR, valid_from="2026-01-01"
        ).status_code
        == 200
    )
    entry = entries("registry.membership.refuse").get()
    assert (entry.outcome, entry.actor, json.loads(entry.details)) == (
        Outcome.REFUSED,
        str(operator.public_id),
        {"code": "oneself"},
    )
    address = url("user", "change", operator.pk)
    page = client.get(address)
    own = {"memberships-TOTAL_FORMS": 2, "memberships-1-agency": ndc.pk, "memberships-1-role": Role.AUDITOR}
    assert client.post(address, submitted(page, **own, **{"memberships-1-valid_from": "2026-01-01"})).status_code == 200
    assert entries("registry.user.refuse").get().subject_id == str(operator.public_id)

    agency = factories.AgencyFactory()
    approver = person(agency, Role.APPROVER)
    client.force_login(approver)
    given = {"agency": agency.pk, "reason": "Nghỉ phép", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}
    former = factories.MembershipFactory(agency=agency, valid_to=date(2025, 12, 31)).user
    assert add(client, "delegation", delegate=former.pk, **given).status_code == 200
    assert json.loads(entries("registry.delegation.refuse").get().details) == {"code": "not-a-colleague"}


def test_a_refusal_on_saving_is_told_and_recorded_and_saves_nothing(client, monkeypatch):
    agency = factories.AgencyFactory()
    delegation = DelegationFactory(agency=agency)
    client.force_login(delegation.delegator)

    def refuse(**arguments):
        DelegationFactory(agency=agency)
        raise RegistryRefusal("late", "Quá muộn")

    monkeypatch.setattr(people, "end_delegation", refuse)
    response = change(client, "delegation", delegation, valid_to="2098-12-31")
    assert response.status_code == 302
    assert "Quá muộn" in client.get(response.url).content.decode()
    assert json.loads(entries("registry.delegation.refuse").get().details) == {"code": "late"}
    assert Delegation.objects.count() == 1


def test_a_refused_duty_stays_on_record(client, operator):
    database = factories.DatabaseFactory(code="population")
    client.force_login(operator)
    client.post(url("database", "duties", database.pk), {"permission": DECIDE, "user": operator.pk})
    entry = entries("registry.database.refuse").get()
    assert (entry.subject_id, json.loads(entry.details)) == ("population", {"code": "oneself"})


def test_a_delegation_does_not_end_before_its_first_day():
    first = timezone.localdate() + timedelta(days=5)
    delegation = DelegationFactory(valid_from=first)
    with pytest.raises(RegistryRefusal) as caught:
        people.end_delegation(delegation=delegation, last_day=first - timedelta(days=1), by=delegation.delegator)
    assert caught.value.code == "before-first-day"
    people.end_delegation(delegation=delegation, last_day=first, by=delegation.delegator)
