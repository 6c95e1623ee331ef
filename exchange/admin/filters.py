"""The queue of a desk, cut by what a person asks in the morning. Every choice is fixed, so none is read from the table."""

from django.contrib import admin
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.models.cases import CLOCK_RUNS
from exchange.services import deadlines
from exchange.states import REQUEST, RequestStatus
from exchange.terms import Term


class StateFilter(admin.SimpleListFilter):
    """Open cases unless something else is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [
            ("new", _("To be taken on")),
            ("review", _("Under review")),
            ("away", _("With the requesting agency")),
            ("decided", _("Closed")),
            ("all", _("All")),
        ]

    def choices(self, changelist):
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("Open"),
        }
        for value, label in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request, queryset):
        here = Q(provider=F("request__dataset__database__owner"))  # else it came back about another owner's dataset
        conditions = {
            None: Q(request__status__in=REQUEST.open) & here,
            "new": Q(request__status=RequestStatus.SUBMITTED) & here,
            "review": Q(request__status=RequestStatus.UNDER_REVIEW) & here,
            "away": Q(request__status__in=[status for status in REQUEST.open if status not in CLOCK_RUNS]),
            "decided": Q(request__status__in=REQUEST.terminal),
        }
        condition = conditions.get(self.value())
        return queryset if condition is None else queryset.filter(condition)


class OfficerFilter(admin.SimpleListFilter):
    title = _("case officer")
    parameter_name = "officer"

    def lookups(self, request, model_admin):
        return [("me", _("Mine")), ("nobody", _("Nobody yet"))]

    def queryset(self, request, queryset):
        if self.value() == "me":
            return queryset.filter(claimed_by=request.user)
        if self.value() == "nobody":
            return queryset.filter(claimed_by__isnull=True)
        return queryset


class OverdueFilter(admin.SimpleListFilter):
    title = _("deadline")
    parameter_name = "overdue"

    def lookups(self, request, model_admin):
        return [("yes", _("Overdue")), ("today", _("Due today")), ("soon", _("Due soon"))]

    def queryset(self, request, queryset):
        today = timezone.localdate()
        if self.value() == "yes":
            return queryset.overdue(today)
        if self.value() == "today":
            return queryset.due_between(today, today)
        if self.value() == "soon":
            soon = deadlines.working_days_of(Term.REMIND_BEFORE)
            return queryset.due_between(today, deadlines.due_on(today, soon))
        return queryset


class SensitiveFilter(admin.SimpleListFilter):
    """`asks_sensitive` is an annotation of the queue."""

    title = _("personal data")
    parameter_name = "sensitive"

    def lookups(self, request, model_admin):
        return [("yes", _("With sensitive fields")), ("no", _("Without sensitive fields"))]

    def queryset(self, request, queryset):
        if self.value() in ("yes", "no"):
            return queryset.filter(asks_sensitive=self.value() == "yes")
        return queryset
