"""Searches that people keep, for auditors."""

from django.contrib import admin

from exchange.models import SavedSearch
from registry.admin.base import ReadOnlyAdmin


@admin.register(SavedSearch)
class SavedSearchAdmin(ReadOnlyAdmin):
    list_display = ["name", "page", "user", "query", "created_at"]
    list_filter = ["page"]
    list_select_related = ["user"]
    search_fields = ["name"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in SavedSearch._meta.fields]
