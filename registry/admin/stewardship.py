"""Stewardships in the admin: approvers and operators appoint, nobody oneself."""

from django.contrib import admin

from registry.admin.base import ActingForm, ScopedAdmin
from registry.errors import RegistryRefusal
from registry.models import Stewardship
from registry.services import stewards


class StewardshipForm(ActingForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in {"database", "dataset", "kind", "user", "agency", "valid_from"} & set(self.fields):
                self.fields[name].disabled = True

    def clean(self):
        cleaned = super().clean()
        database = cleaned.get("database")
        if database is not None:
            try:
                if self.instance.pk:
                    stewards.check_appointer(database=database, by=self.acting)
                else:
                    stewards.check(
                        database=database, dataset=cleaned.get("dataset"), user=cleaned.get("user"), by=self.acting
                    )
            except RegistryRefusal as refusal:
                self.add_refusal("user" if refusal.code != "other-database" else "dataset", refusal)
        return cleaned


@admin.register(Stewardship)
class StewardshipAdmin(ScopedAdmin):
    form = StewardshipForm
    fields = ["database", "dataset", "kind", "user", "agency", "valid_from", "valid_to", "appointed_by"]
    list_display = ["database", "dataset", "kind", "user", "agency", "valid_from", "valid_to"]
    list_filter = ["kind", "valid_from", "valid_to"]
    list_select_related = ["database", "dataset", "user", "agency"]
    search_fields = ["database__code", "dataset__code", "user__full_name__unaccent", "agency__code"]
    autocomplete_fields = ["database", "dataset", "user", "agency"]
    readonly_fields = ["appointed_by"]
    owner_path = "database__owner"

    def save_model(self, request, obj, form, change):
        if change:
            if obj.valid_to is not None:
                stewards.end(stewardship=obj, last_day=obj.valid_to, by=request.user)
            return
        names = ("kind", "database", "dataset", "user", "agency", "valid_from", "valid_to")
        obj.pk = stewards.appoint(**{name: getattr(obj, name) for name in names}, by=request.user).pk
        obj._state.adding = False

    def record_save(self, request, form, formsets, change):
        """The service leaves the entry."""
