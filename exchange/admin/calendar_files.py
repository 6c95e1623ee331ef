"""The pages on which operators take a calendar over from a file, and get it as one."""

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from exchange.choices import DayKind
from exchange.models import CalendarDay
from exchange.services import calendar_files
from registry.admin.imports import as_file
from registry.errors import RegistryRefusal

SALT = "exchange.calendar"
AN_HOUR = 3_600


class CalendarFileForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV in UTF-8, or XLSX, with the columns of the template. A day that is in the calendar is changed."
        ),
        max_length=255,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.txt"}),
    )


class CalendarFiles:
    """For the list of calendar days."""

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path(
                "import/",
                view(require_http_methods(["GET", "POST"])(self.import_view)),
                name="exchange_calendarday_import",
            ),
            path("export.csv", view(require_GET(self.export_view)), name="exchange_calendarday_export"),
            path(
                "template-<int:year>.csv", view(require_GET(self.template_view)), name="exchange_calendarday_template"
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        context = {"bare_years": calendar_files.years_without_days_off(), "may_import": self._may_import(request)}
        return super().changelist_view(request, context | (extra_context or {}))

    def import_view(self, request):
        """A file, then what it would change, then that it did: the file travels with the page, signed."""
        if not self._may_import(request):
            raise PermissionDenied
        if "kept" in request.POST:
            return self._take_over(request)
        form, shown = CalendarFileForm(request.POST or None, request.FILES or None), None
        if request.method == "POST" and form.is_valid():
            try:
                shown = calendar_files.preview(table=calendar_files.read(form.cleaned_data["file"]))
            except RegistryRefusal as refusal:
                self._record_refusal(request, refusal, None)
                form.add_error("file", str(refusal))
        return self._import_page(request, form, shown)

    def _take_over(self, request):
        try:
            kept = signing.loads(request.POST["kept"], salt=SALT, max_age=AN_HOUR)
        except signing.BadSignature:
            self.message_user(request, _("This page is too old. Choose the file once more."), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:exchange_calendarday_import"))
        try:
            count = calendar_files.apply(**kept, by=request.user)
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, None)
            return self._import_page(request, CalendarFileForm(), calendar_files.preview(table=kept["table"]))
        told = ngettext("%(count)d day was taken over.", "%(count)d days were taken over.", count)
        self.message_user(request, told % {"count": count}, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:exchange_calendarday_changelist"))

    def _import_page(self, request, form, shown):
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Take a calendar over from a file"),
            "form": form,
            "shown": shown,
            "rows": [_shown(row) for row in shown.rows] if shown else [],
            "kept": signing.dumps({"table": shown.table, "digest": shown.digest}, salt=SALT, compress=True)
            if shown and shown.can_apply
            else "",
            "years": [timezone.localdate().year, timezone.localdate().year + 1],
            "kinds": [(kind.value, kind.label) for kind in DayKind],
        }
        status = 422 if form.errors or (shown and shown.refused) else 200
        return TemplateResponse(request, "admin/exchange/calendarday/import.html", context, status=status)

    def export_view(self, request):
        if not self.has_view_permission(request):
            raise PermissionDenied
        listed = self.get_changelist_instance(request).get_queryset(request).order_by("day")
        return as_file(calendar_files.exported(listed), "calendar.csv", "csv")

    def template_view(self, request, year: int):
        if not self._may_import(request) or not 2000 <= year <= 2100:
            raise PermissionDenied
        return as_file(calendar_files.template(year), f"calendar-{year}.csv", "csv")

    def _may_import(self, request) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)


def _shown(row: calendar_files.Row) -> dict:
    label = _("New") if row.is_new and row.changes else row.outcome.label
    changes = [
        (capfirst(CalendarDay._meta.get_field(name).verbose_name), _in_words(name, old), _in_words(name, new))
        for name, (old, new) in row.changes.items()
        if name != "day"
    ]
    return {"row": row, "label": label, "changes": changes}


def _in_words(name: str, value: str) -> str:
    return str(DayKind(value).label) if name == "kind" and value else value
