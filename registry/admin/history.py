"""The whole history of the registry, for auditors and operators; a row's own history is a page of that row."""

from django.contrib import admin

from registry.admin.base import ReadOnlyAdmin
from registry.models import RegistryChange


@admin.register(RegistryChange)
class RegistryChangeAdmin(ReadOnlyAdmin):
    fields = ["changed_at", "table_name", "row_id", "operation", "actor", "reason", "database_role", "values"]
    list_display = ["changed_at", "table_name", "row_id", "operation", "actor", "reason", "database_role"]
    list_filter = ["operation"]
    list_select_related = False
    search_fields = ["=actor", "=table_name"]
    autocomplete_fields = []
    readonly_fields = fields
