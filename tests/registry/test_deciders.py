"""What becomes of duties when people leave: they lose effect, and a database without anybody who decides is told of."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.choices import Lifecycle, Role
from registry.models import Database, Notice
from registry.permissions import DECIDE, HANDLE, REVIEW
from registry.services import deciders, people, stewards
from tests import factories
from tests.factories import person
from tests.registry.pages import entries, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def database():
    ministry = factories.AgencyFactory()
    return factories.DatabaseFactory(owner=factories.AgencyFactory(parent=ministry))


def leave(user) -> None:
    """For another agency; with every duty as it was."""
    for membership in user.memberships.all():
        people.dismiss(membership=membership, by=None)
    people.appoint(user=user, agency=factories.AgencyFactory(), role=Role.APPROVER, by=None)


@pytest.mark.parametrize("duty", [HANDLE, REVIEW, DECIDE])
def test_duties_lose_effect_with_the_membership(client, database, operator, duty):
    holder = factories.assign(person(database.owner, people.ROLE_FOR[duty]), database, duty)
    assert holder in people.candidates(duty, database)
    leave(holder)
    assert holder not in people.candidates(duty, database)
    client.force_login(operator)
    shown = client.get(url("database", "duties", database.pk)).context["duties"]
    assert [one["holders"] for one in shown if one["permission"] == duty] == [[{"user": holder, "in_effect": False}]]


def told() -> set:
    return {notice.recipient for notice in Notice.objects.filter(kind="nobody-decides")}


def test_superior_and_operators_are_told_when_the_last_approver_left(database, operator):
    superior = person(database.owner.parent, Role.APPROVER)
    deciding = [factories.decider(database), factories.decider(database)]
    leave(deciding[0])
    assert deciders.tell_undecided() == 0
    leave(deciding[1])
    assert deciders.tell_undecided() == 1
    assert told() == {superior, operator}
    database.refresh_from_db()
    assert database.undecided_since is not None
    assert database.name_en in Notice.objects.first().text or database.name_vi in Notice.objects.first().text
    assert entries("registry.database.undecided").get().actor == "system"
    assert deciders.tell_undecided() == 0  # once


def test_an_approver_without_the_duty_is_told_before_those_above(database, operator):
    person(database.owner.parent, Role.APPROVER)
    colleague = person(database.owner, Role.APPROVER)
    deciders.tell_undecided()
    assert told() == {colleague, operator}


def test_it_is_told_anew_when_it_happens_again(database, operator):
    deciders.tell_undecided()
    last = factories.decider(database)
    assert deciders.tell_undecided() == 0
    assert not Database.objects.filter(undecided_since__isnull=False).exists()
    assert entries("registry.database.decided").count() == 1
    last.is_active = False
    last.save()
    assert deciders.tell_undecided() == 1
    assert Notice.objects.filter(recipient=operator).count() == 2


def test_databases_that_are_not_in_use_need_nobody(database):
    Database.objects.update(lifecycle=Lifecycle.DRAFT)
    assert deciders.tell_undecided() == 0


def test_list_shows_operators_all_and_approvers_what_lies_below(client, database, operator):
    elsewhere = factories.DatabaseFactory()
    page = reverse("registry:stewardship")
    client.force_login(operator)
    assert list(client.get(page).context["orphans"]) == [database, elsewhere]
    assert url("database", "duties", database.pk) in client.get(page).text
    client.force_login(person(database.owner.parent, Role.APPROVER))
    assert list(client.get(page).context["orphans"]) == [database]
    client.force_login(person(database.owner, Role.CASE_OFFICER))
    assert client.get(page).context["orphans"] is None
    factories.decider(database)
    client.force_login(operator)
    assert list(client.get(page).context["orphans"]) == [elsewhere]


def test_list_costs_the_same_for_twenty_rows(client, operator):
    client.force_login(operator)

    def queries(more: int) -> int:
        for _number in range(more):
            factories.DatabaseFactory()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("registry:stewardship")).status_code == 200
        return len(captured)

    assert queries(2) == queries(18)


def test_approvers_are_those_with_the_duty_in_effect(database):
    one = factories.decider(database)
    person(database.owner, Role.APPROVER)
    assert list(stewards.approvers_of(database)) == [one]
    leave(one)
    assert not stewards.approvers_of(database).exists()
