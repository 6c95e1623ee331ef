"""What is published about agencies: the codes by which others know them, and whom to ask."""

from datetime import date

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from registry.choices import CodeScheme, ContactPurpose
from registry.fields import TextLine
from registry.models.people import Agency, DatedQuerySet, OpenDatedQuerySet

# Decision 20/2020/QĐ-TTg: three levels and the group of the agency.
ELECTRONIC_ID = RegexValidator(
    r"\A[0-9A-Z]{2,3}\.[0-9A-Z]{2}\.[0-9A-Z]{2}\.[A-Z][0-9]{2}\Z",
    _("An electronic identifier looks like 000.00.00.G09."),
)


def whole_days() -> Func:
    """The days of a row with `valid_from` and `valid_to`, both included."""
    return Func(F("valid_from"), F("valid_to"), Value("[]"), function="daterange", output_field=DateRangeField())


class AgencyCode(models.Model):
    """A code under which a scheme knows an agency, from a day to a day. On one day a value names one agency."""

    agency = models.ForeignKey(Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="codes")
    scheme = models.CharField(_("scheme"), max_length=20, choices=CodeScheme)
    value = models.CharField(_("value"), max_length=60)
    valid_from = models.DateField(_("from"), null=True, blank=True, help_text=_("Empty where it is not recorded."))
    valid_to = models.DateField(_("to"), null=True, blank=True)
    source = TextLine(_("source"), max_length=250, blank=True)

    objects = OpenDatedQuerySet.as_manager()

    class Meta:
        verbose_name = _("agency code")
        verbose_name_plural = _("agency codes")
        ordering = ["agency", "scheme", F("valid_from").desc(nulls_last=True)]
        constraints = [
            models.CheckConstraint(condition=Q(scheme__in=CodeScheme.values), name="registry_agencycode_scheme"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_from__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_agencycode_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            ExclusionConstraint(
                name="registry_agencycode_one_agency_a_day",
                expressions=[
                    ("scheme", RangeOperators.EQUAL),
                    ("value", RangeOperators.EQUAL),
                    (whole_days(), RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("This code names an agency on some of these days already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scheme_display()}: {self.value}"

    def clean(self) -> None:
        if self.scheme == CodeScheme.ELECTRONIC:
            try:
                ELECTRONIC_ID(self.value)
            except ValidationError as error:
                raise ValidationError({"value": error}) from None

    def is_valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class AgencyContact(models.Model):
    """A focal officer or office of an agency, published so that other agencies know whom to ask about what."""

    agency = models.ForeignKey(Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="contacts")
    purpose = models.CharField(_("about"), max_length=20, choices=ContactPurpose, default=ContactPurpose.SHARING)
    name = TextLine(_("person or office"), max_length=150)
    position = TextLine(_("position"), max_length=150, blank=True)
    phone = models.CharField(
        _("phone"),
        max_length=30,
        blank=True,
        validators=[RegexValidator(r"\A[0-9 +().-]{6,30}\Z", _("Digits, spaces, dots, hyphens, brackets, plus sign."))],
    )
    email = models.EmailField(_("e-mail"), blank=True)
    valid_from = models.DateField(_("from"))
    valid_to = models.DateField(_("to"), null=True, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        verbose_name = _("published contact")
        verbose_name_plural = _("published contacts")
        ordering = ["agency", "purpose", "-valid_from", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=ContactPurpose.values), name="registry_agencycontact_purpose"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_agencycontact_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            models.CheckConstraint(
                condition=~Q(phone="") | ~Q(email=""),
                name="registry_agencycontact_reachable",
                violation_error_message=_("A contact needs a phone number or an e-mail address."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_purpose_display()})"
