"""The catalogue for machines. No login: it describes data and never shows any."""

import hashlib
from collections.abc import Iterator
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.functional import cached_property
from django.views import View

from registry.dcat import negotiation, things
from registry.dcat.addresses import Addresses, portal_address
from registry.dcat.export import Export, Format, Page, neighbours, published
from registry.dcat.forms import ExportForm
from registry.dcat.nodes import Node
from registry.dcat.vocabulary import context
from registry.models import Agency, Dataset, LegalInstrument, SharingPolicy

MINUTES_KEPT = 5


class ExportView(View):
    """One thing of the catalogue: as linked data where its suffix or Accept says so, else the page about it."""

    http_method_names = ["get", "head", "options"]
    has_suffixes = False  # whether each format has an address of its own

    def get(self, request: HttpRequest, suffix: str = "", **names) -> HttpResponse:
        if not self.form.is_valid():
            return JsonResponse({"code": "invalid", "fields": self.form.errors}, status=400)
        chosen = negotiation.SUFFIXES[suffix] if suffix else negotiation.preferred(request)
        if chosen is None:
            return negotiation.not_acceptable(self.address(**names) if self.has_suffixes else "")
        if not isinstance(chosen, Format):
            return negotiation.see(self.page_about(**names))
        return self._send(chosen, names)

    def _send(self, chosen: Format, names: dict) -> HttpResponse:
        body = "".join(chosen.write(self.nodes(**names))).encode()
        response = HttpResponse(body, content_type=f"{chosen.media_type}; charset=utf-8")
        response["ETag"] = etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
        links = self.links(chosen)
        if self.has_suffixes:
            address = self.address(**names)
            response["Content-Location"] = f"{address}.{chosen.suffix}{self._query()}"
            links += negotiation.alternates(address)
        if links:
            response["Link"] = ", ".join(links)
        patch_vary_headers(response, ["Accept"])
        patch_cache_control(response, public=True, max_age=60 * MINUTES_KEPT)
        return get_conditional_response(self.request, etag=etag, response=response)

    @cached_property
    def form(self) -> ExportForm:
        return ExportForm(self.request.GET)

    @cached_property
    def to(self) -> Addresses:
        return Addresses(portal_address(self.request))

    @cached_property
    def export(self) -> Export:
        return Export(self.to, breg=self.form.cleaned_data["profile"] == "breg", with_fields=self.with_fields)

    with_fields = False

    def _query(self, **changes) -> str:
        asked = {name: value for name, value in self.request.GET.items() if name in self.form.fields} | changes
        return f"?{urlencode(asked)}" if asked else ""

    def links(self, chosen: Format) -> list[str]:
        return []

    def address(self, **names) -> str:
        """The name of the thing, without a suffix."""
        raise NotImplementedError

    def page_about(self, **names) -> str:
        raise NotImplementedError

    def nodes(self, **names) -> Iterator[Node]:
        raise NotImplementedError


class CatalogueExportView(ExportView):
    """The catalogue, in pages."""

    has_suffixes = True

    def address(self) -> str:
        return self.to.catalogue

    def page_about(self) -> str:
        return reverse("registry:catalogue")

    @cached_property
    def part(self) -> Page:
        asked = self.form.cleaned_data
        part = Page(asked["page"], asked["size"], Dataset.objects.published().count())
        if part.number > part.last:
            raise Http404
        return part

    def nodes(self) -> Iterator[Node]:
        start = (self.part.number - 1) * self.part.size
        return self.export.page(published()[start : start + self.part.size], self.part)

    def links(self, chosen: Format) -> list[str]:
        address = f"{self.to.catalogue}.{chosen.suffix}"
        return [
            f'<{address}{self._query(page=number)}>; rel="{relation}"'
            for relation, number in neighbours(self.part).items()
        ]


class DatasetExportView(ExportView):
    """A dataset with its fields."""

    has_suffixes = with_fields = True

    def address(self, code: str) -> str:
        return self.to.dataset(code)

    def page_about(self, code: str) -> str:
        return reverse("registry:dataset-detail", args=[code])

    def nodes(self, code: str) -> Iterator[Node]:
        return self.export.one(get_object_or_404(published(with_fields=True), code=code))


class DatabaseExportView(ExportView):
    """A database as the public service of keeping it."""

    def page_about(self, code: str) -> str:
        return reverse("registry:database-detail", args=[code])

    def nodes(self, code: str) -> Iterator[Node]:
        found = published().filter(database__code=code)
        if not found:
            raise Http404
        return self.export.database(found[0].database, found.values_list("code", flat=True))


class AgencyExportView(ExportView):
    """An agency that holds or may ask for something published."""

    def page_about(self, code: str) -> str:
        return reverse("registry:agency-detail", args=[code])

    def nodes(self, code: str) -> Iterator[Node]:
        public = Dataset.objects.published()
        named = SharingPolicy.objects.in_force().filter(dataset__in=public)
        known = Agency.objects.filter(
            Exists(public.filter(database__owner=OuterRef("pk"))) | Exists(named.filter(recipients=OuterRef("pk")))
        )
        return things.agency(get_object_or_404(known, code=code), self.to, breg=self.export.breg)


class LawExportView(ExportView):
    """A legal instrument."""

    def page_about(self, key: str) -> str:
        return reverse("registry:law-detail", args=[key])

    def nodes(self, key: str) -> Iterator[Node]:
        return things.law(get_object_or_404(LegalInstrument.objects.with_successor(), number_key=key), self.to)


class ContextView(View):
    """The JSON-LD context that the documents carry, at an address of its own."""

    def get(self, request: HttpRequest) -> HttpResponse:
        response = JsonResponse({"@context": context()}, content_type="application/ld+json")
        patch_cache_control(response, public=True, max_age=86_400)
        return response
