"""Lengthening the term of a case; beside the moves, because it changes no state."""

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from exchange.admin import wording
from exchange.admin.forms import ExtensionForm
from exchange.refusals import Refusal
from exchange.services import extending


class ExtensionPages:
    """The page on which a term is lengthened, with the day that would be due."""

    def get_urls(self):
        view = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.extend_view))
        return [path("<path:object_id>/extend/", view, name="exchange_reviewcase_extend"), *super().get_urls()]

    def extend_view(self, request, object_id):
        case = self._visible(request, object_id)
        if case.request.provider != case.provider:
            raise Http404
        page = self.read(case, request.user)
        form, status = ExtensionForm(thing=page), 200
        try:
            extending.check_extending(request=case.request, by=request.user)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(self.url_of(case, "change"))
        if request.method == "POST":
            form, status = ExtensionForm(request.POST, thing=page), 422
            if form.is_valid():
                try:
                    case = extending.extend(request=case.request, by=request.user, **form.cleaned_data)
                except Refusal as refusal:
                    status = refusal.status
                    form.refuse(refusal)
                else:
                    told = _("The case is due on %(day)s now.") % {"day": wording.day(case.due_on)}
                    self.message_user(request, told, messages.SUCCESS)
                    return HttpResponseRedirect(self.url_of(case, "change"))
        context = self._context(request, case, page) | {"form": form}
        return TemplateResponse(request, "admin/exchange/reviewcase/extend.html", context, status=status)
