"""Stewards: who appoints whom, what they may do, and that nothing is left with somebody who left."""

from datetime import date, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry.choices import Role, StewardKind
from registry.errors import RegistryRefusal
from registry.models import Membership, Notice, Stewardship
from registry.services import people, stewards
from tests import factories
from tests.factories import person
from tests.registry.pages import add, change, entries, url

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate


@pytest.fixture
def database():
    ministry = factories.AgencyFactory()
    return factories.DatabaseFactory(owner=factories.AgencyFactory(parent=ministry))


def refused(**arguments) -> str:
    with pytest.raises(RegistryRefusal) as caught:
        stewards.appoint(**arguments)
    return caught.value.code


def test_approver_and_operator_appoint_on_record(database, operator):
    editor = person(database.owner, Role.CASE_OFFICER)
    for by, kind in ((factories.decider(database), StewardKind.EDITOR), (operator, StewardKind.MANAGER)):
        one = stewards.appoint(kind=kind, database=database, user=editor, by=by)
        assert one.appointed_by == by
    assert entries("registry.stewardship.appoint").count() == 2


def test_nobody_else_appoints_and_nobody_oneself(database, operator):
    editor = person(database.owner, Role.CASE_OFFICER)
    facts = {"kind": StewardKind.EDITOR, "database": database}
    unassigned = person(database.owner, Role.APPROVER)
    assert refused(user=editor, by=unassigned, **facts) == "not-an-appointer"
    assert refused(user=editor, by=person(factories.AgencyFactory(), Role.APPROVER), **facts) == "not-an-appointer"
    assert refused(user=operator, by=operator, **facts) == "oneself"
    assert (
        refused(user=person(factories.AgencyFactory(), Role.CASE_OFFICER), by=operator, **facts) == "not-of-the-owner"
    )
    assert refused(user=editor, by=operator, dataset=factories.DatasetFactory(), **facts) == "other-database"
    assert not Stewardship.objects.exists()


def test_the_same_stewardship_is_not_given_twice(database):
    one = factories.StewardshipFactory(database=database)
    with pytest.raises(IntegrityError, match="once_a_day"), transaction.atomic():
        factories.StewardshipFactory(database=database, user=one.user, valid_from=date(2026, 1, 1))
    factories.StewardshipFactory(database=database, user=one.user, dataset=factories.DatasetFactory(database=database))


def leave(user, how: str) -> None:
    if how == "account":
        user.is_active = False
        user.save()
    else:
        for membership in user.memberships.all():
            people.dismiss(membership=membership, by=None)


def elsewhere(user, role=Role.CASE_OFFICER) -> None:
    people.appoint(user=user, agency=factories.AgencyFactory(), role=role, by=None)


def ending(user, days: int) -> None:
    people.set_end(membership=user.memberships.get(), last_day=TODAY() + timedelta(days=days), by=None)


def moved(user) -> None:
    leave(user, "membership")
    elsewhere(user)


def moved_to_the_centre(user) -> None:
    leave(user, "membership")
    elsewhere(user, Role.OPERATOR)


def moved_up(user) -> None:
    parent = user.memberships.get().agency.parent
    leave(user, "membership")
    people.appoint(user=user, agency=parent, role=Role.CASE_OFFICER, by=None)


def back_again(user) -> None:
    agency = user.memberships.get().agency
    moved(user)
    people.appoint(user=user, agency=agency, role=Role.REVIEWER, by=None)


def agency_leaves_the_ministry(user) -> None:
    owner = user.memberships.get().agency
    moved_up(user)
    factories.put_below(owner, factories.AgencyFactory())


@pytest.mark.parametrize(
    ("what_happens", "is_gone"),
    [
        (lambda user: None, False),
        (elsewhere, False),  # works there, too
        (moved, True),
        (moved_to_the_centre, True),
        (moved_up, False),
        (agency_leaves_the_ministry, True),
        (back_again, False),
        (lambda user: ending(user, -1), True),
        (lambda user: ending(user, 0), False),  # the last day counts
        (lambda user: ending(user, 30), False),
        (lambda user: leave(user, "account"), True),
    ],
)
def test_who_counts_as_gone(database, what_happens, is_gone):
    approver = person(database.owner, Role.APPROVER)
    one = factories.StewardshipFactory(database=database)
    factories.StewardshipFactory(database=database, user=None, agency=database.owner, kind=StewardKind.CONTACT)
    what_happens(one.user)
    assert stewards.pass_on_left() == is_gone
    holder = Stewardship.objects.today().get(kind=StewardKind.EDITOR).user
    assert holder == (approver if is_gone else one.user)
    assert Notice.objects.filter(recipient=approver).exists() == is_gone
    assert entries("registry.stewardship.end").exists() == entries("registry.stewardship.take-over").exists() == is_gone
    assert Stewardship.objects.today().filter(kind=StewardKind.CONTACT).count() == 1  # an agency needs no account


