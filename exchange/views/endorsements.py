"""What signatories do: sign, send back, and answer an offer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, FormView

from exchange import files, rules, summary, workflow
from exchange.comparison import with_running
from exchange.forms.reason import ReasonForm, SignForm
from exchange.models import ExchangeRequest, Letter
from exchange.refusals import Refusal
from exchange.services import requests, scopes, standing
from exchange.states import RequestStatus
from exchange.views.base import PageMixin, RefusedFormMixin, VisibleMixin, page_of
from exchange.views.corrections import correction_context
from registry.views.lists import PagedListView


class EndorsementListView(PageMixin, PagedListView):
    template_name = "exchange/endorsement_list.html"
    context_object_name = "requests"

    def get_queryset(self):
        return ExchangeRequest.objects.visible_to(self.request.user).to_be_signed_by(self.request.user).for_lists()


class SigningMixin(VisibleMixin):
    """The page on which a signatory decides; it makes sense in one state only."""

    model = ExchangeRequest
    context_object_name = "exchange_request"
    status: str

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if self.object.status != self.status:
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def refusal_of(self, move: str) -> Refusal | None:
        return workflow.refusal_of(workflow.check_move, move, self.object, self.request.user)

    def get_context_data(self, **kwargs) -> dict:
        kwargs.setdefault("form", ReasonForm())
        return super().get_context_data(exchange_request=self.object, **kwargs)


class SignPage(SigningMixin):
    """The whole text of the revision, as it was frozen."""

    status = RequestStatus.PENDING_ENDORSEMENT
    template_name = "exchange/request_sign.html"

    def get_context_data(self, **kwargs) -> dict:
        revision = self.object.revisions.select_related("proposed_by").first()
        return super().get_context_data(
            revision=revision,
            summary=summary.of_revision(revision),
            comparison=with_running(revision),
            standing=standing.beside(self.object, scopes.scope_of_revision(revision)),
            files=files.lines_of(revision.attachments.readable_by(self.request.user)),
            **correction_context(self.object),
            sign_refusal=self.refusal_of("endorse"),
            return_refusal=self.refusal_of("send_back"),
            **kwargs,
        )


class RequestEndorseView(SignPage, DetailView):
    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        form = SignForm(request.POST)
        # Without a proper hash nothing can match: the service says so in its own words.
        read = form.cleaned_data["revision_hash"] if form.is_valid() else ""
        signed = requests.endorse(request=self.object, by=request.user, revision_hash=read)
        messages.success(request, _("Signed. The request is submitted."))
        return redirect(page_of(signed))


class RequestSendBackView(RefusedFormMixin, SignPage, FormView):
    form_class = ReasonForm

    def act(self, form) -> HttpResponse:
        requests.send_back(request=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        messages.success(self.request, _("Sent back to the clerk."))
        return redirect(page_of(self.object))


class OfferPage(SigningMixin):
    """What was asked for beside what is offered."""

    status = RequestStatus.OFFERED
    template_name = "exchange/request_offer.html"

    def get_context_data(self, **kwargs) -> dict:
        case = rules.case_of(self.object)
        asked = scopes.scope_of_revision(self.object.revisions.first())
        offered = scopes.approved_scope(case, asked)
        reasons = scopes.live_approvals(case).exclude(reason="").order_by("pk").values_list("reason", flat=True)
        return super().get_context_data(
            differences=summary.differences(asked, offered, self.object.dataset),
            has_fewer_rows=offered.row_limit < asked.row_limit,
            reason="\n".join(dict.fromkeys(reasons)),
            letter=Letter.objects.filter(case=case).select_related("agency").first(),
            accept_refusal=self.refusal_of("accept"),
            decline_refusal=self.refusal_of("decline"),
            **kwargs,
        )


class RequestAcceptView(OfferPage, DetailView):
    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        requests.accept(request=self.object, by=request.user)
        messages.success(request, _("Accepted. The agreement is concluded with what was offered."))
        return redirect(page_of(self.object))


class RequestDeclineView(RefusedFormMixin, OfferPage, FormView):
    form_class = ReasonForm

    def act(self, form) -> HttpResponse:
        requests.decline(request=self.object, by=self.request.user, reason=form.cleaned_data["reason"])
        messages.success(self.request, _("Declined. The request is closed."))
        return redirect(page_of(self.object))
