"""Where an agency's systems hear of what happens: the list of addresses, making one, and what became of each event."""

from datetime import datetime, time

from django.contrib import messages
from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables
from django.views.generic import FormView, View

from exchange.choices import MessageState
from exchange.forms.webhooks import ReplayForm, WebhookChangeForm, WebhookForm
from exchange.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from exchange.refusals import Refusal
from exchange.services import webhooks
from exchange.views.base import ButtonView, PageMixin, RefusedFormMixin, VisibleMixin, page_of
from exchange.webhooks import event_types
from registry.models import Agency, Membership
from registry.views.lists import PagedListView

LAST_ATTEMPTS = Prefetch("attempts", WebhookAttempt.objects.order_by("-pk")[:10], to_attr="last_attempts")


def agencies_managed(user):
    managed = Membership.objects.today().filter(user=user, role__in=WebhookEndpoint.MANAGERS)
    return Agency.objects.filter(pk__in=managed.values("agency"))


class WebhookListView(PageMixin, PagedListView):
    template_name = "exchange/webhook_list.html"
    context_object_name = "webhooks"

    def get_queryset(self):
        waiting = Count("messages", filter=Q(messages__state=MessageState.WAITING))
        rows = WebhookEndpoint.objects.visible_to(self.request.user).for_lists()
        return rows.annotate(waiting=waiting).order_by("disabled_at", "agency__code", "pk")

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(can_create=agencies_managed(self.request.user).exists(), **kwargs)


class WebhookCreateView(RefusedFormMixin, PageMixin, FormView):
    """The secret is in the answer to the form and nowhere else: not in the session, not in an address."""

    form_class = WebhookForm
    template_name = "exchange/webhook_create.html"

    @cached_property
    def agencies(self) -> list[Agency]:
        return list(agencies_managed(self.request.user))

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not self.agencies:
            raise Refusal("not-your-role", _("Signatories and approvers of an agency manage its webhooks."))
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not self.agencies:
            raise Refusal("not-your-role", _("Signatories and approvers of an agency manage its webhooks."))
        return super().post(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict:
        return {**super().get_form_kwargs(), "agencies": self.agencies}

    @sensitive_variables("secret")
    def act(self, form) -> HttpResponse:
        endpoint, secret = webhooks.create(by=self.request.user, **form.cleaned_data)
        return _shown_once(self.request, endpoint, secret)


@sensitive_variables("secret")
def _shown_once(request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    return render(request, "exchange/webhook_secret.html", {"webhook": endpoint, "secret": secret})


class WebhookMixin(VisibleMixin):
    model = WebhookEndpoint


class WebhookDetailView(PageMixin, PagedListView):
    """The endpoint, and the messages to it, the latest first, each with its last attempts."""

    template_name = "exchange/webhook_detail.html"
    context_object_name = "sent"

    def get_queryset(self):
        rows = self.webhook.messages.for_lists().prefetch_related(LAST_ATTEMPTS).order_by("-pk")
        return rows.filter(state=self.state) if self.state else rows

    @cached_property
    def webhook(self) -> WebhookEndpoint:
        rows = WebhookEndpoint.objects.visible_to(self.request.user).for_lists()
        return get_object_or_404(rows, public_id=self.kwargs["public_id"])

    def refused_url(self) -> str:
        return page_of(self.webhook)

    @property
    def state(self) -> str:
        asked = self.request.GET.get("state", "")
        return asked if asked in MessageState.values else ""

    def get_context_data(self, **kwargs) -> dict:
        webhook = self.webhook
        return super().get_context_data(
            webhook=webhook,
            types=[event_types.in_words(kind) for kind in webhook.types],
            state=self.state,
            states=MessageState.choices,
            signs_twice=bool(webhook.former_secret_until and webhook.former_secret_until > timezone.now()),
            replay_form=kwargs.pop("replay_form", None) or ReplayForm(),
            **kwargs,
        )


class WebhookChangeView(RefusedFormMixin, WebhookMixin, FormView):
    form_class = WebhookChangeForm
    template_name = "exchange/webhook_change.html"

    def get_initial(self) -> dict:
        return {"description": self.object.description, "types": self.object.types}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(webhook=self.object, **kwargs)

    def act(self, form) -> HttpResponse:
        webhooks.change(endpoint=self.object, by=self.request.user, **form.cleaned_data)
        messages.success(self.request, _("Changed. It counts from the next event on."))
        return redirect(page_of(self.object))


class WebhookSecretView(WebhookMixin, View):
    """Asks once more before the secret is replaced, then shows the new one, once."""

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return render(request, "exchange/webhook_renew.html", {"webhook": self.object})

    @sensitive_variables("secret")
    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        endpoint, secret = webhooks.renew_secret(endpoint=self.object, by=request.user)
        return _shown_once(request, endpoint, secret)


class WebhookTestView(ButtonView):
    model = WebhookEndpoint
    done = _("A test event is on its way. What came of it stands in the list in a moment.")

    def act(self) -> None:
        webhooks.send_test(endpoint=self.object, by=self.request.user)


class WebhookDisableView(ButtonView):
    model = WebhookEndpoint
    done = _("Switched off. What happens from now on is not sent; it can be sent again later.")

    def act(self) -> None:
        webhooks.disable(endpoint=self.object, by=self.request.user)


class WebhookEnableView(ButtonView):
    model = WebhookEndpoint
    done = _("Switched on. What still waited is sent now.")

    def act(self) -> None:
        webhooks.enable(endpoint=self.object, by=self.request.user)


class WebhookReplayView(WebhookDetailView):
    """Everything since a day; a day that cannot be is told on the endpoint's page."""

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        webhook, form = self.webhook, ReplayForm(request.POST)
        if not form.is_valid():
            self.object_list = self.get_queryset()
            return self.render_to_response(self.get_context_data(replay_form=form), status=422)
        since = timezone.make_aware(datetime.combine(form.cleaned_data["since"], time.min))
        count = webhooks.replay_since(endpoint=webhook, by=request.user, since=since)
        if count:
            told = ngettext("%(count)s event is sent again.", "%(count)s events are sent again.", count)
            messages.success(request, told % {"count": count})
        else:
            messages.info(request, _("Nothing happened since that would have been sent."))
        return redirect(page_of(webhook))

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        return redirect(page_of(self.webhook))


class WebhookMessageReplayView(ButtonView):
    model = WebhookEndpoint
    done = _("It is sent again, under the same identifier.")

    def act(self) -> None:
        rows = WebhookMessage.objects.filter(endpoint=self.object).select_related("endpoint__agency")
        message = get_object_or_404(rows, public_id=self.kwargs["message_id"])
        webhooks.replay(message=message, by=self.request.user)
