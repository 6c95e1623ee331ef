"""The completeness of descriptions: one table of weights, a score from the rows as they are, and where to mend it."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import completeness
from registry.choices import AccessRights, Frequency, Role, Theme
from registry.models import Dataset
from tests.factories import (
    AgencyFactory,
    DatasetFactory,
    FieldFactory,
    LegalInstrumentFactory,
    SharingPolicyFactory,
    person,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(client, settings):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"


def complete(**attributes) -> Dataset:
    dataset = DatasetFactory(
        **{
            "description": "Mô tả",
            "themes": [Theme.HEALTH],
            "keywords": ["từ"],
            "spatial": "VN",
            "temporal_from": date(2025, 7, 1),
            "frequency": Frequency.DAILY,
            "contact_email": "a@example.vn",
            "applicable_legislation": LegalInstrumentFactory(),
            **attributes,
        }
    )
    FieldFactory(dataset=dataset, title_vi="Họ tên")
    SharingPolicyFactory(dataset=dataset)
    return dataset


def score_of(dataset: Dataset) -> int:
    return completeness.annotated(Dataset.objects.filter(pk=dataset.pk)).get().completeness


def test_weights_add_up():
    assert sum(criterion.weight for criterion in completeness.CRITERIA) == completeness.FULL


def test_complete_dataset_has_all_points():
    dataset = complete()
    assert score_of(dataset) == 100
    assert completeness.lacking(dataset) == []


@pytest.mark.parametrize(
    ("code", "attributes"),
    [
        ("description", {"description": ""}),
        ("own-title", {"title_vi": "tbl", "table_name": "tbl"}),
        ("english", {"title_en": ""}),
        ("themes", {"themes": []}),
        ("keywords", {"keywords": []}),
        ("spatial", {"spatial": ""}),
        ("temporal", {"temporal_from": None}),
        ("frequency", {"frequency": ""}),
        ("contact", {"contact_email": ""}),
        ("legislation", {"applicable_legislation": None}),
    ],
)
def test_what_is_missing_costs_its_weight_and_is_named(code, attributes):
    dataset = complete(**attributes)
    missing = completeness.lacking(dataset)

    assert [criterion.code for criterion in missing] == [code]
    assert score_of(dataset) == completeness.score(missing) == 100 - missing[0].weight
    assert missing[0].place(dataset).startswith("/admin/registry/")


def test_ended_laws_unnamed_fields_and_lapsed_policies_do_not_count():
    dataset = complete(
        applicable_legislation=LegalInstrumentFactory(ended=True),
        database__legal_basis=LegalInstrumentFactory(ended=True),
    )
    dataset.policies.update(valid_to=date(2020, 12, 31))
    FieldFactory(dataset=dataset)
    FieldFactory(dataset=dataset, removed_at="2026-01-01T00:00:00Z")

    codes = {criterion.code for criterion in completeness.lacking(dataset)}
    assert codes == {"legislation", "legal-basis", "policy", "field-titles"}
    dataset.access_rights = AccessRights.NON_PUBLIC
    dataset.save()
    assert "policy" not in {criterion.code for criterion in completeness.lacking(dataset)}


def test_ranking_has_the_published_datasets_of_each_agency():
    first, second = complete(), complete(description="")
    DatasetFactory(database=second.database, unpublished=True)

    rows = {row["owner"]: row for row in completeness.ranking()}
    assert rows[first.database.owner_id]["mean"] == 100
    assert rows[second.database.owner_id] == {
        "owner": second.database.owner_id, "mean": 86, "least": 86, "datasets": 1, "complete": 0,
    }  # fmt: skip


def test_admin_list_shows_and_sorts_by_it(client):
    worse, better = complete(title_en="", description=""), complete()
    client.force_login(person(AgencyFactory(), Role.OPERATOR))

    page = client.get("/admin/registry/dataset/", {"o": "-3"})
    order = [dataset.pk for dataset in page.context["cl"].result_list]
    assert page.context["cl"].list_display[3] == "shown_completeness"
    assert order == [better.pk, worse.pk]


def test_admin_list_takes_as_many_queries_for_many_rows(client):
    client.force_login(person(AgencyFactory(), Role.OPERATOR))
    complete()
    complete()

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/registry/dataset/", {"o": "-3"}).status_code == 200
        return len(queries)

    few = count()
    for _number in range(18):
        complete()
    assert count() == few


def test_admin_page_says_what_is_missing_and_where(client):
    dataset = complete(description="")
    client.force_login(person(AgencyFactory(), Role.OPERATOR))

    page = client.get(f"/admin/registry/dataset/{dataset.pk}/change/").text
    assert f'href="/admin/registry/dataset/{dataset.pk}/change/#id_description"' in page
    assert "86" in page


def test_operators_see_the_ranking_of_agencies_and_nobody_else(client):
    complete(database__owner__name_vi="Bộ Đầy đủ", database__owner__name_en="")
    complete(database__owner__name_vi="Bộ Thiếu", database__owner__name_en="", description="")
    address = "/admin/registry/dataset/completeness/"

    client.force_login(person(AgencyFactory(), Role.OPERATOR))
    page = client.get(address)
    assert page.text.index("Bộ Thiếu") < page.text.index("Bộ Đầy đủ")
    listed = client.get(f"/admin/registry/dataset/?database__owner={page.context['rows'][0]['owner']}")
    assert [dataset.completeness for dataset in listed.context["cl"].result_list] == [86]
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    for _number in range(20):
        complete()
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(few)
    client.force_login(person(AgencyFactory(), Role.CASE_OFFICER))
    assert client.get(address).status_code == 403


def test_public_page_shows_it_modestly(client):
    dataset = complete(description="")
    page = client.get(f"/catalogue/datasets/{dataset.code}/")
    assert "86" in page.text
    assert "#id_description" not in page.text
