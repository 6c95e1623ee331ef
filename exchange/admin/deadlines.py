"""Terms and the calendar they are counted in: rows that operators keep."""

from django.contrib import admin

from exchange.admin.calendar_files import CalendarFiles
from exchange.models import CalendarDay, DeadlineProfile
from registry.admin.base import ScopedAdmin


@admin.register(DeadlineProfile)
class DeadlineProfileAdmin(ScopedAdmin):
    list_display = ["title", "code", "working_days", "source"]
    list_filter = []
    list_select_related = False
    search_fields = ["code", "title__unaccent"]
    autocomplete_fields = []
    readonly_fields = []
    recorded_values = ["code", "title", "working_days", "source"]

    def get_readonly_fields(self, request, obj=None):
        return ["code"] if obj else []  # the portal finds a term by its code


@admin.register(CalendarDay)
class CalendarDayAdmin(CalendarFiles, ScopedAdmin):
    list_display = ["day", "kind", "closes_at", "title", "source"]
    list_filter = ["kind", "day"]
    list_select_related = False
    search_fields = ["title__unaccent"]
    autocomplete_fields = []
    readonly_fields = []
    recorded_values = ["day", "kind", "closes_at", "title", "source"]
