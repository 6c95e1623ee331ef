"""What BRegDCAT-AP adds: keeping a database is a public service of its owner, and produces its datasets."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _
from rdflib import URIRef

from registry.dcat import things
from registry.dcat import vocabulary as v
from registry.dcat.addresses import Addresses
from registry.dcat.nodes import Node, both, node, text
from registry.models import Database, Dataset

DCT = v.DCT
KEEPING = _("Keeping this database, and giving of it what the law allows.")


def keeping(database: Database, to: Addresses) -> Iterator[Node]:
    """The service itself; which datasets it produces is said with each of them."""
    service = node(to.database(database.code), v.CPSV.PublicService)
    service.add(DCT.title, *both(database.name_vi, database.name_en)).add(DCT.identifier, text(database.code))
    words = text(database.description, "vi")
    service.add(DCT.description, *((words,) if words else things.spoken(KEEPING)))
    service.add(v.CV.hasCompetentAuthority, URIRef(to.agency(database.owner.code)))
    service.add(v.CV.hasLegalResource, URIRef(to.law(database.legal_basis.number_key)))
    yield service.add(DCT.spatial, v.COUNTRY)


def produced(dataset: Dataset, to: Addresses) -> Node:
    return node(to.database(dataset.database.code)).add(v.CPSV.produces, URIRef(to.dataset(dataset.code)))
