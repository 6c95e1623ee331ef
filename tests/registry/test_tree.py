"""The tree of agencies: no place in it changes without the consent of both sides."""

from datetime import date, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.choices import AgencyKind, Role
from registry.errors import RegistryRefusal
from registry.models import Agency, AgencyMove, Notice, RegistryChange
from registry.services import people, tree
from registry.services.tree import GIVING, TAKING
from tests import factories
from tests.factories import person
from tests.registry.pages import add, entries, url

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


class Family:
    """An agency below one ministry, and another ministry that wants it; each has one approver."""

    def __init__(self):
        self.old, self.new = factories.AgencyFactory(), factories.AgencyFactory()
        self.agency = factories.AgencyFactory(parent=self.old)
        self.giver, self.taker = person(self.old, Role.APPROVER), person(self.new, Role.APPROVER)

    def propose(self, **changes) -> AgencyMove:
        facts = {
            "agency": self.agency,
            "new_parent": self.new,
            "effective_on": timezone.localdate(),
            "reason": "Sắp xếp lại",
            "by": self.taker,
        }
        return tree.propose(**{**facts, **changes})

    @property
    def parent(self) -> Agency | None:
        return Agency.objects.get(pk=self.agency.pk).parent


@pytest.fixture
def family(db) -> Family:
    return Family()


def refused(act, **arguments) -> str:
    with pytest.raises(RegistryRefusal) as caught:
        act(**arguments)
    return caught.value.code


def test_agency_moves_when_both_sides_have_agreed(family):
    move = family.propose()
    assert {notice.recipient for notice in Notice.objects.all()} == {family.giver, family.taker}
    tree.consent(move=move, side=TAKING, by=family.taker)
    assert family.parent == family.old
    tree.consent(move=move, side=GIVING, by=family.giver)
    assert family.parent == family.new
    move.refresh_from_db()
    assert move.applied_at is not None
    for action in ("propose", "consent-giving", "consent-taking", "apply"):
        assert entries(f"registry.agencymove.{action}").count() == 1
    assert RegistryChange.objects.of(family.agency).first().values == {"parent_id": [family.old.pk, family.new.pk]}


def test_it_waits_for_its_day(family):
    day = timezone.localdate() + timedelta(days=10)
    move = family.propose(effective_on=day)
    tree.consent(move=move, side=GIVING, by=family.giver)
    tree.consent(move=move, side=TAKING, by=family.taker)
    assert tree.apply_due() == 0
    assert family.parent == family.old
    with pytest.raises(IntegrityError, match="consent of both sides"), transaction.atomic():
        Agency.objects.filter(pk=family.agency.pk).update(parent=family.new)


def test_sweep_carries_out_what_is_due(family):
    with time_machine.travel(timezone.now() - timedelta(days=1), tick=False):
        move = family.propose(effective_on=timezone.localdate() + timedelta(days=1))
        tree.consent(move=move, side=GIVING, by=family.giver)
        tree.consent(move=move, side=TAKING, by=family.taker)
        assert family.parent == family.old
    assert tree.apply_due() == 1
    assert family.parent == family.new
    assert tree.apply_due() == 0


def test_each_side_speaks_for_itself_only(family, operator):
    move = family.propose()
    assert refused(tree.consent, move=move, side=GIVING, by=family.taker) == "not-your-side"
    assert refused(tree.consent, move=move, side=TAKING, by=family.giver) == "not-your-side"
    assert refused(tree.consent, move=move, side=GIVING, by=person(family.old, Role.CASE_OFFICER)) == "not-your-side"
    assert refused(tree.consent, move=move, side=GIVING, by=operator) == "not-your-side"
    tree.consent(move=move, side=GIVING, by=family.giver)
    assert refused(tree.consent, move=move, side=GIVING, by=family.giver) == "agreed-already"
    assert family.parent == family.old


def test_one_person_never_agrees_for_both_sides(family):
    people.appoint(user=family.giver, agency=family.new, role=Role.APPROVER, by=None)
    move = family.propose()
    tree.consent(move=move, side=GIVING, by=family.giver)
    assert refused(tree.consent, move=move, side=TAKING, by=family.giver) == "both-sides"
    with pytest.raises(IntegrityError, match="two_people"), transaction.atomic():
        AgencyMove.objects.filter(pk=move.pk).update(taking_by=family.giver, taking_at=timezone.now())


