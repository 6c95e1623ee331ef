"""What the systems of agencies are told: events, written in the transaction of what happened, and where they are sent."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.choices import DisabledBecause, MessageState, SendOutcome
from registry.choices import Role
from registry.fields import TextLine
from registry.models import Agency, Membership, User


class OutboxEventQuerySet(models.QuerySet):
    def for_agency(self, agency: Agency):
        return self.filter(Q(consumer=agency) | Q(provider=agency))


class OutboxEvent(models.Model):
    """One thing that happened to a request, agreement or delivery, as the agencies named here may know it.

    It names states and numbers, never people, reasons or data. Written once; too old ones are deleted.
    """

    event_id = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    type = models.CharField(_("type"), max_length=60)
    subject = models.CharField(_("about"), max_length=40)
    # That of its entry in the ledger: orders what happened to one subject.
    sequence = models.BigIntegerField(_("sequence"))
    occurred_at = models.DateTimeField(_("happened at"))
    data = models.JSONField(_("data"), default=dict)
    consumer = models.ForeignKey(
        Agency, verbose_name=_("consumer"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    provider = models.ForeignKey(
        Agency, verbose_name=_("provider"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = OutboxEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["consumer", "id"], name="exchange_outboxevent_consumer"),
            models.Index(fields=["provider", "id"], name="exchange_outboxevent_provider"),
            models.Index(fields=["occurred_at"], name="exchange_outboxevent_age"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(consumer__isnull=False) | Q(provider__isnull=False),
                name="exchange_outboxevent_for_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class WebhookEndpointQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Those of the agencies for which the person signs or decides today."""
        if not user.is_authenticated:
            return self.none()
        managed = Membership.objects.today().filter(user=user, role__in=WebhookEndpoint.MANAGERS)
        return self.filter(agency__in=managed.values("agency"))

    def for_lists(self):
        return self.select_related("agency", "created_by")

    def enabled(self):
        return self.filter(disabled_at__isnull=True)


class WebhookEndpoint(models.Model):
    """An address of an agency's system to which the portal sends what happens to the agency's exchanges."""

    MANAGERS = (Role.ENDORSER, Role.APPROVER)
    MOST = 10  # of one agency, enabled

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="webhook_endpoints"
    )
    url = models.CharField(_("address"), max_length=500)
    description = TextLine(_("what it is for"), max_length=150, blank=True)
    # None named: all of them.
    types = ArrayField(models.CharField(max_length=60), verbose_name=_("events"), default=list, blank=True)
    secret = models.TextField(_("signing secret (encrypted)"), editable=False)
    former_secret = models.TextField(_("former signing secret (encrypted)"), blank=True, editable=False)
    former_secret_until = models.DateTimeField(_("former secret signs until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(User, verbose_name=_("created by"), on_delete=models.PROTECT, related_name="+")
    paused_until = models.DateTimeField(_("not tried before"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures one after the other"), default=0)
    failing_since = models.DateTimeField(_("unreachable since"), null=True, blank=True)
    disabled_at = models.DateTimeField(_("switched off at"), null=True, blank=True)
    disabled_because = models.CharField(
        _("why it was switched off"), max_length=10, choices=DisabledBecause, blank=True
    )

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["agency", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "url"],
                condition=Q(disabled_at__isnull=True),
                name="exchange_webhookendpoint_address_once",
                violation_error_message=_("Events are sent to this address already."),
            ),
            models.CheckConstraint(
                condition=Q(url__regex=r"^https?://[^[:space:]]+$"), name="exchange_webhookendpoint_url"
            ),
            models.CheckConstraint(condition=~Q(secret=""), name="exchange_webhookendpoint_secret"),
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True, disabled_because="")
                | Q(disabled_at__isnull=False, disabled_because__in=DisabledBecause.values),
                name="exchange_webhookendpoint_disabled_paired",
            ),
            models.CheckConstraint(
                condition=Q(former_secret="", former_secret_until__isnull=True)
                | (~Q(former_secret="") & Q(former_secret_until__isnull=False)),
                name="exchange_webhookendpoint_former_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    def get_absolute_url(self) -> str:
        return reverse("exchange:webhook-detail", args=[self.public_id])

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()


class WebhookMessageQuerySet(models.QuerySet):
    def waiting(self):
        return self.filter(state=MessageState.WAITING)

    def due(self):
        """What can be sent now: its own time has come, and its endpoint is neither switched off nor paused."""
        now = timezone.now()
        able = Q(endpoint__paused_until__isnull=True) | Q(endpoint__paused_until__lte=now)
        return self.waiting().filter(able, next_attempt_at__lte=now, endpoint__disabled_at__isnull=True)

    def for_lists(self):
        return self.select_related("event")


class WebhookMessage(models.Model):
    """One event on its way to one endpoint. It is sent until the endpoint takes it, or the patience of the portal ends."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, verbose_name=_("webhook"), on_delete=models.PROTECT, related_name="messages"
    )
    event = models.ForeignKey(OutboxEvent, verbose_name=_("event"), on_delete=models.PROTECT, related_name="messages")
    state = models.CharField(_("state"), max_length=10, choices=MessageState, default=MessageState.WAITING)
    # Those since it was last asked for: a replay begins anew.
    attempts_made = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), default=timezone.now)
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)
    taken_at = models.DateTimeField(_("taken at"), null=True, blank=True)

    objects = WebhookMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message to a webhook")
        verbose_name_plural = _("messages to webhooks")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["endpoint", "event"], condition=Q(state="waiting"), name="exchange_webhookmessage_due"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="exchange_webhookmessage_once"),
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="exchange_webhookmessage_state"),
            models.CheckConstraint(
                condition=~Q(state=MessageState.TAKEN) | Q(taken_at__isnull=False),
                name="exchange_webhookmessage_taken",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint}"


class WebhookAttempt(models.Model):
    """One try to send a message: what came back, and how long it took. The answer's text is not kept."""

    message = models.ForeignKey(
        WebhookMessage, verbose_name=_("message"), on_delete=models.PROTECT, related_name="attempts"
    )
    tried_at = models.DateTimeField(_("tried at"), default=timezone.now)
    outcome = models.CharField(_("outcome"), max_length=15, choices=SendOutcome)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    duration_ms = models.PositiveIntegerField(_("milliseconds"))

    class Meta:
        verbose_name = _("attempt to send")
        verbose_name_plural = _("attempts to send")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=SendOutcome.values), name="exchange_webhookattempt_outcome"),
            models.CheckConstraint(
                condition=Q(http_status__isnull=True) | Q(http_status__gte=100, http_status__lte=599),
                name="exchange_webhookattempt_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message}: {self.get_outcome_display()}"
