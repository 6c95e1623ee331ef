"""Deciding many cases at once: a page that lists what each decision would mean, and a result for each case."""

from dataclasses import dataclass

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from exchange import workflow
from exchange.admin import wording
from exchange.admin.dossier import Dossier
from exchange.admin.forms import Reason
from exchange.models import ReviewCase
from exchange.refusals import Refusal
from exchange.services import bulk
from exchange.states import REQUEST
from registry.choices import Role
from registry.models import LegalInstrument, User
from registry.permissions import has_role


class BulkForm(forms.Form):
    """What is said about all of the chosen cases."""

    required_css_class = "required"


class BulkApproveForm(BulkForm):
    reason = Reason(
        label=_("Comment"), required=False, help_text=_("It stands in every letter. The other agencies read it.")
    )


class BulkReturnForm(BulkForm):
    reason = Reason(label=_("What is to be corrected"), help_text=_("Every one of the agencies reads it."))


class BulkRejectForm(BulkForm):
    reason = Reason(help_text=_("It goes into every letter."))
    legal_basis = forms.ModelChoiceField(
        label=_("Legal basis of the rejection"),
        queryset=LegalInstrument.objects.none(),
        help_text=_("Only what is in force today."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["legal_basis"].queryset = LegalInstrument.objects.in_force().order_by("number")


FORMS = {"claim": BulkForm, "approve": BulkApproveForm, "return": BulkReturnForm, "reject": BulkRejectForm}


@dataclass
class Line:
    """One case on the page: what the move would mean for it, or why it cannot be made."""

    case: ReviewCase
    reader: User
    refusal: Refusal | None = None

    @cached_property
    def choice(self) -> bulk.Choice:
        return bulk.choice_of(self.case)

    @property
    def value(self) -> str:
        """The choice as a form sends it."""
        return f"{self.case.pk}.{self.choice.revision_hash}.{self.choice.scope_hash}"

    @property
    def summary(self) -> str:
        return Dossier(self.case, self.reader).summary

    @property
    def state(self):
        return wording.badge(self.case.request.status, self.case.request.get_status_display())


def _action(name: str):
    label = REQUEST.moves[name].label

    @admin.action(description=_("%(move)s: the selected cases") % {"move": label}, permissions=["decide"])
    def act(modeladmin, request, queryset):
        chosen = list(queryset.values_list("pk", flat=True)[: bulk.MOST + 1])
        if len(chosen) > bulk.MOST:
            modeladmin.message_user(request, _("Choose at most %d cases.") % bulk.MOST, messages.ERROR)
            return None
        target = reverse(f"admin:exchange_reviewcase_bulk-{name}")
        return HttpResponseRedirect(f"{target}?{urlencode({'case': chosen}, doseq=True)}")

    act.__name__ = f"bulk_{name}"
    return act


class BulkPages:
    """An admin of cases whose list offers the bulk moves."""

    actions = [_action(name) for name in bulk.MOVES]

    def has_decide_permission(self, request) -> bool:
        """Whether the actions are shown at all; each case is checked on its own."""
        if not hasattr(request, "_decides"):  # asked for each of the actions
            request._decides = has_role(request.user, Role.CASE_OFFICER, Role.APPROVER) or self._is_delegate(request)
        return request._decides

    def get_urls(self):
        pages = [
            path(
                f"bulk/{name}/",
                self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self._bulk_view_of(name))),
                name=f"exchange_reviewcase_bulk-{name}",
            )
            for name in bulk.MOVES
        ]
        return [*pages, *super().get_urls()]

    def _bulk_view_of(self, name: str):
        def view(request):
            if not (self.has_view_permission(request) and self.has_decide_permission(request)):
                raise PermissionDenied
            return self._bulk_post(request, name) if request.method == "POST" else self._bulk_get(request, name)

        return view

    def _bulk_get(self, request, name: str):
        numbers = [text for text in request.GET.getlist("case") if text.isdecimal() and len(text) < 19]
        cases = self._chosen(request, numbers)
        return self._bulk_page(request, name, cases, FORMS[name]())

    def _bulk_post(self, request, name: str):
        sent = [text.split(".") for text in request.POST.getlist("choice")]
        known = {parts[0]: parts[1:] for parts in sent if len(parts) == 3 and parts[0].isdecimal()}
        cases = self._chosen(request, known)
        form = FORMS[name](request.POST)
        if not cases:
            form.full_clean()
            form.add_error(None, _("Choose at least one case."))
        if not form.is_valid():
            listed = [text for text in request.POST.getlist("listed") if text.isdecimal() and len(text) < 19]
            return self._bulk_page(request, name, self._chosen(request, listed), form, set(known), status=422)
        choices = [bulk.Choice(case, *known[str(case.pk)]) for case in cases]
        results = bulk.make(name, choices, by=request.user, **form.cleaned_data)
        done = sum(result.done for result in results)
        context = self._bulk_context(request, name) | {
            "results": [(result, Line(result.case, request.user)) for result in results],
            "told": ngettext(
                "%(done)d of %(count)d case changed.", "%(done)d of %(count)d cases changed.", len(results)
            )
            % {"done": done, "count": len(results)},
            "all_done": done == len(results),
        }
        return TemplateResponse(request, "admin/exchange/reviewcase/bulk_result.html", context)

    def _chosen(self, request, numbers) -> list[ReviewCase]:
        """The cases among these that the person sees, in the order of the queue."""
        numbers = list(numbers)
        if len(numbers) > bulk.MOST:
            raise Http404
        found = self.get_queryset(request).filter(pk__in=numbers)
        return list(
            found.select_related("provider", "policy", "request__consumer", "request__dataset__database__owner")
        )

    def _bulk_page(self, request, name, cases, form, ticked: set[str] | None = None, status: int = 200):
        lines = [Line(case, request.user, workflow.refusal_of(bulk.check, name, case, request.user)) for case in cases]
        open_lines = [line for line in lines if line.refusal is None]
        context = self._bulk_context(request, name) | {
            "form": form,
            "lines": [
                (line, line.refusal is None and (ticked is None or str(line.case.pk) in ticked)) for line in lines
            ],
            "open_count": len(open_lines),
            "kept_back": len(lines) - len(open_lines),
        }
        return TemplateResponse(request, "admin/exchange/reviewcase/bulk.html", context, status=status)

    def _bulk_context(self, request, name: str) -> dict:
        move = REQUEST.moves[name]
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "move": move,
            "title": _("%(move)s: several cases") % {"move": move.label},
            "list_url": self.url_of(None, "changelist"),
            "page_url": self.url_of(None, "changelist"),
        }
