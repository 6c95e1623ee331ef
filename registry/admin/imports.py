"""Metadata out to spreadsheets and back: exports of lists, and imports that are shown before anything changes."""

import tempfile

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from registry import spreadsheets
from registry.admin.base import PostButtons, ReadOnlyAdmin
from registry.choices import RowOutcome
from registry.errors import RegistryRefusal
from registry.forms.imports import ConfirmForm, UploadForm
from registry.metadata_sheets import SHEETS, Sheet
from registry.models import MetadataImport
from registry.services import import_runs, imports

ROWS_ON_A_PAGE = 50


class Exported:
    """For the list of datasets or fields: what is listed, searched and filtered, as a spreadsheet."""

    sheet: Sheet

    def get_urls(self):
        name = f"registry_{self.opts.model_name}_export"
        page = self.admin_site.admin_view(require_GET(self.export_view))
        return [path("export.<str:suffix>", page, name=name), *super().get_urls()]

    def export_view(self, request, suffix):
        if not self.has_view_permission(request) or suffix not in ("xlsx", "csv"):
            raise PermissionDenied
        listed = self.get_changelist_instance(request).get_queryset(request).order_by()
        # The list's own annotations are of no use here.
        found = self.sheet.prepared(self.sheet.model.objects.filter(pk__in=listed.values("pk")))
        if found.count() > spreadsheets.MOST_ROWS:
            self.message_user(
                request,
                _("These are more than %(rows)s rows. Filter the list and export it in parts.")
                % {"rows": spreadsheets.MOST_ROWS},
                messages.ERROR,
            )
            back = reverse(f"admin:registry_{self.opts.model_name}_changelist")
            return HttpResponseRedirect(f"{back}?{request.GET.urlencode()}")
        return as_file(self.sheet.rows(found), f"{self.sheet.kind}.{suffix}", suffix)


def as_file(rows, name: str, suffix: str):
    if suffix == "csv":
        response = StreamingHttpResponse(spreadsheets.write_csv(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    spreadsheets.write_xlsx(rows, file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=spreadsheets.XLSX_TYPE)


@admin.register(MetadataImport)
class MetadataImportAdmin(PostButtons, ReadOnlyAdmin):
    list_display = ["file_name", "kind", "state", "uploaded_by", "uploaded_at", "applied_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["uploaded_by"]
    search_fields = ["file_name"]
    autocomplete_fields = []
    fields = [
        "file_name",
        "kind",
        "state",
        "uploaded_by",
        "uploaded_at",
        "expires_at",
        "confirmed_at",
        "reason",
        "applied_by",
        "applied_at",
    ]
    readonly_fields = ["public_id", *fields]
    buttons = {"apply": "apply_import"}

    def get_queryset(self, request):
        # The rows are large, and needed on one page only.
        return super().get_queryset(request).defer("rows")

    def has_add_permission(self, request):
        return imports.can_import(request.user)

    def has_change_permission(self, request, obj=None):
        is_own = obj is not None and obj.uploaded_by_id == request.user.pk
        return is_own or request.user.has_perm("registry.change_metadataimport")

    def has_view_permission(self, request, obj=None):
        if request.user.has_perm("registry.view_metadataimport"):
            return True
        return imports.can_import(request.user) if obj is None else obj.uploaded_by_id == request.user.pk

    def get_urls(self):
        page = self.admin_site.admin_view(require_GET(self.file_view))
        progress = self.admin_site.admin_view(require_GET(self.progress_view))
        return [
            path("<path:object_id>/progress/", progress, name="registry_metadataimport_progress"),
            path("<path:object_id>/<str:what>.<str:suffix>", page, name="registry_metadataimport_file"),
            *super().get_urls(),
        ]

    def add_view(self, request, form_url="", extra_context=None):
        """Upload a file; what it would change is shown next."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                staged = imports.stage(file=upload, file_name=upload.name, by=request.user)
            except RegistryRefusal as refusal:
                self._record_refusal(request, refusal, None)
                form.add_error("file", str(refusal))
            else:
                return HttpResponseRedirect(reverse("admin:registry_metadataimport_change", args=[staged.pk]))
        return self._page(request, "upload.html", _("Import metadata"), form=form)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """What the file would change, or what it did, row by row."""
        staged = self.get_object(request, object_id)
        if not self.has_view_permission(request, staged) or request.method != "GET":
            raise PermissionDenied
        outcome = request.GET.get("outcome", "")
        rows = [row for row in staged.rows if not outcome or row["outcome"] == outcome]
        page = Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
        counts = [(one, one.label, staged.counts[one]) for one in RowOutcome if staged.counts.get(one)]
        return self._page(
            request,
            "preview.html",
            staged.file_name,
            original=staged,
            counts=counts,
            outcome=outcome,
            query=QueryDict(f"outcome={outcome}").urlencode() if outcome in RowOutcome.values else "",
            page=page,
            rows=[_shown(row, staged) for row in page],
            waiting=staged.counts.get(RowOutcome.CHANGE, 0) if staged.is_open else 0,
            may_apply=staged.uploaded_by_id == request.user.pk,
            form=ConfirmForm(),
        )

    def progress_view(self, request, object_id):
        staged = self.get_object(request, object_id)
        if not self.has_view_permission(request, staged):
            raise PermissionDenied
        response = TemplateResponse(
            request, "admin/registry/metadataimport/progress.html", {"original": staged, "opts": self.opts}
        )
        if not staged.is_under_way:
            response["HX-Refresh"] = "true"  # it ended: the whole page has news
        return response

    def file_view(self, request, object_id, what, suffix):
        staged = self.get_object(request, object_id)
        made = {"results": imports.results, "previous": imports.previous}.get(what)
        if not self.has_view_permission(request, staged) or made is None or suffix not in ("xlsx", "csv"):
            raise PermissionDenied
        return as_file(made(staged), f"{what}.{suffix}", suffix)

    def apply_import(self, request, staged):
        try:
            staged = import_runs.confirm(staged=staged, by=request.user, reason=request.POST.get("reason", ""))
        except RegistryRefusal as refusal:
            self.refuse(request, refusal, staged)
            return
        if staged.is_over:
            count = staged.counts.get(RowOutcome.APPLIED, 0)
            self.message_user(request, _("Rows changed: %(count)s.") % {"count": count}, messages.SUCCESS)
        else:
            self.message_user(
                request,
                _("A worker changes the rows. You can leave this page: you are told when it is over."),
                messages.SUCCESS,
            )

    def _page(self, request, template, title, **context):
        return TemplateResponse(
            request,
            f"admin/registry/metadataimport/{template}",
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )


def _shown(row: dict, staged: MetadataImport) -> dict:
    """A row of the preview: its result in words, and each change under the name that forms have for it."""
    model = SHEETS[staged.kind].model
    changes = [
        (capfirst(model._meta.get_field(name).verbose_name), name, old, new)
        for name, (old, new) in row.get("changes", {}).items()
    ]
    return {**row, "label": RowOutcome(row["outcome"]).label, "changes": changes}
