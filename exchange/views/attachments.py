"""Files of a request: attached and taken off by clerks while it is a draft, and handed out to whoever may read it."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView, View

from exchange import files
from exchange.forms.files import FilesForm
from exchange.models import Attachment, ExchangeRequest
from exchange.refusals import Refusal
from exchange.services import attachments
from exchange.uploads.limits import was_cut
from exchange.views.base import ButtonView, RefusedFormMixin, VisibleMixin, page_of
from registry.models import User


def files_context(request: ExchangeRequest, reader: User) -> dict:
    """The files beside a request, and the form for more where the reader may attach some."""
    found = request.attachments.of_requests().readable_by(reader)
    return {
        "files": files.lines_of(found),
        "files_form": FilesForm() if attachments.can_attach(request=request, by=reader) else None,
    }


class AttachmentAddView(RefusedFormMixin, VisibleMixin, FormView):
    model = ExchangeRequest
    form_class = FilesForm
    template_name = "exchange/files_add.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            attachments.check_attaching(request=self.object, by=request.user)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict:
        return super().get_form_kwargs() | {"was_cut": was_cut(self.request)}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(exchange_request=self.object, **kwargs)

    def act(self, form) -> HttpResponse:
        attachments.attach(request=self.object, by=self.request.user, uploads=form.cleaned_data["files"])
        messages.success(self.request, _("The files are attached."))
        return redirect(f"{page_of(self.object)}#files")


class AttachmentMixin:
    """About one file of the request that the address names; what is not for this person is not found."""

    model = ExchangeRequest

    @cached_property
    def attachment(self) -> Attachment:
        found = Attachment.objects.filter(request=self.object, public_id=self.kwargs["file_id"])
        attachment = found.readable_by(self.request.user).select_related("request", "agency").first()
        if attachment is None:
            raise Http404
        return attachment


class AttachmentRemoveView(AttachmentMixin, ButtonView):
    done = _("The file is taken off.")

    def act(self) -> None:
        attachments.detach(attachment=self.attachment, by=self.request.user)


class AttachmentOpenView(AttachmentMixin, VisibleMixin, View):
    """Each download is put on record, so it is a POST. GET, as after signing in again, leads to the page."""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.object))

    def post(self, request: HttpRequest, *args, **kwargs) -> FileResponse:
        file = attachments.open_file(attachment=self.attachment, by=request.user)
        return files.response(file, self.attachment)
