"""The stable addresses of what the export describes. They begin with the portal's own address, whoever asks and how."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


def portal_address(request: HttpRequest | None = None) -> str:
    """PORTAL_URL; on a developer's machine without it the address in the browser.

    A request's Host header is its sender's own word: outside DEBUG it never gets into an address.
    """
    if settings.PORTAL_URL:
        return settings.PORTAL_URL.rstrip("/")
    if not settings.DEBUG:
        raise ImproperlyConfigured("PORTAL_URL is needed: the addresses of the catalogue begin with it.")
    return request.build_absolute_uri("/").rstrip("/") if request else "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Addresses:
    """Where each thing has its name. A thing's name has no slash at the end; the page about it has one."""

    base: str

    @property
    def catalogue(self) -> str:
        return self.base + reverse("dcat:catalogue")

    def dataset(self, code: str) -> str:
        return self.base + reverse("dcat:dataset", args=[code])

    def database(self, code: str) -> str:
        return self.base + reverse("dcat:database", args=[code])

    def agency(self, code: str) -> str:
        return self.base + reverse("dcat:agency", args=[code])

    def law(self, key: str) -> str:
        return self.base + reverse("dcat:law", args=[key])

    def province(self, code: str) -> str:
        return f"{self.catalogue}#area-{quote(code, safe='')}"

    def term(self, table: str, code: str) -> str:
        """A value of one of the portal's own closed lists."""
        return f"{self.catalogue}#{table}-{quote(code, safe='')}"

    @property
    def catalogue_page(self) -> str:
        return self.base + reverse("registry:catalogue")

    def dataset_page(self, code: str) -> str:
        return self.base + reverse("registry:dataset-detail", args=[code])

    def asking_page(self, code: str) -> str:
        """Where a reader learns how to ask for the data, and begins to."""
        return f"{self.dataset_page(code)}#ask"

    @property
    def api_description(self) -> str | None:
        try:
            return self.base + reverse("api:schema")
        except NoReverseMatch:  # a portal without the exchange
            return None

    def page(self, number: int, size: int) -> str:
        """One part of a catalogue in parts, whatever its format."""
        return f"{self.catalogue}?{urlencode({'page': number, 'size': size})}"
