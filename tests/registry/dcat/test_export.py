"""The catalogue as linked data: the official shapes find no fault, and no secret is in it."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rdflib import Graph, Literal, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, DCTERMS

from registry.choices import AccessRights, Lifecycle, Theme
from registry.dcat import vocabulary as v
from registry.dcat.addresses import Addresses
from registry.dcat.export import FORMATS, Export
from registry.models import Dataset
from tests.factories import (
    AgencyFactory,
    ConnectionFactory,
    DatasetFactory,
    SharingPolicyFactory,
)
from tests.registry.dcat import shapes
from tests.registry.dcat.conftest import BASE, NASTY

pytestmark = pytest.mark.django_db
DATASET = URIRef(f"{BASE}/catalogue/datasets/dan-cu-cong-dan")


def graph_of(written: str, format: str) -> Graph:
    return Graph().parse(data=written, format=format)


def exported(format="turtle", **options) -> str:
    chosen = next(one for one in FORMATS if one.name == format)
    return "".join(chosen.write(Export(Addresses(BASE), **options).whole()))


@pytest.mark.parametrize("with_fields", [False, True])
@pytest.mark.parametrize("profile", ["dcat-ap", "breg"])
def test_official_shapes_find_no_violation(dataset, others, profile, with_fields):
    graph = graph_of(exported(breg=profile == "breg", with_fields=with_fields), "turtle")

    assert shapes.violations(graph, "dcat-ap") == []
    if profile == "breg":
        assert shapes.violations(graph, "breg") == []


def test_descriptions_of_dataset_and_database_are_never_mixed(dataset):
    def described() -> set:
        return set(graph_of(exported(), "turtle").objects(DATASET, DCTERMS.description))

    dataset.database.description = "Của cả cơ sở dữ liệu"
    dataset.database.save()
    for vietnamese, english, expected in (
        ("Hồ sơ", "Records", {Literal("Hồ sơ", "vi"), Literal("Records", "en")}),
        ("", "Records", {Literal("Records", "en")}),
        ("", "", {Literal("Của cả cơ sở dữ liệu", "vi")}),
    ):
        Dataset.objects.filter(pk=dataset.pk).update(description=vietnamese, description_en=english)
        assert described() == expected


def test_shapes_see_what_is_wrong(dataset):
    graph = graph_of(exported(breg=True), "turtle")
    graph.remove((DATASET, DCTERMS.title, None))
    graph.remove((None, v.RDF.type, DCTERMS.RightsStatement))

    assert ("Violation", str(DATASET), str(DCTERMS.title)) in shapes.violations(graph, "dcat-ap")
    assert ("Violation", str(DATASET), str(DCTERMS.accessRights)) in shapes.violations(graph, "breg")


def test_dataset_with_everything_lacks_nothing_that_is_recommended(dataset):
    found = shapes.results(graph_of(exported(), "turtle"), "recommended")

    # Boxes and points of areas are not known here; a look-up has no format of a file.
    assert [one for one in found if one[1].startswith(DATASET) and not one[1].endswith("#lookup")] == []


@pytest.mark.parametrize("options", [{}, {"breg": True}, {"with_fields": True}])
def test_serialisations_are_isomorphic(dataset, others, options):
    turtle, *rest = (graph_of(exported(one.name, **options), one.name) for one in FORMATS)

    assert len(turtle) > 100
    for graph in rest:
        assert isomorphic(turtle, graph)


def test_text_survives_in_every_format(dataset):
    for one in FORMATS:
        graph = graph_of(exported(one.name), one.name)
        assert str(graph.value(DATASET, DCTERMS.description)) == NASTY.replace("\x0b", "").replace("\x1f", "")


def test_restricted_dataset_says_why_under_which_law_and_where_to_ask(dataset):
    graph = graph_of(exported(), "turtle")

    assert graph.value(DATASET, DCTERMS.accessRights) == v.authority("access-right", "RESTRICTED")
    reasons = {str(reason) for reason in graph.objects(URIRef(f"{DATASET}#rights"), v.RDFS.label)}
    assert any("sensitive personal data" in reason and "278/2025/NĐ-CP" in reason for reason in reasons)
    assert set(graph.objects(DATASET, v.DCATAP.applicableLegislation)) == {
        URIRef(f"{BASE}/catalogue/laws/47-2019-ndcp"),
        URIRef(f"{BASE}/catalogue/laws/278-2025-ndcp"),
    }
    ask = URIRef(f"{DATASET}/#ask")
    assert set(graph.objects(None, DCAT.accessURL)) == {ask} == set(graph.objects(None, DCAT.endpointURL))
    assert graph.value(DATASET, v.DPV.hasPersonalData) == v.DPV.SensitivePersonalData


def test_dataset_that_is_not_shared_is_described_without_an_offer():
    shared = SharingPolicyFactory(dataset__access_rights=AccessRights.NON_PUBLIC).dataset
    graph = graph_of(exported(), "turtle")

    assert (URIRef(f"{BASE}/catalogue/datasets/{shared.code}"), v.RDF.type, DCAT.Dataset) in graph
    assert not list(graph.objects(None, DCAT.distribution)) + list(graph.objects(None, v.ODRL.hasPolicy))


def test_only_policies_in_force_make_offers(dataset):
    SharingPolicyFactory(dataset=dataset, lapsed=True, title="Hết hạn")

    assert "Hết hạn" not in exported()


HIDDEN = "canary"


def test_nothing_of_the_source_or_of_accounts_is_in_it(dataset):
    dataset.table_name, dataset.schema_name = f"{HIDDEN}_table", f"{HIDDEN}_schema"
    dataset.save()
    ConnectionFactory(
        database=dataset.database,
        engine="postgresql",
        host=f"{HIDDEN}.example.vn",
        port=54329,
        name=f"{HIDDEN}_database",
        username=f"{HIDDEN}_account",
        credential=f"{HIDDEN}_credential",
    )
    SharingPolicyFactory(
        dataset=dataset, standing=True, decided_by__username=f"{HIDDEN}_user", decided_by__full_name=f"{HIDDEN} person"
    )
    for one in FORMATS:
        written = exported(one.name, breg=True, with_fields=True)
        assert HIDDEN not in written
        assert "54329" not in written


@pytest.mark.parametrize(
    "unseen",
    [
        {"unpublished": True},
        {"database__lifecycle": Lifecycle.DRAFT},
        {"database__lifecycle": Lifecycle.RETIRED},
        {"removed_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_is_not_published_never_appears(dataset, unseen):
    DatasetFactory(code=HIDDEN, title_vi=HIDDEN, database__name_vi=HIDDEN, database__code=f"{HIDDEN}-db", **unseen)
    for one in FORMATS:
        assert HIDDEN not in exported(one.name, breg=True, with_fields=True)


def test_queries_do_not_grow_with_the_catalogue(dataset):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            exported(breg=True, with_fields=True)
        return len(queries)

    few = count()
    for _number in range(20):
        SharingPolicyFactory(recipients=[AgencyFactory()], any_agency=False, dataset__themes=[Theme.HEALTH])
    assert count() == few


def test_command_writes_a_whole_file(dataset, tmp_path, capsys):
    call_command("export_catalogue", format="json-ld", profile="breg", output=tmp_path / "catalogue.jsonld")
    call_command("export_catalogue")

    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.jsonld"]
    graph = graph_of((tmp_path / "catalogue.jsonld").read_text("utf-8"), "json-ld")
    assert (DATASET, v.RDF.type, DCAT.Dataset) in graph
    assert isomorphic(graph_of(capsys.readouterr().out, "turtle"), graph_of(exported(), "turtle"))
