"""Changes of the tree of agencies: nobody attaches an agency under another alone."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.fields import TextLine
from registry.models.people import Agency, User


class AgencyMoveQuerySet(models.QuerySet):
    def open(self):
        return self.filter(applied_at__isnull=True, withdrawn_at__isnull=True)

    def consented(self):
        """Those to which both sides have agreed."""
        return self.filter(giving_at__isnull=False, taking_at__isnull=False)


class AgencyMove(models.Model):
    """An agency gets another superior on a day, once its present and its new superior have both agreed.

    An agency without a superior speaks for itself; where no superior is to follow, the operators take the second side.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agency = models.ForeignKey(Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="moves")
    from_parent = models.ForeignKey(
        Agency, verbose_name=_("present superior"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    new_parent = models.ForeignKey(
        Agency, verbose_name=_("new superior"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    effective_on = models.DateField(_("from"))
    reason = TextLine(_("reason"), max_length=500)
    proposed_by = models.ForeignKey(User, verbose_name=_("proposed by"), on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(_("proposed at"), auto_now_add=True)
    giving_by = models.ForeignKey(
        User,
        verbose_name=_("agreed for the present side by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    giving_at = models.DateTimeField(_("agreed for the present side at"), null=True, blank=True)
    taking_by = models.ForeignKey(
        User,
        verbose_name=_("agreed for the new side by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    taking_at = models.DateTimeField(_("agreed for the new side at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, verbose_name=_("withdrawn by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    applied_at = models.DateTimeField(_("carried out at"), null=True, blank=True)

    objects = AgencyMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("move of an agency")
        verbose_name_plural = _("moves of agencies")
        ordering = ["-proposed_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(giving_at__isnull=True, giving_by__isnull=True)
                | Q(giving_at__isnull=False, giving_by__isnull=False),
                name="registry_agencymove_giving_paired",
            ),
            models.CheckConstraint(
                condition=Q(taking_at__isnull=True, taking_by__isnull=True)
                | Q(taking_at__isnull=False, taking_by__isnull=False),
                name="registry_agencymove_taking_paired",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="registry_agencymove_withdrawn_paired",
            ),
            models.CheckConstraint(
                condition=Q(giving_by__isnull=True) | Q(taking_by__isnull=True) | ~Q(giving_by=F("taking_by")),
                name="registry_agencymove_two_people",
                violation_error_message=_("One person cannot agree for both sides."),
            ),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True)
                | Q(giving_at__isnull=False, taking_at__isnull=False, withdrawn_at__isnull=True),
                name="registry_agencymove_applied_with_consent",
            ),
            models.UniqueConstraint(
                fields=["agency"],
                condition=Q(applied_at__isnull=True, withdrawn_at__isnull=True),
                name="registry_agencymove_one_open",
                violation_error_message=_("Another move of this agency is open: withdraw it first."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agency} → {self.new_parent or '–'} ({self.effective_on})"
