"""Agencies with their codes and contacts, and the administrative units."""

from django.contrib import admin
from django.urls import reverse

from registry.admin.base import InTwoLanguages, ScopedAdmin, ScopedInline
from registry.models import AdministrativeUnit, Agency, AgencyCode, AgencyContact, UnitCode


class AgencyCodeInline(ScopedInline):
    model = AgencyCode
    fields = ["scheme", "value", "valid_from", "valid_to", "source"]
    autocomplete_fields = []
    readonly_fields = []


class AgencyContactInline(ScopedInline):
    model = AgencyContact
    fields = ["purpose", "name", "position", "phone", "email", "valid_from", "valid_to"]
    autocomplete_fields = []
    readonly_fields = []


@admin.register(Agency)
class AgencyAdmin(InTwoLanguages, ScopedAdmin):
    list_display = ["code", "shown_name", "kind", "parent", "is_active"]
    list_display_links = ["code", "shown_name"]
    list_filter = ["kind", "is_active"]
    list_select_related = ["parent"]
    search_fields = ["code", "name_vi__unaccent", "name_en__unaccent"]
    autocomplete_fields = ["parent"]
    readonly_fields = []
    inlines = [AgencyCodeInline, AgencyContactInline]
    recorded_values = ["code", "name_vi", "name_en", "kind", "parent", "is_active"]

    def get_readonly_fields(self, request, obj=None):
        # Both sides have to agree to another superior: see the moves of agencies.
        return ["parent"] if obj else self.readonly_fields

    def view_on_site(self, agency):
        return reverse("registry:agency-detail", args=[agency.code])


class UnitCodeInline(ScopedInline):
    model = UnitCode
    fields = ["code", "valid_from", "valid_to"]
    autocomplete_fields = []
    readonly_fields = []


@admin.register(AdministrativeUnit)
class AdministrativeUnitAdmin(InTwoLanguages, ScopedAdmin):
    list_display = ["shown_name", "kind", "valid_from", "valid_to", "became"]
    list_filter = ["kind", "valid_from", "valid_to"]
    list_select_related = ["became"]
    search_fields = ["name_vi__unaccent", "name_en__unaccent", "codes__code"]
    autocomplete_fields = ["became"]
    readonly_fields = []
    inlines = [UnitCodeInline]
    recorded_values = ["name_vi", "name_en", "kind", "valid_from", "valid_to", "became"]
