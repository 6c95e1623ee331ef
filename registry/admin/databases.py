"""Databases, and the way to them."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from registry import structure_words
from registry.admin.base import ActingForm, InTwoLanguages, PostButtons, ScopedAdmin
from registry.admin.connection_form import ConnectionForm
from registry.admin.value_pages import SuggestionPages
from registry.errors import RegistryRefusal
from registry.models import Connection, Database, User
from registry.permissions import DECIDE, HANDLE, REVIEW, people_named
from registry.services import connections, databases, people, protection, readings

DUTIES = {
    HANDLE: _("Handle requests"),
    REVIEW: _("Advise on requests"),
    DECIDE: _("Decide on requests"),
}


class DatabaseForm(ActingForm):
    def clean(self):
        cleaned = super().clean()
        if self.instance.pk:
            before = Database.objects.select_for_update().get(pk=self.instance.pk)
            if cleaned.get("owner"):
                self._ask("owner", databases.check_owner, database=before, owner=cleaned["owner"])
            if cleaned.get("min_quorum"):
                self._ask("min_quorum", databases.check_min_quorum, database=before, min_quorum=cleaned["min_quorum"])
            if cleaned.get("classification"):
                level = cleaned["classification"]
                self._ask("classification", protection.check_database_level, database=before, classification=level)
        for name in ("name_vi", "name_en", "description"):
            self._ask(name, protection.check_no_secret, text=cleaned.get(name) or "")
        return cleaned

    def _ask(self, field, check, **arguments):
        try:
            check(**arguments)
        except RegistryRefusal as refusal:
            self.add_refusal(field, refusal)


@admin.register(Database)
class DatabaseAdmin(SuggestionPages, InTwoLanguages, ScopedAdmin):
    form = DatabaseForm
    list_display = ["code", "shown_name", "owner", "classification", "lifecycle", "legal_basis"]
    list_display_links = ["code", "shown_name"]
    list_filter = ["lifecycle", "classification"]
    list_select_related = ["owner", "legal_basis"]
    search_fields = ["code", "name_vi__unaccent", "name_en__unaccent", "owner__code", "owner__name_vi__unaccent"]
    autocomplete_fields = ["owner", "legal_basis"]
    readonly_fields = []
    recorded_values = [
        "code",
        "name_vi",
        "name_en",
        "owner",
        "legal_basis",
        "classification",
        "lifecycle",
        "min_quorum",
    ]
    owner_path = "owner"
    suggestions_of = "field__dataset__database"

    def get_readonly_fields(self, request, obj=None):
        # The code stands in the codes of its datasets, in agreements and in the ledger.
        return ["code"] if obj else []

    def get_urls(self):
        duties = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.duties_view))
        return [path("<path:object_id>/duties/", duties, name="registry_database_duties"), *super().get_urls()]

    def duties_view(self, request, object_id):
        """Who may handle, advise or decide for the database; a POST assigns or withdraws one duty of one person."""
        database = self.get_object(request, object_id)
        if not self.has_view_permission(request, database):
            raise PermissionDenied
        may_change = self.has_change_permission(request, database)
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            self._change_duty(request, database)
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": database,
            "title": _("Duties: %(database)s") % {"database": database},
            "duties": [self._duty(database, permission, label) for permission, label in DUTIES.items()],
            "may_change": may_change,
        }
        return TemplateResponse(request, "admin/registry/database/duties.html", context)

    def _duty(self, database, permission, label) -> dict:
        able = list(people.candidates(permission, database))
        given = list(people_named(permission, database).order_by("full_name", "pk"))
        return {
            "permission": permission,
            "label": label,
            "role": people.ROLE_FOR[permission].label,
            "holders": [{"user": user, "in_effect": user in able} for user in given],
            "candidates": [user for user in able if user not in given],
        }

    def _change_duty(self, request, database):
        permission = request.POST.get("permission", "")
        if permission not in DUTIES or not request.POST.get("user", "").isdecimal():
            self.message_user(request, _("Choose a person and a duty."), messages.ERROR)
            return
        user = get_object_or_404(User, pk=request.POST["user"])
        arguments = {"permission": permission, "database": database, "to": user, "by": request.user}
        told = {"user": user, "duty": DUTIES[permission]}
        try:
            if "withdraw" in request.POST:
                people.withdraw_duty(**arguments)
                self.message_user(request, _("%(user)s: “%(duty)s” was withdrawn.") % told, messages.SUCCESS)
            else:
                people.assign_duty(**arguments)
                self.message_user(request, _("%(user)s: “%(duty)s” was assigned.") % told, messages.SUCCESS)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, database)


@admin.register(Connection)
class ConnectionAdmin(PostButtons, ScopedAdmin):
    form = ConnectionForm
    fieldsets = [
        (None, {"fields": ["database", "engine", "host", "port", "name", "statement_timeout"]}),
        (_("Access"), {"fields": ["username", "new_credential", "has_credential", "sslmode"]}),
        (_("Last check"), {"fields": ["checked_at", "check_ok", "check_message"]}),
    ]
    list_display = ["database", "engine", "host", "shown_port", "name", "check_ok", "checked_at"]
    list_filter = ["engine", "check_ok"]
    list_select_related = ["database"]
    search_fields = ["database__code", "database__name_vi__unaccent", "host", "name"]
    autocomplete_fields = ["database"]
    readonly_fields = ["has_credential", "checked_at", "check_ok", "check_message"]
    actions = ["check_selected", "read_selected"]
    buttons = {"check": "check_connection", "read-structure": "read_structure"}
    recorded_values = ["database", "engine", "host", "port", "name", "username", "sslmode", "statement_timeout"]
    unrecorded = ["new_credential"]
    owner_path = "database__owner"

    class Media:
        js = ["registry/connection.js"]

    def get_fieldsets(self, request, obj=None):
        if self.has_change_permission(request, obj):
            return self.fieldsets
        return [
            (
                title,
                {
                    "fields": [
                        "shown_port" if name == "port" else name
                        for name in options["fields"]
                        if name != "new_credential"
                    ]
                },
            )
            for title, options in self.fieldsets
        ]

    @admin.display(description=_("port"), ordering="port")
    def shown_port(self, connection):
        return "–" if connection.port is None else str(connection.port)  # a name, not a quantity: no grouping

    @admin.display(description=_("credential"), boolean=True)
    def has_credential(self, connection):
        return bool(connection.credential)

    def get_readonly_fields(self, request, obj=None):
        # Another database would inherit what was read and agreed of this one.
        return ["database", *self.readonly_fields] if obj else self.readonly_fields

    @method_decorator(sensitive_post_parameters("new_credential"))
    def changeform_view(self, *args, **kwargs):
        return super().changeform_view(*args, **kwargs)

    def save_model(self, request, obj, form, change):
        if set(form.changed_data) & set(connections.ADDRESS_FIELDS):
            connections.forget_check(obj)
        super().save_model(request, obj, form, change)
        if obj.credential and not form.keeps_credential:
            connections.drop_credential(connection=obj, by=request.user)
        if form.cleaned_data.get("new_credential"):
            connections.set_credential(connection=obj, credential=form.cleaned_data["new_credential"], by=request.user)

    def check_connection(self, request, connection):
        try:
            connections.check(connection=connection, by=request.user)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, connection)
            return
        told = {"connection": connection, "message": connection.check_message}
        if connection.check_ok:
            self.message_user(request, _("%(connection)s answers: %(message)s") % told, messages.SUCCESS)
        else:
            self.message_user(request, _("%(connection)s cannot be used: %(message)s") % told, messages.ERROR)

    def read_structure(self, request, connection):
        asked = readings.ask(connection=connection, by=request.user)
        told = {"connection": connection, "person": asked.asked_by}
        if asked.asked_by_id == request.user.pk:
            sentence = _("%(connection)s: the structure will be read soon. You can leave this page: you will be told.")
        else:
            sentence = _("%(connection)s: %(person)s asked already, and the structure is being read.")
        self.message_user(request, sentence % told, messages.SUCCESS)

    def get_urls(self):
        progress = self.admin_site.admin_view(require_GET(self.progress_view))
        name = "registry_connection_reading-progress"
        return [path("<path:object_id>/reading/progress/", progress, name=name), *super().get_urls()]

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        return super().render_change_form(request, context | self._last_reading(request, obj), *args, obj=obj, **kwargs)

    def progress_view(self, request, object_id):
        """The part of the change page that says how far the last reading is; what is typed beside it stays.

        204 while that is what the page says already, so that a screen reader does not repeat it.
        """
        connection = self.get_object(request, object_id)
        if not self.has_view_permission(request, connection):
            raise PermissionDenied
        context = self._last_reading(request, connection)
        if context["reading"] and context["reading"].is_open and request.GET.get("seen") == context["reading"].state:
            return HttpResponse(status=204)
        return TemplateResponse(request, "admin/registry/connection/reading.html", context | {"original": connection})

    def _last_reading(self, request, connection) -> dict:
        last = connection and connection.readings.select_related("asked_by").first()
        if not last:
            return {"reading": None, "reading_found": []}
        names_secret = last.asked_by_id == request.user.pk
        return {"reading": last, "reading_found": structure_words.report_sentences(last.report, names_secret)}

    @admin.action(description=_("Check the selected connections"), permissions=["change"])
    def check_selected(self, request, queryset):
        for connection in queryset.select_related("database"):
            self.check_connection(request, connection)

    @admin.action(description=_("Read the structure of the selected connections"), permissions=["change"])
    def read_selected(self, request, queryset):
        for connection in queryset.select_related("database"):
            self.read_structure(request, connection)
