"""What the public catalogue shows: descriptions of published data, and on which terms it is shared. Never the data."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Func, Prefetch, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Concat, NullIf
from django.utils.translation import get_language

from registry import terms
from registry.choices import Mode, PersonalData, Purpose
from registry.citations import Citation, cite
from registry.models import Database, Dataset, Field, LegalInstrument, PolicyField, SharingPolicy
from registry.names import vietnamese_order
from registry.search import Found, Marker

MOST_FIELDS = 400  # of one page of results, looked at for what was matched


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


@dataclass(frozen=True, slots=True)
class Row:
    """One dataset in a list; the words of a search are marked, and the fields named that hold them."""

    dataset: Dataset
    modes: list
    personal_data: PersonalData
    title: str
    description: str
    fields: list[tuple[str, str, Field]]


def figures() -> dict[str, int]:
    return Dataset.objects.published().aggregate(
        datasets=Count("pk"),
        databases=Count("database", distinct=True),
        agencies=Count("database__owner", distinct=True),
    )


def listing(*, q: str = "") -> QuerySet[Dataset]:
    """Published datasets in which all words occur, by title."""
    return _by_title(_with_offers(Dataset.objects.published().search(q)))


def page_of(found: Found) -> list[Dataset]:
    """The datasets that a search found, in its order, with what lists show."""
    known = _with_offers(Dataset.objects.published().filter(pk__in=found.ids)).in_bulk()
    return [known[number] for number in found.ids if number in known]


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


def rows(datasets: Iterable[Dataset], marker: Marker | None = None) -> list[Row]:
    """What lists show of each dataset; needs the policies and documents that the querysets here fetch."""
    datasets = list(datasets)
    fields = _matching_fields(datasets, marker) if marker else {}
    return [
        Row(
            dataset,
            offered_modes(dataset),
            PersonalData(dataset.highest_personal_data),
            marker.mark(dataset.title) if marker else dataset.title,
            marker.excerpt(dataset.about) if marker else dataset.about,
            [(marker.mark(field.title), marker.mark(field.name), field) for field in fields.get(dataset.pk, [])],
        )
        for dataset in datasets
    ]


def _matching_fields(datasets: list[Dataset], marker: Marker) -> dict[int, list[Field]]:
    """Of each dataset the fields in which most words of the search occur, where the title lacks some of them."""
    lacking = [dataset.pk for dataset in datasets if marker.count(dataset.title) < len(marker.whole)]
    text = Concat("name", Value(" "), "title_vi", Value(" "), "title_en", output_field=TextField())
    found = (
        Field.objects.shown()
        .filter(dataset__in=lacking)
        .alias(words=Func(text, function="registry_plain", output_field=TextField()))
        .filter(words__regex=marker.expression)
        .order_by("dataset_id", "position")[:MOST_FIELDS]
    )
    scored = defaultdict(list)
    for field in found:
        scored[field.dataset_id].append((-marker.count(f"{field.name} {field.title_vi} {field.title_en}"), field))
    best = {}
    for dataset, fields in scored.items():
        fields.sort(key=lambda pair: pair[0])
        best[dataset] = [field for score, field in fields if score == fields[0][0]][:3]
    return best


def offered_modes(dataset: Dataset) -> list:
    """By which ways the dataset is offered today; needs the policies that the querysets here fetch."""
    offered = {mode for policy in dataset.current_policies for mode in policy.modes}
    return [mode.label for mode in Mode if mode in offered]


def terms_of(dataset: Dataset) -> list[Terms]:
    shared = PolicyField.objects.filter(field__in=Field.objects.shown()).select_related("field")
    shown = SharingPolicy.objects.in_force() | SharingPolicy.objects.suspended()
    policies = (
        shown.filter(dataset=dataset)
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
    current = Prefetch("policies", SharingPolicy.objects.in_force(), to_attr="current_policies")
    highest = F("search_document__personal_data")
    return datasets.with_owner().annotate(highest_personal_data=highest).prefetch_related(current)


def _by_title(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    # As shown: the English title only where there is one.
    if (get_language() or "vi").startswith("en"):
        english = NullIf("title_en", Value(""))
        datasets = datasets.annotate(shown_title=Coalesce(english, "title_vi"))
        return datasets.order_by(vietnamese_order("shown_title"), "pk")
    return datasets.order_by(vietnamese_order("title_vi"), "pk")
