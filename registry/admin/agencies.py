"""Agencies with their codes and contacts, and the administrative units."""

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from registry.admin.base import InTwoLanguages, ScopedAdmin, ScopedInline
from registry.models import AdministrativeUnit, Agency, AgencyCode, AgencyContact, UnitCode


class AgencyForm(forms.ModelForm):
    def clean_parent(self):
        parent = self.cleaned_data["parent"]
        # The database refuses it too; here it is said where it can be put right.
        if parent and self.instance.pk and Agency.objects.lineage_of(parent).filter(pk=self.instance.pk).exists():
            raise forms.ValidationError(
                _("%(parent)s lies below this agency, so it cannot be its superior."), params={"parent": parent}
            )
        return parent


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
    form = AgencyForm
    list_display = ["code", "shown_name", "kind", "parent", "is_active"]
    list_display_links = ["code", "shown_name"]
    list_filter = ["kind", "is_active"]
    list_select_related = ["parent"]
    search_fields = ["code", "name_vi__unaccent", "name_en__unaccent"]
    autocomplete_fields = ["parent"]
    readonly_fields = []
    inlines = [AgencyCodeInline, AgencyContactInline]
    recorded_values = ["code", "name_vi", "name_en", "kind", "parent", "is_active"]

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
