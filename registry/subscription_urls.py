"""Addresses of what a person follows."""

from django.urls import path

from registry.views import subscriptions

app_name = "subscriptions"

urlpatterns = [
    path("", subscriptions.SubscriptionListView.as_view(), name="list"),
    path("to/<slug:kind>/", subscriptions.SubscribeView.as_view(), name="subscribe"),
    path("<uuid:public_id>/end/", subscriptions.UnsubscribeView.as_view(), name="unsubscribe"),
]
