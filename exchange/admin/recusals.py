"""Declaring a conflict with a case, which cannot be taken back, and the list of what was declared."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from exchange.admin.answers import Answer
from exchange.admin.forms import MoveForm, Reason
from exchange.choices import ConflictKind
from exchange.models import Recusal, ReviewCase
from exchange.services import recusals
from registry.admin.base import ReadOnlyAdmin
from registry.models import User


class RecusalForm(MoveForm):
    kind = forms.ChoiceField(label=_("What is the conflict?"), choices=ConflictKind, widget=forms.RadioSelect)
    note = Reason(
        label=_("Note"),
        required=False,
        help_text=_("Nothing has to be written here. Only colleagues and auditors read it."),
    )


@admin.register(Recusal)
class RecusalAdmin(ReadOnlyAdmin):
    list_display = ["request", "person", "agency", "kind", "declared_at"]
    list_filter = ["kind"]
    list_select_related = ["request", "person", "agency"]
    search_fields = ["request__code", "person__full_name__unaccent"]
    autocomplete_fields = []
    fields = ["request", "person", "agency", "kind", "note", "declared_at"]
    readonly_fields = fields
    owner_path = "case__provider"


def _declare(case: ReviewCase, by: User, answers: dict) -> str:
    recusals.declare(request=case.request, by=by, **answers)
    return _("You stay out of this case from now on.")


RECUSE = Answer("recuse", RecusalForm, lambda case, by: recusals.check_declaring(request=case.request, by=by), _declare)
