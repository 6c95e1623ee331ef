"""Advice of reviewers: the page on which one is given, and the list of what was said."""

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from exchange.admin.forms import DecisionForm, Reason
from exchange.choices import Recommendation
from exchange.models import Advice
from exchange.refusals import Refusal
from exchange.services import advice
from registry.admin.base import ReadOnlyAdmin
from registry.choices import Role
from registry.permissions import has_role


class AdviceForm(DecisionForm):
    recommendation = forms.ChoiceField(
        label=_("What do you recommend?"), choices=Recommendation, widget=forms.RadioSelect
    )
    text = Reason(label=_("Your advice"), help_text=_("The owner's approvers read it before they decide."))


class AdvicePages:
    """The page of a case on which a reviewer advises; beside the moves, because advice changes no state."""

    def get_urls(self):
        page = path(
            "<path:object_id>/advise/",
            self.admin_site.admin_view(self.advise_view),
            name="exchange_reviewcase_advise",
        )
        return [page, *super().get_urls()]

    def advise_view(self, request, object_id):
        case = self._visible(request, object_id)
        if case.request.provider != case.provider:
            raise Http404
        try:
            advice.check_giving(request=case.request, by=request.user)
        except Refusal as refusal:
            if request.method != "POST":
                self.message_user(request, str(refusal), messages.ERROR)
                return HttpResponseRedirect(self.url_of(case, "change"))
        page = self.read(case, request.user)
        form = AdviceForm(request.POST if request.method == "POST" else None, thing=page)
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    advice.give(request=case.request, by=request.user, **form.cleaned_data)
                except Refusal as refusal:
                    status = refusal.status
                    form.refuse(refusal)
                else:
                    self.message_user(request, _("Your advice is recorded."), messages.SUCCESS)
                    return HttpResponseRedirect(self.url_of(case, "change"))
        context = self._context(request, case, page) | {"form": form}
        return TemplateResponse(request, "admin/exchange/reviewcase/advise.html", context, status=status)


@admin.register(Advice)
class AdviceAdmin(ReadOnlyAdmin):
    list_display = ["shown_case", "revision_number", "recommendation", "made_by", "agency", "made_at"]
    list_filter = ["recommendation"]
    list_select_related = ["case__request", "case__provider", "revision__request", "made_by", "agency"]
    search_fields = ["case__request__code", "made_by__full_name__unaccent"]
    autocomplete_fields = []
    fields = [
        "shown_case",
        "revision_number",
        "revision_hash",
        "recommendation",
        "text",
        "made_by",
        "agency",
        "made_at",
    ]
    readonly_fields = fields
    owner_path = "case__provider"

    def get_queryset(self, request):
        found = super().get_queryset(request)
        return found if has_role(request.user, Role.AUDITOR) else found.readable_by(request.user)

    @admin.display(description=_("review case"), ordering="case")
    def shown_case(self, given):
        return given.case

    @admin.display(description=_("revision"))
    def revision_number(self, given):
        return given.revision.number
