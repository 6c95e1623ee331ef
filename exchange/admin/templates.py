"""Templates that an owner publishes for its datasets: from a case, on a page of its own. And the list, for auditors."""

from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from exchange.admin.forms import MoveForm
from exchange.forms.inputs import Line
from exchange.models import RequestTemplate
from exchange.refusals import Refusal
from exchange.services import request_templates
from registry.admin.base import ReadOnlyAdmin


class PublishForm(MoveForm):
    name = Line(label=_("Name"), max_length=RequestTemplate._meta.get_field("name").max_length)


class TemplatePages:
    """The page of a case on which an approver publishes what it asks for as usual for the dataset."""

    def get_urls(self):
        view = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.publish_view))
        return [path("<path:object_id>/publish/", view, name="exchange_reviewcase_publish"), *super().get_urls()]

    def publish_view(self, request, object_id):
        case = self._visible(request, object_id)
        if not request_templates.can_publish(case=case, by=request.user):
            raise Http404
        page = self.read(case, request.user)
        form = PublishForm(request.POST if request.method == "POST" else None, thing=page)
        status = 200
        if request.method == "POST":
            status = 422
            if form.is_valid():
                try:
                    request_templates.publish(case=case, by=request.user, **form.cleaned_data)
                except Refusal as refusal:
                    status = refusal.status
                    form.refuse(refusal)
                else:
                    self.message_user(
                        request, _("Published: clerks see it when they begin a request."), messages.SUCCESS
                    )
                    return HttpResponseRedirect(self.url_of(case, "change"))
        context = self._context(request, case, page) | {"form": form}
        return TemplateResponse(request, "admin/exchange/reviewcase/publish.html", context, status=status)


@admin.register(RequestTemplate)
class RequestTemplateAdmin(ReadOnlyAdmin):
    list_display = ["name", "agency", "dataset", "is_public", "created_by", "archived_at"]
    list_filter = ["is_public", ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["agency", "dataset", "created_by"]
    search_fields = ["name", "agency__code", "dataset__code"]
    autocomplete_fields = []
    readonly_fields = [field.name for field in RequestTemplate._meta.fields]
