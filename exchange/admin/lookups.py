"""Look-ups for auditors: who asked, for which case, and how much an agreement has given. Keys are in no row."""

from django.contrib import admin

from exchange.models import Lookup, LookupRate, LookupUsage
from registry.admin.base import ReadOnlyAdmin


@admin.register(Lookup)
class LookupAdmin(ReadOnlyAdmin):
    list_display = ["receipt", "asked_at", "by", "agreement", "case_number", "found"]
    list_filter = ["found"]
    list_select_related = ["by", "agreement"]
    search_fields = ["=receipt", "=case_number", "=agreement__code"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in Lookup._meta.fields]


@admin.register(LookupUsage)
class LookupUsageAdmin(ReadOnlyAdmin):
    list_display = ["agreement", "answered"]
    list_filter = []
    list_select_related = ["agreement"]
    search_fields = ["=agreement__code"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in LookupUsage._meta.fields]


@admin.register(LookupRate)
class LookupRateAdmin(ReadOnlyAdmin):
    list_display = ["agreement", "span", "starts_at", "asked"]
    list_filter = ["span"]
    list_select_related = ["agreement"]
    search_fields = ["=agreement__code"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in LookupRate._meta.fields]
