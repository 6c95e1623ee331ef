"""What is said afterwards about access that was given in an emergency."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import AfterVerdict, ReviewPart
from exchange.models.cases import ReviewCase
from registry.fields import TextBlock
from registry.models import Agency, Delegation, User


class AfterReview(models.Model):
    """Somebody of the owner who did not sign an emergency looks at it afterwards: confirms it, or objects with a reason.

    Approvers decide with it, reviewers advise. Written once.
    """

    case = models.ForeignKey(
        ReviewCase, verbose_name=_("review case"), on_delete=models.PROTECT, related_name="after_reviews"
    )
    part = models.CharField(_("as whom"), max_length=10, choices=ReviewPart)
    verdict = models.CharField(_("verdict"), max_length=10, choices=AfterVerdict)
    reason = TextBlock(_("reason"), max_length=4_000, blank=True)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    made_by = models.ForeignKey(User, verbose_name=_("made by"), on_delete=models.PROTECT, related_name="after_reviews")
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency at that time"), on_delete=models.PROTECT, related_name="+"
    )
    delegation = models.ForeignKey(
        Delegation, verbose_name=_("under the delegation"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("review after an emergency")
        verbose_name_plural = _("reviews after emergencies")
        ordering = ["made_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(part__in=ReviewPart.values), name="exchange_afterreview_part"),
            models.CheckConstraint(condition=Q(verdict__in=AfterVerdict.values), name="exchange_afterreview_verdict"),
            models.CheckConstraint(
                condition=~Q(verdict=AfterVerdict.OBJECT) | ~Q(reason=""),
                name="exchange_afterreview_objection_has_reason",
                violation_error_message=_("An objection needs a reason."),
            ),
            models.UniqueConstraint(
                fields=["case", "made_by"],
                name="exchange_afterreview_once",
                violation_error_message=_("This person has already reviewed this emergency."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.get_verdict_display()} ({self.made_by})"
