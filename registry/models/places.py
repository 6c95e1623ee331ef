"""Provinces and other administrative units, and their codes, which may name another unit on another day."""

from datetime import date

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.choices import UnitKind
from registry.fields import TextLine
from registry.models.agencies import whole_days
from registry.models.people import OpenDatedQuerySet
from registry.names import in_current_language


class AdministrativeUnitQuerySet(OpenDatedQuerySet):
    def with_codes(self, day: date):
        """Each with the code that it had on `day`, as `shown_code`."""
        codes = UnitCode.objects.on(day).filter(unit=models.OuterRef("pk")).values("code")[:1]
        return self.annotate(shown_code=models.Subquery(codes))


class AdministrativeUnit(models.Model):
    """A province or a city under central rule, as it was from a day to a day; what it became is the row after it."""

    name_vi = TextLine(_("name (Vietnamese)"), max_length=150)
    name_en = TextLine(_("name (English)"), max_length=150, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=UnitKind)
    valid_from = models.DateField(_("from"), null=True, blank=True, help_text=_("Empty where it is not recorded."))
    valid_to = models.DateField(_("to"), null=True, blank=True)
    became = models.ForeignKey(
        "self", verbose_name=_("became"), on_delete=models.PROTECT, null=True, blank=True, related_name="came_from"
    )

    objects = AdministrativeUnitQuerySet.as_manager()

    class Meta:
        verbose_name = _("administrative unit")
        verbose_name_plural = _("administrative units")
        ordering = ["name_vi", "valid_from"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=UnitKind.values), name="registry_administrativeunit_kind"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_from__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_administrativeunit_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            models.CheckConstraint(
                condition=Q(became__isnull=True) | (Q(valid_to__isnull=False) & ~Q(became=F("id"))),
                name="registry_administrativeunit_ended_before_another",
                violation_error_message=_("What became another unit has a last day."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_current_language(self.name_vi, self.name_en)


class UnitCode(models.Model):
    """A code of an administrative unit from a day to a day. On one day a code names one unit; over the years, several."""

    unit = models.ForeignKey(
        AdministrativeUnit, verbose_name=_("administrative unit"), on_delete=models.PROTECT, related_name="codes"
    )
    code = models.CharField(
        _("code"), max_length=10, validators=[RegexValidator(r"\A[0-9]{2,5}\Z", _("Two to five digits."))]
    )
    valid_from = models.DateField(_("from"), null=True, blank=True, help_text=_("Empty where it is not recorded."))
    valid_to = models.DateField(_("to"), null=True, blank=True)

    objects = OpenDatedQuerySet.as_manager()

    class Meta:
        verbose_name = _("unit code")
        verbose_name_plural = _("unit codes")
        ordering = ["code", F("valid_from").asc(nulls_first=True)]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_from__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_unitcode_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            ExclusionConstraint(
                name="registry_unitcode_one_unit_a_day",
                expressions=[("code", RangeOperators.EQUAL), (whole_days(), RangeOperators.OVERLAPS)],
                violation_error_message=_("This code names a unit on some of these days already."),
            ),
        ]

    def __str__(self) -> str:
        return self.code
