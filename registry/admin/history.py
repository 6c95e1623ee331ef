"""The whole history of the registry, for auditors and operators; a row's own history is a page of that row."""

from django.contrib import admin
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from registry.admin.base import ReadOnlyAdmin
from registry.models import RegistryChange
from registry.services import history

MOST_NAMED = 4  # columns of one change


@admin.register(RegistryChange)
class RegistryChangeAdmin(ReadOnlyAdmin):
    fields = ["changed_at", "table_name", "row_id", "operation", "actor", "reason", "database_role", "values"]
    list_display = ["changed_at", "shown_thing", "operation", "shown_columns", "shown_who", "reason"]
    list_filter = ["operation", "changed_at"]
    list_per_page = 50
    list_select_related = False
    search_fields = ["=actor", "=table_name", "=reason"]
    autocomplete_fields = []
    readonly_fields = fields

    def get_changelist_instance(self, request):
        """All that the rows of a page say in words is read at once."""
        shown = super().get_changelist_instance(request)
        shown.result_list = list(shown.result_list)
        for told in history.told(shown.result_list):
            told.change.told = told
        return shown

    @admin.display(description=_("what"))
    def shown_thing(self, change):
        return f"{capfirst(change.told.thing)}: {change.told.name}"

    @admin.display(description=_("changed columns"))
    def shown_columns(self, change):
        labels = [str(line.label) for line in change.told.lines]
        more = len(labels) - MOST_NAMED
        named = ", ".join(labels[:MOST_NAMED])
        if more > 0:
            named += " " + ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more}
        return named

    @admin.display(description=_("who"), ordering="actor")
    def shown_who(self, change):
        return change.told.who
