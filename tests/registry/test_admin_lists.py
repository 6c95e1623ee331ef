"""Long lists in the admin: found by their indexes, counted within bounds, as many queries for many rows as for few."""

import pytest
from django.db import connection

from registry.admin import datasets as dataset_admin
from registry.admin import lists
from registry.admin.lists import EstimatedPaginator
from registry.models import Dataset, Field
from tests import factories
from tests.registry.pages import url

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser(client):
    client.force_login(factories.UserFactory(superuser=True))
    return client


def shown(client, model, **query) -> list[str]:
    return [str(row) for row in client.get(url(model, "changelist"), query).context["cl"].result_list]


@pytest.mark.parametrize("typed", ["tho cu", "thổ cư", "dat-dai", "BANG_DAT", "  đất thổ "])
def test_datasets_are_found_by_words_code_and_table(superuser, typed):
    factories.DatasetFactory(title_vi="Đất thổ cư", title_en="", code="dat-dai-7", table_name="bang_dat")
    factories.DatasetFactory(title_vi="Rừng", title_en="")
    assert shown(superuser, "dataset", q=typed) == ["Đất thổ cư"]


@pytest.mark.parametrize("typed", ["so_dinh", "SỐ ĐỊNH DANH", "dinh danh", "dat-dai"])
def test_fields_are_found_by_name_title_and_dataset(superuser, typed):
    dataset = factories.DatasetFactory(code="dat-dai-7")
    factories.FieldFactory(dataset=dataset, name="so_dinh_danh", title_vi="Số định danh", title_en="")
    factories.FieldFactory(name="other")
    assert shown(superuser, "field", q=typed) == ["Số định danh"]


def test_a_search_never_reaches_rows_of_other_agencies(client):
    own, other = factories.FieldFactory(name="same"), factories.FieldFactory(name="same")
    client.force_login(factories.decider(own.dataset.database))
    found = client.get(url("field", "changelist"), {"q": "same"}).context["cl"].result_list
    assert own in found
    assert other not in found


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("user", {"password__startswith": "pbkdf2"}),
        ("user", {"email__contains": "a"}),
        ("connection", {"credentials__startswith": "g"}),
        ("connection", {"database__owner__memberships__user__password__startswith": "p"}),
        ("dataset", {"changes__decision": "accept"}),
        ("user", {"is_active__regex": "."}),
    ],
)
def test_no_list_answers_what_no_filter_asks(superuser, model, query):
    factories.ConnectionFactory()
    assert superuser.get(url(model, "changelist"), query).status_code == 400


def test_filters_and_links_still_narrow_a_list(superuser):
    dataset = factories.DatasetFactory(is_published=True)
    factories.DatasetFactory(is_published=False)
    assert shown(superuser, "dataset", is_published__exact="1") == [str(dataset)]
    assert shown(superuser, "dataset", database__owner=dataset.database.owner_id) == [str(dataset)]
    field = factories.FieldFactory(dataset=dataset)
    factories.FieldFactory()
    assert shown(superuser, "field", dataset__id__exact=dataset.pk) == [str(field)]


@pytest.mark.parametrize("model", ["dataset", "field", "connection", "database", "sharingpolicy", "schemasnapshot"])
def test_lists_ask_as_much_for_20_rows_as_for_2(superuser, django_assert_max_num_queries, model):
    def grow(count):
        for _ in range(count):
            dataset = factories.DatasetFactory()
            factories.FieldFactory(dataset=dataset)
            factories.ConnectionFactory(database=dataset.database)
            factories.SharingPolicyFactory(dataset=dataset)
            dataset.snapshots.create(structure={"columns": []}, digest="0" * 64)

    def asked() -> int:
        with django_assert_max_num_queries(20) as queries:
            assert superuser.get(url(model, "changelist")).status_code == 200
            assert superuser.get(url(model, "changelist"), {"q": "a"}).status_code == 200
        return len(queries)

    grow(2)
    asked()  # content types are read once
    few = asked()
    grow(18)
    assert asked() == few


def test_a_whole_table_is_estimated_and_a_part_is_counted_to_a_bound(monkeypatch):
    for _ in range(5):
        factories.DatasetFactory()
    assert EstimatedPaginator(Dataset.objects.all(), 100).count == 5
    monkeypatch.setattr(lists, "COUNTED", 3)
    assert EstimatedPaginator(Dataset.objects.filter(is_published=True), 100).count == 3
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE registry_dataset")
    factories.DatasetFactory()
    assert EstimatedPaginator(Dataset.objects.all(), 100).count == 5


def test_the_form_of_a_wide_dataset_is_bounded_and_leads_to_all_fields(superuser, monkeypatch):
    monkeypatch.setattr(dataset_admin, "MOST_IN_FORM", 2)
    dataset = factories.DatasetFactory()
    for position in range(1, 5):
        factories.FieldFactory(dataset=dataset, position=position)
    page = superuser.get(url("dataset", "change", dataset.pk))
    assert len(page.context["inline_admin_formsets"][0].formset.forms) == 2
    address = f"{url('field', 'changelist')}?dataset__id__exact={dataset.pk}"
    assert address in page.content.decode()
    assert len(superuser.get(address).context["cl"].result_list) == Field.objects.filter(dataset=dataset).count() == 4
