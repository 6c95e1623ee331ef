"""Announced stops of agreements, for auditors; approvers announce and call off on the agreement's own pages."""

from django.contrib import admin

from exchange.models import StopNotice
from registry.admin.base import ReadOnlyAdmin


@admin.register(StopNotice)
class StopNoticeAdmin(ReadOnlyAdmin):
    list_display = ["agreement", "kind", "takes_effect_on", "announced_by", "announced_at", "cancelled_at", "done_at"]
    list_filter = ["kind", "takes_effect_on"]
    list_select_related = ["agreement", "announced_by"]
    search_fields = ["agreement__code", "announced_by__full_name__unaccent"]
    autocomplete_fields = []
    fields = [
        "agreement",
        "kind",
        "takes_effect_on",
        "reason",
        "announced_by",
        "announced_at",
        "cancelled_by",
        "cancelled_at",
        "cancel_reason",
        "done_at",
    ]
    readonly_fields = fields
    owner_path = "agreement__provider"
