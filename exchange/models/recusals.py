"""Conflicts that people of the owner declare themselves."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import ConflictKind
from exchange.models.cases import ReviewCase
from exchange.models.requests import ExchangeRequest
from registry.fields import TextBlock
from registry.models import Agency, User


class Recusal(models.Model):
    """Somebody of the owner says that they have a conflict with a request. Written once: they stay out of it for good."""

    request = models.ForeignKey(
        ExchangeRequest, verbose_name=_("request"), on_delete=models.PROTECT, related_name="recusals"
    )
    case = models.ForeignKey(ReviewCase, verbose_name=_("case"), on_delete=models.PROTECT, related_name="recusals")
    person = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.PROTECT, related_name="recusals")
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency at that time"), on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(_("kind of conflict"), max_length=15, choices=ConflictKind)
    note = TextBlock(_("note"), max_length=1_000, blank=True)
    declared_at = models.DateTimeField(_("declared at"), auto_now_add=True)

    class Meta:
        verbose_name = _("declared conflict")
        verbose_name_plural = _("declared conflicts")
        ordering = ["declared_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ConflictKind.values), name="exchange_recusal_kind"),
            models.UniqueConstraint(
                fields=["request", "person"],
                name="exchange_recusal_once",
                violation_error_message=_("This person has already declared a conflict with this request."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request}: {self.person}"
