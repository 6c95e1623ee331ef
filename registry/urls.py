"""Addresses of the public catalogue."""

from django.urls import path

from registry import law_views, views

app_name = "registry"

urlpatterns = [
    path("", views.CatalogueView.as_view(), name="catalogue"),
    path("datasets/<slug:code>/", views.DatasetView.as_view(), name="dataset-detail"),
    path("databases/<slug:code>/", views.DatabaseView.as_view(), name="database-detail"),
    path("laws/", law_views.LawListView.as_view(), name="law-list"),
    path("laws/<slug:key>/", law_views.LawView.as_view(), name="law-detail"),
]
