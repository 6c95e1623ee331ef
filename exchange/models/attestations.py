"""That an agreement is still needed, as its consumer confirms from time to time."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from exchange.models.agreements import Agreement
from registry.fields import TextBlock
from registry.models import User


class Attestation(models.Model):
    """A signatory of the consumer agency confirms that an agreement is still needed and its conditions are kept, which
    lets it go on for another while. Written once."""

    agreement = models.ForeignKey(
        Agreement, verbose_name=_("agreement"), on_delete=models.PROTECT, related_name="attestations"
    )
    confirmed_by = models.ForeignKey(User, verbose_name=_("confirmed by"), on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(_("confirmed at"))
    confirmed_on = models.DateField(_("confirmed on"))  # the day of that moment in Viet Nam
    covers_until = models.DateField(_("covers until"))
    statement = TextBlock(_("what was confirmed"))  # the words that stood on the page

    class Meta:
        verbose_name = _("confirmation of an agreement")
        verbose_name_plural = _("confirmations of agreements")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "confirmed_on"], name="exchange_attestation_once_a_day"),
            models.CheckConstraint(
                condition=Q(covers_until__gt=F("confirmed_on")), name="exchange_attestation_covers_something"
            ),
            models.CheckConstraint(condition=~Q(statement=""), name="exchange_attestation_statement"),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.code}: {self.covers_until}"
