"""Attached files: handed out on the page of a case, and the list of what there is for auditors."""

from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exchange import files
from exchange.models import Attachment
from exchange.refusals import Refusal
from exchange.services import attachments
from registry.admin.base import ReadOnlyAdmin


class AttachmentPages:
    """Downloading what belongs to a case: the signed files of its request, and those of its comments."""

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.file_view))
        return [
            path("<path:object_id>/files/<uuid:public_id>/", view, name="exchange_reviewcase_file"),
            *super().get_urls(),
        ]

    def beside(self, request, case, page) -> dict:
        found = Attachment.objects.filter(revisions=page.revision).readable_by(request.user)
        return super().beside(request, case, page) | {"files": files.lines_of(found)}

    def file_view(self, request, object_id, public_id):
        case = self._visible(request, object_id)
        found = Attachment.objects.filter(request=case.request_id, public_id=public_id).readable_by(request.user)
        attachment = found.select_related("request", "agency").first()
        if attachment is None:
            raise Http404
        try:
            return files.response(attachments.open_file(attachment=attachment, by=request.user), attachment)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(self.url_of(case, "change"))


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    list_display = ["name", "shown_request", "kind", "size", "scan", "agency", "added_at", "erased_at"]
    list_filter = ["scan", "kind", ("erased_at", admin.EmptyFieldListFilter)]
    list_select_related = ["request", "agency"]
    search_fields = ["request__code", "=sha256"]
    search_help_text = _("Request number, or SHA-256 in full.")
    autocomplete_fields = []
    fields = [
        "name",
        "shown_request",
        "kind",
        "size",
        "sha256",
        "added_at",
        "added_by",
        "agency",
        "scan",
        "scan_tried_at",
        "removed_at",
        "removed_by",
        "erased_at",
    ]
    readonly_fields = fields

    def get_queryset(self, request):
        return super().get_queryset(request).readable_by(request.user)

    @admin.display(description=_("request"), ordering="request__code")
    def shown_request(self, attachment):
        return attachment.request
