"""Pages of the public catalogue. No login: they describe data and never show any."""

from django.db.models import QuerySet
from django.views.generic import DetailView

from registry import catalogue, completeness
from registry.choices import AccessRights
from registry.dcat.negotiation import Negotiated
from registry.forms.catalogue import CatalogueForm
from registry.models import Database, Dataset
from registry.services import history
from registry.views.lists import FormListView


class CatalogueView(Negotiated, FormListView):
    template_name = "registry/catalogue.html"
    context_object_name = "datasets"
    form_class = CatalogueForm

    def get_queryset(self) -> QuerySet[Dataset]:
        if not self.form.is_valid():
            return Dataset.objects.none()
        return catalogue.listing(**self.form.cleaned_data)

    def get_context_data(self, **kwargs) -> dict:
        context = super().get_context_data(**kwargs)
        context["rows"] = [(dataset, catalogue.offered_modes(dataset)) for dataset in context["datasets"]]
        return context


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
            completeness=completeness.score(completeness.lacking(dataset)),
            is_shared=dataset.access_rights != AccessRights.NON_PUBLIC,
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
        datasets = catalogue.datasets_of(self.object)
        return super().get_context_data(
            legal_basis=catalogue.cite(self.object.legal_basis),
            rows=[(dataset, catalogue.offered_modes(dataset)) for dataset in datasets],
            **kwargs,
        )
