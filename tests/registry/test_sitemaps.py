"""What search engines are told: the published catalogue, at the portal's own address, and nothing else."""

import re

import pytest

from registry import sitemaps
from tests.factories import AgencyFactory, DatasetFactory

pytestmark = pytest.mark.django_db
BASE = "https://portal.example.vn"


@pytest.fixture(autouse=True)
def at_its_address(settings):
    settings.PORTAL_URL = BASE


def listed(client, section: str) -> list[str]:
    return re.findall(r"<loc>([^<]+)", client.get(f"/sitemap-{section}.xml").text)


def test_published_datasets_are_listed_at_the_portals_own_address(client):
    shown, hidden = DatasetFactory(), DatasetFactory(unpublished=True)
    assert listed(client, "datasets") == [f"{BASE}{shown.get_absolute_url()}"]
    assert hidden.code not in client.get("/sitemap-databases.xml").text
    for section in sitemaps.SITEMAPS:
        assert all(client.get(address.removeprefix(BASE)).status_code == 200 for address in listed(client, section))


def test_the_index_leads_to_parts_of_a_bounded_size(client, monkeypatch):
    monkeypatch.setattr(sitemaps.Datasets, "limit", 2)
    for _number in range(5):
        DatasetFactory()
    parts = [
        one for one in re.findall(r"<loc>[^<]*?(/sitemap-[^<]+)", client.get("/sitemap.xml").text) if "datasets" in one
    ]
    assert len(parts) == 3
    assert sum(client.get(part).text.count("<loc>") for part in parts) == 5
    assert client.get("/sitemap-datasets.xml?p=9").status_code == 404


def test_robots_may_read_the_catalogue_and_no_search(client):
    text = client.get("/robots.txt").text
    assert f"Sitemap: {BASE}/sitemap.xml" in text
    assert text.index("Allow: /catalogue/") < text.index("Disallow: /\n")


@pytest.mark.parametrize("section", list(sitemaps.SITEMAPS))
def test_a_part_asks_as_much_for_20_as_for_2(client, django_assert_max_num_queries, section):
    for _number in range(20):
        AgencyFactory()
        DatasetFactory()
    with django_assert_max_num_queries(3):
        assert client.get(f"/sitemap-{section}.xml").status_code == 200


@pytest.mark.parametrize("code", ["a%00b", "%ED%A0%80", "a" * 300, "%F0%9F%92%A9"])
def test_odd_codes_of_agencies_are_not_found(client, code):
    assert client.get(f"/catalogue/agencies/{code}/").status_code == 404
    assert client.get(f"/catalogue/agencies/{code}").status_code == 404
