"""Declaring a conflict with a case: a page that says what it means, and cannot be taken back."""

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from exchange.admin.forms import MoveForm, Reason
from exchange.choices import ConflictKind
from exchange.models import Recusal
from exchange.refusals import Refusal
from exchange.services import recusals
from registry.admin.base import ReadOnlyAdmin


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


class RecusalPages:
    """The page on which somebody stays out of a case; beside the moves, because it changes no state."""

    def get_urls(self):
        view = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.recuse_view))
        return [path("<path:object_id>/recuse/", view, name="exchange_reviewcase_recuse"), *super().get_urls()]

    def recuse_view(self, request, object_id):
        case = self._visible(request, object_id)
        if case.request.provider != case.provider:
            raise Http404
        page = self.read(case, request.user)
        form, status = RecusalForm(thing=page), 200
        try:
            recusals.check_declaring(request=case.request, by=request.user)
            if request.method == "POST":
                form, status = RecusalForm(request.POST, thing=page), 422
                if form.is_valid():
                    recusals.declare(request=case.request, by=request.user, **form.cleaned_data)
                    self.message_user(request, _("You stay out of this case from now on."), messages.SUCCESS)
                    return HttpResponseRedirect(self.url_of(case, "change"))
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(self.url_of(case, "change"))
        context = self._context(request, case, page) | {"form": form}
        return TemplateResponse(request, "admin/exchange/reviewcase/recuse.html", context, status=status)
