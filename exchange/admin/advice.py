"""Advice of reviewers: how one is given, and the list of what was said."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from exchange.admin.answers import Answer
from exchange.admin.forms import DecisionForm, Reason
from exchange.choices import Recommendation
from exchange.models import Advice, ReviewCase
from exchange.services import advice
from registry.admin.base import ReadOnlyAdmin
from registry.choices import Role
from registry.models import User
from registry.permissions import has_role


class AdviceForm(DecisionForm):
    recommendation = forms.ChoiceField(
        label=_("What do you recommend?"), choices=Recommendation, widget=forms.RadioSelect
    )
    text = Reason(label=_("Your advice"), help_text=_("The owner's approvers read it before they decide."))


def _give(case: ReviewCase, by: User, answers: dict) -> str:
    advice.give(request=case.request, by=by, **answers)
    return _("Your advice is recorded.")


ADVISE = Answer("advise", AdviceForm, lambda case, by: advice.check_giving(request=case.request, by=by), _give)


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
