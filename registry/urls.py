"""Addresses of the public catalogue."""

from django.urls import path

from registry import addresses  # noqa: F401  registers the parts
from registry.views import agencies, browsing, catalogue, laws, stewardship

app_name = "registry"

urlpatterns = [
    path("", catalogue.CatalogueView.as_view(), name="catalogue"),
    path("datasets/<slug:code>/", catalogue.DatasetView.as_view(), name="dataset-detail"),
    path("datasets/<slug:code>/fields/<column:name>/", browsing.FieldView.as_view(), name="field-detail"),
    path("fields/", browsing.FieldListView.as_view(), name="field-list"),
    path("themes/", browsing.ThemeListView.as_view(), name="theme-list"),
    path("databases/", browsing.DatabaseListView.as_view(), name="database-list"),
    path("databases/<slug:code>/", catalogue.DatabaseView.as_view(), name="database-detail"),
    path("agencies/", agencies.AgencyListView.as_view(), name="agency-list"),
    path("agencies/<agency:code>/", agencies.AgencyView.as_view(), name="agency-detail"),
    path("stewardship/", stewardship.StewardshipView.as_view(), name="stewardship"),
    path("provinces/", agencies.ProvinceListView.as_view(), name="province-list"),
    path("laws/", laws.LawListView.as_view(), name="law-list"),
    path("laws/<slug:key>/", laws.LawView.as_view(), name="law-detail"),
]
