"""What the database itself refuses of levels, profiles and suggestions."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from registry.choices import Classification
from registry.models import Database, Dataset, Field
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


def _again(factory, **shared):
    factory(**shared)
    factory(**shared)


def _profiled_twice():
    figures = factories.FieldProfileFactory()
    factories.FieldProfileFactory(profile=figures.profile, field=figures.field)


# Each line breaks one constraint, and what the line makes is right in everything else.
BREACHES = {
    "registry_field_classification": lambda: factories.FieldFactory(classification="secret"),
    "registry_field_sensitive_not_public": lambda: factories.FieldFactory(sensitive=True, classification="public"),
    "registry_datasetprofile_sampling": lambda: factories.DatasetProfileFactory(sampling="some"),
    "registry_datasetprofile_finished": lambda: factories.DatasetProfileFactory(finished_at=timezone.now()),
    "registry_datasetprofile_done_has_rows": lambda: factories.DatasetProfileFactory(done=True, rows=None),
    "registry_datasetprofile_least": lambda: factories.DatasetProfileFactory(least=1),
    "registry_datasetprofile_one_open": lambda: _again(
        factories.DatasetProfileFactory, dataset=factories.DatasetFactory()
    ),
    "registry_fieldprofile_once": _profiled_twice,
    "registry_fieldprofile_personal_data": lambda: factories.FieldProfileFactory(personal_data="some"),
    "registry_fieldprofile_sensitive_empty": lambda: factories.FieldProfileFactory(
        field__sensitive=True, top=[{"value": "Kinh", "count": 90}]
    ),
    "registry_fieldprofile_null_percent": lambda: factories.FieldProfileFactory(null_percent=101),
    "registry_fieldsuggestion_state": lambda: factories.FieldSuggestionFactory(state="lost"),
    "registry_fieldsuggestion_personal_data": lambda: factories.FieldSuggestionFactory(personal_data="some"),
    "registry_fieldsuggestion_masking": lambda: factories.FieldSuggestionFactory(masking="blur"),
    "registry_fieldsuggestion_classification": lambda: factories.FieldSuggestionFactory(classification="secret"),
    "registry_fieldsuggestion_score": lambda: factories.FieldSuggestionFactory(score=101),
    "registry_fieldsuggestion_decided_paired": lambda: factories.FieldSuggestionFactory(decided_at=timezone.now()),
    "registry_fieldsuggestion_one_open": lambda: _again(
        factories.FieldSuggestionFactory, field=factories.FieldFactory()
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_the_database_refuses(name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        BREACHES[name]()


# A database is at least as protected as what it publishes


@pytest.fixture
def field():
    """Of a published dataset, as protected as its database."""
    return factories.FieldFactory(
        dataset__database__classification=Classification.INTERNAL, classification=Classification.INTERNAL
    )


def refused(model, pk, **values):
    with pytest.raises(IntegrityError, match="classified higher"), transaction.atomic():
        model.objects.filter(pk=pk).update(**values)


def test_a_database_is_not_lowered_below_what_it_publishes(field):
    refused(Database, field.dataset.database_id, classification=Classification.PUBLIC)
    Dataset.objects.update(is_published=False)
    Database.objects.update(classification=Classification.PUBLIC)


def test_a_field_of_a_published_dataset_is_not_raised_above_the_database(field):
    refused(Field, field.pk, classification=Classification.RESTRICTED)
    Database.objects.update(classification=Classification.RESTRICTED)
    Field.objects.update(classification=Classification.RESTRICTED)


def test_a_dataset_above_its_database_is_not_published(field):
    Dataset.objects.update(is_published=False)
    Field.objects.update(classification=Classification.RESTRICTED)
    refused(Dataset, field.dataset_id, is_published=True)


def test_a_field_that_nobody_classified_counts_as_the_database(field):
    factories.FieldFactory(dataset=field.dataset)
    assert field.dataset.level == Classification.INTERNAL
    Field.objects.filter(pk=field.pk).update(classification=Classification.PUBLIC)
    assert field.dataset.level == Classification.INTERNAL


def test_a_field_that_is_gone_counts_no_longer(field):
    Field.objects.update(removed_at=timezone.now())
    Database.objects.update(classification=Classification.PUBLIC)
    assert Dataset.objects.get().level == Classification.PUBLIC
