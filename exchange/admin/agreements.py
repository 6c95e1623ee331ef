"""What was granted: to be read, and to be stopped by the owner or, in an emergency, by the data centre."""

from datetime import date
from functools import cached_property

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exchange import stop_words, summary, workflow
from exchange.admin import forms, wording
from exchange.admin.access import DeskAdmin, agencies_of_desk
from exchange.admin.asked import scope_lines
from exchange.admin.destruction import OwedFilter
from exchange.admin.pages import MovePages
from exchange.choices import StopKind
from exchange.models import Agreement, DestructionCertificate, StopNotice
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import agreements, attesting, destruction, stop_notices, stopping
from exchange.states import AGREEMENT, AgreementStatus
from registry.choices import FileFormat, Mode, Purpose
from registry.models import User
from registry.terms import limit_sentences

DELIVERIES_SHOWN = 10
STOPS = {"suspend": StopKind.SUSPEND, "revoke": StopKind.REVOKE}


class AgreementPage:
    """An agreement in words, and what hangs on it."""

    def __init__(self, agreement: Agreement, reader: User) -> None:
        self.agreement = agreement
        self.reader = reader
        self.scope = Scope.from_text(agreement.scope)

    @cached_property
    def fields(self):
        return summary.fields_of(self.agreement.dataset)

    @cached_property
    def lines(self) -> list[dict]:
        return scope_lines(self.scope, self.fields)

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        return summary.filter_sentences(self.scope.as_document()["filters"], self.fields)

    @cached_property
    def parties(self) -> list[tuple[str, str]]:
        agreement = self.agreement
        return [
            (_("Provider"), f"{agreement.provider} ({agreement.provider.code})"),
            (_("Consumer"), f"{agreement.consumer} ({agreement.consumer.code})"),
            (_("Dataset"), str(agreement.dataset)),
            (_("Database"), str(agreement.dataset.database)),
            (_("Given in an emergency"), _("yes") if agreement.is_emergency else ""),
            (_("Agreed at"), wording.moment(agreement.agreed_at)),
            (_("Ended at"), wording.moment(agreement.ended_at)),
            (_("Reason given with the last move"), agreement.status_reason),
        ]

    @cached_property
    def terms(self) -> list[tuple[str, str]]:
        scope = self.scope
        return [
            (_("Period"), f"{wording.day(scope.period_from)} – {wording.day(scope.period_to)}"),
            (_("Kept until"), wording.day(scope.retention_until)),
            (_("To be confirmed by the consumer by"), wording.day(self.agreement.confirm_day)),
            (_("Confirmed last"), self.confirmed),
            (_("Purpose"), wording.label_of(Purpose, scope.purpose)),
            (_("Method"), wording.label_of(Mode, scope.mode)),
            (_("File format"), wording.label_of(FileFormat, scope.file_format)),
            (_("Rows at most"), wording.number(scope.row_limit)),
            (_("Limits"), "; ".join(limit_sentences(dict(scope.limits)))),
            (_("Sharing policy"), str(self.agreement.policy)),
        ]

    @cached_property
    def confirmed(self) -> str:
        last = attesting.standing(self.agreement).last
        return f"{wording.moment(last.confirmed_at)} – {last.confirmed_by}" if last else ""

    @cached_property
    def is_over(self) -> bool:
        """Past its last day, whatever its state says."""
        return self.agreement.status in AGREEMENT.open and self.agreement.is_over

    @cached_property
    def summary(self) -> str:
        return wording.sum_up(self.scope, self.agreement.consumer)

    @cached_property
    def deliveries(self) -> list:
        return list(self.agreement.deliveries.order_by("-pk")[:DELIVERIES_SHOWN])

    @cached_property
    def notice(self) -> StopNotice | None:
        """What is announced of it."""
        return stop_notices.standing(self.agreement) if self.agreement.announcement else None

    @cached_property
    def earliest_stop(self) -> date:
        return stop_notices.earliest_day()

    @cached_property
    def latest_stop(self) -> date:
        return stop_notices.latest_day(self.agreement)

    @cached_property
    def announce_refusal(self) -> Refusal | None:
        """Why the reader can stop it at once only, if so."""
        return workflow.refusal_of(stop_notices.check_announcing, agreement=self.agreement, by=self.reader)

    @cached_property
    def duty(self) -> destruction.Duty | None:
        """What the consumer has to certify about the data, once the agreement is over."""
        return destruction.duty_of(self.agreement)

    @cached_property
    def certificates(self) -> list[DestructionCertificate]:
        found = DestructionCertificate.objects.filter(agreement__code=self.agreement.code, signed_at__isnull=False)
        return list(found.order_by("-pk")[:DELIVERIES_SHOWN])

    @cached_property
    def stops(self) -> list[stop_words.Line]:
        """What stopping the agreement stops."""
        return stop_words.for_owner(stopping.read(self.agreement))


