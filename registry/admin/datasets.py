"""Datasets and their fields."""

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from registry import metadata_sheets
from registry.admin.base import ActingForm, InTwoLanguages, ScopedAdmin, ScopedInline
from registry.admin.completeness import WithCompleteness
from registry.admin.imports import Exported
from registry.admin.lists import IndexedSearch
from registry.admin.stewarded import Stewarded
from registry.admin.value_pages import ProfilePages, SuggestionPages
from registry.choices import Theme
from registry.errors import RegistryRefusal
from registry.models import Dataset, Field
from registry.services import places, protection, publication

MOST_IN_FORM = 200


class FieldForm(ActingForm):
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=500,
        help_text=_("Needed where a field is to be less protected than suggested."),
    )

    def clean(self):
        cleaned = super().clean()
        self._refuse_if("title_vi", protection.check_no_secret, text=cleaned.get("title_vi") or "")
        if "description" in self.fields:
            self._refuse_if("description", protection.check_no_secret, text=cleaned.get("description") or "")
        if set(self.changed_data) & set(protection.PROTECTION) and not self.errors:
            self._refuse_if(
                "personal_data",
                protection.check_protection,
                field=self.instance,
                personal_data=cleaned["personal_data"],
                masking=cleaned["default_masking"],
                classification=cleaned["classification"],
                by=self.acting,
                reason=cleaned.get("reason") or "",
            )
        return cleaned

    def _refuse_if(self, where, check, /, **arguments):
        try:
            check(**arguments)
        except RegistryRefusal as refusal:
            self.add_refusal(where, refusal)


class FieldInline(ScopedInline):
    model = Field
    form = FieldForm
    fields = [
        "name",
        "native_type",
        "kind",
        "is_key",
        "title_vi",
        "title_en",
        "personal_data",
        "default_masking",
        "classification",
        "removed_at",
    ]
    readonly_fields = ["name", "native_type", "kind", "is_key", "removed_at"]
    autocomplete_fields = []
    ordering = ["position", "name"]

    def get_queryset(self, request):
        # A form of thousands of rows could neither be shown nor sent; the list of fields has them all.
        return super().get_queryset(request).filter(position__lte=MOST_IN_FORM)

    def has_add_permission(self, request, obj=None):
        return False


class DatasetForm(ActingForm):
    themes = forms.MultipleChoiceField(
        label=capfirst(_("themes")), choices=Theme, widget=forms.CheckboxSelectMultiple, required=False
    )
    landing_page = forms.URLField(
        label=capfirst(_("page of the owner about it")), assume_scheme="https", max_length=200, required=False
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("is_state_secret"):
            self.add_refusal("is_state_secret", protection.state_secret())
        for name in ("title_vi", "title_en", "description", "description_en"):
            try:
                protection.check_no_secret(text=cleaned.get(name) or "")
            except RegistryRefusal as refusal:
                self.add_refusal(name, refusal)
        if "spatial" in self.changed_data:
            try:
                places.check_area(cleaned.get("spatial") or "")
            except RegistryRefusal as refusal:
                self.add_refusal("spatial", refusal)
        if cleaned.get("is_published") and not self.errors:
            check = protection.check_publishable if self.initial.get("is_published") else publication.check_ready
            for name in ("description", "contact_email", "applicable_legislation"):
                if name in cleaned:  # what is about to be saved counts
                    setattr(self.instance, name, cleaned[name])
            try:
                check(dataset=self.instance)
            except RegistryRefusal as refusal:
                self.add_refusal("is_published", refusal)
        return cleaned


@admin.register(Dataset)
class DatasetAdmin(
    IndexedSearch, Stewarded, ProfilePages, SuggestionPages, Exported, WithCompleteness, InTwoLanguages, ScopedAdmin
):
    form = DatasetForm
    sheet = metadata_sheets.DATASETS
    linked_lookups = ["database__owner"]  # from the ranking of agencies by completeness
    fieldsets = [
        (
            None,
            {"fields": ["database", "code", "schema_name", "table_name", "all_fields", "removed_at", "shown_lacks"]},
        ),
        (
            _("Description"),
            {
                "fields": [
                    "title_vi",
                    "title_en",
                    "description",
                    "description_en",
                    "themes",
                    "keywords",
                    "landing_page",
                    "contact_email",
                ]
            },
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
    search_fields = ["code", "title_vi", "table_name", "database__code"]  # see found_by
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
        "all_fields",
    ]
    inlines = [FieldInline]
    recorded_values = [
        "title_vi",
        "title_en",
        "access_rights",
        "applicable_legislation",
        "themes",
        "keywords",
        "spatial",
        "temporal_from",
        "temporal_to",
        "frequency",
    ]
    unrecorded = ["is_published"]
    owner_path = "database__owner"
    suggestions_of = "field__dataset"

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

    def found_by(self, rows, words):
        return [rows.search(words), rows.filter(code__contains=words.lower()), rows.filter(table_name__icontains=words)]

    @admin.display(description=_("fields"))
    def all_fields(self, dataset):
        count = dataset.fields.count()
        address = f"{reverse('admin:registry_field_changelist')}?dataset__id__exact={dataset.pk}"
        return format_html(
            '<a href="{}">{}</a>', address, ngettext("%(count)s field", "%(count)s fields", count) % {"count": count}
        )


@admin.register(Field)
class FieldAdmin(IndexedSearch, Exported, InTwoLanguages, ScopedAdmin):
    form = FieldForm
    sheet = metadata_sheets.FIELDS
    linked_lookups = ["dataset__id__exact"]  # from a dataset's page
    list_display = [
        "name",
        "shown_title",
        "dataset",
        "kind",
        "is_key",
        "personal_data",
        "default_masking",
        "classification",
        "removed_at",
    ]
    list_filter = ["personal_data", "default_masking", "classification", "kind", "is_key"]
    list_select_related = ["dataset"]
    search_fields = ["name", "title_vi", "title_en", "dataset__code"]  # see found_by
    ordering = ["dataset_id", "position", "pk"]  # by code it would sort the whole table
    autocomplete_fields = []
    readonly_fields = ["dataset", "name", "position", "native_type", "kind", "nullable", "is_key", "removed_at"]
    recorded_values = ["title_vi", "title_en", "personal_data", "default_masking", "classification", "reason"]
    owner_path = "dataset__database__owner"

    def has_add_permission(self, request):
        return False

    def found_by(self, rows, words):
        return [rows.named(words), rows.filter(dataset__code__startswith=words.lower())]
