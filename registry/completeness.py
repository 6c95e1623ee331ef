"""How complete the description of a dataset is, 0 to 100, and what it lacks: by what DCAT-AP recommends and the portal needs."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registry.choices import AccessRights
from registry.models import Dataset, Field, LegalInstrument, SharingPolicy

FULL = 100


@dataclass(frozen=True)
class Criterion:
    """One thing that a description should have: what it counts, what is said where it is missing, and where it is mended."""

    code: str
    weight: int
    lack: str | Promise
    met: Callable[[], Q | Exists]
    place: Callable[[Dataset], str]


def _on_dataset(anchor: str) -> Callable[[Dataset], str]:
    return lambda dataset: f"{reverse('admin:registry_dataset_change', args=[dataset.pk])}#{anchor}"


def _fields() -> QuerySet[Field]:
    return Field.objects.shown().filter(dataset=OuterRef("pk"))


def _in_force(path: str) -> Exists:
    return Exists(LegalInstrument.objects.in_force().filter(pk=OuterRef(path)))


def _database(dataset: Dataset) -> str:
    return reverse("admin:registry_database_change", args=[dataset.database_id])


def _policies(dataset: Dataset) -> str:
    return f"{reverse('admin:registry_sharingpolicy_add')}?dataset={dataset.pk}"


# The only table of weights; they add up to 100.
CRITERIA = (
    Criterion("description", 14, _("A description"), lambda: ~Q(description=""), _on_dataset("id_description")),
    Criterion(
        "own-title",
        6,
        _("A title in words, not the table's name"),
        lambda: ~Q(title_vi="") & ~Q(title_vi=F("table_name")),
        _on_dataset("id_title_vi"),
    ),
    Criterion("english", 4, _("A title in English"), lambda: ~Q(title_en=""), _on_dataset("id_title_en")),
    Criterion("themes", 8, _("Themes"), lambda: ~Q(themes=[]), _on_dataset("id_themes")),
    Criterion("keywords", 6, _("Keywords"), lambda: ~Q(keywords=[]), _on_dataset("id_keywords")),
    Criterion("spatial", 5, _("The area that it describes"), lambda: ~Q(spatial=""), _on_dataset("id_spatial")),
    Criterion(
        "temporal",
        5,
        _("The time that it describes"),
        lambda: Q(temporal_from__isnull=False) | Q(temporal_to__isnull=False),
        _on_dataset("id_temporal_from"),
    ),
    Criterion("frequency", 4, _("How often it is refreshed"), lambda: ~Q(frequency=""), _on_dataset("id_frequency")),
    Criterion(
        "contact",
        8,
        _("An e-mail address for questions"),
        lambda: ~Q(contact_email="") | ~Q(database__contact_email=""),
        _on_dataset("id_contact_email"),
    ),
    Criterion(
        "legislation",
        8,
        _("Applicable legislation that is in force"),
        lambda: Q(_in_force("applicable_legislation")),
        _on_dataset("id_applicable_legislation"),
    ),
    Criterion(
        "legal-basis",
        6,
        _("A legal basis of the database that is in force"),
        lambda: Q(_in_force("database__legal_basis")),
        _database,
    ),
    Criterion(
        "field-titles",
        10,
        _("Titles of all fields"),
        lambda: Exists(_fields()) & ~Exists(_fields().filter(title_vi="")),
        _on_dataset("fields-group"),
    ),
    Criterion(
        "policy",
        16,
        _("A sharing policy in force, or the mark that it is not shared"),
        lambda: (
            Q(access_rights=AccessRights.NON_PUBLIC)
            | Exists(SharingPolicy.objects.in_force().filter(dataset=OuterRef("pk")))
        ),
        _policies,
    ),
)


def annotated(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """With `completeness`, 0 to 100, reckoned by the database from the rows as they are now."""
    points = [
        Case(When(criterion.met(), then=Value(criterion.weight)), default=Value(0), output_field=IntegerField())
        for criterion in CRITERIA
    ]
    return datasets.annotate(completeness=sum(points[1:], start=points[0]))


def lacking(dataset: Dataset) -> list[Criterion]:
    """What the description lacks, the weightiest first."""
    flags = {
        f"lacks_{number}": Case(When(criterion.met(), then=Value(0)), default=Value(1), output_field=IntegerField())
        for number, criterion in enumerate(CRITERIA)
    }
    found = Dataset.objects.filter(pk=dataset.pk).values(**flags).get()
    missing = [criterion for number, criterion in enumerate(CRITERIA) if found[f"lacks_{number}"]]
    return sorted(missing, key=lambda criterion: -criterion.weight)


def score(missing: list[Criterion]) -> int:
    return FULL - sum(criterion.weight for criterion in missing)


def ranking() -> list[dict]:
    """Agencies (primary keys) with published datasets: how many, the mean and the least score; the worst agency first."""
    scores = defaultdict(list)
    # Summed up here: PostgreSQL would reckon the score anew for every figure made of it.
    for owner, points in (
        annotated(Dataset.objects.published()).order_by().values_list("database__owner", "completeness").iterator()
    ):
        scores[owner].append(points)
    rows = [
        {
            "owner": owner,
            "mean": sum(points) / len(points),
            "least": min(points),
            "datasets": len(points),
            "complete": points.count(FULL),
        }
        for owner, points in scores.items()
    ]
    return sorted(rows, key=lambda row: (row["mean"], -row["datasets"], row["owner"]))
