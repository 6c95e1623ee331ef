"""Laws and other legal instruments, as rows with dates."""

from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.fields import TextLine
from registry.names import in_current_language


class LegalInstrumentQuerySet(models.QuerySet):
    def in_force(self, day: date | None = None):
        day = day or timezone.localdate()
        return self.filter(effective_from__lte=day).filter(Q(effective_to__isnull=True) | Q(effective_to__gt=day))


class LegalInstrument(models.Model):
    """A law, decree, decision or circular that may be cited as a basis while it is in force."""

    number = models.CharField(_("number"), max_length=50, unique=True)
    title_vi = TextLine(_("title (Vietnamese)"), max_length=500)
    title_en = TextLine(_("title (English)"), max_length=500, blank=True)
    issued_on = models.DateField(_("issued on"), null=True, blank=True)
    effective_from = models.DateField(_("in force from"), null=True, blank=True)
    effective_to = models.DateField(
        _("in force until"), null=True, blank=True, help_text=_("The first day on which it is no longer in force.")
    )
    replaced_by = models.ForeignKey(
        "self", verbose_name=_("replaced by"), on_delete=models.PROTECT, null=True, blank=True, related_name="replaces"
    )
    source = TextLine(_("source"), max_length=500, blank=True)
    certainty = TextLine(_("certainty"), max_length=150, blank=True)

    objects = LegalInstrumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal instrument")
        verbose_name_plural = _("legal instruments")
        ordering = ["-effective_from", "number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="registry_legalinstrument_dates",
                violation_error_message=_("An instrument cannot end before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} – {self.title}"

    @property
    def title(self) -> str:
        return in_current_language(self.title_vi, self.title_en)

    def is_in_force(self, day: date | None = None) -> bool:
        day = day or timezone.localdate()
        started = self.effective_from is not None and self.effective_from <= day
        return started and (self.effective_to is None or day < self.effective_to)
