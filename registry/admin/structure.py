"""What was read of structures, version by version, and how often sources are compared."""

import json

from django.contrib import admin
from django.db.models import Prefetch
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from registry import structure_words, structures
from registry.admin.base import ReadOnlyAdmin, ScopedAdmin
from registry.models import SchemaChange, SchemaSnapshot, StructureWatch
from registry.services import drift


def changes_in_words(changes: list[structures.Change]):
    """A list of what changed, breaking ones first, each with its severity."""
    ordered = sorted(changes, key=lambda change: not change.is_breaking)
    return format_html(
        '<ul class="structure-changes">{}</ul>',
        format_html_join(
            "",
            "<li><strong>{}</strong>: {}</li>",
            ((structure_words.severity_label(c.severity), structure_words.sentence(c)) for c in ordered),
        ),
    )


@admin.register(SchemaSnapshot)
class SchemaSnapshotAdmin(ReadOnlyAdmin):
    fields = ["dataset", "shown_version", "taken_at", "taken_by", "digest", "difference", "structure_text"]
    list_display = ["dataset", "shown_version", "taken_at", "taken_by", "is_breaking", "digest"]
    list_filter = ["taken_at"]
    list_select_related = ["dataset", "taken_by"]
    search_fields = ["dataset__code", "=digest"]
    autocomplete_fields = []
    readonly_fields = fields
    owner_path = "dataset__database__owner"

    def get_queryset(self, request):
        changes = SchemaChange.objects.only("to_snapshot", "is_breaking", "changes")
        return super().get_queryset(request).prefetch_related(Prefetch("change", changes))

    @admin.display(description=_("version"), ordering="version_major")
    def shown_version(self, snapshot):
        return snapshot.version

    @admin.display(description=_("breaking"), boolean=True)
    def is_breaking(self, snapshot):
        change = getattr(snapshot, "change", None)
        return change.is_breaking if change else None

    @admin.display(description=_("what changed since the version before"))
    def difference(self, snapshot):
        change = getattr(snapshot, "change", None)
        return changes_in_words(drift.changes_of(change)) if change else _("Nothing that the portal compares.")

    @admin.display(description=_("structure"))
    def structure_text(self, snapshot):
        return format_html("<pre>{}</pre>", json.dumps(snapshot.structure, ensure_ascii=False, indent=2))


@admin.register(StructureWatch)
class StructureWatchAdmin(ScopedAdmin):
    list_display = ["connection", "is_on", "every_minutes", "compared_at", "failures", "message"]
    list_filter = ["is_on"]
    list_select_related = ["connection__database"]
    search_fields = ["connection__database__code", "connection__database__name_vi__unaccent"]
    autocomplete_fields = []
    fields = ["connection", "is_on", "every_minutes", "next_at", "compared_at", "failures", "message"]
    readonly_fields = ["connection", "next_at", "compared_at", "failures", "message"]
    recorded_values = ["is_on", "every_minutes"]
    owner_path = "connection__database__owner"

    def has_add_permission(self, request):
        return False  # every connection gets one
