"""Duties on databases: given to members of the owner only, never to oneself, always on record."""

import json

import pytest
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from evidence.models import Entry
from registry.choices import Role
from registry.errors import RegistryRefusal
from registry.models import Database
from registry.permissions import DECIDE, HANDLE, REVIEW, is_named, named_objects, people_named
from registry.services import access, people
from tests import factories
from tests.factories import decider, person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("permission", "role"), [(HANDLE, Role.CASE_OFFICER), (REVIEW, Role.REVIEWER), (DECIDE, Role.APPROVER)]
)
def test_a_duty_goes_to_a_member_with_the_fitting_role(permission, role):
    database = factories.DatabaseFactory()
    user = person(database.owner, role)
    people.assign_duty(permission=permission, database=database, to=user, by=None)
    assert list(people_named(permission, database)) == [user]
    assert not is_named(user, permission, factories.DatabaseFactory())


def test_a_group_gives_nobody_a_duty():
    database = factories.DatabaseFactory()
    user = person(database.owner, Role.APPROVER)
    group = Group.objects.create(name="Nhóm")
    user.groups.add(group)
    assign_perm(DECIDE, group, database)
    assert not is_named(user, DECIDE, database)
    assert list(people_named(DECIDE, database)) == []


@pytest.mark.parametrize("role", [role for role in Role if role != Role.APPROVER])
def test_another_role_does_not_decide(role):
    database = factories.DatabaseFactory()
    with pytest.raises(RegistryRefusal):
        people.assign_duty(permission=DECIDE, database=database, to=person(database.owner, role), by=None)


def test_a_former_or_foreign_or_inactive_approver_does_not_decide():
    database = factories.DatabaseFactory()
    former = factories.MembershipFactory(agency=database.owner, role=Role.APPROVER, valid_to=factories.BEGINNING).user
    foreign = person(factories.AgencyFactory(), Role.APPROVER)
    inactive = person(database.owner, Role.APPROVER, is_active=False)
    for user in (former, foreign, inactive):
        with pytest.raises(RegistryRefusal):
            people.assign_duty(permission=DECIDE, database=database, to=user, by=None)


def test_nobody_gives_a_duty_to_oneself():
    database = factories.DatabaseFactory()
    user = person(database.owner, Role.APPROVER, Role.OPERATOR, is_superuser=True)
    with pytest.raises(RegistryRefusal):
        people.assign_duty(permission=DECIDE, database=database, to=user, by=user)
    assert not is_named(user, DECIDE, database)


def test_duties_leave_evidence():
    database = factories.DatabaseFactory()
    user, giver = person(database.owner, Role.APPROVER), person(factories.AgencyFactory(), Role.OPERATOR)
    people.assign_duty(permission=DECIDE, database=database, to=user, by=giver)
    people.withdraw_duty(permission=DECIDE, database=database, to=user, by=giver)
    given, taken = Entry.objects.about("database", database.code).order_by("sequence")
    assert (given.action, taken.action) == ("access.grant", "access.withdraw")
    assert given.actor == str(giver.public_id)
    assert json.loads(given.details) == {"permission": DECIDE, "to": str(user.public_id)}


def test_withdrawing_what_was_not_given_does_no_harm():
    database = factories.DatabaseFactory()
    access.withdraw(permission=DECIDE, on=database, to=factories.UserFactory(), by=None)
    assert not people_named(DECIDE, database).exists()


def test_superusers_hold_no_duty_by_being_superusers():
    database, boss = factories.DatabaseFactory(), factories.UserFactory(superuser=True)
    assert not is_named(boss, DECIDE, database)
    assert not named_objects(boss, DECIDE, Database).exists()


def test_databases_to_decide_are_those_that_were_named():
    database = factories.DatabaseFactory()
    user = decider(database)
    factories.DatabaseFactory(owner=database.owner)
    assert list(named_objects(user, DECIDE, Database)) == [database]