def test_where_nobody_speaks_the_one_above_does_and_then_the_operator(family, operator):
    above = factories.AgencyFactory()
    lonely = factories.AgencyFactory(parent=above)
    move = family.propose(new_parent=lonely, by=family.giver)
    assert tree.speakers(move, TAKING) == [operator]
    superior = person(above, Role.APPROVER)
    assert tree.speakers(move, TAKING) == [superior]
    tree.withdraw(move=move, by=family.giver)
    top = family.propose(agency=family.new, new_parent=lonely)
    assert tree.speakers(top, GIVING) == [family.taker]  # it has no superior and speaks for itself
    tree.withdraw(move=top, by=family.taker)
    free = family.propose(new_parent=None, by=family.giver)
    assert tree.speakers(free, TAKING) == [operator]


def test_what_makes_no_sense_is_not_proposed(family):
    unit = factories.put_below(factories.AgencyFactory(), family.agency)
    yesterday = timezone.localdate() - timedelta(days=1)
    assert refused(family.propose, by=person(family.new, Role.CASE_OFFICER)) == "not-your-role"
    assert refused(family.propose, effective_on=yesterday) == "past-day"
    assert refused(family.propose, new_parent=family.old) == "same-superior"
    assert refused(family.propose, new_parent=unit) == "circle"
    assert refused(family.propose, new_parent=family.agency) == "circle"
    family.propose()
    assert refused(family.propose) == "open-move"


def test_only_whom_it_concerns_proposes(family, operator):
    stranger = person(factories.AgencyFactory(), Role.APPROVER)
    assert refused(family.propose, by=stranger) == "not-your-side"
    for proposer in (family.giver, family.taker, person(family.agency, Role.APPROVER), operator):
        tree.withdraw(move=family.propose(by=proposer), by=proposer)


def test_two_people_can_agree_where_one_speaks_for_both_sides(operator):
    ministry = factories.AgencyFactory()
    one, other = factories.AgencyFactory(parent=ministry), factories.AgencyFactory(parent=ministry)
    unit = factories.AgencyFactory(parent=one)
    head = person(ministry, Role.APPROVER)
    facts = {"effective_on": timezone.localdate(), "reason": "Sắp xếp lại", "by": head}
    move = tree.propose(agency=unit, new_parent=other, **facts)
    assert tree.speakers(move, GIVING) == [head]
    assert tree.speakers(move, TAKING) == [operator]
    tree.consent(move=move, side=GIVING, by=head)
    assert refused(tree.consent, move=move, side=TAKING, by=head) == "not-your-side"
    tree.consent(move=move, side=TAKING, by=operator)
    assert Agency.objects.get(pk=unit.pk).parent == other


def test_a_withdrawn_move_is_over(family):
    move = family.propose()
    assert refused(tree.withdraw, move=move, by=person(factories.AgencyFactory(), Role.APPROVER)) == "not-your-side"
    tree.withdraw(move=move, by=family.giver)
    assert refused(tree.consent, move=move, side=GIVING, by=family.giver) == "move-over"
    family.propose()


@pytest.mark.parametrize("before", ["SELECT 1", "SET LOCAL session_replication_role = replica"])
def test_database_refuses_a_new_superior_without_consent(family, before):
    move = family.propose()
    tree.consent(move=move, side=GIVING, by=family.giver)
    with connection.cursor() as cursor:
        cursor.execute(before)
    with pytest.raises(IntegrityError, match="consent of both sides"), transaction.atomic():
        Agency.objects.filter(pk=family.agency.pk).update(parent=family.new)


def test_a_move_is_used_once(family):
    factories.agreed_move(family.agency, family.new)
    Agency.objects.filter(pk=family.agency.pk).update(parent=family.new)
    factories.agreed_move(family.agency, family.old)
    Agency.objects.filter(pk=family.agency.pk).update(parent=family.old)
    with pytest.raises(IntegrityError, match="consent of both sides"), transaction.atomic():
        Agency.objects.filter(pk=family.agency.pk).update(parent=family.new)


