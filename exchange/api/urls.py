"""Addresses of the API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from exchange.api import tokens, views

app_name = "api"

version_1 = [
    path("oauth/token/", tokens.TokenView.as_view(), name="token"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("agreements/", views.AgreementListView.as_view(), name="agreement-list"),
    path("agreements/<uuid:public_id>/", views.AgreementView.as_view(), name="agreement-detail"),
    path("agreements/<uuid:public_id>/lookups/", views.LookupView.as_view(), name="lookup"),
    path("deliveries/", views.DeliveryListView.as_view(), name="delivery-list"),
    path("deliveries/<uuid:public_id>/", views.DeliveryView.as_view(), name="delivery-detail"),
    path("deliveries/<uuid:public_id>/file/", views.DeliveryFileView.as_view(), name="delivery-file"),
    path("deliveries/<uuid:public_id>/manifest/", views.DeliveryManifestView.as_view(), name="delivery-manifest"),
    path("<path:anything>", views.UnknownAddressView.as_view(), name="unknown"),
]

urlpatterns = [path("v1/", include(version_1))]
