"""Certificates that data which was received is gone, or is kept longer under a named law."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.choices import CertificateKind, DestructionMethod
from exchange.models.agreements import Agreement
from exchange.models.cases import Letter
from registry.choices import Role
from registry.fields import TextBlock
from registry.models import LegalInstrument, Membership, User


class CertificateQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Those of the agencies in which the person files or signs today."""
        if not user.is_authenticated:
            return self.none()
        works = Membership.objects.today().filter(user=user, role__in=[Role.REQUESTER, Role.ENDORSER])
        return self.filter(agreement__consumer__in=works.values("agency"))

    def to_be_signed(self):
        return self.filter(signed_at__isnull=True, dropped_at__isnull=True)

    def unanswered(self):
        """Signed; the owner of the data has said nothing to it."""
        return self.filter(signed_at__isnull=False, acknowledged_at__isnull=True, refused_at__isnull=True)

    def for_lists(self):
        return self.select_related(
            "agreement__consumer", "agreement__provider", "agreement__dataset", "kept_under", "letter__agency"
        )


class DestructionCertificate(models.Model):
    """An agency states what became of the data that it received under an agreement: how and where it was destroyed, or
    under which law it is kept longer. One person prepares it, a signatory signs the very text, the owner answers."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("certificate number"), max_length=20, unique=True, editable=False)
    agreement = models.ForeignKey(  # the last version: what was received under the others counts with it
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="certificates"
    )
    kind = models.CharField(_("what became of the data"), max_length=10, choices=CertificateKind)
    method = models.CharField(_("method of destruction"), max_length=10, choices=DestructionMethod, blank=True)
    places = TextBlock(_("where copies were"), max_length=2_000)
    destroyed_on = models.DateField(_("destroyed on"), null=True, blank=True)
    kept_under = models.ForeignKey(
        LegalInstrument, verbose_name=_("law under which it is kept"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="+",
    )  # fmt: skip
    kept_until = models.DateField(_("kept until"), null=True, blank=True)
    reason = TextBlock(_("why it is kept"), max_length=2_000, blank=True)
    statement = TextBlock(_("statement"), max_length=2_000)
    content = models.TextField(
        _("content"), editable=False
    )  # canonical JSON: what is signed, with all that was received
    content_hash = models.CharField(_("SHA-256"), max_length=64, editable=False)
    prepared_at = models.DateTimeField(_("prepared at"), auto_now_add=True)
    prepared_by = models.ForeignKey(User, verbose_name=_("prepared by"), on_delete=models.PROTECT, related_name="+")
    dropped_at = models.DateTimeField(_("given up at"), null=True, blank=True)
    dropped_by = models.ForeignKey(
        User, verbose_name=_("given up by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    drop_reason = TextBlock(_("why it was given up"), max_length=2_000, blank=True)
    signed_at = models.DateTimeField(_("signed at"), null=True, blank=True)
    signed_by = models.ForeignKey(
        User, verbose_name=_("signed by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    letter = models.OneToOneField(  # the same on paper, numbered like every letter of the agency
        Letter, verbose_name=_("letter"), on_delete=models.PROTECT, null=True, blank=True, related_name="certificate"
    )
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        User, verbose_name=_("acknowledged by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    refused_at = models.DateTimeField(_("refused at"), null=True, blank=True)
    refused_by = models.ForeignKey(
        User, verbose_name=_("refused by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    refusal_reason = TextBlock(_("why it was refused"), max_length=2_000, blank=True)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificate of destruction")
        verbose_name_plural = _("certificates of destruction")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind=CertificateKind.DESTROYED,
                    method__in=DestructionMethod.values,
                    destroyed_on__isnull=False,
                    kept_under__isnull=True,
                    kept_until__isnull=True,
                    reason="",
                )
                | (
                    Q(
                        kind=CertificateKind.KEPT,
                        method="",
                        destroyed_on__isnull=True,
                        kept_under__isnull=False,
                        kept_until__isnull=False,
                    )
                    & ~Q(reason="")
                ),
                name="exchange_destructioncertificate_kind",
                violation_error_message=_("Data is destroyed by a method on a day, or kept under a law until a day."),
            ),
            models.CheckConstraint(
                condition=~Q(places="") & ~Q(statement=""), name="exchange_destructioncertificate_complete"
            ),
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True, signed_by__isnull=True)
                | (Q(signed_at__isnull=False, signed_by__isnull=False) & ~Q(signed_by=F("prepared_by"))),
                name="exchange_destructioncertificate_signed_paired",
                violation_error_message=_("Whoever prepared a certificate does not sign it."),
            ),
            models.CheckConstraint(
                condition=Q(letter__isnull=True) | Q(signed_at__isnull=False),
                name="exchange_destructioncertificate_letter_signed",
            ),
            models.CheckConstraint(
                condition=Q(dropped_at__isnull=True, dropped_by__isnull=True, drop_reason="")
                | Q(dropped_at__isnull=False, dropped_by__isnull=False, signed_at__isnull=True),
                name="exchange_destructioncertificate_dropped_paired",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False, signed_at__isnull=False),
                name="exchange_destructioncertificate_acknowledged_paired",
            ),
            models.CheckConstraint(
                condition=Q(refused_at__isnull=True, refused_by__isnull=True, refusal_reason="")
                | (
                    Q(
                        refused_at__isnull=False,
                        refused_by__isnull=False,
                        signed_at__isnull=False,
                        acknowledged_at__isnull=True,
                    )
                    & ~Q(refusal_reason="")
                ),
                name="exchange_destructioncertificate_refused_paired",
            ),
            models.UniqueConstraint(
                fields=["agreement"],
                condition=Q(signed_at__isnull=True, dropped_at__isnull=True),
                name="exchange_destructioncertificate_one_open",
                violation_error_message=_("A certificate about this agreement waits for a signature already."),
            ),
            models.UniqueConstraint(
                fields=["agreement"],
                condition=Q(kind=CertificateKind.DESTROYED, signed_at__isnull=False, refused_at__isnull=True),
                name="exchange_destructioncertificate_one_signed",
                violation_error_message=_("It is certified already that this data is gone."),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("exchange:certificate-detail", args=[self.public_id])

    @property
    def state(self) -> "CertificateState":
        return CertificateState.of(self)

    @property
    def waits_for_answer(self) -> bool:
        return self.state == CertificateState.SIGNED


class CertificateState(models.TextChoices):
    """Read from who did what with it; nothing of it is stored."""

    TO_SIGN = "pending-endorsement", _("Waiting for signature")
    DROPPED = "withdrawn", _("Given up before it was signed")
    SIGNED = "submitted", _("Signed, with the owner of the data")
    ACKNOWLEDGED = "approved", _("Acknowledged by the owner")
    REFUSED = "rejected", _("Refused by the owner")

    @classmethod
    def of(cls, certificate: DestructionCertificate) -> "CertificateState":
        reached = (
            (certificate.refused_at, cls.REFUSED),
            (certificate.acknowledged_at, cls.ACKNOWLEDGED),
            (certificate.signed_at, cls.SIGNED),
            (certificate.dropped_at, cls.DROPPED),
        )
        return next((state for moment, state in reached if moment), cls.TO_SIGN)
