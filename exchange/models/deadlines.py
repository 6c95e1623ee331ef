"""Deadlines and the calendar that they are counted in: rows with sources, never constants."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import DayKind
from registry.fields import TextLine


class DeadlineProfile(models.Model):
    """How many working days a provider has for one kind of request, and where that is written."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    title = TextLine(_("title"), max_length=200)
    working_days = models.PositiveSmallIntegerField(
        _("working days"), validators=[MinValueValidator(1), MaxValueValidator(250)]
    )
    source = TextLine(_("source"), max_length=300)

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ["working_days"]
        constraints = [
            models.CheckConstraint(condition=Q(working_days__gte=1), name="exchange_deadlineprofile_days"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.working_days})"


class CalendarDay(models.Model):
    """A day that differs from the week's rule: a day off on a weekday, a working Saturday, a day that ends early."""

    day = models.DateField(_("day"), unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=DayKind)
    closes_at = models.TimeField(
        _("closes at"), null=True, blank=True, help_text=_("Of a shortened day: what is due on it is due until then.")
    )
    title = TextLine(_("occasion"), max_length=200)
    source = TextLine(_("source"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ["day"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DayKind.values), name="exchange_calendarday_kind"),
            models.CheckConstraint(
                condition=Q(kind=DayKind.SHORTENED, closes_at__isnull=False)
                | (~Q(kind=DayKind.SHORTENED) & Q(closes_at__isnull=True)),
                name="exchange_calendarday_closes_paired",
                violation_error_message=_("A shortened day has an hour at which it closes; other days have none."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.title}"
