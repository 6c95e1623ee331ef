"""Sharing policies: what an owner is ready to give, and what it has already decided to give."""

from copy import copy

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ActingForm, ScopedAdmin, ScopedInline
from registry.choices import AgencyKind, Limit, Mode, Purpose
from registry.errors import RegistryRefusal
from registry.models import Field, PolicyField, SharingPolicy
from registry.services import policies, protection

MARKS = {
    policies.PolicyState.IN_FORCE: "in-force",
    policies.PolicyState.LATER: "not-yet",
    policies.PolicyState.ENDED: "expired",
    policies.PolicyState.SUSPENDED: "suspended",
    policies.PolicyState.IDLE: "no-longer",
}
# What the services read of a policy before it is saved.
BOUND = ("quorum", "is_standing", "reviews_needed", "blind_review")


class SharingPolicyForm(ActingForm):
    modes = forms.MultipleChoiceField(label=capfirst(_("modes")), choices=Mode, widget=forms.CheckboxSelectMultiple)
    purposes = forms.MultipleChoiceField(
        label=capfirst(_("purposes")), choices=Purpose, widget=forms.CheckboxSelectMultiple
    )

    recipient_kinds = forms.MultipleChoiceField(
        label=capfirst(_("kinds of agency that may ask")),
        choices=AgencyKind,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def clean(self):
        cleaned = super().clean()
        named = cleaned.get("recipients") or ()
        try:
            policies.check_recipients(
                any_agency=cleaned.get("any_agency", False),
                recipients=named,
                kinds=cleaned.get("recipient_kinds") or (),
            )
        except RegistryRefusal as refusal:
            self.add_error("recipients", str(refusal))
        dataset = cleaned.get("dataset") or getattr(self.instance, "dataset", None)
        if dataset:
            recipients = cleaned.get("recipients") or ()
            self._ask("dataset", policies.check_keeper, dataset=dataset, by=self.acting)
            if cleaned.get("is_standing") and not self.errors:
                self._ask(
                    "is_standing", policies.check_standing, dataset=dataset, recipients=recipients, by=self.acting
                )
            if not self.errors:
                asked = copy(self.instance)
                asked.dataset = dataset
                for name in BOUND:
                    setattr(asked, name, cleaned[name])
                self._ask("quorum", policies.check_quorum, asked)
                self._ask("reviews_needed", policies.check_reviews, asked)
        return cleaned

    def _ask(self, field, check, *policy, **arguments):
        try:
            check(*policy, **arguments)
        except RegistryRefusal as refusal:
            self.add_refusal(field, refusal)


class PolicyFieldForm(ActingForm):
    """One line; the policy's modes stand in the page's main form, which is read before."""

    policy: SharingPolicy

    def clean(self):
        cleaned = super().clean()
        field = cleaned.get("field")
        if field and cleaned.get("masking") and not cleaned.get("DELETE"):
            try:
                policies.check_line(
                    policy=self.policy,
                    field=field,
                    masking=cleaned["masking"],
                    is_filterable=cleaned.get("is_filterable", False),
                )
            except RegistryRefusal as refusal:
                self.add_refusal("masking", refusal)
        return cleaned


class PolicyFieldFormSet(forms.BaseInlineFormSet):
    """Offers the fields of the policy's own dataset, and of those the ones that the source still has."""

    def add_fields(self, form, index):
        super().add_fields(form, index)
        form.policy = self.instance
        field = form.fields["field"]
        field.queryset = (
            Field.objects.filter(dataset=self.instance.dataset_id)
            .filter(Q(removed_at__isnull=True) | Q(policy_fields__policy=self.instance.pk))
            .distinct()
        )
        field.choices = self._choices  # once for all rows
        field.disabled = form.instance.pk is not None

    @property
    def _choices(self):
        if not hasattr(self, "_kept_choices"):
            fields = Field.objects.shown().filter(dataset=self.instance.dataset_id).order_by("position", "name")
            kept = PolicyField.objects.filter(policy=self.instance.pk, field__removed_at__isnull=False)
            known = [*fields, *(shared.field for shared in kept.select_related("field"))]
            self._kept_choices = [
                ("", "---------"),
                *((field.pk, f"{field.name} – {field.title} ({field.get_personal_data_display()})") for field in known),
            ]
        return self._kept_choices


class PolicyFieldInline(ScopedInline):
    model = PolicyField
    form = PolicyFieldForm
    formset = PolicyFieldFormSet
    fields = ["field", "masking", "is_filterable"]
    autocomplete_fields = []
    readonly_fields = []

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("field")

    def has_delete_permission(self, request, obj=None):
        # Sharing one field less is always possible for who may change the policy.
        return request.user.has_perm("registry.delete_policyfield")

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "field":
            kwargs["queryset"] = Field.objects.none()  # the form set knows the dataset
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return policies.PolicyState.choices

    def queryset(self, request, queryset):
        known = self.value() in policies.PolicyState.values
        return policies.in_state(queryset, policies.PolicyState(self.value())) if known else queryset


class ModeFilter(admin.SimpleListFilter):
    title = _("mode")
    parameter_name = "mode"

    def lookups(self, request, model_admin):
        return Mode.choices

    def queryset(self, request, queryset):
        return queryset.filter(modes__contains=[self.value()]) if self.value() in Mode.values else queryset


SUSPENSION = (
    _("Suspended after a change of the source"),
    {
        "fields": ["suspended_at", "shown_change"],
        "description": _("It offers nothing until an approver of the owner has reviewed the change."),
    },
)


@admin.register(SharingPolicy)
class SharingPolicyAdmin(ScopedAdmin):
    form = SharingPolicyForm
    fieldsets = [
        (None, {"fields": ["dataset", "title", "legal_basis", "valid_from", "valid_to"]}),
        (
            _("Who and what for"),
            {"fields": ["any_agency", "recipient_kinds", "recipients", "includes_units", "purposes", "modes"]},
        ),
        (_("Limits"), {"fields": ["max_rows", "max_days", "max_retention_days", *Limit.values]}),
        (_("Who decides"), {"fields": ["quorum", "reviews_needed", "blind_review"]}),
        (
            _("Standing permission"),
            {
                "fields": ["is_standing", "decided_by", "decided_at"],
                "description": _(
                    "A request wholly inside a standing permission needs no new decision: saving it is the decision."
                ),
            },
        ),
    ]
    list_display = ["title", "dataset", "state", "shown_modes", "is_standing", "quorum", "valid_from", "valid_to"]
    list_filter = [StateFilter, "is_standing", "any_agency", ModeFilter]
    list_select_related = ["dataset__database", "legal_basis"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["title__unaccent", "dataset__code", "dataset__title_vi__unaccent"]
    autocomplete_fields = ["dataset", "recipients", "legal_basis"]
    readonly_fields = ["decided_by", "decided_at", "suspended_at", "shown_change"]
    inlines = [PolicyFieldInline]
    recorded_values = [
        "dataset",
        "legal_basis",
        "valid_from",
        "valid_to",
        "any_agency",
        "recipients",
        "recipient_kinds",
        "includes_units",
        "purposes",
        "modes",
        "max_rows",
        "max_days",
        "max_retention_days",
        *Limit.values,
        "quorum",
        "reviews_needed",
        "blind_review",
        "is_standing",
    ]
    owner_path = "dataset__database__owner"

    def get_fieldsets(self, request, obj=None):
        if obj is not None and obj.suspended_at:
            return [*self._fieldsets(request, obj), SUSPENSION]
        return self._fieldsets(request, obj)

    def _fieldsets(self, request, obj):
        if self.has_change_permission(request, obj) or obj is None:
            return self.fieldsets
        # Else the reader sees codes.
        shown = {"purposes": "shown_purposes", "modes": "shown_modes", "recipient_kinds": "shown_kinds"}
        return [
            (title, {**options, "fields": [shown.get(name, name) for name in options["fields"]]})
            for title, options in self.fieldsets
        ]

    @admin.display(description=_("suspended by the change"))
    def shown_change(self, policy):
        change = policy.suspended_by_change
        return format_html('<a href="{}">{}</a>', change.page, change)

    @admin.display(description=_("state"))
    def state(self, policy):
        state = policies.state_of(policy)
        return format_html('<span class="status status-{}">{}</span>', MARKS[state], state.label)

    @admin.display(description=_("purposes"))
    def shown_purposes(self, policy):
        return ", ".join(str(Purpose(purpose).label) for purpose in policy.purposes)

    @admin.display(description=_("modes"))
    def shown_modes(self, policy):
        return ", ".join(str(Mode(mode).label) for mode in policy.modes)

    @admin.display(description=_("kinds of agency that may ask"))
    def shown_kinds(self, policy):
        return ", ".join(str(AgencyKind(kind).label) for kind in policy.recipient_kinds)

    def get_inlines(self, request, obj):
        return self.inlines if obj else []  # which fields there are follows from the dataset

    def get_readonly_fields(self, request, obj=None):
        return ["dataset", *self.readonly_fields] if obj else self.readonly_fields

    def has_change_permission(self, request, obj=None):
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or policies.may_keep(request.user, obj.dataset)

    def save_model(self, request, obj, form, change):
        policies.settle(policy=obj, by=request.user)
        super().save_model(request, obj, form, change)

    def response_change(self, request, obj):
        self._warn(request, obj)
        return super().response_change(request, obj)

    def _warn(self, request, policy):
        for warning in protection.warnings_of(policy):
            self.message_user(request, warning, messages.WARNING)
        opened = policies.opened_sensitive_fields(policy)
        if opened:
            self.message_user(
                request,
                _("Sensitive fields are shared more openly than they are by default: %(fields)s")
                % {"fields": ", ".join(field.name for field in opened)},
                messages.WARNING,
            )

    def response_add(self, request, obj, post_url_continue=None):
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, _("The policy was added. Now choose the fields that it shares."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:registry_sharingpolicy_change", args=[obj.pk]))