def test_database_keeps_moves_as_they_were_agreed(family):
    move = family.propose()
    tree.consent(move=move, side=GIVING, by=family.giver)
    own = AgencyMove.objects.filter(pk=move.pk)
    stranger = person(factories.AgencyFactory(), Role.APPROVER)
    for change in (
        {"new_parent": factories.AgencyFactory()},
        {"giving_by": stranger},
        {"giving_by": None, "giving_at": None},
        {"taking_by": stranger, "taking_at": timezone.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            own.update(**change)
    with pytest.raises(IntegrityError, match="kept"), transaction.atomic():
        own.delete()
    with pytest.raises(IntegrityError, match="begins without consent"), transaction.atomic():
        AgencyMove.objects.create(
            agency=factories.AgencyFactory(), effective_on=date(2026, 1, 1), reason="x", proposed_by=stranger,
            taking_by=stranger, taking_at=timezone.now(),
        )  # fmt: skip


def test_who_stood_above_on_a_day(family):
    today = timezone.localdate()
    factories.agreed_move(family.agency, family.new)
    Agency.objects.filter(pk=family.agency.pk).update(parent=family.new)
    agency = Agency.objects.get(pk=family.agency.pk)
    assert tree.parent_on(agency, today - timedelta(days=1)) == family.old
    assert tree.parent_on(agency, today) == family.new
    assert tree.lineage_on(agency, today - timedelta(days=1)) == [agency, family.old]
    assert tree.lineage_on(agency, today) == [agency, family.new]


# Admin


def test_admin_proposes_and_both_sides_press_their_button(client, family, operator):
    client.force_login(operator)
    facts = {"agency": family.agency.pk, "new_parent": family.new.pk, "reason": "Sắp xếp lại"}
    assert add(client, "agencymove", effective_on=timezone.localdate().isoformat(), **facts).status_code == 302
    move = AgencyMove.objects.get()
    page = url("agencymove", "change", move.pk)
    client.post(page.replace("/change/", "/agree-new/"))
    move.refresh_from_db()
    assert move.taking_at is None  # an operator does not speak where an approver can
    assert "not-your-side" in entries("registry.agencymove.refuse").get().details
    for user, button in ((family.taker, "agree-new"), (family.giver, "agree-present")):
        client.force_login(user)
        assert f"/{button}/" in client.get(page).text
        client.post(page.replace("/change/", f"/{button}/"))
    assert family.parent == family.new


def test_superior_is_no_field_of_the_agency_and_the_page_says_how_it_gets_one(client, family, operator):
    client.force_login(operator)
    for page, link in (("add", ""), ("change", f"?agency={family.agency.pk}")):
        shown = client.get(url("agency", page, *([family.agency.pk] if link else [])))
        assert "parent" not in shown.context["adminform"].form.fields
        assert f'href="{url("agencymove", "add")}{link}"' in shown.text


def test_new_agency_gets_its_place_by_consent(client, family, operator):
    client.force_login(operator)
    facts = {"code": "MOI", "name_vi": "Cục mới", "kind": AgencyKind.MINISTRY.value}
    assert add(client, "agency", parent=family.new.pk, **facts).status_code == 302
    agency = Agency.objects.get(code="MOI")
    assert agency.parent is None
    move = family.propose(agency=agency, by=operator)
    assert refused(tree.consent, move=move, side=TAKING, by=operator) == "not-your-side"
    tree.consent(move=move, side=GIVING, by=operator)  # nobody works there yet
    tree.consent(move=move, side=TAKING, by=family.taker)
    agency.refresh_from_db()
    assert agency.parent == family.new


@pytest.mark.parametrize("before", ["SELECT 1", "SET LOCAL session_replication_role = replica"])
@pytest.mark.parametrize("above", [False, True])
def test_database_refuses_a_new_agency_below_one_that_could_be_asked(family, before, above):
    parent = factories.AgencyFactory() if above else family.new
    if above:
        factories.put_below(parent, family.new)
    with connection.cursor() as cursor:
        cursor.execute(before)
    with pytest.raises(IntegrityError, match="begins without a superior"), transaction.atomic():
        factories.AgencyFactory(parent=parent)


@pytest.mark.parametrize("nobody", ["role", "account", "end"])
def test_agencies_are_loaded_in_their_places_while_nobody_can_be_asked(family, nobody):
    if nobody == "role":
        family.taker.memberships.update(role=Role.CASE_OFFICER)
    elif nobody == "end":
        people.dismiss(membership=family.taker.memberships.get(), by=None)
    else:
        family.taker.is_active = False
        family.taker.save()
    assert factories.AgencyFactory(parent=family.new).parent == family.new


def test_who_stood_above_at_a_moment_follows_the_change_not_the_day_agreed(family):
    before = timezone.now()
    move = family.propose()
    tree.consent(move=move, side=TAKING, by=family.taker)
    between = timezone.now()
    tree.consent(move=move, side=GIVING, by=family.giver)

    def above(*moments):
        return set(Agency.objects.lineage_of(family.agency, *moments))

    assert above() == above(timezone.now()) == {family.agency, family.new}
    assert above(before) == above(between) == {family.agency, family.new, family.old}


def test_list_of_moves_costs_the_same_for_twenty_rows(client, auditor):
    client.force_login(auditor)

    def queries(more: int) -> int:
        for _number in range(more):
            factories.agreed_move(factories.AgencyFactory(), factories.AgencyFactory())
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url("agencymove", "changelist")).status_code == 200
        return len(captured)

    assert queries(2) == queries(18)
