"""What of the registry waits for a person, on the page of what is entrusted to them and on the tile that leads there."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ndc_portal import work
from registry.choices import Role, StewardKind
from registry.services import tree, waiting
from tests import factories
from tests.factories import decider, person

pytestmark = pytest.mark.django_db


def urls(user) -> list[str]:
    return [one.url for one in waiting.for_person(user)]


def test_a_broken_source_waits_for_who_may_review_it():
    change = factories.SchemaChangeFactory()
    database = change.dataset.database
    reviewer = decider(database)
    assert urls(reviewer) == [change.page]
    assert work.told("registry:stewardship", reviewer).startswith("1 ")
    for other in (person(database.owner, Role.APPROVER), person(factories.AgencyFactory(), Role.OPERATOR)):
        assert urls(other) == []
        assert work.told("registry:stewardship", other) == ""


def test_a_move_waits_for_each_side_until_it_agreed():
    above, agency = factories.AgencyFactory(), factories.AgencyFactory()
    sides = [person(agency, Role.APPROVER), person(above, Role.APPROVER)]
    operator = person(factories.AgencyFactory(), Role.OPERATOR)
    move = tree.propose(
        agency=agency, new_parent=above, effective_on=timezone.localdate() + timedelta(days=9), reason="x", by=operator
    )
    page = reverse("admin:registry_agencymove_change", args=[move.pk])
    assert [urls(user) for user in sides] == [[page], [page]]
    assert urls(person(factories.AgencyFactory(), Role.APPROVER)) == []
    tree.consent(move=move, side=tree.GIVING, by=sides[0])
    assert [urls(user) for user in sides] == [[], [page]]


def test_suggestions_wait_for_stewards_by_database():
    one = factories.FieldSuggestionFactory()
    factories.FieldSuggestionFactory(field__dataset=one.field.dataset)
    dataset = one.field.dataset
    page = reverse("admin:registry_database_suggestions", args=[dataset.database_id])
    manager = person(dataset.database.owner, Role.CASE_OFFICER)
    assert urls(manager) == []
    factories.StewardshipFactory(database=dataset.database, dataset=dataset, user=manager, kind=StewardKind.MANAGER)
    for user in (
        manager,
        person(dataset.database.owner, Role.APPROVER),
        person(factories.AgencyFactory(), Role.OPERATOR),
    ):
        assert urls(user) == [page]
        assert waiting.for_person(user)[0].told.startswith("2 ")


def test_an_own_import_waits_to_be_confirmed():
    staged = factories.MetadataImportFactory()
    assert urls(staged.uploaded_by) == [reverse("admin:registry_metadataimport_change", args=[staged.pk])]


def test_the_page_shows_it_and_costs_the_same_however_much_waits(client):
    counts = []
    change = factories.SchemaChangeFactory()
    reviewer = decider(change.dataset.database)
    client.force_login(reviewer)
    for _round in range(2):
        for _number in range(4):
            factories.SchemaChangeFactory(dataset=factories.DatasetFactory(database=change.dataset.database))
        with CaptureQueriesContext(connection) as queries:
            page = client.get(reverse("registry:stewardship")).text
        counts.append(len(queries))
    assert change.page in page
    assert counts[0] == counts[1]
