"""How fields are protected, and what follows for datasets, databases and policies. Closing is easy; opening has to be justified."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry import levels
from registry.choices import AccessRights, Classification, Masking, PersonalData, Role, StewardKind, SuggestionState
from registry.classifying import secrecy
from registry.connectors import filters
from registry.errors import RegistryRefusal
from registry.models import Database, Dataset, Field, FieldSuggestion, SharingPolicy, Stewardship, User
from registry.permissions import belongs_to_lineage, has_role
from registry.services import records

SHORTEST_REASON = 10  # characters; less is no reason
PROTECTION = ("personal_data", "default_masking", "classification")


def can_steward(user: User, database: Database, dataset: Dataset | None = None) -> bool:
    """Whether the person may say how the data is protected, and have its values profiled."""
    try:
        check_steward(database=database, dataset=dataset, by=user)
    except RegistryRefusal:
        return False
    return True


def check_steward(*, database: Database, by: User, dataset: Dataset | None = None) -> None:
    """Refuse whoever does not look after the database, or the dataset where it is about one."""
    if not has_role(by, Role.OPERATOR) and not _answers_for(by, database, dataset):
        raise RegistryRefusal(
            "not-steward",
            _("Only an operator, an approver of the owner, or a manager of the data can do this."),
        )


def _answers_for(user: User, database: Database, dataset: Dataset | None) -> bool:
    """Whether the person does so at the owner's: as its approver, or as the manager of the data."""
    if has_role(user, Role.APPROVER, agency=database.owner):
        return True
    managed = Stewardship.objects.today().filter(user=user, kind=StewardKind.MANAGER, database=database)
    managed = managed.over(dataset) if dataset else managed.filter(dataset=None)
    return bool(user.is_active and managed.exists() and belongs_to_lineage(user, database.owner))


def suggested_for(field: Field) -> FieldSuggestion | None:
    """What the rules say of the field and nobody refused."""
    standing = (SuggestionState.OPEN, SuggestionState.ACCEPTED)
    return field.suggestions.filter(state__in=standing).order_by("-pk").first()


def check_protection(
    *, field: Field, personal_data: str, masking: str, classification: str, by: User, reason: str = "", suggested=None
) -> None:
    """Refuse a protection that the field cannot have, one that this person cannot give it, or one below what was
    suggested without a reason."""
    if not filters.masking_fits(masking, field.kind):
        raise RegistryRefusal(
            "masking",
            _("“%(field)s” cannot be masked like this: its values are of another kind.") % {"field": field.name},
        )
    check_level(field=field, classification=classification)
    check_lowering(field=field, wanted=(personal_data, masking, classification), reason=reason, by=by)
    suggested = suggested or suggested_for(field)
    if suggested is None:
        return
    wanted = (suggested.personal_data, suggested.masking, suggested.classification)
    is_less = levels.is_less_protected(wanted, (personal_data, masking, classification))
    if is_less and len(reason.strip()) < SHORTEST_REASON:
        raise RegistryRefusal(
            "reason-needed",
            _("“%(field)s” would be less protected than suggested (%(category)s, score %(score)d): say why.")
            % {
                "field": field.name,
                "category": suggested.get_personal_data_display(),
                "score": suggested.score,
            },
        )


def check_lowering(*, field: Field, wanted: tuple[str, str, str], reason: str, by: User) -> None:
    """Refuse to open sensitive data without a reason, or by anybody but those who answer for it at the owner's."""
    before = Field.objects.values_list(*PROTECTION).get(pk=field.pk)
    inherited = field.dataset.database.classification
    was, becomes = ((category, masking, level or inherited) for category, masking, level in (before, wanted))
    if before[0] != PersonalData.SENSITIVE or not levels.is_less_protected(was, becomes):
        return
    if not _answers_for(by, field.dataset.database, field.dataset):
        raise RegistryRefusal(
            "owner-opens",
            _("“%(field)s” holds sensitive data: only an approver of the owner or a manager of the data can open it.")
            % {"field": field.name},
        )
    if len(reason.strip()) < SHORTEST_REASON:
        raise RegistryRefusal(
            "reason-needed",
            _("“%(field)s” holds sensitive data and would be less protected than now: say why.")
            % {"field": field.name},
        )


def check_level(*, field: Field, classification: str) -> None:
    """Refuse a level above the one of the database while the dataset is published: the database has to be raised first."""
    database = field.dataset.database
    if field.dataset.is_published and classification and levels.is_above(classification, database.classification):
        raise _above(field.dataset, database)


def _above(dataset: Dataset, database: Database) -> RegistryRefusal:
    return RegistryRefusal(
        "above-database",
        _(
            "%(dataset)s would be classified higher than its database (%(level)s). "
            "Raise the classification of the database first, or take the dataset out of the catalogue."
        )
        % {"dataset": dataset.title, "level": database.get_classification_display()},
    )


