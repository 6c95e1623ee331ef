"""Reviewing an emergency afterwards, and the list of what was said."""

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.admin.answers import Answer
from exchange.admin.forms import MoveForm, Reason
from exchange.choices import AfterVerdict
from exchange.models import AfterReview, ReviewCase
from exchange.services import emergencies
from registry.admin.base import ReadOnlyAdmin
from registry.choices import Role
from registry.models import User
from registry.permissions import has_role


class ReviewForm(MoveForm):
    verdict = forms.ChoiceField(
        label=_("What do you say?"),
        choices=[
            (AfterVerdict.CONFIRM, _("I confirm that it was an emergency, and that what was given was right")),
            (AfterVerdict.OBJECT, _("I object")),
        ],
        widget=forms.RadioSelect,
    )
    reason = Reason(required=False, help_text=_("Needed for an objection. Auditors and both agencies read it."))


def _review(case: ReviewCase, by: User, answers: dict) -> str:
    given = emergencies.review(request=case.request, by=by, **answers)
    if given.verdict == AfterVerdict.OBJECT:
        return _("Your objection is recorded.")
    return _("Your confirmation is recorded.")


REVIEW = Answer(
    "review", ReviewForm, lambda case, by: emergencies.check_reviewing(request=case.request, by=by), _review
)


@admin.register(AfterReview)
class AfterReviewAdmin(ReadOnlyAdmin):
    list_display = ["shown_case", "part", "verdict", "made_by", "agency", "made_at"]
    list_filter = ["verdict", "part"]
    list_select_related = ["case__request", "case__provider", "made_by", "agency"]
    search_fields = ["case__request__code", "made_by__full_name__unaccent"]
    autocomplete_fields = []
    fields = ["shown_case", "part", "verdict", "reason", "made_by", "agency", "delegation", "made_at"]
    readonly_fields = fields
    owner_path = "case__provider"

    def get_queryset(self, request):
        """In blind review the own alone, until all of it is in."""
        found = super().get_queryset(request)
        if has_role(request.user, Role.AUDITOR):
            return found
        hidden = Q(case__blind_review=True, case__reviewed_at__isnull=True) & ~Q(made_by=request.user)
        return found.exclude(hidden)

    @admin.display(description=_("review case"), ordering="case")
    def shown_case(self, given):
        return given.case
