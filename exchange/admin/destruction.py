"""Certificates of destruction: what agencies sent about data that they received, and the owner's answer."""

import json

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from exchange import workflow
from exchange.admin import wording
from exchange.admin.access import DeskAdmin, agencies_of_desk
from exchange.admin.forms import MoveForm, Reason
from exchange.models import DestructionCertificate
from exchange.refusals import Refusal
from exchange.services import destruction
from exchange.views.certificates import received_context

ACKNOWLEDGE, REFUSE = "acknowledge", "refuse"


class AnswerForm(MoveForm):
    answer = forms.ChoiceField(
        label=gettext_lazy("Answer"),
        choices=[
            (ACKNOWLEDGE, gettext_lazy("Acknowledge it")),
            (REFUSE, gettext_lazy("Refuse it: another one is owed")),
        ],
        widget=forms.RadioSelect,
    )
    reason = Reason(required=False, help_text=gettext_lazy("Needed for a refusal. The other agency reads it."))


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    conditions = {
        "signed": Q(signed_at__isnull=False, acknowledged_at__isnull=True, refused_at__isnull=True),
        "acknowledged": Q(acknowledged_at__isnull=False),
        "refused": Q(refused_at__isnull=False),
    }

    def lookups(self, request, model_admin):
        return [
            ("signed", gettext_lazy("To be answered")),
            ("acknowledged", gettext_lazy("Acknowledged")),
            ("refused", gettext_lazy("Refused")),
        ]

    def queryset(self, request, queryset):
        condition = self.conditions.get(self.value())
        return queryset if condition is None else queryset.filter(condition)


class OwedFilter(admin.SimpleListFilter):
    """Of agreements: about which of them a certificate is owed today."""

    title = gettext_lazy("certificate of destruction")
    parameter_name = "certificate"

    def lookups(self, request, model_admin):
        return [("owed", gettext_lazy("Owed")), ("overdue", gettext_lazy("Overdue"))]

    def queryset(self, request, queryset):
        wanted = {"owed": destruction.owing, "overdue": destruction.overdue}.get(self.value())
        return queryset if wanted is None else queryset.filter(pk__in=wanted().order_by().values("pk"))


@admin.register(DestructionCertificate)
class DestructionCertificateAdmin(DeskAdmin):
    """Only what was signed: before, it is the other agency's own."""

    list_display = ["code", "consumer", "dataset", "kind", "shown_state", "signed_at"]
    list_filter = [StateFilter, "kind", "method"]
    list_select_related = ["agreement__consumer", "agreement__dataset"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["code", "agreement__code", "agreement__consumer__code", "agreement__consumer__name_vi__unaccent"]
    search_help_text = gettext_lazy("Certificate number, agreement number, or consumer agency.")
    ordering = ["-pk"]
    autocomplete_fields = []
    readonly_fields = []

    def get_queryset(self, request):
        return super().get_queryset(request).filter(signed_at__isnull=False)

    def scoped(self, queryset, user):
        return queryset.filter(agreement__provider__in=agencies_of_desk(user))

    @admin.display(description=gettext_lazy("consumer"), ordering="agreement__consumer")
    def consumer(self, certificate):
        return certificate.agreement.consumer

    @admin.display(description=gettext_lazy("dataset"))
    def dataset(self, certificate):
        return certificate.agreement.dataset

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, certificate):
        return wording.badge(certificate.state, certificate.state.label)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """The whole certificate and, for whoever may answer it, the form. POST leaves the rules to the service."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        certificate = self.get_object(request, object_id)
        if request.method != "POST":
            return self._page(request, certificate, AnswerForm(thing=certificate))
        form = AnswerForm(request.POST, thing=certificate)
        if not form.is_valid():
            return self._page(request, certificate, form, status=422)
        try:
            answered = _answer(certificate, request.user, **form.cleaned_data)
        except Refusal as refusal:
            form.refuse(refusal)
            return self._page(request, self.get_object(request, object_id), form, status=refusal.status)
        self.message_user(request, f"{answered.code}: {answered.state.label}", messages.SUCCESS)
        return HttpResponseRedirect(request.path)

    def _page(self, request, certificate, form: AnswerForm, status: int = 200):
        context = {
            **self.admin_site.each_context(request),
            **received_context(json.loads(certificate.content)["received"]),
            "opts": self.opts,
            "original": certificate,
            "certificate": certificate,
            "title": certificate.code,
            "state": self.shown_state(certificate),
            "list_url": reverse("admin:exchange_destructioncertificate_changelist"),
            "form": form,
            "refusal": workflow.refusal_of(destruction.check_answering, certificate=certificate, by=request.user),
        }
        return TemplateResponse(request, "admin/exchange/destructioncertificate/page.html", context, status=status)


def _answer(certificate, by, *, answer: str, reason: str) -> DestructionCertificate:
    if answer == REFUSE:
        return destruction.refuse(certificate=certificate, by=by, reason=reason)
    return destruction.acknowledge(certificate=certificate, by=by)
