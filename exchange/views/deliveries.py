"""One delivery: how far it is, what came of it, and the file."""

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView, TemplateView, View

from exchange import timeline, workflow
from exchange.choices import EndReason
from exchange.models import Delivery
from exchange.progress import ADVICE, TELLING, progress_of
from exchange.refusals import Refusal
from exchange.services import deliveries, downloads
from exchange.states import DELIVERY, DeliveryStatus
from exchange.views.base import VisibleMixin, page_of
from registry.choices import FileFormat


class DeliveryMixin(VisibleMixin):
    model = Delivery
    context_object_name = "delivery"

    @property
    def is_open(self) -> bool:
        return self.object.status in DELIVERY.open


class DeliveryDetailView(DeliveryMixin, DetailView):
    template_name = "exchange/delivery_detail.html"

    def get_queryset(self):
        return super().get_queryset().select_related("agreement__provider", "requested_by")

    def get_context_data(self, **kwargs) -> dict:
        delivery, user = self.object, self.request.user
        return super().get_context_data(
            is_open=self.is_open,
            progress=progress_of(delivery) if self.is_open else None,
            advice=ADVICE.get(delivery.end_reason),
            message=delivery.message if delivery.end_reason in TELLING else "",
            needs_new_request=delivery.end_reason == EndReason.LIMIT,
            is_terminated=delivery.status == DeliveryStatus.TERMINATED,
            can_cancel=workflow.can_move("cancel", delivery, user),
            use_refusal=self.use_refusal,
            events=timeline.of_delivery(delivery),
            **kwargs,
        )

    @property
    def use_refusal(self) -> Refusal | None:
        try:
            downloads.check_download(self.object, self.request.user)
        except Refusal as refusal:
            return refusal
        return None


class DeliveryProgressView(DeliveryMixin, DetailView):
    """The part of the page that is fetched every second; when all is over, the page is loaded as a whole."""

    template_name = "exchange/delivery_progress.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.headers.get("HX-Request"):
            return redirect(page_of(self.object))
        if not self.is_open:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(progress=progress_of(self.object), **kwargs)


class DeliveryDownloadView(DeliveryMixin, View):
    """Each download is put on record, so it is a POST. GET, as after signing in again, leads to the page."""

    part = "data"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.object))

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        file = downloads.open_package(delivery=self.object, by=request.user, part=self.part)
        return FileResponse(
            file,
            as_attachment=True,
            content_type=self.content_type,
            headers={"X-Content-Type-Options": "nosniff"},
        )

    @property
    def content_type(self) -> str:
        return FileFormat(self.object.agreement.file_format).media_type


class DeliveryManifestView(DeliveryDownloadView):
    part = "manifest"
    content_type = "application/json"


class DeliveryCancelView(DeliveryMixin, TemplateView):
    """Asks once more before a delivery is stopped."""

    template_name = "exchange/delivery_cancel.html"

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        workflow_refusal = self.refusal
        if workflow_refusal:
            messages.error(request, workflow_refusal.message)
            return redirect(page_of(self.object))
        return super().get(request, *args, **kwargs)

    @property
    def refusal(self) -> Refusal | None:
        try:
            workflow.check_move("cancel", self.object, self.request.user)
        except Refusal as refusal:
            return refusal
        return None

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(delivery=self.object, **kwargs)

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        deliveries.cancel(delivery=self.object, by=request.user)
        messages.success(request, _("The delivery is cancelled."))
        return redirect(page_of(self.object))
