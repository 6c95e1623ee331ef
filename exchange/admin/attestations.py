"""Confirmations that agreements are still needed, for auditors."""

from django.contrib import admin

from exchange.models import Attestation
from registry.admin.base import ReadOnlyAdmin


@admin.register(Attestation)
class AttestationAdmin(ReadOnlyAdmin):
    list_display = ["agreement", "confirmed_by", "confirmed_at", "covers_until"]
    list_filter = ["confirmed_on"]
    list_select_related = ["agreement", "confirmed_by"]
    search_fields = ["agreement__code", "confirmed_by__full_name__unaccent"]
    autocomplete_fields = []
    fields = ["agreement", "confirmed_by", "confirmed_at", "confirmed_on", "covers_until", "statement"]
    readonly_fields = fields
    owner_path = "agreement__provider"
