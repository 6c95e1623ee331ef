"""Legal instruments in the admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.admin.base import InTwoLanguages, ScopedAdmin, ScopedInline
from registry.models import Amendment, LegalInstrument


class AmendmentInline(ScopedInline):
    model = Amendment
    fk_name = "amended"
    fields = ["amending", "effective_from", "parts"]
    autocomplete_fields = ["amending"]
    readonly_fields = []

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("amending", "amended")


@admin.register(LegalInstrument)
class LegalInstrumentAdmin(InTwoLanguages, ScopedAdmin):
    list_display = ["number", "kind", "shown_title", "effective_from", "effective_to", "replaced_by", "shown_certainty"]
    list_filter = ["kind", "effective_from", "effective_to"]
    list_select_related = ["replaced_by"]
    search_fields = ["number", "title_vi__unaccent", "title_en__unaccent"]
    autocomplete_fields = ["replaced_by"]
    readonly_fields = ["number_key"]
    inlines = [AmendmentInline]
    recorded_values = [
        "number",
        "kind",
        "issuer",
        "title_vi",
        "title_en",
        "issued_on",
        "effective_from",
        "effective_to",
        "replaced_by",
    ]

    @admin.display(description=_("certainty"), ordering="certainty")
    def shown_certainty(self, instrument):
        return instrument.checked

    def get_search_results(self, request, queryset, search_term):
        """However a number is typed, and by words of the title; a suggestion says whether it is in force."""
        return queryset.search(search_term), False
