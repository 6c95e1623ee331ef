"""Stable names of what the catalogue describes, for machines."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from registry import addresses  # noqa: F401  registers the parts
from registry.dcat import views
from registry.dcat.negotiation import SUFFIXES


class Suffix(StringConverter):
    regex = "|".join(SUFFIXES)


register_converter(Suffix, "suffix")

app_name = "dcat"

urlpatterns = [
    path("catalogue", views.CatalogueExportView.as_view(), name="catalogue"),
    path("catalogue.<suffix:suffix>", views.CatalogueExportView.as_view(), name="catalogue-as"),
    path("catalogue/context.jsonld", views.ContextView.as_view(), name="context"),
    path("catalogue/datasets/<slug:code>", views.DatasetExportView.as_view(), name="dataset"),
    path("catalogue/datasets/<slug:code>.<suffix:suffix>", views.DatasetExportView.as_view(), name="dataset-as"),
    path("catalogue/databases/<slug:code>", views.DatabaseExportView.as_view(), name="database"),
    path("catalogue/agencies/<agency:code>", views.AgencyExportView.as_view(), name="agency"),
    path("catalogue/laws/<slug:key>", views.LawExportView.as_view(), name="law"),
]
