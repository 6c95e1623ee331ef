"""Pages of the public catalogue. No login: they describe data and never show any."""

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.generic import DetailView, TemplateView

from registry import browsing, catalogue, completeness, facets, search
from registry.choices import AccessRights
from registry.dcat.negotiation import Negotiated
from registry.forms.catalogue import CatalogueForm
from registry.models import Database, Dataset
from registry.services import history, places, stewards
from registry.views.lists import PER_PAGE


class CatalogueView(Negotiated, TemplateView):
    """The search: words and facets in the address, one page of datasets, and how to go on."""

    template_name = "registry/catalogue.html"

    def get_context_data(self, **kwargs) -> dict:
        form, query = CatalogueForm(self.request.GET), self.request.GET
        found = self._find(form) if form.is_valid() else None
        datasets = catalogue.page_of(found) if found else []
        marker = search.Marker(form.cleaned_data["q"], [one.words for one in found.also]) if found else None
        meant = ""
        if found and found.by_likeness:
            meant = search.suggestion(form.cleaned_data["q"], [dataset.title_vi for dataset in datasets[:3]])
        return super().get_context_data(
            form=form,
            found=found,
            page_obj=self.page if found else None,
            rows=catalogue.rows(datasets, marker),
            facets=facets.build(form, found),
            chosen=facets.chosen(form, query),
            meant=meant,
            **kwargs,
        )

    def _find(self, form: CatalogueForm) -> search.Found:
        wanted = self.request.GET.get("page")
        number = int(wanted) if wanted and wanted.isascii() and wanted.isdecimal() and len(wanted) < 6 else 1
        found = search.find(form.asked(number))
        paginator = Paginator(range(min(found.total, search.LAST_PAGE * search.PAGE_SIZE)), search.PAGE_SIZE)
        self.page = paginator.get_page(wanted)
        if self.page.number != number:  # a page that is not there leads to the nearest one that is
            found = search.find(form.asked(self.page.number))
        return found

    def render_to_response(self, context: dict, **kwargs) -> HttpResponse:
        return super().render_to_response(context, status=200 if context["form"].is_valid() else 400, **kwargs)


class DatasetView(Negotiated, DetailView):
    template_name = "registry/dataset_detail.html"
    context_object_name = "dataset"
    slug_field = slug_url_kwarg = "code"

    def get_queryset(self) -> QuerySet[Dataset]:
        return catalogue.described()

    def get_context_data(self, **kwargs) -> dict:
        dataset = self.object
        legislation = dataset.applicable_legislation
        return super().get_context_data(
            legal_basis=catalogue.cite(dataset.database.legal_basis),
            legislation=catalogue.cite(legislation) if legislation else None,
            terms=catalogue.terms_of(dataset),
            fields=browsing.with_references(dataset),
            area=places.area_name(dataset.spatial),
            related=browsing.related(dataset),
            completeness=completeness.score(completeness.lacking(dataset)),
            is_shared=dataset.access_rights != AccessRights.NON_PUBLIC,
            stewardships=stewards.shown_to(self.request.user, dataset.database, dataset),
            description_changes=history.public_changes(dataset),
            **kwargs,
        )


class DatabaseView(DetailView):
    template_name = "registry/database_detail.html"
    context_object_name = "database"
    slug_field = slug_url_kwarg = "code"

    def get_queryset(self) -> QuerySet[Database]:
        return catalogue.databases()

    def get_context_data(self, **kwargs) -> dict:
        page = Paginator(catalogue.datasets_of(self.object), PER_PAGE).get_page(self.request.GET.get("page"))
        return super().get_context_data(
            legal_basis=catalogue.cite(self.object.legal_basis),
            page_obj=page,
            rows=catalogue.rows(page),
            stewardships=stewards.shown_to(self.request.user, self.object),
            **kwargs,
        )
