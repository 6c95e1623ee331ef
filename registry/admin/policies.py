"""Sharing policies: what an owner is ready to give, and what it has already decided to give."""

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ScopedAdmin, ScopedInline
from registry.choices import Mode, Purpose
from registry.errors import RegistryRefusal
from registry.models import Field, PolicyField, SharingPolicy
from registry.services import policies


class SharingPolicyForm(forms.ModelForm):
    acting = None

    modes = forms.MultipleChoiceField(label=capfirst(_("modes")), choices=Mode, widget=forms.CheckboxSelectMultiple)
    purposes = forms.MultipleChoiceField(
        label=capfirst(_("purposes")), choices=Purpose, widget=forms.CheckboxSelectMultiple
    )

    def clean(self):
        cleaned = super().clean()
        if not cleaned.get("any_agency") and not cleaned.get("recipients"):
            self.add_error("recipients", _("Name the agencies that may ask, or let every agency ask."))
        dataset = cleaned.get("dataset") or getattr(self.instance, "dataset", None)
        if cleaned.get("is_standing") and dataset:
            try:
                policies.check_standing(dataset=dataset, recipients=cleaned.get("recipients") or (), by=self.acting)
            except RegistryRefusal as refusal:
                self.add_error("is_standing", str(refusal))
        return cleaned


class PolicyFieldFormSet(forms.BaseInlineFormSet):
    """Offers the fields of the policy's own dataset, and of those the ones that the source still has."""

    def add_fields(self, form, index):
        super().add_fields(form, index)
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


@admin.register(SharingPolicy)
class SharingPolicyAdmin(ScopedAdmin):
    form = SharingPolicyForm
    fieldsets = [
        (None, {"fields": ["dataset", "title", "legal_basis", "valid_from", "valid_to"]}),
        (_("Who and what for"), {"fields": ["any_agency", "recipients", "purposes", "modes"]}),
        (_("Limits"), {"fields": ["max_rows", "max_days", "quorum"]}),
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
    list_display = ["title", "dataset", "is_standing", "any_agency", "quorum", "valid_from", "valid_to"]
    list_filter = ["is_standing", "any_agency", "valid_from", "valid_to"]
    list_select_related = ["dataset__database"]
    search_fields = ["title__unaccent", "dataset__code", "dataset__title_vi__unaccent"]
    autocomplete_fields = ["dataset", "recipients", "legal_basis"]
    readonly_fields = ["decided_by", "decided_at"]
    inlines = [PolicyFieldInline]
    recorded_values = [
        "dataset",
        "legal_basis",
        "valid_from",
        "valid_to",
        "any_agency",
        "recipients",
        "purposes",
        "modes",
        "max_rows",
        "max_days",
        "quorum",
        "is_standing",
    ]
    owner_path = "dataset__database__owner"

    def get_inlines(self, request, obj):
        return self.inlines if obj else []  # which fields there are follows from the dataset

    def get_readonly_fields(self, request, obj=None):
        return ["dataset", *self.readonly_fields] if obj else self.readonly_fields

    def has_change_permission(self, request, obj=None):
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or not obj.is_standing or policies.may_decide_standing(request.user, obj.dataset)

    def save_model(self, request, obj, form, change):
        policies.settle(policy=obj, by=request.user)
        super().save_model(request, obj, form, change)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        opened = policies.opened_sensitive_fields(form.instance)
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
