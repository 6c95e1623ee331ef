"""What a person follows: the list, following and no longer following."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import View

from registry import catalogue
from registry.errors import RegistryRefusal
from registry.forms.words import Words
from registry.models import Agency, Dataset, Subscription
from registry.services import subscriptions
from registry.views.lists import PagedListView


@method_decorator(never_cache, name="dispatch")
class SubscriptionListView(LoginRequiredMixin, PagedListView):
    template_name = "registry/subscription_list.html"
    context_object_name = "subscriptions"

    def get_queryset(self) -> QuerySet[Subscription]:
        return Subscription.objects.visible_to(self.request.user).with_subject()

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(search=self.request.GET.get("search", "")[:200], **kwargs)


class SubscribeView(LoginRequiredMixin, View):
    """Follow what the form names: the code of a dataset, database or agency, or words of a search."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, kind: str) -> HttpResponse:
        value = request.POST.get("value", "")
        try:
            subscriptions.subscribe(user=request.user, subject=self._subject(kind, value))
        except RegistryRefusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("You will be told of changes, once a day at most."))
        return HttpResponseRedirect(reverse("subscriptions:list"))

    def _subject(self, kind: str, value: str):
        if kind == "search":
            return self._words(value)
        rows = {
            "dataset": Dataset.objects.published(),
            "database": catalogue.databases(),
            "agency": Agency.objects.current(),
        }
        if kind not in rows:
            raise Http404
        return get_object_or_404(rows[kind], code=value)

    def _words(self, value: str) -> str:
        field = Words(max_length=200)
        try:
            return field.clean(value)
        except ValidationError:
            raise Http404 from None


class UnsubscribeView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, public_id) -> HttpResponse:
        found = get_object_or_404(Subscription.objects.visible_to(request.user).with_subject(), public_id=public_id)
        subscriptions.unsubscribe(subscription=found)
        name = found if found.is_open else _("Something that is no longer published")
        messages.success(request, _("You no longer follow “%(subject)s”.") % {"subject": name})
        return HttpResponseRedirect(reverse("subscriptions:list"))
