"""Addresses of a person's notices."""

from django.urls import path

from registry.views import notices

app_name = "notices"

urlpatterns = [
    path("", notices.NoticeListView.as_view(), name="list"),
    path("read/", notices.NoticeReadAllView.as_view(), name="read-all"),
    path("settings/", notices.NoticeSettingsView.as_view(), name="settings"),
    path("<uuid:public_id>/", notices.NoticeOpenView.as_view(), name="open"),
]
