"""Confirming for the own agency that an agreement is still needed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView

from exchange import workflow
from exchange.forms.confirmation import ConfirmForm
from exchange.models import Agreement
from exchange.services import attesting, usage
from exchange.states import AgreementStatus
from exchange.views.base import RefusedFormMixin, VisibleMixin, page_of


class AgreementConfirmView(RefusedFormMixin, VisibleMixin, FormView):
    """Shows who uses it and what for, and asks a signatory to confirm exactly the words that stand there."""

    model = Agreement
    form_class = ConfirmForm
    template_name = "exchange/agreement_confirm.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        refusal = workflow.refusal_of(workflow.check_move, "confirm", self.object, request.user)
        if refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_initial(self) -> dict:
        return {"words": attesting.statement(self.object)}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(
            agreement=self.object,
            usage=usage.read(self.object),
            statement=attesting.statement(self.object),
            covers_until=attesting.covered_until(self.object),
            **kwargs,
        )

    def act(self, form) -> HttpResponse:
        before = self.object.status
        attesting.confirm(agreement=self.object, by=self.request.user, words=form.cleaned_data["words"])
        messages.success(self.request, self._told(before))
        return redirect(page_of(self.object))

    def _told(self, before: str) -> str:
        day = {"day": date_format(self.object.confirm_by, "SHORT_DATE_FORMAT")}
        if self.object.status == AgreementStatus.SUSPENDED:
            return _("Confirmed. The agreement stays suspended: something else stands against it.")
        if before == AgreementStatus.SUSPENDED:
            return _("Confirmed until %(day)s. The agreement is in force again.") % day
        return _("Confirmed until %(day)s.") % day
