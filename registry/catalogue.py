"""What the public catalogue shows: descriptions of published data, and on which terms it is shared. Never the data."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import get_language

from registry import terms
from registry.choices import Mode, Purpose
from registry.citations import Citation, cite
from registry.models import Agency, Database, Dataset, Field, LegalInstrument, PolicyField, SharingPolicy
from registry.names import vietnamese_order


@dataclass(frozen=True, slots=True)
class Terms:
    """One sharing policy as a reader sees it."""

    policy: SharingPolicy
    modes: list
    purposes: list
    citation: Citation
    recipients: list[str]
    limits: list[str]
    decision: list[str]


def figures() -> dict[str, int]:
    return Dataset.objects.published().aggregate(
        datasets=Count("pk"),
        databases=Count("database", distinct=True),
        agencies=Count("database__owner", distinct=True),
    )


def owners() -> QuerySet[Agency]:
    """The agencies of which something is published."""
    return Agency.objects.filter(pk__in=Dataset.objects.published().values("database__owner")).order_by(
        vietnamese_order("name_vi"), "pk"
    )


def listing(*, q: str = "", owner: Agency | None = None, access: str = "", mode: str = "") -> QuerySet[Dataset]:
    """Published datasets that fit all that was asked for, by title."""
    found = Dataset.objects.published().search(q)
    if owner:
        found = found.filter(database__owner=owner)
    if access:
        found = found.filter(access_rights=access)
    if mode:
        offers = SharingPolicy.objects.today().filter(dataset=OuterRef("pk"), modes__contains=[mode])
        found = found.filter(Exists(offers))
    return _by_title(_with_offers(found))


def datasets_of(database: Database) -> QuerySet[Dataset]:
    return _by_title(_with_offers(Dataset.objects.published().filter(database=database)))


def datasets_under(instrument: LegalInstrument) -> QuerySet[Dataset]:
    """Published datasets to which the instrument applies."""
    return _by_title(_with_offers(Dataset.objects.published().filter(applicable_legislation=instrument)))


def databases() -> QuerySet[Database]:
    """The databases that are in use and of which something is published."""
    return Database.objects.published().select_related("owner", "legal_basis__replaced_by")


def described() -> QuerySet[Dataset]:
    """Published datasets with all that their own page shows."""
    return (
        Dataset.objects.published()
        .with_owner()
        .with_fields()
        .select_related("database__legal_basis__replaced_by", "applicable_legislation__replaced_by")
    )


def offered_modes(dataset: Dataset) -> list:
    """By which ways the dataset is offered today; needs the policies that `listing` fetched."""
    offered = {mode for policy in dataset.current_policies for mode in policy.modes}
    return [mode.label for mode in Mode if mode in offered]


def terms_of(dataset: Dataset) -> list[Terms]:
    shared = PolicyField.objects.filter(field__in=Field.objects.shown()).select_related("field")
    policies = (
        SharingPolicy.objects.today()
        .filter(dataset=dataset)
        .select_related("legal_basis__replaced_by")
        .prefetch_related("recipients", Prefetch("policy_fields", shared.order_by("field__position")))
        .order_by("valid_from", "pk")
    )
    return [
        Terms(
            policy,
            [mode.label for mode in Mode if mode in policy.modes],
            [purpose.label for purpose in Purpose if purpose in policy.purposes],
            cite(policy.legal_basis),
            terms.recipients(policy),
            terms.limits(policy),
            terms.decision(policy),
        )
        for policy in policies
    ]


def _with_offers(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    current = Prefetch("policies", SharingPolicy.objects.today(), to_attr="current_policies")
    return datasets.with_owner().with_fields().prefetch_related(current)


def _by_title(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    # As shown: the English title only where there is one.
    if (get_language() or "vi").startswith("en"):
        english = NullIf("title_en", Value(""))
        datasets = datasets.annotate(shown_title=Coalesce(english, "title_vi"))
        return datasets.order_by(vietnamese_order("shown_title"), "pk")
    return datasets.order_by(vietnamese_order("title_vi"), "pk")
