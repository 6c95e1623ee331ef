"""The ledger for auditors: names of people and words for actions, which the ledger itself does not know."""

from datetime import timedelta

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from evidence.admin import EntryAdmin
from evidence.models import Entry, Outcome
from exchange.admin import wording
from exchange.admin.asked import names_of
from exchange.ledger_words import kinds, said


class KindFilter(admin.SimpleListFilter):
    title = _("object")
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return list(kinds().items())

    def queryset(self, request, queryset):
        return queryset.filter(subject_type=self.value()) if self.value() in kinds() else queryset


class DayFilter(admin.SimpleListFilter):
    """By the beginning of a day, so that the index on the time answers it."""

    title = _("day")
    parameter_name = "days"
    days = {"1": _("Today"), "7": _("Last 7 days"), "30": _("Last 30 days")}

    def lookups(self, request, model_admin):
        return list(self.days.items())

    def queryset(self, request, queryset):
        if self.value() not in self.days:
            return queryset
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return queryset.filter(at__gte=midnight - timedelta(days=int(self.value()) - 1))


class EntryList(ChangeList):
    """A page of entries with the names of all its people, read at once."""

    def get_results(self, request):
        super().get_results(request)
        self.result_list = list(self.result_list)
        names = names_of({entry.actor for entry in self.result_list})
        for entry in self.result_list:
            entry.actor_name = names.get(entry.actor, "")


admin.site.unregister(Entry)


@admin.register(Entry)
class NamedEntryAdmin(EntryAdmin):
    list_display = ["sequence", "at", "who", "agency", "action_in_words", "outcome_badge", "about", "correlation_id"]
    list_filter = ["outcome", KindFilter, DayFilter]
    list_select_related = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # counting choices would read the whole ledger
    search_fields = ["=subject_id", "=correlation_id", "=actor", "=agency"]
    search_help_text = _("Object or case by its number, agency by its code, or person by the public id, in full.")
    autocomplete_fields = []
    fields = ["sequence", "at", "who", "actor", "agency", "action_in_words", *EntryAdmin.fields[4:]]
    readonly_fields = fields

    def get_changelist(self, request, **kwargs):
        return EntryList

    @admin.display(description=_("who"))
    def who(self, entry):
        if entry.actor == ledger.SYSTEM.name:
            return _("The portal")
        if not hasattr(entry, "actor_name"):
            entry.actor_name = names_of([entry.actor]).get(entry.actor, "")
        return entry.actor_name or entry.actor

    @admin.display(description=_("what was done"))
    def action_in_words(self, entry):
        return said(entry)

    @admin.display(description=_("outcome"), ordering="outcome")
    def outcome_badge(self, entry):
        label = entry.get_outcome_display()
        return wording.badge("rejected", label) if entry.outcome == Outcome.REFUSED else label

    @admin.display(description=_("object"))
    def about(self, entry):
        return f"{kinds().get(entry.subject_type, entry.subject_type)} {entry.subject_id}"