@admin.register(Agreement)
class AgreementAdmin(MovePages, DeskAdmin):
    list_display = ["__str__", "consumer", "dataset", "state", "mode", "valid_from", "valid_to", "is_standing"]
    list_filter = ["status", "mode", "purpose", "is_standing", "is_emergency", "valid_to", OwedFilter]
    list_select_related = ["consumer", "provider", "dataset"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["code", "case__request__code", "consumer__code", "consumer__name_vi__unaccent"]
    search_help_text = gettext_lazy("Agreement number, request number, or consumer agency.")
    ordering = ["-pk"]
    autocomplete_fields = []
    readonly_fields = []

    moves = {
        "suspend": forms.StopForm,
        "resume": forms.ReasonForm,
        "revoke": forms.StopForm,
        "call_off": forms.ReasonForm,
    }
    page_template = "admin/exchange/agreement/agreement.html"
    move_templates = "admin/exchange/agreement"

    def scoped(self, queryset, user):
        return queryset.filter(provider__in=agencies_of_desk(user))

    @admin.display(description=gettext_lazy("state"), ordering="status")
    def state(self, agreement):
        state = wording.badge(agreement.status, agreement.get_status_display())
        if not agreement.announcement:
            return state
        return format_html("{} {}", state, wording.badge(AgreementStatus.SUSPENDED, agreement.announcement))

    def get_object(self, request, object_id, from_field=None):
        agreement = super().get_object(request, object_id, from_field)
        related = Agreement.objects.select_related(
            "provider", "consumer", "policy", "dataset__database__owner", "case__request__consumer"
        )
        return related.get(pk=agreement.pk)

    def read(self, agreement, reader: User) -> AgreementPage:
        return AgreementPage(agreement, reader)

    def buttons(self, request, thing):
        """Without the one for calling off where nothing is announced: that is no refusal that anybody asked for."""
        found = super().buttons(request, thing)
        return [one for one in found if one.refusal is None or one.refusal.code != "nothing-announced"]

    def _context(self, request, agreement, page):
        return super()._context(request, agreement, page) | {
            "state": self.state(agreement),
            "title": str(agreement),
        }

    def make(self, name: str, page: AgreementPage, form, by: User) -> str:
        arguments = {"agreement": page.agreement, "by": by, "reason": form.cleaned_data["reason"]}
        told = {"agreement": page.agreement}
        if name in STOPS and form.is_later:
            day = form.cleaned_data["takes_effect_on"]
            stop_notices.announce(**arguments, kind=STOPS[name], takes_effect_on=day)
            told["day"] = wording.day(day)
            return _("Announced: %(agreement)s gives nothing from %(day)s on.") % told
        if name == "call_off":
            stop_notices.call_off(**arguments)
            return _("Called off: %(agreement)s goes on.") % told
        if name == "suspend":
            agreements.suspend(**arguments)
            return _("%(agreement)s is suspended: nothing is shared under it.") % told
        if name == "resume":
            agreements.resume(**arguments)
            return _("%(agreement)s is in force again.") % told
        agreements.revoke(**arguments)
        return _("%(agreement)s is revoked for good.") % told
