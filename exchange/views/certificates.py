"""Certificates that received data is gone: preparing one about an agreement, reading it, signing it, giving it up."""

import json
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, FormView

from exchange import workflow
from exchange.forms.certificates import CertificateForm
from exchange.forms.reason import OptionalReasonForm, SignForm
from exchange.models import Agreement, DestructionCertificate
from exchange.services import destruction
from exchange.views.base import ButtonView, RefusedFormMixin, VisibleMixin, page_of

PACKAGES_SHOWN = 100


class CertificatePrepareView(RefusedFormMixin, VisibleMixin, FormView):
    """The form, with all that the portal handed out under the agreement beside it."""

    model = Agreement
    form_class = CertificateForm
    template_name = "exchange/certificate_form.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        refusal = workflow.refusal_of(destruction.check_preparing, agreement=self.object, by=request.user)
        if refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_form(self, form_class=None) -> CertificateForm:
        return CertificateForm(self.request.POST if self.request.method == "POST" else None)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(
            agreement=self.object,
            duty=destruction.duty_of(self.object),
            **received_context(destruction.received(self.object)),
            **kwargs,
        )

    def act(self, form) -> HttpResponse:
        written = destruction.prepare(agreement=self.object, by=self.request.user, answers=form.cleaned_data)
        messages.success(self.request, _("Prepared. A signatory of your agency reads it and signs."))
        return redirect(page_of(written))


def received_context(received: dict) -> dict:
    packages = received["packages"]
    return {
        "packages": [
            {**package, "day": date.fromisoformat(package["delivered_on"])} for package in packages[:PACKAGES_SHOWN]
        ],
        "packages_left": max(len(packages) - PACKAGES_SHOWN, 0),
        "looked_up_records": received["looked_up_records"],
    }


class CertificateMixin(VisibleMixin):
    model = DestructionCertificate
    context_object_name = "certificate"


class CertificatePage(CertificateMixin):
    """All that is stated, and what the person may do with it."""

    template_name = "exchange/certificate_detail.html"

    def get_context_data(self, **kwargs) -> dict:
        kwargs.setdefault("form", OptionalReasonForm())
        return super().get_context_data(
            certificate=self.object,
            agreement=self.object.agreement,
            sign_refusal=self.refusal_of(destruction.check_signing),
            drop_refusal=self.refusal_of(destruction.check_dropping),
            **received_context(json.loads(self.object.content)["received"]),
            **kwargs,
        )

    def refusal_of(self, check):
        return workflow.refusal_of(check, certificate=self.object, by=self.request.user)


class CertificateDetailView(CertificatePage, DetailView):
    pass


class CertificateSignView(CertificateMixin, ButtonView):
    done = _("Signed. The owner of the data reads it and answers.")

    def act(self):
        form = SignForm(self.request.POST)
        # Without a proper hash nothing can match: the service says so in its own words.
        read = form.cleaned_data["revision_hash"] if form.is_valid() else ""
        return destruction.sign(certificate=self.object, by=self.request.user, content_hash=read)


class CertificateDropView(RefusedFormMixin, CertificatePage, FormView):
    form_class = OptionalReasonForm

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.object))

    def act(self, form) -> HttpResponse:
        destruction.drop(certificate=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        messages.success(self.request, _("Given up. The certificate is owed still: prepare another one."))
        return redirect(page_of(self.object.agreement))
