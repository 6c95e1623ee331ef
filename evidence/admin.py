"""The auditor's view of the ledger: read only."""

from django.contrib import admin

from evidence.models import Entry


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    list_display = ["sequence", "at", "actor", "agency", "action", "outcome", "subject_type", "subject_id"]
    list_filter = ["outcome"]
    search_fields = ["=subject_id", "=correlation_id", "=actor"]
    show_full_result_count = False
    readonly_fields = [field.name for field in Entry._meta.fields]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
