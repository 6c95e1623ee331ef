"""What keeps work from lying: one digest a day for each person, and the steps by which a superior hears of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import MailState
from exchange.models.cases import ReviewCase
from registry.models import User


class DailyDigest(models.Model):
    """A person's work was looked at on a day. Whether there was anything to tell or not: once a day is enough."""

    person = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.PROTECT, related_name="+")
    day = models.DateField(_("day"))
    was_told = models.BooleanField(_("something was told"))
    told = models.JSONField(_("what was counted"), default=dict, blank=True)
    mail = models.CharField(_("mail"), max_length=10, choices=MailState, default=MailState.NONE)
    mail_attempts = models.PositiveSmallIntegerField(_("attempts to send it"), default=0)
    mail_due_at = models.DateTimeField(_("to be sent at"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("daily digest")
        verbose_name_plural = _("daily digests")
        ordering = ["-day", "pk"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["mail_due_at"], condition=Q(mail="waiting"), name="exchange_dailydigest_to_mail")
        ]
        constraints = [
            models.UniqueConstraint(fields=["person", "day"], name="exchange_dailydigest_once"),
            models.CheckConstraint(
                condition=Q(mail__in=[MailState.NONE, MailState.FAILED], mailed_at__isnull=True)
                | Q(mail=MailState.WAITING, mail_due_at__isnull=False, mailed_at__isnull=True)
                | Q(mail=MailState.SENT, mailed_at__isnull=False),
                name="exchange_dailydigest_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.day}"


class Escalation(models.Model):
    """An overdue case was brought before the next superior. Each step is taken once."""

    MOST_STEPS = 3

    case = models.ForeignKey(ReviewCase, verbose_name=_("case"), on_delete=models.PROTECT, related_name="escalations")
    is_review = models.BooleanField(_("about the review after an emergency"), default=False)
    step = models.PositiveSmallIntegerField(_("step"))
    taken_at = models.DateTimeField(_("taken at"), auto_now_add=True)

    class Meta:
        verbose_name = _("escalation")
        verbose_name_plural = _("escalations")
        ordering = ["case", "step"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["case", "is_review", "step"], name="exchange_escalation_once"),
            models.CheckConstraint(condition=Q(step__gte=1, step__lte=3), name="exchange_escalation_step"),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.step}"