def test_end_in_the_future_comes(database):
    approver = person(database.owner, Role.APPROVER)
    one = factories.StewardshipFactory(database=database)
    ending(one.user, 30)
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        assert stewards.pass_on_left() == 1
        assert Stewardship.objects.today().get().user == approver


def test_who_gets_the_same_later_is_no_heir_to_it(database):
    approver, colleague = person(database.owner, Role.APPROVER), person(database.owner, Role.APPROVER)
    one = factories.StewardshipFactory(database=database)
    later = TODAY() + timedelta(days=5)
    factories.StewardshipFactory(database=database, user=approver, kind=one.kind, valid_from=later)
    moved(one.user)
    assert stewards.pass_on_left() == 1
    assert Stewardship.objects.today().get().user == colleague


def test_a_row_that_cannot_be_passed_on_keeps_no_other_back(database):
    person(database.owner, Role.APPROVER)
    stuck = factories.StewardshipFactory(database=database, valid_from=TODAY() - timedelta(days=9))
    stuck.valid_to = TODAY() - timedelta(days=1)
    stuck.save()
    # Ending this one yesterday would give the same person the same twice on that day.
    again = factories.StewardshipFactory(database=database, user=stuck.user, kind=stuck.kind, valid_from=TODAY())
    other = factories.StewardshipFactory(database=database, kind=StewardKind.MANAGER)
    moved(again.user)
    moved(other.user)
    assert stewards.pass_on_left() == 1
    other.refresh_from_db()
    assert other.valid_to == TODAY() - timedelta(days=1)


def test_who_comes_back_later_is_appointed_anew(database, operator):
    approver = person(database.owner, Role.APPROVER)
    one = factories.StewardshipFactory(database=database)
    moved(one.user)
    stewards.pass_on_left()
    people.appoint(user=one.user, agency=database.owner, role=Role.REVIEWER, by=None)
    assert stewards.pass_on_left() == 0
    assert Stewardship.objects.today().get().user == approver
    stewards.appoint(kind=one.kind, database=database, user=one.user, by=operator)
    assert Stewardship.objects.today().count() == 2


def test_what_is_left_behind_is_shared_out_and_the_whole_unit_is_told(database):
    busy, free = person(database.owner, Role.APPROVER), person(database.owner, Role.APPROVER)
    factories.StewardshipFactory(user=busy, database__owner=database.owner)
    left = factories.StewardshipFactory(database=database)
    again = factories.StewardshipFactory(user=left.user, database__owner=database.owner)
    third = factories.StewardshipFactory(user=left.user, database__owner=database.owner)
    moved(left.user)

    assert stewards.pass_on_left() == 3
    holders = [Stewardship.objects.get(taken_over_from=one).user for one in (left, again, third)]
    assert sorted(holder.pk for holder in holders) == sorted([free.pk, free.pk, busy.pk])
    assert holders[0] == free
    for one in (busy, free):
        told = Notice.objects.filter(recipient=one)
        assert told.count() == 3
        assert any(free.full_name in notice.text for notice in told)


@pytest.mark.parametrize("how", ["account", "membership"])
def test_what_somebody_left_goes_to_the_approver_who_is_told(database, how):
    approver = person(database.owner, Role.APPROVER)
    one = factories.StewardshipFactory(database=database, kind=StewardKind.MANAGER)
    assert stewards.pass_on_left() == 0
    leave(one.user, how)
    assert stewards.pass_on_left() == 1
    one.refresh_from_db()
    taken = Stewardship.objects.today().get()
    assert (taken.user, taken.kind, taken.taken_over_from) == (approver, StewardKind.MANAGER, one)
    assert one.valid_to == TODAY() - timedelta(days=1)
    notice = Notice.objects.get()
    assert notice.recipient == approver
    assert one.user.full_name in notice.text
    assert database.name_vi in notice.text or database.name_en in notice.text
    assert entries("registry.stewardship.take-over").get().actor == "system"
    assert stewards.pass_on_left() == 0


