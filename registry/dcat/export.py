"""The catalogue as linked data: one dataset, one page of them, or all, node by node."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from django.db.models import Case, Exists, OuterRef, Prefetch, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _
from rdflib import Literal, URIRef
from rdflib.namespace import DCAT, FOAF, RDF

from registry.choices import PersonalData
from registry.dcat import breg, datasets, offers, things, writers
from registry.dcat import vocabulary as v
from registry.dcat.addresses import Addresses
from registry.dcat.nodes import Node, node, text
from registry.models import Database, Dataset, Field, SharingPolicy

DCT = v.DCT
TITLE = _("Catalogue of data that state agencies share")
DESCRIPTION = _("Which data agencies of the state hold, under which law, and how to ask for it. Never the data itself.")
PUBLISHER = _("National Data Centre")
PROFILE_TITLES = {"dcat-ap": "DCAT-AP 3.0.1", "breg": "BRegDCAT-AP 2.1.0"}
BATCH = 200  # datasets in memory at a time


@dataclass(frozen=True)
class Format:
    """One serialisation: its name on the command line, media type and suffix."""

    name: str
    media_type: str
    suffix: str
    label: str

    def write(self, nodes: Iterable[Node]) -> Iterator[str]:
        write = {"turtle": writers.turtle, "json-ld": writers.json_ld, "xml": writers.rdf_xml}[self.name]
        return write(nodes)


FORMATS = (
    Format("turtle", "text/turtle", "ttl", "Turtle"),
    Format("json-ld", "application/ld+json", "jsonld", "JSON-LD"),
    Format("xml", "application/rdf+xml", "rdf", "RDF/XML"),
)


@dataclass(frozen=True)
class Page:
    """Which part of the catalogue it is."""

    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        return max(1, ceil(self.total / self.size))


def published(*, with_fields: bool = False) -> QuerySet[Dataset]:
    """What the public may read about, with all that describing it needs, in a constant number of queries."""
    policies = SharingPolicy.objects.in_force().order_by("pk").select_related("legal_basis__replaced_by")
    shown = Field.objects.shown()
    of_dataset = shown.filter(dataset=OuterRef("pk"))
    found = (
        Dataset.objects.published()
        .select_related("database__owner", "database__legal_basis__replaced_by", "applicable_legislation__replaced_by")
        .prefetch_related(Prefetch("policies", policies.prefetch_related("recipients"), to_attr="offers"))
        .annotate(
            highest_personal_data=Case(
                When(
                    Exists(of_dataset.filter(personal_data=PersonalData.SENSITIVE)), then=Value(PersonalData.SENSITIVE)
                ),
                When(Exists(of_dataset.filter(personal_data=PersonalData.BASIC)), then=Value(PersonalData.BASIC)),
                default=Value(PersonalData.NONE),
            )
        )
        .order_by("code")
    )
    if with_fields:
        found = found.prefetch_related(Prefetch("fields", shown.order_by("position", "pk"), to_attr="shown_fields"))
    return found


@dataclass(frozen=True)
class Export:
    """How to describe: with which addresses, for which profile, and whether field by field."""

    to: Addresses
    breg: bool = False
    with_fields: bool = False

    def one(self, dataset: Dataset) -> Iterator[Node]:
        """A dataset's own document."""
        return self._once(self._dataset(dataset))

    def database(self, database: Database, codes: Iterable[str]) -> Iterator[Node]:
        """The public service of keeping a database, and the datasets that it produces."""
        produced = node(self.to.database(database.code))
        yield from breg.keeping(database, self.to)
        yield produced.add(v.CPSV.produces, *(URIRef(self.to.dataset(code)) for code in codes))
        yield from things.agency(database.owner, self.to, breg=True)
        yield from things.law(database.legal_basis, self.to)

    def page(self, found: Iterable[Dataset], page: Page) -> Iterator[Node]:
        """A part of the catalogue, and where the other parts are."""
        return self._once(self._catalogue(found, page))

    def whole(self) -> Iterator[Node]:
        """Everything, in constant memory."""
        return self._once(self._catalogue(published(with_fields=self.with_fields).iterator(chunk_size=BATCH), None))

    def _catalogue(self, found: Iterable[Dataset], page: Page | None) -> Iterator[Node]:
        yield from self._head(page)
        found = iter(found)
        while batch := list(islice(found, BATCH)):
            links = node(self.to.catalogue)
            for dataset in batch:
                uri = self.to.dataset(dataset.code)
                links.add(DCAT.dataset, URIRef(uri)).add(DCAT.record, URIRef(f"{uri}#record"))
                if offers.has_service(dataset):
                    links.add(DCAT.service, URIRef(f"{uri}#lookup-service"))
            yield links
            for dataset in batch:
                yield from self._dataset(dataset)

    def _dataset(self, dataset: Dataset) -> Iterator[Node]:
        yield from datasets.describe(dataset, self.to, breg=self.breg, with_fields=self.with_fields)
        if self.breg:
            yield from breg.keeping(dataset.database, self.to)
            yield breg.produced(dataset, self.to)
        yield from (things.language("vi"), things.standard(self._profile, PROFILE_TITLES[self._profile_name]))
        yield from things.constants()

    def _head(self, page: Page | None) -> Iterator[Node]:
        catalogue = node(self.to.catalogue, DCAT.Catalog)
        catalogue.add(DCT.title, *things.spoken(TITLE)).add(DCT.description, *things.spoken(DESCRIPTION))
        catalogue.add(DCT.identifier, text(self.to.catalogue)).add(DCT.conformsTo, self._profile)
        catalogue.add(DCT.language, *v.LANGUAGES.values()).add(DCT.spatial, v.COUNTRY)
        catalogue.add(DCAT.themeTaxonomy, v.THEMES).add(FOAF.homepage, URIRef(self.to.catalogue_page))
        publisher = node(f"{self.to.catalogue}#publisher", FOAF.Agent).add(FOAF.name, *things.spoken(PUBLISHER))
        publisher.add(DCT.identifier, text("NDC")).add(DCT.type, v.publisher_type(""))
        catalogue.add(DCT.publisher, publisher.uri)
        if page:
            yield self._view(catalogue, page)
        yield catalogue
        yield publisher
        yield things.concept(v.publisher_type(""), things.NATIONAL)
        yield from (
            things.area(things.WHOLE_COUNTRY, self.to),
            things.themes(),
            things.document(self.to.catalogue_page),
        )
        yield from map(things.language, v.LANGUAGES)

    def _view(self, catalogue: Node, page: Page) -> Node:
        """The page as Hydra has it; its name is the same in every format."""
        catalogue.add(RDF.type, v.HYDRA.Collection).add(v.HYDRA.totalItems, Literal(page.total))
        view = node(self.to.page(page.number, page.size), v.HYDRA.PartialCollectionView)
        for relation, number in neighbours(page).items():
            view.add(v.HYDRA[relation], URIRef(self.to.page(number, page.size)))
        catalogue.add(v.HYDRA.view, view.uri)
        return view

    def _once(self, nodes: Iterable[Node]) -> Iterator[Node]:
        """Describe agencies, laws and values of lists once only, however many datasets refer to them."""
        said, own = set(), self.to.dataset("x")[:-1]
        for one in nodes:
            if RDF.type in one.properties and not one.uri.startswith(own):
                if one.uri in said:
                    continue
                said.add(one.uri)
            yield one

    @property
    def _profile_name(self) -> str:
        return "breg" if self.breg else "dcat-ap"

    @property
    def _profile(self) -> URIRef:
        return v.PROFILES[self._profile_name]


def neighbours(page: Page) -> dict[str, int]:
    """Numbers of the pages that can be gone to from this one."""
    found = {"first": 1, "last": page.last}
    if page.number > 1:
        found["previous"] = page.number - 1
    if page.number < page.last:
        found["next"] = page.number + 1
    return found
