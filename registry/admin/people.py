"""Accounts and appointments."""

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from registry.admin.base import ActingForm, ScopedAdmin, ScopedInline
from registry.choices import Role
from registry.errors import RegistryRefusal
from registry.models import Agency, Delegation, Membership, User
from registry.roles import agencies_served
from registry.services import people, records

# Permissions follow from memberships and duties; a second way to them would be one that nobody looks at.
admin.site.unregister(Group)


class MembershipForm(ActingForm):
    """A new appointment, or another end of one: who holds which role from when is history and stays."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in {"user", "agency", "role", "valid_from"} & set(self.fields):
                self.fields[name].disabled = True

    def clean(self):
        cleaned = super().clean()
        user = cleaned.get("user") or getattr(self.instance, "user", None)
        if user and self._gives_something(cleaned):
            try:
                people.check_not_oneself(user, self.acting)
            except RegistryRefusal as refusal:
                self.add_refusal(None, refusal)
        return cleaned

    def _gives_something(self, cleaned) -> bool:
        if not self.instance.pk:
            return True
        before, after = self.initial.get("valid_to"), cleaned.get("valid_to")
        return before is not None and (after is None or after > before)


def save_membership(form, by):
    """Through the service, whether the page is the membership's own or the person's."""
    membership = form.instance
    if membership.pk:
        people.set_end(membership=membership, last_day=membership.valid_to, by=by)
    else:
        membership.pk = people.appoint(
            user=membership.user,
            agency=membership.agency,
            role=membership.role,
            valid_from=membership.valid_from,
            valid_to=membership.valid_to,
            by=by,
        ).pk
        membership._state.adding = False


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    form = MembershipForm
    fields = ["user", "agency", "role", "valid_from", "valid_to"]
    list_display = ["user", "agency", "role", "valid_from", "valid_to"]
    list_filter = ["role", "valid_from", "valid_to"]
    list_select_related = ["user", "agency"]
    search_fields = ["user__username", "user__full_name__unaccent", "agency__code", "agency__name_vi__unaccent"]
    autocomplete_fields = ["user", "agency"]
    readonly_fields = []
    owner_path = "agency"

    def save_model(self, request, obj, form, change):
        save_membership(form, request.user)

    def record_save(self, request, form, formsets, change):
        """The service leaves the entry."""


class MembershipInline(ScopedInline):
    model = Membership
    form = MembershipForm
    fields = ["agency", "role", "valid_from", "valid_to"]
    autocomplete_fields = ["agency"]
    readonly_fields = []

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("agency", "user")


@admin.register(User)
class UserAdmin(ScopedAdmin, DjangoUserAdmin):
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["full_name", "position", "email", "phone"]}),
        (_("Mail"), {"fields": ["language", "wants_mail"]}),
        (_("Access"), {"fields": ["is_active", "is_staff", "is_superuser"]}),
        (_("On record"), {"fields": ["shown_public_id", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": [
                    "username",
                    "full_name",
                    "position",
                    "email",
                    "phone",
                    "is_staff",
                    "usable_password",
                    "password1",
                    "password2",
                ],
            },
        ),
    ]
    list_display = ["username", "full_name", "position", "is_active", "is_staff"]
    list_display_links = ["username", "full_name"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    list_select_related = False
    search_fields = ["username", "full_name__unaccent", "email"]
    autocomplete_fields = []
    filter_horizontal = []
    readonly_fields = ["shown_public_id", "last_login", "date_joined"]
    inlines = [MembershipInline]
    recorded_values = ["is_active", "is_staff", "is_superuser"]
    unrecorded = ["registry.membership"]

    @admin.display(description=_("public id"))
    def shown_public_id(self, user):
        return user.public_id

    def scoped(self, queryset, user):
        colleagues = Membership.objects.filter(user=OuterRef("pk"), agency__in=agencies_served(user))
        return queryset.filter(Exists(colleagues))

    def get_inlines(self, request, obj):
        return self.inlines if obj else []

    def get_readonly_fields(self, request, obj=None):
        readonly = super().get_readonly_fields(request, obj)
        return readonly if request.user.is_superuser else [*readonly, "is_superuser"]

    def has_change_permission(self, request, obj=None):
        # An operator who could set a superuser's password would be one.
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def save_formset(self, request, form, formset, change):
        if formset.model is not Membership:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        for membership_form in formset.forms:
            if membership_form.has_changed():
                save_membership(membership_form, request.user)

    def user_change_password(self, request, id, form_url=""):
        user = self.get_object(request, unquote(id))
        before = user.password
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            user.refresh_from_db()
            if user.password != before:
                records.record(action="registry.user.password", thing=user, by=request.user)
        return response


class DelegationForm(ActingForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in {"delegate", "agency", "reason", "valid_from"} & set(self.fields):
                self.fields[name].disabled = True
        elif "agency" in self.fields:
            own = Membership.objects.today().filter(user=self.acting, role=Role.APPROVER).values("agency")
            self.fields["agency"].queryset = Agency.objects.filter(pk__in=own)

    def clean(self):
        cleaned = super().clean()
        if self.instance.pk:
            if self.instance.delegator != self.acting:
                raise forms.ValidationError(_("Only the approver can delegate their own decisions."))
            return cleaned
        self.instance.delegator = self.acting
        if cleaned.get("delegate") and cleaned.get("agency"):
            try:
                people.check_delegation(
                    delegator=self.acting, delegate=cleaned["delegate"], agency=cleaned["agency"], by=self.acting
                )
            except RegistryRefusal as refusal:
                self.add_refusal(None, refusal)
        return cleaned


@admin.register(Delegation)
class DelegationAdmin(ScopedAdmin):
    form = DelegationForm
    fields = ["delegator", "delegate", "agency", "reason", "valid_from", "valid_to"]
    list_display = ["delegator", "delegate", "agency", "valid_from", "valid_to"]
    list_filter = ["valid_from", "valid_to"]
    list_select_related = ["delegator", "delegate", "agency"]
    search_fields = ["delegator__full_name__unaccent", "delegate__full_name__unaccent", "agency__code"]
    autocomplete_fields = ["delegate"]
    readonly_fields = ["delegator"]
    owner_path = "agency"

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (obj is None or obj.delegator_id == request.user.pk)

    def save_model(self, request, obj, form, change):
        if change:
            people.end_delegation(delegation=obj, last_day=obj.valid_to, by=request.user)
            return
        obj.pk = people.delegate(
            delegator=request.user,
            delegate=obj.delegate,
            agency=obj.agency,
            reason=obj.reason,
            valid_from=obj.valid_from,
            valid_to=obj.valid_to,
            by=request.user,
        ).pk
        obj._state.adding = False

    def record_save(self, request, form, formsets, change):
        """The service leaves the entry."""
