"""Putting datasets into the catalogue and taking them out again, on record."""

from django.db import transaction

from registry.models import Database, Dataset, User
from registry.services import protection, records


def publish(*, dataset: Dataset, by: User) -> Dataset:
    """Let everybody find the dataset; an operator, an approver of the owner or a manager of it may."""
    return _set(dataset, True, by)


def unpublish(*, dataset: Dataset, by: User) -> Dataset:
    """Take the dataset out of the catalogue: nobody new asks for it. What was agreed goes on."""
    return _set(dataset, False, by)


@transaction.atomic
def _set(dataset: Dataset, is_published: bool, by: User) -> Dataset:
    protection.check_steward(database=dataset.database, dataset=dataset, by=by)
    # Who changes the level of the database or of a field at the same moment waits until this is over.
    Database.objects.select_for_update().get(pk=dataset.database_id)
    dataset = Dataset.objects.select_for_update(of=("self",)).select_related("database__owner").get(pk=dataset.pk)
    if dataset.is_published == is_published:
        return dataset
    if is_published:
        protection.check_publishable(dataset=dataset)
    dataset.is_published = is_published
    dataset.save(update_fields=["is_published"])
    records.record(action=f"registry.dataset.{'publish' if is_published else 'unpublish'}", thing=dataset, by=by)
    return dataset
