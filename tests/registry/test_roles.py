"""Model permissions from the roles held today."""

from datetime import date

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from registry.choices import Role
from registry.models import User
from registry.roles import ROLE_PERMISSIONS
from registry.services import people
from tests import factories
from tests.factories import person

pytestmark = pytest.mark.django_db


def fresh(user):
    """As the next request loads it."""
    return User.objects.get(pk=user.pk)


def test_every_role_has_its_line():
    assert set(ROLE_PERMISSIONS) == set(Role)


def test_every_permission_exists():
    known = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert set().union(*ROLE_PERMISSIONS.values()) <= known


def test_no_role_deletes_what_can_be_evidence():
    deleting = {name for names in ROLE_PERMISSIONS.values() for name in names if ".delete_" in name}
    assert deleting == {"registry.delete_policyfield"}


def test_an_auditor_changes_nothing():
    assert all(".view_" in name for name in ROLE_PERMISSIONS[Role.AUDITOR])


def test_only_an_auditor_sees_evidence():
    assert [role for role in Role if any(name.startswith("evidence.") for name in ROLE_PERMISSIONS[role])] == [
        Role.AUDITOR
    ]


def test_operators_see_no_requests_and_decide_nothing():
    operator = ROLE_PERMISSIONS[Role.OPERATOR]
    assert not operator & {"exchange.view_exchangerequest", "exchange.view_decision", "exchange.add_decision"}


@pytest.mark.parametrize("role", Role)
def test_a_person_has_exactly_the_permissions_of_the_role(role):
    assert person(factories.AgencyFactory(), role).get_all_permissions() == ROLE_PERMISSIONS[role]


def test_permissions_follow_the_days_of_the_membership():
    user = factories.UserFactory()
    factories.MembershipFactory(user=user, role=Role.AUDITOR, valid_from=date(2026, 3, 1), valid_to=date(2026, 3, 31))
    for day, held in (("2026-02-28", False), ("2026-03-01", True), ("2026-03-31", True), ("2026-04-01", False)):
        with time_machine.travel(f"{day}T12:00:00+07:00", tick=False):
            assert fresh(user).has_perm("evidence.view_entry") is held, day
            assert fresh(user).has_module_perms("evidence") is held, day


def test_the_day_is_the_one_in_viet_nam():
    user = factories.UserFactory()
    factories.MembershipFactory(user=user, role=Role.AUDITOR, valid_to=date(2026, 3, 31))
    with time_machine.travel("2026-03-31T17:30:00+00:00", tick=False):  # half past midnight in Ha Noi
        assert not fresh(user).has_perm("evidence.view_entry")


def test_permissions_kept_on_the_object_do_not_outlive_the_day():
    user = factories.UserFactory()
    factories.MembershipFactory(user=user, role=Role.AUDITOR, valid_to=date(2026, 3, 31))
    user = fresh(user)
    with time_machine.travel("2026-03-31T12:00:00+07:00", tick=False):
        assert user.has_perm("evidence.view_entry")
    with time_machine.travel("2026-04-01T12:00:00+07:00", tick=False):
        assert not user.has_perm("evidence.view_entry")


def test_roles_are_read_once_in_a_request(django_assert_num_queries):
    user = fresh(person(factories.AgencyFactory(), Role.AUDITOR))
    user.has_perm("evidence.view_entry")
    with django_assert_num_queries(0):
        assert user.has_perm("registry.view_agency")
        assert not user.has_perm("registry.change_agency")


def test_an_inactive_person_may_nothing():
    user = person(factories.AgencyFactory(), Role.OPERATOR, is_active=False)
    assert not user.has_perm("registry.change_connection")
    assert user.get_all_permissions() == set()


def test_a_role_says_nothing_about_a_single_object():
    database = factories.DatabaseFactory()
    user = person(database.owner, Role.OPERATOR)
    assert user.has_perm("registry.change_database")
    assert not user.has_perm("registry.change_database", database)


def test_a_dismissal_takes_effect_with_the_next_page(client):
    user = person(factories.AgencyFactory(), Role.OPERATOR)
    client.force_login(user)
    address = reverse("admin:registry_connection_changelist")
    assert client.get(address).status_code == 200
    people.dismiss(membership=user.memberships.get(), by=None)
    assert client.get(address).status_code == 403


def test_someone_appointed_today_can_be_dismissed_today():
    membership = people.appoint(
        user=factories.UserFactory(), agency=factories.AgencyFactory(), role=Role.AUDITOR, by=None
    )
    assert fresh(membership.user).has_perm("evidence.view_entry")
    people.dismiss(membership=membership, by=None)
    assert not fresh(membership.user).has_perm("evidence.view_entry")


def test_staff_without_a_role_sees_no_model(client):
    client.force_login(factories.UserFactory(staff=True))
    assert client.get(reverse("admin:index")).status_code == 200
    assert client.get(reverse("admin:registry_agency_changelist")).status_code == 403
