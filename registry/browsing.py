"""Ways through the catalogue other than the search: by field, by database, by theme, and to what is related."""

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from registry.choices import Theme
from registry.models import Database, Dataset, Field, PolicyField, SearchDocument, SharingPolicy
from registry.names import vietnamese_order
from registry.search import Asked, find

RELATED = 6
LOOKED_AT = 300  # rows with the same key, among which the closest are taken


def fields_named(words: str) -> QuerySet[Field]:
    """Published fields of exactly this name; where there is none, those whose name or title holds all words."""
    shown = Field.objects.shown().filter(dataset__search_document__is_listed=True)
    exactly = shown.filter(name=words.strip())
    found = exactly if exactly.exists() else shown.named(words)
    return found.select_related("dataset__database__owner").order_by("dataset_id", "position")


def published_fields() -> QuerySet[Field]:
    """Fields of published datasets with all that their own page shows."""
    offers = PolicyField.objects.filter(policy__in=SharingPolicy.objects.in_force()).select_related("policy")
    return (
        Field.objects.shown()
        .filter(dataset__in=Dataset.objects.published())
        .select_related("dataset__database__owner")
        .prefetch_related(Prefetch("policy_fields", offers.order_by("policy__valid_from", "pk"), to_attr="offers"))
    )


def with_references(dataset: Dataset) -> list[Field]:
    """Its fields; what a key of one refers to stands at it as `referenced`, where that is published itself, too."""
    fields = list(dataset.fields.all())
    tables = {tuple(field.refers_to[:2]) for field in fields if field.refers_to}
    known = {}
    if tables:
        published = Dataset.objects.published().filter(database=dataset.database_id)
        named = published.filter(table_name__in={table for _schema, table in tables})
        known = {(found.schema_name, found.table_name): found for found in named}
    for field in fields:
        field.referenced = known.get(tuple(field.refers_to[:2])) if field.refers_to else None
    return fields


def elsewhere(field: Field) -> int:
    """In how many other published datasets a field of this name is, counted to a bound."""
    same = Field.objects.shown().filter(name=field.name, dataset__search_document__is_listed=True)
    return same.exclude(pk=field.pk).order_by()[:LOOKED_AT].count()


def related(dataset: Dataset) -> list[Dataset]:
    """Published datasets with the same keys: what can be joined to this one. The closest first."""
    keys = [field.name for field in dataset.fields.all() if field.is_key]
    if not keys:
        return []
    same = Field.objects.shown().filter(name__in=keys, is_key=True, dataset__search_document__is_listed=True)
    near = same.exclude(dataset=dataset).order_by("dataset_id").values_list("dataset", flat=True)[:LOOKED_AT]
    shared: dict[int, int] = {}
    for number in near:
        shared[number] = shared.get(number, 0) + 1
    best = sorted(shared, key=lambda number: (-shared[number], number))[:RELATED]
    known = Dataset.objects.published().with_owner().in_bulk(best)
    return [known[number] for number in best if number in known]


def databases() -> QuerySet[Database]:
    """Databases of which something is published, with how much, by name."""
    listed = SearchDocument.objects.filter(is_listed=True, database_id=OuterRef("pk")).order_by().values("database_id")
    counted = Subquery(listed.annotate(count=Count("*")).values("count"))
    return (
        Database.objects.published()
        .select_related("owner", "legal_basis")
        .annotate(dataset_count=Coalesce(counted, 0))
        .order_by(vietnamese_order("name_vi"), "pk")
    )


def themes() -> list[tuple[Theme, int]]:
    """All themes, with how many published datasets each has."""
    counts = find(Asked()).counts.get("theme", {})
    return [(theme, counts.get(theme.value, 0)) for theme in Theme]
