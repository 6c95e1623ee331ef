"""Legal instruments in the admin."""

from django.contrib import admin

from registry.admin.base import InTwoLanguages, ScopedAdmin
from registry.models import LegalInstrument


@admin.register(LegalInstrument)
class LegalInstrumentAdmin(InTwoLanguages, ScopedAdmin):
    list_display = ["number", "shown_title", "effective_from", "effective_to", "replaced_by", "certainty"]
    list_filter = ["effective_from", "effective_to"]
    list_select_related = ["replaced_by"]
    search_fields = ["number", "title_vi__unaccent", "title_en__unaccent"]
    autocomplete_fields = ["replaced_by"]
    readonly_fields = []
    recorded_values = ["number", "title_vi", "title_en", "issued_on", "effective_from", "effective_to", "replaced_by"]
