"""Putting datasets into the catalogue and taking them out again, on record."""

from django.db import transaction
from django.utils.translation import gettext as _

from registry import citations
from registry.choices import PersonalData, StewardKind
from registry.errors import RegistryRefusal
from registry.models import Database, Dataset, FieldSuggestion, Stewardship, User
from registry.services import protection, records


def publish(*, dataset: Dataset, by: User) -> Dataset:
    """Let everybody find the dataset; an operator, an approver of the owner or a manager of it may."""
    return _set(dataset, True, by)


def unpublish(*, dataset: Dataset, by: User) -> Dataset:
    """Take the dataset out of the catalogue: nobody new asks for it. What was agreed goes on."""
    return _set(dataset, False, by)


def lacks(dataset: Dataset) -> list[str]:
    """What a reader of the catalogue could not do without, and is not there: whom to ask, what it is, by which law."""
    found = []
    if not dataset.description.strip():
        found.append(_("Describe what it holds."))
    contacts = Stewardship.objects.today().over(dataset).filter(kind=StewardKind.CONTACT)
    if not (dataset.contact_email or dataset.database.contact_email or contacts.exists()):
        found.append(_("Name an e-mail address or a contact for questions, here or on the database."))
    cited = {dataset.database.legal_basis, dataset.applicable_legislation} - {None}
    found += sorted(str(reason) for reason in map(citations.warning, cited) if reason)
    undecided = FieldSuggestion.objects.open().filter(
        field__dataset=dataset, field__removed_at=None, personal_data=PersonalData.SENSITIVE
    )
    names = undecided.exclude(field__personal_data=PersonalData.SENSITIVE).values_list("field__name", flat=True)[:10]
    if names:
        found.append(
            _("Decide whether these fields are sensitive, as is suggested: %(names)s.") % {"names": ", ".join(names)}
        )
    return found


def check_ready(*, dataset: Dataset) -> None:
    """Refuse to publish what readers could do nothing with, or what nobody has judged."""
    protection.check_publishable(dataset=dataset)
    missing = lacks(dataset)
    if missing:
        raise RegistryRefusal("not-ready", _("Not published yet. %(lacks)s") % {"lacks": " ".join(missing)})


@transaction.atomic
def _set(dataset: Dataset, is_published: bool, by: User) -> Dataset:
    protection.check_steward(database=dataset.database, dataset=dataset, by=by)
    # Who changes the level of the database or of a field at the same moment waits until this is over.
    Database.objects.select_for_update().get(pk=dataset.database_id)
    dataset = Dataset.objects.select_for_update(of=("self",)).select_related("database__owner").get(pk=dataset.pk)
    if dataset.is_published == is_published:
        return dataset
    if is_published:
        check_ready(dataset=dataset)
    dataset.is_published = is_published
    dataset.save(update_fields=["is_published"])
    records.record(action=f"registry.dataset.{'publish' if is_published else 'unpublish'}", thing=dataset, by=by)
    return dataset
