"""Sharing policies with what hangs on them: the registry's pages, a rehearsal before saving, and what a change stops.

A rehearsal saves the form, reads what the rows then say, and takes everything back: what it tells is what would happen.
"""

from dataclasses import dataclass, field

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.services import impact
from exchange.services.impact import LISTED, Impact, Standing
from registry.admin.base import PostButtons
from registry.admin.policies import SharingPolicyAdmin
from registry.errors import RegistryRefusal
from registry.models import SharingPolicy
from registry.services import policies, preview
from registry.services.preview import Change, Preview

# What the rehearsal's page sends beside the form itself.
OWN = ("csrfmiddlewaretoken", "_preview", "_save", "_continue", "_addanother", "_edit", "confirmed", "stop_reason")


class Rehearsed(Exception):
    """Takes a saved form back, and carries what its rows said."""

    def __init__(self, rehearsal: "Rehearsal") -> None:
        super().__init__()
        self.rehearsal = rehearsal


@dataclass
class Rehearsal:
    """What a form would do: the policy in words, what is different, what it stops, and what is still to be said."""

    preview: Preview
    changes: list[Change] = field(default_factory=list)
    impact: Impact = field(default_factory=Impact)
    problems: list = field(default_factory=list)


class EndForm(forms.Form):
    last_day = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text=_("Yesterday ends the policy at once; today is the last day on which it gives something."),
    )
    stop_reason = forms.CharField(label=_("Reason"), max_length=1_000, widget=forms.Textarea(attrs={"rows": 3}))
    confirmed = forms.BooleanField(required=False)


admin.site.unregister(SharingPolicy)


@admin.register(SharingPolicy)
class PolicyDeskAdmin(PostButtons, SharingPolicyAdmin):
    change_form_template = "admin/exchange/policy/change_form.html"
    buttons = {"copy": "copy"}

    def get_urls(self):
        def page(view):
            return self.admin_site.admin_view(view)

        return [
            path("<path:object_id>/preview/", page(self.preview_view), name="registry_sharingpolicy_preview"),
            path("<path:object_id>/end/", page(self.end_view), name="registry_sharingpolicy_end"),
            *super().get_urls(),
        ]

    # Saving, with a rehearsal before it

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        if "_edit" in request.POST:  # back from the rehearsal: the page as it was sent, nothing saved
            form.is_valid = lambda self: False
        return form

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Rehearsed as rehearsed:
            return self._rehearsal_page(request, object_id, rehearsed.rehearsal)

    def save_model(self, request, obj, form, change):
        if change:
            # The rows as they are until now; the policy's own is held until this is over.
            saved = SharingPolicy.objects.select_for_update().get(pk=obj.pk)
            request.rehearsed_before = (preview.of(saved), impact.standing_on(saved))
        super().save_model(request, obj, form, change)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        policy = form.instance
        before, standing = getattr(request, "rehearsed_before", (None, Standing()))
        now = preview.of(policy)
        found = impact.between(standing, impact.standing_on(policy)) if change else Impact()
        problems = _unconfirmed(request, found)
        if "_preview" in request.POST or problems:
            shown = [] if "_preview" in request.POST else problems
            changes = preview.changes(before, now) if before else []
            raise Rehearsed(Rehearsal(now, changes, found, shown))
        if found.stops:
            impact.record(policy=policy, impact=found, by=request.user, reason=request.POST["stop_reason"].strip())

    def _rehearsal_page(self, request, object_id, rehearsal: Rehearsal):
        sent = [(name, value) for name, values in request.POST.lists() if name not in OWN for value in values]
        context = self._page(request, _("Preview")) | {
            "rehearsal": rehearsal,
            "sent": sent,
            "stop_reason": request.POST.get("stop_reason", ""),
            "listed": LISTED,
            "back": None,
        }
        status = 409 if rehearsal.problems else 200
        return TemplateResponse(request, "admin/exchange/policy/rehearsal.html", context, status=status).render()

    # The saved policy in words

    def preview_view(self, request, object_id):
        policy = self._visible(request, object_id)
        standing = impact.standing_on(policy)
        context = self._page(request, policy.title) | {
            "rehearsal": Rehearsal(preview.of(policy)),
            "policy": policy,
            "within": [one for one in standing.agreements.values() if not one.problem],
            "outside": [one for one in standing.agreements.values() if one.problem],
            "requests": list(standing.requests.values()),
            "listed": LISTED,
            "back": reverse("admin:registry_sharingpolicy_change", args=[policy.pk]),
        }
        return TemplateResponse(request, "admin/exchange/policy/preview.html", context)

    # Ending and copying

    def end_view(self, request, object_id):
        policy = self._visible(request, object_id)
        if not self.has_change_permission(request, policy):
            raise PermissionDenied
        form = EndForm(request.POST or None, initial={"last_day": timezone.localdate()})
        standing = impact.standing_on(policy)
        found = impact.between(standing, impact.ended(standing))
        problems = []
        if request.method == "POST" and form.is_valid():
            problems = _unconfirmed(request, found)
            if not problems and self._end(request, policy, form, found):
                return HttpResponseRedirect(reverse("admin:registry_sharingpolicy_change", args=[policy.pk]))
        context = self._page(request, _("End the policy early")) | {
            "form": form,
            "policy": policy,
            "rehearsal": Rehearsal(preview.of(policy), impact=found, problems=problems),
            "listed": LISTED,
            "back": reverse("admin:registry_sharingpolicy_change", args=[policy.pk]),
        }
        status = 409 if problems else 200
        return TemplateResponse(request, "admin/exchange/policy/end.html", context, status=status)

    def _end(self, request, policy, form, found: Impact) -> bool:
        try:
            with transaction.atomic():
                ended = policies.end(policy=policy, last_day=form.cleaned_data["last_day"], by=request.user)
                impact.record(policy=ended, impact=found, by=request.user, reason=form.cleaned_data["stop_reason"])
        except RegistryRefusal as refusal:
            self._record_refusal(request, refusal, policy)
            form.add_error("last_day", str(refusal))
            return False
        self.message_user(request, _("The policy ends on the day that you chose."), messages.SUCCESS)
        return True

    def copy(self, request, policy):
        try:
            new = policies.copy_as_new(policy=policy, by=request.user)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, policy)
            return None
        self.message_user(
            request, _("This copy begins in a week. Change what is to differ, and the day if it is another one."), messages.SUCCESS
        )  # fmt: skip
        return HttpResponseRedirect(reverse("admin:registry_sharingpolicy_change", args=[new.pk]))

    def _push(self, request, object_id, method):
        policy = self._visible(request, object_id)
        if not self.has_change_permission(request, policy):
            raise PermissionDenied
        answer = method(request, policy)
        return answer or HttpResponseRedirect(reverse("admin:registry_sharingpolicy_change", args=[policy.pk]))

    def _visible(self, request, object_id) -> SharingPolicy:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, object_id)

    def _page(self, request, title) -> dict:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "list_url": reverse("admin:registry_sharingpolicy_changelist"),
        }


def _unconfirmed(request, found: Impact) -> list:
    """What is still missing before something may be stopped: the tick for exactly what was shown, and a reason."""
    if not found.stops:
        return []
    problems = []
    confirmed = request.POST.get("confirmed", "")
    if confirmed != found.token:
        problems.append(
            _("What this stops is not the same any more as when you read it: read it again.")
            if confirmed
            else _("Confirm that this is to be stopped.")
        )
    if not request.POST.get("stop_reason", "").strip():
        problems.append(_("State the reason."))
    return problems
