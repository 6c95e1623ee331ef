"""What every page of the exchange shares: who comes in, which rows there are, and how a refusal is told."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.decorators.cache import never_cache
from django.views.generic import View
from django.views.generic.detail import SingleObjectMixin
from django.views.generic.edit import FormMixin

from exchange.choices import SearchPage
from exchange.models import (
    Agreement,
    Delivery,
    DestructionCertificate,
    ExchangeRequest,
    JointRequest,
    Letter,
    RequestTemplate,
    WebhookEndpoint,
)
from exchange.refusals import Refusal
from exchange.services import saved_searches
from registry.views.lists import FormListView

DETAIL = {
    RequestTemplate: "exchange:template-detail",
    ExchangeRequest: "exchange:request-detail",
    JointRequest: "exchange:joint-detail",
    Agreement: "exchange:agreement-detail",
    Delivery: "exchange:delivery-detail",
    Letter: "exchange:letter-detail",
    WebhookEndpoint: "exchange:webhook-detail",
    DestructionCertificate: "exchange:certificate-detail",
}


def page_of(thing) -> str:
    return reverse(DETAIL[type(thing)], args=[thing.public_id])


class PageMixin(LoginRequiredMixin):
    """A page for people who are signed in, which the browser does not keep. Every Refusal of a service ends here."""

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Refusal as refusal:
            return self.refused(refusal)

    def handle_no_permission(self) -> HttpResponse:
        # A fragment must not be replaced by the sign-in page; the script then loads the page as a whole.
        if self.request.headers.get("HX-Request"):
            return HttpResponse(status=401)
        return super().handle_no_permission()

    def refused(self, refusal: Refusal) -> HttpResponse:
        """After a button: back to the page that shows how things stand now. Else a page of its own."""
        back = self.refused_url() if self.request.method == "POST" else ""
        if back:
            messages.error(self.request, refusal.message)
            return HttpResponseRedirect(back)
        return render(self.request, "exchange/refused.html", {"refusal": refusal}, status=refusal.status)

    def refused_url(self) -> str:
        return ""


class VisibleMixin(PageMixin, SingleObjectMixin):
    """About one object by its public id; what is not for this person is not found."""

    slug_field = slug_url_kwarg = "public_id"

    @cached_property
    def object(self):
        return self.get_object()

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user).for_lists()

    def refused_url(self) -> str:
        return page_of(self.object)


class ButtonView(VisibleMixin, View):
    """A button: POST acts and leads on. GET, as after signing in again, only leads to the object's page."""

    http_method_names = ["get", "post"]
    done = ""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.object))

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        target = self.act() or self.object
        if self.done:
            messages.success(request, self.done)
        return redirect(page_of(target))

    def act(self):
        """Call the service; return the object whose page comes next, unless it is the same one."""
        raise NotImplementedError


class RefusedFormMixin(FormMixin):
    """A form whose service may refuse: the page comes again with everything typed, and the refusal where it belongs."""

    def refused(self, refusal: Refusal) -> HttpResponse:
        form = getattr(self, "submitted", None)
        if form is None or refusal.code in self.leading_away:
            return super().refused(refusal)
        placed = False
        for name, problems in refusal.fields.items():
            if name in form.fields and problems:
                form.add_error(name, list(map(str, problems)))
                placed = True
        if not placed:
            form.add_error(None, str(refusal.message))
        return self.render_to_response(self.get_context_data(form=form), status=refusal.status)

    # After these the page that was open makes no sense any more.
    leading_away = ("wrong-state", "not-your-role")

    def form_valid(self, form) -> HttpResponse:
        self.submitted = form
        return self.act(form)

    def form_invalid(self, form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def act(self, form) -> HttpResponse:
        raise NotImplementedError


class FilteredListView(PageMixin, FormListView):
    """The rows of a list that the person may see, narrowed by its form; and the searches of it that the person keeps."""

    search_page: SearchPage

    def get_queryset(self):
        rows = self.model.objects.visible_to(self.request.user).for_lists()
        return self.form.narrow(rows) if self.form.is_valid() else rows.none()

    def get_context_data(self, **kwargs) -> dict:
        kept = saved_searches.shown(self.request.user, self.search_page, self.request.GET.urlencode())
        return super().get_context_data(**kept, **kwargs)
