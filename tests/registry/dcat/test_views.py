"""The export over HTTP: stable addresses, the format that the reader likes best, pages, and no needless repetition."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, RDF

from registry.dcat.addresses import portal_address
from registry.dcat.export import FORMATS
from registry.dcat.vocabulary import HYDRA
from tests.factories import AgencyFactory, DatasetFactory, SharingPolicyFactory
from tests.registry.dcat.conftest import BASE

pytestmark = pytest.mark.django_db
CATALOGUE, DATASET = "/catalogue", "/catalogue/datasets/dan-cu-cong-dan"


def read(client: Client, url: str, accept: str | None = None, **headers):
    return client.get(url, headers={**({"accept": accept} if accept is not None else {}), **headers})


def graph_of(response) -> Graph:
    assert response.status_code == 200
    return Graph().parse(data=response.content, format=response["Content-Type"].partition(";")[0])


@pytest.mark.parametrize("url", [CATALOGUE, DATASET])
@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        ("text/turtle", "text/turtle"),
        ("application/ld+json", "application/ld+json"),
        ("application/rdf+xml", "application/rdf+xml"),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', "application/ld+json"),
        ("Text/Turtle ; charset=utf-8", "text/turtle"),
        ("text/turtle;q=0.5, application/rdf+xml;q=0.9, text/html;q=0.1", "application/rdf+xml"),
        ("application/json", "application/ld+json"),
        ("application/xml", "application/rdf+xml"),
        ("text/xml;q=0.9, application/pdf", "application/rdf+xml"),
        ("text/html;q=0.4, application/*;q=0.5", "application/ld+json"),
        ("text/html;q=0, text/turtle;q=0, */*", "application/ld+json"),
        ("application/*, application/ld+json;q=0.2", "application/rdf+xml"),
    ],
)
def test_reader_gets_the_format_liked_best(client, dataset, url, accept, sent):
    response = read(client, url, accept)

    assert response.status_code == 200
    assert response["Content-Type"] == f"{sent}; charset=utf-8"
    assert "Accept" in response["Vary"]
    assert len(graph_of(response)) > 20


@pytest.mark.parametrize(
    "accept", [None, "", "*/*", "text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"]
)
def test_browser_is_sent_to_the_page(client, dataset, accept):
    for url in (CATALOGUE, DATASET):
        response = read(client, url, accept)
        assert (response.status_code, response["Location"]) == (303, f"{url}/")
        assert "Accept" in response["Vary"]
        assert read(client, f"{url}/", accept).status_code == 200


@pytest.mark.parametrize(("suffix", "sent"), [("json", "application/ld+json"), ("xml", "application/rdf+xml")])
def test_general_suffixes_stand_for_the_linked_data(client, dataset, suffix, sent):
    for url in (CATALOGUE, DATASET):
        response = client.get(f"{url}.{suffix}")
        assert (response.status_code, response["Content-Type"]) == (200, f"{sent}; charset=utf-8")


@pytest.mark.parametrize("accept", ["application/pdf", "text/turtle;q=0", "image/*, text/plain"])
def test_what_is_not_offered_is_answered_with_what_is(client, dataset, accept):
    for url in (CATALOGUE, DATASET):
        response = read(client, url, accept)
        assert response.status_code == 406
        for one in FORMATS:
            assert one.media_type in response.text
            assert f"<{BASE}{url}.{one.suffix}>" in response["Link"]
        assert "Accept" in response["Vary"]


def test_page_leads_to_the_name_of_the_thing_for_linked_data(client, dataset):
    response = read(client, f"{DATASET}/", "text/turtle")
    assert (response.status_code, response["Location"]) == (303, DATASET)

    page = read(client, f"{DATASET}/", "text/html")
    assert "Accept" in page["Vary"]
    for one in FORMATS:
        assert f'<link rel="alternate" type="{one.media_type}"' in page.text
        assert f'href="{DATASET}.{one.suffix}"' in page.text


def test_suffixes_beat_accept_and_say_the_same(client, dataset, others):
    for url in (CATALOGUE, DATASET):
        turtle, *rest = (
            graph_of(read(client, f"{url}.{suffix}", "text/html")) for suffix in ("ttl", "jsonld", "rdf", "xml")
        )
        assert all(isomorphic(turtle, other) for other in rest)


@pytest.mark.parametrize("host", ["evil.example", "testserver"])
def test_names_do_not_follow_the_host_header(client, dataset, settings, host):
    settings.ALLOWED_HOSTS = ["*"]
    for url in (CATALOGUE, DATASET):
        for suffix in ("ttl", "jsonld", "rdf"):
            response = client.get(f"{url}.{suffix}", headers={"host": host, "x-forwarded-host": "evil.example"})
            said = response.text + str(response.headers)
            assert "evil.example" not in said
            assert "testserver" not in said
            assert f"{BASE}/catalogue" in said


def test_names_follow_the_host_on_a_developers_machine_only(settings, rf):
    settings.PORTAL_URL = ""
    settings.DEBUG = True
    assert portal_address(rf.get("/")) == "http://testserver"
    settings.DEBUG = False
    with pytest.raises(Exception, match="PORTAL_URL"):
        portal_address(rf.get("/"))


def test_pages_lead_through_the_whole_catalogue(client):
    for number in range(5):
        DatasetFactory(code=f"d-{number}")
    catalogue, seen, url = URIRef(f"{BASE}/catalogue"), [], "/catalogue.ttl?size=2"
    while url:
        response = client.get(url)
        graph = graph_of(response)
        seen += sorted(str(one).rpartition("/")[2] for one in graph.objects(catalogue, DCAT.dataset))
        view = graph.value(catalogue, HYDRA.view)
        assert int(graph.value(catalogue, HYDRA.totalItems)) == 5
        assert (view, RDF.type, HYDRA.PartialCollectionView) in graph
        onward = [part for part in response["Link"].split(", ") if 'rel="next"' in part]
        assert bool(onward) == (graph.value(view, HYDRA.next) is not None)
        url = onward[0].partition(">")[0].removeprefix(f"<{BASE}") if onward else None
        assert url is None or url.startswith("/catalogue.ttl?")
    assert seen == [f"d-{number}" for number in range(5)]


@pytest.mark.parametrize("query", ["size=501", "size=0", "page=0", "page=x", "profile=other", "page=9999999999"])
def test_wrong_questions_are_refused(client, dataset, query):
    assert client.get(f"/catalogue.ttl?{query}").status_code == 400


def test_page_after_the_last_is_not_there(client, dataset):
    assert client.get("/catalogue.ttl?page=2").status_code == 404


def test_empty_catalogue_is_a_catalogue(client, db):
    graph = graph_of(client.get("/catalogue.ttl"))
    assert (URIRef(f"{BASE}/catalogue"), RDF.type, DCAT.Catalog) in graph


@pytest.mark.parametrize("url", ["/catalogue.ttl", f"{DATASET}.jsonld"])
def test_unchanged_document_is_not_sent_again(client, dataset, url):
    first = client.get(url)
    again = client.get(url, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]

    SharingPolicyFactory(dataset=dataset, title="Mới")
    changed = client.get(url, headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_each_format_and_profile_has_its_own_tag(client, dataset):
    urls = ["/catalogue.ttl", "/catalogue.jsonld", "/catalogue.rdf", "/catalogue.ttl?profile=breg"]
    assert len({client.get(url)["ETag"] for url in urls}) == len(urls)


def test_unpublished_dataset_looks_like_none(client, db):
    hidden = DatasetFactory(unpublished=True)
    for end in ("", ".ttl"):
        response = read(client, f"/catalogue/datasets/{hidden.code}{end}", "text/turtle")
        assert response.status_code == 404
        assert read(client, f"/catalogue/datasets/nothing{end}", "text/turtle").status_code == 404


def test_names_of_agencies_laws_and_databases_lead_somewhere(client, dataset):
    DatasetFactory(unpublished=True, database__code="hidden", database__owner=AgencyFactory(code="HIDDEN"))
    graph = graph_of(client.get("/catalogue.ttl?profile=breg"))
    names = {one for one in graph.subjects() if str(one).startswith(f"{BASE}/catalogue/") and str(one)[-1] != "/"}
    names = {one for one in names if "#" not in str(one)}
    assert len(names) >= 6
    for name in names:
        path = str(name).removeprefix(BASE)
        assert (name, None, None) in graph_of(read(client, path, "text/turtle"))
        assert read(client, path, "text/html", follow=True).status_code == 303
    for path in ("agencies/HIDDEN", "databases/hidden", "laws/1-2-3"):
        assert read(client, f"/catalogue/{path}", "text/turtle").status_code == 404


def test_context_has_an_address_and_documents_carry_it(client, dataset):
    served = client.get("/catalogue/context.jsonld")
    assert served["Content-Type"] == "application/ld+json"
    assert json.loads(client.get(f"{DATASET}.jsonld").content)["@context"] == served.json()["@context"]


def test_queries_are_constant_on_a_page(client, dataset):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/catalogue.ttl").status_code == 200
        return len(queries)

    few = count()
    for _number in range(20):
        SharingPolicyFactory(recipients=[AgencyFactory()], any_agency=False)
    assert count() == few <= 6
