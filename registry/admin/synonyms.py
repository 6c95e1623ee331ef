"""Ways of writing that search takes for the same."""

from django.contrib import admin

from registry.admin.base import ScopedAdmin
from registry.models import SearchSynonym


@admin.register(SearchSynonym)
class SearchSynonymAdmin(ScopedAdmin):
    fields = ["term", "meaning"]
    list_display = ["term", "meaning"]
    list_filter = []
    list_select_related = False
    search_fields = ["term__unaccent", "meaning__unaccent"]
    autocomplete_fields = []
    readonly_fields = []
    recorded_values = fields
