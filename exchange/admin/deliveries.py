"""How data moves, for the operators: state, progress and errors; never the data."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from exchange.admin import wording
from exchange.models import Delivery, DeliveryAttempt
from exchange.states import DELIVERY, DeliveryStatus
from registry.admin.base import ReadOnlyAdmin
from registry.roles import agencies_served


class ProgressFilter(admin.SimpleListFilter):
    """What has not ended, unless something else is asked for: the others only grow in number."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [*DeliveryStatus.choices, ("all", _("All"))]

    def choices(self, changelist):
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Open")}
        yield from others

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset.filter(status__in=DELIVERY.open)
        if self.value() in DeliveryStatus.values:
            return queryset.filter(status=self.value())
        return queryset


class AttemptInline(admin.TabularInline):
    model = DeliveryAttempt
    fields = ["number", "worker", "started_at", "finished_at", "outcome", "code", "message"]
    readonly_fields = fields
    autocomplete_fields = []
    extra = 0

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["code", "agreement", "consumer", "state", "progress", "ordered", "next_attempt", "why"]
    list_filter = [ProgressFilter, "end_reason", "requested_at"]
    list_select_related = ["agreement__consumer"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["code", "agreement__code", "agreement__consumer__code"]
    search_help_text = _("Delivery number, agreement number, or code of the consumer agency.")
    ordering = ["-pk"]
    autocomplete_fields = []
    fields = [
        "code",
        "agreement",
        "state",
        "progress",
        "requested_at",
        "requested_by",
        "started_at",
        "next_attempt",
        "finished_at",
        "rows",
        "shown_size",
        "sha256",
        "available_until",
        "end_reason",
        "message",
    ]
    readonly_fields = fields
    inlines = [AttemptInline]

    def scoped(self, queryset, user):
        return queryset.filter(agreement__provider__in=agencies_served(user))

    @admin.display(description=_("consumer"), ordering="agreement__consumer__code")
    def consumer(self, delivery):
        return delivery.agreement.consumer

    @admin.display(description=_("state"), ordering="status")
    def state(self, delivery):
        return wording.badge(delivery.status, delivery.get_status_display())

    @admin.display(description=_("progress"))
    def progress(self, delivery):
        if delivery.status == DeliveryStatus.COMPLETED:
            return _("%(rows)s rows") % {"rows": wording.number(delivery.rows)}
        if delivery.status != DeliveryStatus.STARTED:
            return "–"
        done = _("%(rows)s rows") % {"rows": wording.number(delivery.rows_done)}
        if delivery.percent_done is None:
            return done
        return format_html('<progress max="100" value="{}"></progress> {}', str(delivery.percent_done), done)

    @admin.display(description=_("requested at"), ordering="requested_at")
    def ordered(self, delivery):
        return wording.moment(delivery.requested_at)

    @admin.display(description=_("next attempt at"), ordering="next_attempt_at")
    def next_attempt(self, delivery):
        return wording.moment(delivery.next_attempt_at) if delivery.status in DELIVERY.open else "–"

    @admin.display(description=_("why it ended or waits"))
    def why(self, delivery):
        return delivery.message or delivery.get_end_reason_display() or "–"

    @admin.display(description=_("size"))
    def shown_size(self, delivery):
        return (
            "–" if not delivery.size or delivery.status != DeliveryStatus.COMPLETED else filesizeformat(delivery.size)
        )
