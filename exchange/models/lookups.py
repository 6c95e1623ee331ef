"""Single records that were asked for, and how many an agreement has given."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.models.agreements import Agreement
from registry.fields import TextLine
from registry.models import User


class LookupUsage(models.Model):
    """How many records an agreement has given to look-ups so far. Beside the agreement, because that never changes."""

    agreement = models.OneToOneField(
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="lookup_usage"
    )
    answered = models.BigIntegerField(_("records given"), default=0)

    class Meta:
        verbose_name = _("volume used by look-ups")
        verbose_name_plural = _("volumes used by look-ups")
        ordering = ["agreement"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered__gte=0),
                name="exchange_lookupusage_answered",
                violation_error_message=_("Nobody gives fewer than no records."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.agreement}: {self.answered}"


class LookupRate(models.Model):
    """How often look-ups were asked for under an agreement in the latest day or minute. The database counts them itself."""

    class Span(models.TextChoices):
        DAY = "day", _("Day")
        MINUTE = "minute", _("Minute")

    agreement = models.ForeignKey(
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="lookup_rates"
    )
    span = models.CharField(_("in which time"), max_length=10, choices=Span)
    starts_at = models.DateTimeField(_("from"))
    asked = models.BigIntegerField(_("look-ups asked for"))

    class Meta:
        verbose_name = _("look-ups in a day or minute")
        verbose_name_plural = _("look-ups in a day or minute")
        ordering = ["agreement", "span"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "span"], name="exchange_lookuprate_once"),
            models.CheckConstraint(condition=Q(span__in=["day", "minute"]), name="exchange_lookuprate_span"),
            models.CheckConstraint(condition=Q(asked__gte=1), name="exchange_lookuprate_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.agreement}: {self.asked} / {self.get_span_display()}"


class Lookup(models.Model):
    """One question for one record: by whom, and for which case. It can be erased; the ledger keeps only digests of it."""

    agreement = models.ForeignKey(
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="lookups"
    )
    asked_at = models.DateTimeField(_("asked at"))
    by = models.ForeignKey(User, verbose_name=_("asked by"), on_delete=models.PROTECT, related_name="lookups")
    case_number = TextLine(_("case number"), max_length=100)
    receipt = models.BigIntegerField(_("receipt number"), unique=True)  # sequence of the entry in the ledger
    found = models.BooleanField(_("found"), null=True)  # unknown where the source or a rule gave no answer

    class Meta:
        verbose_name = _("look-up")
        verbose_name_plural = _("look-ups")
        ordering = ["-receipt"]
        indexes = [models.Index(fields=["by", "-receipt"], name="exchange_lookup_own")]

    def __str__(self) -> str:
        return str(self.receipt)
