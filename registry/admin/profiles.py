"""Profiles and suggestions as rows, for whoever wants to look them up; the pages of a dataset are where one works."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.models import DatasetProfile, FieldProfile, FieldSuggestion


@admin.register(DatasetProfile)
class DatasetProfileAdmin(ReadOnlyAdmin):
    fields = [
        "dataset",
        "state",
        "asked_at",
        "asked_by",
        "attempt",
        "started_at",
        "finished_at",
        "rows",
        "rows_are_estimated",
        "sampling",
        "sample_rows",
        "least",
        "structure_digest",
        "message",
    ]
    list_display = ["dataset", "state", "asked_at", "asked_by", "rows", "sampling", "finished_at"]
    list_filter = ["state", "sampling", "asked_at"]
    list_select_related = ["dataset", "asked_by"]
    search_fields = ["dataset__code"]
    autocomplete_fields = []
    readonly_fields = fields
    owner_path = "dataset__database__owner"


@admin.register(FieldProfile)
class FieldProfileAdmin(ReadOnlyAdmin):
    fields = ["profile", "field", "personal_data", "withheld", "null_percent", "distinct", "distinct_is_estimated"]
    list_display = ["field", "profile", "personal_data", "withheld", "null_percent", "distinct"]
    list_filter = ["personal_data", "withheld"]
    list_select_related = ["profile__dataset", "field"]
    search_fields = ["field__name", "profile__dataset__code"]
    autocomplete_fields = []
    readonly_fields = fields
    owner_path = "profile__dataset__database__owner"


@admin.register(FieldSuggestion)
class FieldSuggestionAdmin(ReadOnlyAdmin):
    fields = [
        "field",
        "personal_data",
        "masking",
        "classification",
        "score",
        "rules_version",
        "state",
        "made_at",
        "decided_at",
        "decided_by",
        "remark",
    ]
    list_display = ["field", "shown_dataset", "personal_data", "score", "state", "decided_at", "decided_by"]
    list_filter = ["state", "personal_data", "classification"]
    list_select_related = ["field__dataset", "decided_by"]
    search_fields = ["field__name", "field__dataset__code"]
    autocomplete_fields = []
    readonly_fields = fields
    owner_path = "field__dataset__database__owner"

    @admin.display(description=_("dataset"), ordering="field__dataset")
    def shown_dataset(self, suggestion):
        return suggestion.field.dataset
