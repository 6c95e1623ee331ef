"""What people were told, for auditors."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ReadOnlyAdmin
from registry.models import Notice


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    fields = ["recipient", "shown_title", "shown_text", "path", "created_at", "read_at"]
    list_display = ["created_at", "recipient", "shown_title", "read_at"]
    list_filter = ["created_at"]
    list_select_related = ["recipient"]
    search_fields = ["recipient__username", "recipient__full_name__unaccent", "=kind"]
    autocomplete_fields = []
    readonly_fields = ["recipient", "shown_title", "shown_text", "path", "created_at", "read_at"]

    @admin.display(description=_("notice"))
    def shown_title(self, notice):
        return notice.title

    @admin.display(description=_("what is told"))
    def shown_text(self, notice):
        return notice.text
