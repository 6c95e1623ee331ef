"""The ledger for auditors: names of people and words for actions, which the ledger itself does not know."""

from datetime import timedelta

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from evidence.admin import EntryAdmin
from evidence.models import Entry, Outcome
from exchange import timeline
from exchange.admin import wording
from exchange.admin.dossier import names_of

# What happens to rows of the registry: the last part of an action.
DEEDS = {
    "add": _("added"),
    "change": _("changed"),
    "refuse": _("change refused"),
    "appoint": _("role given"),
    "end": _("role ended"),
    "end-early": _("ended early"),
    "stop": _("what rested on it was stopped"),
    "copy": _("copied as new"),
    "credential": _("credential stored"),
    "check": _("connection checked"),
    "rotate": _("encryption key changed"),
    "read": _("structure read"),
    "password": _("password set"),
    "ask": _("profile asked for"),
    "finish": _("profile made"),
    "fail": _("profile failed"),
    "cancel": _("profile cancelled"),
    "protect": _("protection set"),
    "accept": _("suggestion accepted"),
    "decline": _("suggestion refused"),
    "reopen": _("decision on a suggestion taken back"),
}


def kinds() -> dict[str, str]:
    """What entries are about, by the word that the ledger has for it."""
    registered = {
        model._meta.model_name: str(capfirst(model._meta.verbose_name))
        for model in apps.get_app_config("registry").get_models()
    }
    return {name: str(label) for name, label in wording.OBJECTS.items()} | registered


def said(entry: Entry) -> str:
    """What was done, in words; an action that has none by its code."""
    if entry.action in timeline.SENTENCES:
        return str(timeline.SENTENCES[entry.action])
    app, _dot, rest = entry.action.partition(".")
    name, _dot, deed = rest.partition(".")
    if app == "registry" and deed in DEEDS:
        return f"{kinds().get(name, kinds().get(entry.subject_type, name))}: {DEEDS[deed]}"
    return entry.action


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