def test_it_goes_up_the_tree_and_then_to_the_operator(database, operator):
    one = factories.StewardshipFactory(database=database)
    leave(one.user, "account")
    assert stewards.heirs_of(database) == [operator]
    superior = person(database.owner.parent, Role.APPROVER)
    assert stewards.heirs_of(database) == [superior]
    stewards.pass_on_left()
    assert Stewardship.objects.today().get().user == superior
    leave(superior, "membership")
    assert stewards.pass_on_left() == 1
    assert Stewardship.objects.today().get().user == operator
    assert stewards.pass_on_left() == 0  # it stays there, though operators do not work for the owner


def test_nothing_is_taken_away_while_nobody_can_take_it(database):
    one = factories.StewardshipFactory(database=database)
    leave(one.user, "account")
    assert stewards.pass_on_left() == 0
    assert list(stewards.left_behind()) == [one]


def test_a_closed_agency_no_longer_answers_questions(database, operator):
    closed = factories.AgencyFactory(is_active=False)
    factories.StewardshipFactory(database=database, user=None, agency=closed, kind=StewardKind.CONTACT)
    stewards.pass_on_left()
    assert Stewardship.objects.today().get().user == operator


def test_nobody_is_orphaned_by_the_sweep(database, operator):
    person(database.owner, Role.APPROVER)
    for _number in range(3):
        leave(factories.StewardshipFactory(database=database).user, "account")
    stewards.pass_on_left()
    assert not stewards.left_behind()
    assert Stewardship.objects.today().count() == 1  # who looks after it already is not appointed twice


def test_page_shows_the_own_stewardships_at_one_cost(client, database):
    user = person(database.owner, Role.CASE_OFFICER)
    client.force_login(user)

    def queries(more: int) -> int:
        for _number in range(more):
            dataset = factories.DatasetFactory(database=database)
            factories.StewardshipFactory(database=database, dataset=dataset, user=user)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("registry:stewardship")).status_code == 200
        return len(captured)

    queries(0)  # once content types are known
    assert queries(2) == queries(18)
    client.logout()
    assert client.get(reverse("registry:stewardship")).status_code == 302


def test_catalogue_names_whom_to_ask_and_others_to_people_with_an_account(client, database):
    dataset = factories.DatasetFactory(database=database)
    editor = factories.StewardshipFactory(database=database).user
    agency = factories.AgencyFactory()
    factories.StewardshipFactory(database=database, dataset=dataset, user=None, agency=agency, kind=StewardKind.CONTACT)
    page = reverse("registry:dataset-detail", args=[dataset.code])
    assert agency.name in client.get(page).text
    assert editor.full_name not in client.get(page).text
    client.force_login(person(factories.AgencyFactory(), Role.REQUESTER))
    assert editor.full_name in client.get(page).text


def test_editor_keeps_the_description_and_nothing_else(client, database):
    dataset = factories.DatasetFactory(database=database)
    editor = person(database.owner, Role.CASE_OFFICER)
    client.force_login(editor)
    assert client.post(url("dataset", "change", dataset.pk), {}).status_code == 403
    factories.StewardshipFactory(database=database, user=editor)
    change(client, "dataset", dataset, description="Mô tả mới", is_published="", access_rights="PUBLIC")
    dataset.refresh_from_db()
    assert (dataset.description, dataset.is_published, dataset.access_rights) == ("Mô tả mới", True, "RESTRICTED")
    Membership.objects.filter(user=editor).update(agency=factories.AgencyFactory())
    assert client.get(url("dataset", "change", dataset.pk)).status_code == 404


def test_admin_appoints_and_refuses(client, database, operator):
    client.force_login(operator)
    editor = person(database.owner, Role.CASE_OFFICER)
    facts = {"database": database.pk, "kind": "editor", "valid_from": TODAY().isoformat()}
    assert add(client, "stewardship", user=editor.pk, **facts).status_code == 302
    assert Stewardship.objects.get().appointed_by == operator
    assert add(client, "stewardship", user=operator.pk, **facts).status_code == 200
    assert "oneself" in entries("registry.stewardship.refuse").get().details
    one = Stewardship.objects.get()
    assert change(client, "stewardship", one, valid_to=TODAY().isoformat()).status_code == 302
    assert entries("registry.stewardship.end").exists()
