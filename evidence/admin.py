"""The auditor's view of the ledger: read only."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from evidence.models import Entry


class EstimatedPaginator(Paginator):
    """Counts an unfiltered ledger by the planner's estimate: a COUNT over millions of entries takes longer than the page."""

    @cached_property
    def count(self):
        if self.object_list.query.where:
            return super().count
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                [self.object_list.model._meta.db_table],
            )
            estimate = cursor.fetchone()[0]
        # A small table is counted exactly, and one that was never analysed has no estimate (-1).
        return estimate if estimate > 100_000 else super().count


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    fields = [
        "sequence",
        "at",
        "actor",
        "agency",
        "action",
        "outcome",
        "subject_type",
        "subject_id",
        "correlation_id",
        "details",
        "leaf_hash_hex",
    ]
    readonly_fields = fields
    list_display = ["sequence", "at", "actor", "agency", "action", "outcome", "subject_type", "subject_id"]
    list_filter = ["outcome"]
    list_select_related = False
    search_fields = ["=subject_id", "=correlation_id", "=actor"]
    autocomplete_fields = []
    paginator = EstimatedPaginator
    show_full_result_count = False

    @admin.display(description=_("leaf hash"))
    def leaf_hash_hex(self, entry):
        return bytes(entry.leaf_hash).hex()

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
