"""Agencies with their codes and contacts, and the administrative units."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

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
    autocomplete_fields = []
    readonly_fields = ["parent"]
    inlines = [AgencyCodeInline, AgencyContactInline]
    recorded_values = ["code", "name_vi", "name_en", "kind", "seat", "is_active"]

    def get_fieldsets(self, request, obj=None):
        place = ["parent"] if obj else []
        fields = ["code", "name_vi", "name_en", "kind", "seat", *place, "is_active"]
        return [(None, {"fields": fields, "description": self._how_it_gets_a_superior(request, obj)})]

    def _how_it_gets_a_superior(self, request, obj) -> str:
        """Both sides have to agree to a place in the tree, also to the first one."""
        if obj is None:
            text = _(
                "A new agency has no superior. Save it first; then propose its place, to which both sides have to agree."
            )
        else:
            text = _("Both sides have to agree to another superior.")
        if not request.user.has_perm("registry.add_agencymove"):
            return text
        address = reverse("admin:registry_agencymove_add") + (f"?agency={obj.pk}" if obj else "")
        return format_html('{} <a href="{}">{}</a>', text, address, _("Propose a move"))

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
