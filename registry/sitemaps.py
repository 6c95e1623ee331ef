"""What search engines may read: the pages of the public catalogue, in parts of a bounded size."""

from django.contrib.sitemaps import Sitemap
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from registry import browsing
from registry.dcat.addresses import portal_address
from registry.models import Agency, Dataset, LegalInstrument

PAGES_IN_A_PART = 5_000


class _Pages(Sitemap):
    limit = PAGES_IN_A_PART

    def get_urls(self, page=1, site=None, protocol=None):
        """As in Django, but each address begins with the portal's own, whatever Host was sent."""
        found = super().get_urls(page, _Nowhere, protocol)
        return [{**one, "location": portal_address() + self.location(one["item"])} for one in found]


class _Nowhere:
    domain = "nowhere"


class Datasets(_Pages):
    def items(self):
        return Dataset.objects.published().only("code", "modified_at").order_by("pk")

    def location(self, dataset):
        return reverse("registry:dataset-detail", args=[dataset.code])

    def lastmod(self, dataset):
        return dataset.modified_at


class Databases(_Pages):
    def items(self):
        return browsing.databases().order_by("pk")

    def location(self, database):
        return reverse("registry:database-detail", args=[database.code])


class Agencies(_Pages):
    def items(self):
        return Agency.objects.current().only("code").order_by("pk")

    def location(self, agency):
        return reverse("registry:agency-detail", args=[agency.code])


class Laws(_Pages):
    def items(self):
        return LegalInstrument.objects.only("number_key").order_by("pk")

    def location(self, law):
        return reverse("registry:law-detail", args=[law.number_key])


SITEMAPS = {"datasets": Datasets, "databases": Databases, "agencies": Agencies, "laws": Laws}


def robots(request: HttpRequest) -> HttpResponse:
    """The catalogue is for everybody; its searches have no end, and everything else is work."""
    lines = [
        "User-agent: *",
        "Allow: /catalogue/",
        "Disallow: /catalogue/?",
        "Disallow: /",
        f"Sitemap: {portal_address(request)}{reverse('sitemap')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
