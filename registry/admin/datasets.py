"""Datasets and their fields."""

from django import forms
from django.contrib import admin
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from registry.admin.base import InTwoLanguages, ScopedAdmin, ScopedInline
from registry.admin.completeness import WithCompleteness
from registry.choices import Theme
from registry.models import Dataset, Field


class FieldInline(ScopedInline):
    model = Field
    fields = [
        "name",
        "native_type",
        "kind",
        "is_key",
        "title_vi",
        "title_en",
        "personal_data",
        "default_masking",
        "removed_at",
    ]
    readonly_fields = ["name", "native_type", "kind", "is_key", "removed_at"]
    autocomplete_fields = []
    ordering = ["position", "name"]

    def has_add_permission(self, request, obj=None):
        return False


class DatasetForm(forms.ModelForm):
    themes = forms.MultipleChoiceField(
        label=capfirst(_("themes")), choices=Theme, widget=forms.CheckboxSelectMultiple, required=False
    )
    landing_page = forms.URLField(
        label=capfirst(_("page of the owner about it")), assume_scheme="https", max_length=200, required=False
    )


@admin.register(Dataset)
class DatasetAdmin(WithCompleteness, InTwoLanguages, ScopedAdmin):
    form = DatasetForm
    fieldsets = [
        (None, {"fields": ["database", "code", "schema_name", "table_name", "removed_at", "shown_lacks"]}),
        (
            _("Description"),
            {"fields": ["title_vi", "title_en", "description", "themes", "keywords", "landing_page", "contact_email"]},
        ),
        (
            _("Place and time"),
            {
                "fields": [
                    "spatial",
                    "temporal_from",
                    "temporal_to",
                    "frequency",
                    "update_frequency",
                    "estimated_rows",
                    "created_at",
                    "modified_at",
                ]
            },
        ),
        (_("Sharing"), {"fields": ["access_rights", "applicable_legislation", "is_published", "is_state_secret"]}),
    ]
    list_display = [
        "code",
        "shown_title",
        "database",
        "shown_completeness",
        "access_rights",
        "is_published",
        "removed_at",
    ]
    list_display_links = ["code", "shown_title"]
    list_filter = ["is_published", "access_rights", "database__lifecycle"]
    list_select_related = ["database"]
    search_fields = ["code", "title_vi__unaccent", "title_en__unaccent", "table_name", "database__code"]
    autocomplete_fields = ["applicable_legislation"]
    readonly_fields = [
        "database",
        "code",
        "schema_name",
        "table_name",
        "estimated_rows",
        "removed_at",
        "created_at",
        "modified_at",
        "shown_lacks",
    ]
    inlines = [FieldInline]
    recorded_values = [
        "title_vi",
        "title_en",
        "access_rights",
        "applicable_legislation",
        "is_published",
        "themes",
        "keywords",
        "spatial",
        "temporal_from",
        "temporal_to",
        "frequency",
    ]
    owner_path = "database__owner"

    def get_fieldsets(self, request, obj=None):
        if self.has_change_permission(request, obj):
            return self.fieldsets
        return [  # else the reader sees codes
            (title, {"fields": ["shown_themes" if name == "themes" else name for name in options["fields"]]})
            for title, options in self.fieldsets
        ]

    @admin.display(description=_("themes"))
    def shown_themes(self, dataset):
        return ", ".join(str(label) for label in dataset.theme_labels) or "–"

    def has_add_permission(self, request):
        return False  # they come from reading a structure


@admin.register(Field)
class FieldAdmin(InTwoLanguages, ScopedAdmin):
    list_display = [
        "name",
        "shown_title",
        "dataset",
        "kind",
        "is_key",
        "personal_data",
        "default_masking",
        "removed_at",
    ]
    list_filter = ["personal_data", "default_masking", "kind", "is_key"]
    list_select_related = ["dataset"]
    search_fields = ["name", "title_vi__unaccent", "title_en__unaccent", "dataset__code"]
    autocomplete_fields = []
    readonly_fields = ["dataset", "name", "position", "native_type", "kind", "nullable", "is_key", "removed_at"]
    recorded_values = ["title_vi", "title_en", "personal_data", "default_masking"]
    owner_path = "dataset__database__owner"

    def has_add_permission(self, request):
        return False
