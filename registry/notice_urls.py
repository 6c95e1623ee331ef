"""Addresses of a person's notices."""

from django.urls import path

from registry import notice_views as views

app_name = "notices"

urlpatterns = [
    path("", views.NoticeListView.as_view(), name="list"),
    path("read/", views.NoticeReadAllView.as_view(), name="read-all"),
    path("<uuid:public_id>/", views.NoticeOpenView.as_view(), name="open"),
]
