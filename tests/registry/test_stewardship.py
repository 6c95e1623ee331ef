"""Stewards: who appoints whom, what they may do, and that nothing is left with somebody who left."""

from datetime import date, timedelta

import pytest
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


def test_databases_without_an_approver_are_listed_for_operators(client, database, operator):
    client.force_login(operator)
    page = reverse("registry:stewardship")
    assert database.name in client.get(page).text
    person(database.owner, Role.APPROVER)
    assert database.name not in client.get(page).text
    client.force_login(person(database.owner, Role.CASE_OFFICER))
    assert client.get(page).context["orphans"] is None


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
