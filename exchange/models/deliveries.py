"""One movement of data, and the attempts at it."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.choices import AttemptOutcome, EndReason
from exchange.models.agreements import Agreement
from exchange.states import DELIVERY, DeliveryStatus
from registry.choices import Role
from registry.fields import TextLine
from registry.models import Membership, User


class DeliveryQuerySet(models.QuerySet):
    def open(self):
        return self.filter(status__in=DELIVERY.open)

    def due(self, now=None):
        """Open deliveries whose next attempt may begin."""
        return self.open().filter(next_attempt_at__lte=now or timezone.now())

    def visible_to(self, user: User):
        if not user.is_authenticated:
            return self.none()
        roles = [Role.REQUESTER, Role.ENDORSER, Role.SYSTEM]
        agencies = Membership.objects.today().filter(user=user, role__in=roles).values("agency")
        return self.filter(agreement__consumer__in=agencies)

    def for_lists(self):
        """With what a line names; without what can be long in agreement and request (lists of identifiers, above all)."""
        rows = self.select_related("agreement__dataset", "agreement__consumer", "agreement__case__request")
        long = [f"agreement__case__request__{name}" for name in ("row_filter", "reason", "security_measures")]
        return rows.defer("agreement__scope", *long)


class Delivery(models.Model):
    """One package that an agreement gives. Its row is the truth: whoever holds its lock works on it, the queue only nudges."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("delivery number"), max_length=20, unique=True, editable=False)
    agreement = models.ForeignKey(
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="deliveries"
    )
    slot = models.CharField(_("slot"), max_length=30, default="1")  # which of the agreement's deliveries: each one once
    status = models.CharField(_("state"), max_length=20, choices=DeliveryStatus, default=DeliveryStatus.REQUESTED)
    requested_at = models.DateTimeField(_("requested at"), auto_now_add=True)
    requested_by = models.ForeignKey(
        User, verbose_name=_("requested by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    next_attempt_at = models.DateTimeField(_("next attempt at"), default=timezone.now)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    rows_expected = models.BigIntegerField(_("rows expected"), null=True, blank=True)
    rows_done = models.BigIntegerField(_("rows so far"), default=0)
    bytes_done = models.BigIntegerField(_("bytes so far"), default=0)
    rows = models.BigIntegerField(_("rows"), null=True, blank=True)
    size = models.BigIntegerField(_("size (bytes)"), null=True, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    available_until = models.DateTimeField(_("can be downloaded until"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=15, choices=EndReason, blank=True)
    message = TextLine(_("message"), max_length=500, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["requested", "started"]),
                name="exchange_delivery_due",
            )
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DeliveryStatus.values), name="exchange_delivery_status"),
            models.UniqueConstraint(fields=["agreement", "slot"], name="exchange_delivery_one_per_slot"),
            models.CheckConstraint(
                condition=~Q(status=DeliveryStatus.COMPLETED)
                | (
                    Q(rows__isnull=False, size__isnull=False, available_until__isnull=False)
                    & ~Q(sha256="")
                    & ~Q(file_name="")
                ),
                name="exchange_delivery_completed_has_file",
            ),
            models.CheckConstraint(
                condition=~Q(status=DeliveryStatus.TERMINATED) | ~Q(end_reason=""),
                name="exchange_delivery_end_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(status__in=DELIVERY.open, finished_at__isnull=True)
                | Q(status__in=DELIVERY.terminal, finished_at__isnull=False),
                name="exchange_delivery_finished_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("exchange:delivery-detail", args=[self.public_id])

    @property
    def percent_done(self) -> int | None:
        if not self.rows_expected:
            return None
        return min(99, self.rows_done * 100 // self.rows_expected)

    @property
    def is_downloadable(self) -> bool:
        return (
            self.status == DeliveryStatus.COMPLETED
            and self.available_until is not None
            and timezone.now() < self.available_until
        )


class DeliveryAttempt(models.Model):
    """One try of one worker at a delivery, recorded before the work begins."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField(_("attempt"))
    worker = models.CharField(_("worker"), max_length=100)
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=AttemptOutcome, default=AttemptOutcome.RUNNING)
    code = models.CharField(_("error code"), max_length=50, blank=True)
    message = TextLine(_("message"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["delivery", "number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="exchange_deliveryattempt_number"),
            models.CheckConstraint(
                condition=Q(outcome__in=AttemptOutcome.values), name="exchange_deliveryattempt_outcome"
            ),
            models.CheckConstraint(
                condition=Q(outcome=AttemptOutcome.RUNNING, finished_at__isnull=True)
                | (~Q(outcome=AttemptOutcome.RUNNING) & Q(finished_at__isnull=False)),
                name="exchange_deliveryattempt_finished_paired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery} #{self.number}"