@transaction.atomic
def protect(
    *,
    field: Field,
    personal_data: str,
    masking: str,
    classification: str,
    by: User,
    reason: str = "",
    suggested: FieldSuggestion | None = None,
) -> Field:
    """Say what a field holds and how it is protected, on record. What profiles told too much of it is emptied."""
    check_steward(database=field.dataset.database, dataset=field.dataset, by=by)
    # Who changes the database's level at the same moment waits until this is over.
    Database.objects.select_for_update().get(pk=field.dataset.database_id)
    field = Field.objects.select_for_update(of=("self",)).select_related("dataset__database__owner").get(pk=field.pk)
    check_protection(
        field=field,
        personal_data=personal_data,
        masking=masking,
        classification=classification,
        by=by,
        reason=reason,
        suggested=suggested,
    )
    after = {"personal_data": personal_data, "default_masking": masking, "classification": classification}
    changed = {
        name: {"old": getattr(field, name), "new": str(value)}
        for name, value in after.items()
        if getattr(field, name) != value
    }
    for name, value in after.items():
        setattr(field, name, value)
    field.save(update_fields=list(after))
    records.record(
        action="registry.field.protect",
        thing=field.dataset,
        by=by,
        details={"field": field.name, "values": changed, "reason": reason[:500]},
    )
    return field


def check_database_level(*, database: Database, classification: str) -> None:
    """Refuse a level below that of a dataset that the database publishes, or by which fields would silently be opened."""
    if levels.is_above(database.classification, classification):
        inherited = Field.objects.shown().filter(dataset__database=database, classification="")
        if count := inherited.count():
            raise RegistryRefusal(
                "fields-inherit",
                ngettext(
                    "%(count)d field takes its level from the database and would be less protected: %(names)s. "
                    "Say its own level first.",
                    "%(count)d fields take their level from the database and would be less protected: %(names)s. "
                    "Say the level of each first.",
                    count,
                )
                % {"count": count, "names": _names(inherited.order_by("dataset", "position")[:11])},
            )
    higher = [level for level in Classification.values if levels.is_above(level, classification)]
    fields = Field.objects.shown().filter(dataset=OuterRef("pk"), classification__in=higher)
    above = Dataset.objects.filter(Exists(fields), database=database, is_published=True)[:10]
    if above:
        raise RegistryRefusal(
            "below-dataset",
            _(
                "These published datasets are classified higher: %(titles)s. A database is at least as protected as they are."
            )
            % {"titles": ", ".join(dataset.title for dataset in above)},
        )


def check_publishable(*, dataset: Dataset) -> None:
    """Refuse to publish what is classified above its database, or is a state secret by its own words."""
    present = Field.objects.shown().filter(dataset=dataset)
    described = [text for line in present.values_list("title_vi", "title_en", "description") for text in line]
    words = (*dataset.keywords, *described)
    for text in (dataset.title_vi, dataset.title_en, dataset.description, dataset.description_en, *words):
        check_no_secret(text=text)
    for name in (dataset.code, dataset.schema_name, dataset.table_name, *present.values_list("name", flat=True)):
        if secrecy.named_level(name):
            raise state_secret()
    level = levels.highest(present.values_list("classification", flat=True), otherwise=dataset.database.classification)
    if levels.is_above(level, dataset.database.classification):
        raise _above(dataset, dataset.database)


def check_no_secret(*, text: str) -> None:
    """Refuse what says of itself that it is a state secret, at whatever level."""
    if secrecy.declared_level(text):
        raise state_secret()


def state_secret() -> RegistryRefusal:
    return RegistryRefusal(
        "state-secret",
        _(
            "This is marked as a state secret. State secrets are not for this portal: neither the data nor its description "
            "can be registered here."
        ),
    )


def warnings_of(policy: SharingPolicy) -> list[str]:
    """Where a policy shares more openly than the level of what it shares suggests."""
    shared = list(policy.policy_fields.select_related("field__dataset__database").order_by("field__position"))
    database = policy.dataset.database
    restricted = [
        line.field
        for line in shared
        if (line.field.classification or database.classification) == Classification.RESTRICTED
        and line.masking == Masking.KEEP
    ]
    found = []
    if policy.any_agency and restricted:
        found.append(
            _("Every agency may ask for restricted fields as they are: %(fields)s. Name the recipients, or mask them.")
            % {"fields": _names(restricted)}
        )
    if policy.dataset.access_rights == AccessRights.PUBLIC and policy.dataset.level != Classification.PUBLIC:
        found.append(
            _("The dataset is called public, and its classification is “%(level)s”.")
            % {"level": policy.dataset.level.label}
        )
    return found


def _names(fields: Iterable[Field]) -> str:
    names = [field.name for field in fields]
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
