"""What reviewers advise before the owner decides."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import Recommendation
from exchange.models.cases import ReviewCase
from exchange.models.requests import Revision
from exchange.states import RequestStatus
from registry.fields import TextBlock
from registry.models import Agency, User


class AdviceQuerySet(models.QuerySet):
    def readable_by(self, user: User | None):
        """In blind review only the own, until as many as are needed are in, or the review is over."""
        given = (
            Advice.objects.filter(revision=models.OuterRef("revision"))
            .order_by()
            .values("revision")
            .annotate(count=models.Count("pk"))
            .values("count")
        )
        hidden = Q(
            case__blind_review=True,
            case__request__status=RequestStatus.UNDER_REVIEW,
            in_all__lt=F("case__reviews_needed"),
        )
        return self.annotate(in_all=models.Subquery(given)).filter(
            ~hidden | (Q(made_by=user) if user else Q(pk__in=[]))
        )


class Advice(models.Model):
    """What one reviewer of the owner thinks of one revision. Written once; it decides nothing."""

    case = models.ForeignKey(ReviewCase, verbose_name=_("case"), on_delete=models.PROTECT, related_name="advice")
    revision = models.ForeignKey(Revision, verbose_name=_("revision"), on_delete=models.PROTECT, related_name="advice")
    revision_hash = models.CharField(_("hash of the revision"), max_length=64)
    recommendation = models.CharField(_("recommendation"), max_length=15, choices=Recommendation)
    text = TextBlock(_("advice"))
    made_at = models.DateTimeField(_("given at"), auto_now_add=True)
    made_by = models.ForeignKey(User, verbose_name=_("given by"), on_delete=models.PROTECT, related_name="advice")
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency at that time"), on_delete=models.PROTECT, related_name="+"
    )

    objects = AdviceQuerySet.as_manager()

    class Meta:
        verbose_name = _("piece of advice")
        verbose_name_plural = _("advice of reviewers")
        ordering = ["made_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(recommendation__in=Recommendation.values), name="exchange_advice_recommendation"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="exchange_advice_says_something"),
            models.UniqueConstraint(
                fields=["revision", "made_by"],
                name="exchange_advice_once",
                violation_error_message=_("This person has already advised on this revision."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.revision}: {self.get_recommendation_display()} ({self.made_by})"
