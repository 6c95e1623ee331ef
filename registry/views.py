"""Pages of the public catalogue. No login: they describe data and never show any."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.functional import cached_property
from django.views.generic import DetailView, ListView

from registry import catalogue
from registry.choices import AccessRights
from registry.forms import CatalogueForm
from registry.models import Database, Dataset


class CatalogueView(ListView):
    template_name = "registry/catalogue.html"
    context_object_name = "datasets"
    paginate_by = 20

    @cached_property
    def form(self) -> CatalogueForm:
        return CatalogueForm(self.request.GET)

    def get_queryset(self) -> QuerySet[Dataset]:
        if not self.form.is_valid():
            return Dataset.objects.none()
        return catalogue.listing(**self.form.cleaned_data)

    def paginate_queryset(self, queryset, page_size):
        # A page that is not there (an old link, a mistyped number) leads to the nearest one that is.
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get(self.page_kwarg))
        return paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(form=self.form, **kwargs)
        context["rows"] = [(dataset, catalogue.offered_modes(dataset)) for dataset in context["datasets"]]
        return context

    def render_to_response(self, context: dict, **kwargs) -> HttpResponse:
        return super().render_to_response(context, status=200 if self.form.is_valid() else 400, **kwargs)


class DatasetView(DetailView):
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
            is_shared=dataset.access_rights != AccessRights.NON_PUBLIC,
            **kwargs,
        )


class DatabaseView(DetailView):
    template_name = "registry/database_detail.html"
    context_object_name = "database"
    slug_field = slug_url_kwarg = "code"

    def get_queryset(self) -> QuerySet[Database]:
        return catalogue.databases()

    def get_context_data(self, **kwargs) -> dict:
        datasets = catalogue.datasets_of(self.object)
        return super().get_context_data(
            legal_basis=catalogue.cite(self.object.legal_basis),
            rows=[(dataset, catalogue.offered_modes(dataset)) for dataset in datasets],
            **kwargs,
        )
