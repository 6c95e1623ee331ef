"""Announcements that an agreement is going to be stopped."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import StopKind
from exchange.models.agreements import Agreement
from registry.fields import TextBlock
from registry.models import User


class StopNoticeQuerySet(models.QuerySet):
    def standing(self):
        """What was neither called off nor carried out."""
        return self.filter(cancelled_at__isnull=True, done_at__isnull=True)

    def about(self, agreement: Agreement):
        """Announced of any version of the agreement: it holds for all of them."""
        return self.filter(agreement__code=agreement.code)


class StopNotice(models.Model):
    """The owner announces that an agreement, in whatever version, gives nothing from a day on. It can be called off until
    that day; on that day it holds by itself."""

    agreement = models.ForeignKey(
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="stop_notices"
    )
    kind = models.CharField(_("what is announced"), max_length=10, choices=StopKind)
    takes_effect_on = models.DateField(_("from"))
    reason = TextBlock(_("reason"), max_length=4_000)
    announced_by = models.ForeignKey(User, verbose_name=_("announced by"), on_delete=models.PROTECT, related_name="+")
    announced_at = models.DateTimeField(_("announced at"), auto_now_add=True)
    cancelled_by = models.ForeignKey(
        User, verbose_name=_("called off by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cancelled_at = models.DateTimeField(_("called off at"), null=True, blank=True)
    cancel_reason = TextBlock(_("reason of calling it off"), max_length=4_000, blank=True)
    done_at = models.DateTimeField(_("carried out at"), null=True, blank=True)

    objects = StopNoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("announced stop")
        verbose_name_plural = _("announced stops")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=StopKind.values), name="exchange_stopnotice_kind"),
            models.CheckConstraint(condition=~Q(reason=""), name="exchange_stopnotice_reason"),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True, cancelled_by__isnull=True, cancel_reason="")
                | (Q(cancelled_at__isnull=False, cancelled_by__isnull=False) & ~Q(cancel_reason="")),
                name="exchange_stopnotice_cancelled_paired",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(done_at__isnull=True), name="exchange_stopnotice_one_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code}: {self.get_kind_display()}"
