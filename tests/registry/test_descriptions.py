"""How datasets are described, and that the database notes when a description changed."""

from datetime import UTC, date, datetime
from importlib import import_module

import pytest
from django.apps import apps

from registry.choices import AccessRights, Frequency, Theme
from registry.models import Dataset
from tests.factories import DatasetFactory, FieldFactory
from tests.registry.pages import change, entries

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def dataset():
    return DatasetFactory(created_at=LONG_AGO, modified_at=LONG_AGO)


@pytest.mark.parametrize(
    "values",
    [
        {"title_vi": "Tên khác"},
        {"themes": [Theme.HEALTH]},
        {"keywords": ["thẻ"]},
        {"temporal_to": date(2026, 1, 1)},
        {"frequency": Frequency.DAILY},
        {"access_rights": AccessRights.PUBLIC},
    ],
)
def test_a_change_of_the_description_is_dated_whoever_makes_it(dataset, values):
    Dataset.objects.filter(pk=dataset.pk).update(**values)
    dataset.refresh_from_db()
    assert dataset.modified_at > LONG_AGO
    assert dataset.created_at == LONG_AGO


def test_what_is_no_description_leaves_the_date_alone(dataset):
    Dataset.objects.filter(pk=dataset.pk).update(estimated_rows=5, title_vi=dataset.title_vi)
    dataset.refresh_from_db()
    assert dataset.modified_at == LONG_AGO


def test_a_row_saved_whole_does_not_turn_the_clock_back(dataset):
    Dataset.objects.filter(pk=dataset.pk).update(keywords=["thẻ"])
    dataset.keywords = ["thẻ"]
    dataset.created_at = datetime(2030, 1, 1, tzinfo=UTC)
    dataset.save()
    dataset.refresh_from_db()
    assert dataset.modified_at > LONG_AGO
    assert dataset.created_at == LONG_AGO


def test_a_new_dataset_is_dated_by_the_database():
    dataset = DatasetFactory()
    assert dataset.created_at == dataset.modified_at
    assert dataset.created_at > LONG_AGO


def test_the_list_says_how_often_and_words_say_the_rest():
    assert DatasetFactory.build(frequency=Frequency.DAILY, update_frequency="lúc 5 giờ").refreshed.endswith("5 giờ")
    assert DatasetFactory.build(frequency="", update_frequency="").refreshed == ""


def test_words_become_entries_of_the_list_and_words_again():
    move = import_module("registry.migrations.0009_dataset_frequency_from_words")
    daily, odd = DatasetFactory(update_frequency="Hằng  ngày"), DatasetFactory(update_frequency="Hằng ngày lúc 5 giờ")

    move.to_list(apps, None)
    daily.refresh_from_db(), odd.refresh_from_db()
    assert (daily.frequency, daily.update_frequency) == (Frequency.DAILY, "")
    assert (odd.frequency, odd.update_frequency) == ("", "Hằng ngày lúc 5 giờ")

    move.to_words(apps, None)
    daily.refresh_from_db()
    assert (daily.frequency, daily.update_frequency) == ("", "Hằng ngày")


def test_an_operator_describes_a_dataset_in_the_admin(client, operator, dataset):
    FieldFactory(dataset=dataset)
    client.force_login(operator)

    change(client, "dataset", dataset, themes=["HEAL", "SOCI"], keywords="thẻ, khám bệnh", frequency="DAILY")

    dataset.refresh_from_db()
    assert dataset.themes == [Theme.HEALTH, Theme.SOCIETY]
    assert dataset.keywords == ["thẻ", "khám bệnh"]
    assert dataset.frequency == Frequency.DAILY
    assert entries("registry.dataset.change").get().details


def test_a_place_is_a_code_and_a_page_is_reached_by_https(client, operator, dataset):
    client.force_login(operator)
    response = change(client, "dataset", dataset, spatial="ở đâu đó", landing_page="ftp://a.vn")
    assert {"spatial", "landing_page"} <= set(response.context["adminform"].form.errors)


def test_a_reader_of_the_admin_sees_themes_by_name(client, auditor, dataset):
    Dataset.objects.filter(pk=dataset.pk).update(themes=[Theme.HEALTH])
    client.force_login(auditor)
    page = client.get(f"/admin/registry/dataset/{dataset.pk}/change/").content.decode()
    assert "HEAL" not in page
    assert str(Theme.HEALTH.label) in page
