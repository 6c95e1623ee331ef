"""Moves of agencies in the admin: proposed here, agreed to by both sides, carried out by the portal."""

from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ActingForm, PostButtons, ScopedAdmin
from registry.errors import RegistryRefusal
from registry.models import AgencyMove
from registry.services import tree


class AgencyMoveForm(ActingForm):
    def clean(self):
        cleaned = super().clean()
        if cleaned.get("agency") and cleaned.get("effective_on"):
            facts = {name: cleaned.get(name) for name in ("agency", "new_parent", "effective_on")}
            try:
                tree.check_proposal(**facts, by=self.acting)
            except RegistryRefusal as refusal:
                self.add_refusal(None, refusal)
        return cleaned


@admin.register(AgencyMove)
class AgencyMoveAdmin(PostButtons, ScopedAdmin):
    form = AgencyMoveForm
    fields = ["agency", "new_parent", "effective_on", "reason"]
    list_display = ["agency", "from_parent", "new_parent", "effective_on", "giving_by", "taking_by", "applied_at"]
    list_filter = ["effective_on", "applied_at", "withdrawn_at"]
    list_select_related = ["agency", "from_parent", "new_parent", "giving_by", "taking_by"]
    search_fields = ["agency__code", "agency__name_vi__unaccent", "new_parent__code"]
    autocomplete_fields = ["agency", "new_parent"]
    readonly_fields = []
    buttons = {"agree-present": "agree_for_present", "agree-new": "agree_for_new", "withdraw": "withdraw"}
    seen = [
        *("agency", "from_parent", "new_parent", "effective_on", "reason", "proposed_by", "proposed_at"),
        *("giving_by", "giving_at", "taking_by", "taking_at", "withdrawn_by", "withdrawn_at", "applied_at"),
    ]

    def get_fields(self, request, obj=None):
        return self.seen if obj else self.fields

    def get_readonly_fields(self, request, obj=None):
        return self.seen if obj else self.readonly_fields

    def save_model(self, request, obj, form, change):
        if change:
            return
        names = ("agency", "new_parent", "effective_on", "reason")
        obj.pk = tree.propose(**{name: getattr(obj, name) for name in names}, by=request.user).pk
        obj._state.adding = False

    def record_save(self, request, form, formsets, change):
        """The service leaves the entry."""

    def agree_for_present(self, request, move):
        self._do(request, move, tree.consent, side=tree.GIVING)

    def agree_for_new(self, request, move):
        self._do(request, move, tree.consent, side=tree.TAKING)

    def withdraw(self, request, move):
        self._do(request, move, tree.withdraw)

    def _do(self, request, move, act, **arguments):
        try:
            act(move=move, by=request.user, **arguments)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, move)
        else:
            self.message_user(request, _("Recorded."), messages.SUCCESS)
