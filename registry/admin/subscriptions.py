"""What people follow, for auditors."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.models import Subscription


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    fields = ["user", "shown_subject", "created_at", "told_on"]
    list_display = ["created_at", "user", "shown_subject", "told_on"]
    list_filter = ["created_at"]
    list_select_related = ["user", "dataset", "database", "agency"]
    search_fields = ["user__username", "user__full_name__unaccent", "words"]
    autocomplete_fields = []
    readonly_fields = ["user", "shown_subject", "created_at", "told_on"]

    @admin.display(description=_("what is followed"))
    def shown_subject(self, subscription):
        return str(subscription)
