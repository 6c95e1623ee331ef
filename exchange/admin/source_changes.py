"""Changes of sources: what changed in words, what hangs on it, and the owner's review of a breaking one."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from exchange.admin import wording
from exchange.admin.forms import Reason
from exchange.services import holding
from registry.admin.base import ReadOnlyAdmin
from registry.choices import Review
from registry.errors import RegistryRefusal
from registry.models import SchemaChange
from registry.services import drift
from registry.structure_words import sentence, severity_label

PER_PAGE = 20
REFUSALS_SHOWN = 10


class ReviewForm(forms.Form):
    required_css_class = "required"
    decision = forms.ChoiceField(label=gettext_lazy("Decision"), choices=Review, widget=forms.RadioSelect)
    resume = forms.BooleanField(
        label=gettext_lazy(
            "Resume the agreements that this change suspended, as far as they ask for the same as before"
        ),
        required=False,
        initial=True,
    )
    note = Reason(
        help_text=gettext_lazy("It goes on record; where agreements are resumed or revoked, their users read it.")
    )


@admin.register(SchemaChange)
class SchemaChangeAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "shown_severity", "shown_state", "occasion", "found_at", "reviewed_by"]
    list_filter = ["is_breaking", "decision", "occasion", "found_at"]
    list_select_related = ["dataset", "from_snapshot", "to_snapshot", "reviewed_by"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["dataset__code", "dataset__title_vi__unaccent"]
    autocomplete_fields = []
    readonly_fields = []
    owner_path = "dataset__database__owner"

    @admin.display(description=gettext_lazy("severity"), ordering="is_breaking")
    def shown_severity(self, change):
        return _("breaking") if change.is_breaking else _("compatible")

    @admin.display(description=gettext_lazy("state"), ordering="reviewed_at")
    def shown_state(self, change):
        return wording.badge(*_state(change))

    def get_urls(self):
        review = self.admin_site.admin_view(require_POST(self.review_view))
        return [path("<path:object_id>/review/", review, name="registry_schemachange_review"), *super().get_urls()]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """The page of a change. It has no form of the admin's own: what it offers is the review."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self._page(request, self._visible(request, object_id), ReviewForm())

    def review_view(self, request, object_id):
        change = self._visible(request, object_id)
        form = ReviewForm(request.POST)
        if not form.is_valid():
            return self._page(request, change, form, status=422)
        answers = form.cleaned_data
        try:
            results = holding.review(
                change=change,
                by=request.user,
                decision=Review(answers["decision"]),
                note=answers["note"],
                resume=answers["resume"],
            )
        except RegistryRefusal as refusal:  # the service has recorded it
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self._tell(request, Review(answers["decision"]), results)
        return HttpResponseRedirect(reverse("admin:registry_schemachange_change", args=[change.pk]))

    def _tell(self, request, decision: Review, results: list[holding.Result]) -> None:
        self.message_user(request, _("The change is reviewed: %(decision)s.") % {"decision": decision.label})
        done = sum(not result.refusal for result in results)
        if done:
            told = (
                ngettext("%(count)s agreement is in force again.", "%(count)s agreements are in force again.", done)
                if decision == Review.ACCEPT
                else ngettext("%(count)s agreement is revoked.", "%(count)s agreements are revoked.", done)
            )
            self.message_user(request, told % {"count": done}, messages.SUCCESS)
        for result in [result for result in results if result.refusal][:REFUSALS_SHOWN]:
            self.message_user(request, f"{result.agreement}: {result.refusal}", messages.ERROR)

    def _visible(self, request, object_id) -> SchemaChange:
        change = self.get_object(request, object_id)
        if not self.has_view_permission(request, change):
            return self.get_object(request, "0")  # unknown and forbidden look alike
        related = SchemaChange.objects.select_related(
            "dataset__database__owner", "from_snapshot", "to_snapshot", "found_by", "reviewed_by"
        )
        return related.get(pk=change.pk)

    def _page(self, request, change: SchemaChange, form: ReviewForm, status: int = 200):
        dependants = holding.dependants(change)
        listed = Paginator(dependants, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": change,
            "title": str(change),
            "state": wording.badge(*_state(change)),
            "changes": [
                (one.is_breaking, severity_label(one.severity), sentence(one))
                for one in sorted(drift.changes_of(change), key=lambda one: not one.is_breaking)
            ],
            "policies": _policies(change),
            "page_obj": listed,
            "figures": _figures(dependants),
            "is_open": change.is_breaking and change.reviewed_at is None,
            "form": form,
            "may_review": drift.can_review(change=change, by=request.user),
            "list_url": reverse("admin:registry_schemachange_changelist"),
        }
        return TemplateResponse(request, "admin/exchange/source_change.html", context, status=status)


def _state(change: SchemaChange) -> tuple[str, str]:
    if not change.is_breaking:
        return "completed", _("no review needed")
    if change.reviewed_at is None:
        return "suspended", _("waits for the owner")
    return ("active" if change.decision == Review.ACCEPT else "revoked"), change.get_decision_display()


def _policies(change: SchemaChange) -> list[tuple]:
    """The policies that it suspended, each with the titles of what they shared and the source no longer has."""
    found = change.suspended_policies.order_by("pk").prefetch_related("policy_fields__field")
    return [(one, [line.field for line in one.policy_fields.all() if line.field.removed_at]) for one in found]


def _figures(dependants: list[holding.Dependant]) -> dict[str, int]:
    return {
        "agreements": len(dependants),
        "under_way": sum(one.under_way for one in dependants),
        "resumable": sum(one.can_resume for one in dependants),
        "altered": sum(not one.is_same for one in dependants),
        "others": sum(one.is_same and not one.is_held for one in dependants),
    }
