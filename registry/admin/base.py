"""What every admin page of the portal has in common: own rows only, nothing deleted, every save on record."""

from collections.abc import Iterable

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models
from django.http import Http404, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from registry import citations
from registry.admin import lists
from registry.admin.history_page import history_page
from registry.admin.lists import EstimatedPaginator
from registry.errors import RegistryRefusal
from registry.models import LegalInstrument, User
from registry.roles import agencies_served, sees_every_agency
from registry.services import history, records


class Scoped:
    """Narrows rows, and the rows that a form offers, to what the person may see."""

    owner_path = (
        None  # lookup from the model to the agency that owns a row; None: everybody with the permission sees all
    )

    def get_queryset(self, request):
        queryset = super().get_queryset(request)
        if sees_every_agency(request.user):
            return queryset
        return self.scoped(queryset, request.user)

    def scoped(self, queryset, user: User):
        """What a person sees who does not see every agency's rows."""
        if hasattr(queryset, "visible_to"):
            return queryset.visible_to(user)
        if self.owner_path:
            return queryset.filter(**{f"{self.owner_path}__in": agencies_served(user)})
        return queryset

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        kwargs.setdefault("queryset", self._offered(db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        kwargs.setdefault("queryset", self._offered(db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _offered(self, db_field, request):
        # An autocomplete narrows what it suggests, but the form would still take any id that is sent.
        related = self.admin_site._registry.get(db_field.remote_field.model)
        return related.get_queryset(request) if isinstance(related, Scoped) else None


class InTwoLanguages:
    """Columns for the name or title in the reader's language; they sort by the Vietnamese one."""

    @admin.display(description=_("name"), ordering="name_vi")
    def shown_name(self, thing):
        return thing.name

    @admin.display(description=_("title"), ordering="title_vi")
    def shown_title(self, thing):
        return thing.title


class ActingForm(forms.ModelForm):
    """A form that asks services whether the person may save what it holds; what they refuse goes on record."""

    acting: User
    refusals: list[RegistryRefusal]

    def add_refusal(self, field: str | None, refusal: RegistryRefusal) -> None:
        self.refusals.append(refusal)
        self.add_error(field if field in self.fields else None, str(refusal))


class ScopedInline(Scoped, admin.TabularInline):
    extra = 0

    def has_delete_permission(self, request, obj=None):
        return False

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        _act(formset.form, request)
        return formset


class ScopedAdmin(Scoped, admin.ModelAdmin):
    """Own rows only; unknown and forbidden look alike; nothing is deleted; what is saved leaves evidence."""

    recorded_values: Iterable[str] = ()  # fields whose values may stand in the ledger: nothing secret or personal
    unrecorded: Iterable[str] = ()  # form fields for which a service leaves an entry of its own
    show_full_result_count = False
    linked_lookups: Iterable[str] = ()  # what links to the list narrow it by, beside the filters beside it
    paginator = EstimatedPaginator

    def lookup_allowed(self, lookup, value, request=None):
        """Only what filters and links ask: any other would let an address guess at values that no page shows."""
        return lookup in self.linked_lookups or lists.is_filtered_by(lookup, self.get_list_filter(request))

    def get_object(self, request, object_id, from_field=None):
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def has_delete_permission(self, request, obj=None):
        return False

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        _act(form, request)
        return form

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        """The page of a row, in one transaction; what the registry refused is recorded after it ended."""
        reason = request.POST.get("_reason", "")
        context = {"change_reason": reason, **(extra_context or {})}
        try:
            if request.method == "POST":
                with history.acting(by=request.user, reason=reason):
                    response = super().changeform_view(request, object_id, form_url, context)
            else:
                response = super().changeform_view(request, object_id, form_url, context)
        except RegistryRefusal as refusal:  # by a service, on saving: nothing was saved
            self.refuse(request, refusal, self._named(object_id))
            return HttpResponseRedirect(request.get_full_path())
        except IntegrityError:  # by a guard of the database, which knows what depends on the row
            refusal = RegistryRefusal(
                "depended-on",
                _("The database refuses this change, as something under way depends on it. Nothing was saved."),
            )
            self.refuse(request, refusal, self._named(object_id))
            return HttpResponseRedirect(request.get_full_path())
        for refusal in _refusals_of(request):
            self._record_refusal(request, refusal, self._named(object_id))
        return response

    def history_view(self, request, object_id, extra_context=None):
        """What the database wrote down, in place of what the admin did."""
        if self.opts.app_label != "registry":
            return super().history_view(request, object_id, extra_context)
        return history_page(self, request, object_id, extra_context)

    def _named(self, object_id) -> models.Model | None:
        return self.model._base_manager.filter(pk=unquote(object_id)).first() if object_id else None

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        self.record_save(request, form, formsets, change)
        self._warn_of_laws(request, form.instance)

    def _warn_of_laws(self, request, thing) -> None:
        """Say it where what was saved rests on an instrument that is not in force today."""
        if isinstance(thing, LegalInstrument):
            return
        for field in thing._meta.fields:
            if field.related_model is LegalInstrument and getattr(thing, field.name):
                reason = citations.warning(getattr(thing, field.name))
                if reason:
                    self.message_user(request, reason, messages.WARNING)

    def record_save(self, request, form, formsets, change):
        """One entry for the row with all that was saved with it, in the transaction of the page."""
        details = self._changes(form, change) | self._changed_parts(formsets)
        if details or not change:
            action = f"{self.opts.app_label}.{self.opts.model_name}.{'change' if change else 'add'}"
            records.record(action=action, thing=form.instance, by=request.user, details=details)

    def _changes(self, form, change) -> dict:
        names = [name for name in form.changed_data if name not in self.unrecorded]
        if not names:
            return {}
        values = {}
        for name in names:
            if name in self.recorded_values:
                values[name] = {"new": records.plain(form.cleaned_data.get(name))}
                if change:
                    values[name]["old"] = _initial(form, name)
        return {"fields": sorted(names), "values": values}

    def _changed_parts(self, formsets) -> dict:
        parts = {}
        for formset in formsets:
            if formset.model._meta.label_lower in self.unrecorded:
                continue
            entries = [_part("add", part, part_form(formset, part)) for part in formset.new_objects]
            entries += [_part("change", part, part_form(formset, part)) for part, _names in formset.changed_objects]
            entries += [_part("delete", part, None) for part in formset.deleted_objects]
            if entries:
                parts[formset.model._meta.model_name] = entries
        return parts

    def refuse(self, request, refusal: RegistryRefusal, thing: models.Model | None) -> None:
        """Say and record that the registry refused something; call it outside the transaction of what was refused."""
        self._record_refusal(request, refusal, thing)
        self.message_user(request, str(refusal), messages.ERROR)

    def _record_refusal(self, request, refusal: RegistryRefusal, thing: models.Model | None) -> None:
        records.record_refusal(model=self.model, thing=thing, by=request.user, error=refusal)


def _act(form: type[forms.ModelForm], request) -> None:
    """Tell the form who acts; the class was made for this request alone."""
    form.acting = request.user
    form.refusals = _refusals_of(request)


def _refusals_of(request) -> list[RegistryRefusal]:
    """What the registry refused in this request, in forms whose page is shown again."""
    if not hasattr(request, "registry_refusals"):
        request.registry_refusals = []
    return request.registry_refusals


def _initial(form, name):
    """The value that a form field had before, by the public name of the row where it was a row."""
    initial = form.initial.get(name)
    field = form.fields[name]
    if isinstance(field, forms.ModelChoiceField) and initial and not isinstance(initial, list | models.QuerySet):
        return records.plain(field.queryset.model._base_manager.filter(pk=initial).first())
    return records.plain(initial)


def part_form(formset, part):
    return next(form for form in formset.forms if form.instance is part)


def _part(action: str, part: models.Model, form) -> dict:
    entry = {"action": action, "name": records.part_name(part)}
    if form is not None:
        closed = {
            name for name in form.changed_data if isinstance(form.fields[name], forms.ChoiceField | forms.BooleanField)
        }
        entry["fields"] = sorted(form.changed_data)
        # Closed lists and ticks are neither secret nor personal.
        entry["values"] = {name: records.plain(form.cleaned_data.get(name)) for name in sorted(closed)}
    return entry


class PostButtons:
    """Buttons on the change page that do something: POST only, for who may change the row.

    `buttons` names methods `(request, thing) -> None`, which tell the outcome as messages.
    """

    buttons: dict[str, str] = {}  # path segment -> name of the method

    def get_urls(self):
        def page(method):
            def view(request, object_id):
                return self._push(request, object_id, method)

            return self.admin_site.admin_view(require_POST(view))

        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            *(
                path(f"<path:object_id>/{segment}/", page(getattr(self, method)), name=f"{name}_{segment}")
                for segment, method in self.buttons.items()
            ),
            *super().get_urls(),
        ]

    def _push(self, request, object_id, method):
        thing = self.get_object(request, object_id)
        if not self.has_change_permission(request, thing):
            raise PermissionDenied
        method(request, thing)
        return HttpResponseRedirect(
            reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change", args=[thing.pk])
        )


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that only the portal writes."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False
