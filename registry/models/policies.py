"""What an owner is ready to share, with whom and how."""

import uuid
from datetime import date
from functools import reduce
from operator import and_, or_

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.choices import LIMITS_OF_MODE, AgencyKind, Limit, Masking, Mode, Purpose
from registry.fields import TextLine
from registry.models.databases import Dataset, Field
from registry.models.laws import LegalInstrument
from registry.models.people import Agency, DatedQuerySet, Lineage, User

MOST_ROWS = 2**53 - 1  # the largest whole number that every reader of JSON keeps exactly
MOST_DAYS_KEPT = 3_650
MOST_DELIVERIES = 10_000
MOST_LOOKUPS = 100_000_000


def _limits_in_bounds() -> Q:
    most = {
        Limit.ROWS_PER_MONTH: MOST_ROWS,
        Limit.DELIVERIES_PER_MONTH: MOST_DELIVERIES,
        Limit.LOOKUPS_PER_DAY: MOST_LOOKUPS,
        Limit.LOOKUPS_PER_MINUTE: MOST_LOOKUPS,
    }
    return reduce(
        and_,
        (Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gte": 1, f"{name}__lte": top}) for name, top in most.items()),
    )


class SharingPolicyQuerySet(DatedQuerySet):
    def in_force(self, day: date | None = None):
        """Those that offer something on `day` (today): by their dates, under a law in force, with approvers enough,
        and not suspended by a change of the source."""
        return self._offering(day).filter(suspended_at__isnull=True)

    def suspended(self, day: date | None = None):
        """Those that would be in force, had the source not changed: their owner has to review that first."""
        return self._offering(day).filter(suspended_at__isnull=False)

    def _offering(self, day: date | None):
        day = day or timezone.localdate()
        return self.on(day).filter(
            legal_basis__in=LegalInstrument.objects.in_force(day),
            quorum__gte=F("dataset__database__min_quorum"),
        )

    def not_over(self):
        """Those in force today or later."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=timezone.localdate()))

    def for_recipient(self, agency: Agency):
        """Those that name the agency: every one, its kind, itself, or (with the units below) one above it."""
        named = SharingPolicy.recipients.through.objects.filter(sharingpolicy=OuterRef("pk"))
        above = RawSQL("SELECT registry_agency_lineage(%s)", [agency.pk])
        return self.filter(
            Q(any_agency=True)
            | Q(recipient_kinds__contains=[agency.kind])
            | Exists(named.filter(agency=agency))
            | Q(Exists(named.filter(agency_id__in=above)), includes_units=True)
        )


class SharingPolicy(models.Model):
    """Which fields of a dataset the owner shares, masked how, by which mode, for which purposes, until when.

    With `is_standing` it is the owner's decision itself: a request wholly inside it needs no new one. One person takes
    it, so it exists only where one approver is enough; and a quorum, once set, is never lowered.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.ForeignKey(Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, related_name="policies")
    title = TextLine(_("title"), max_length=250)
    modes = ArrayField(models.CharField(max_length=20, choices=Mode), verbose_name=_("modes"))
    purposes = ArrayField(models.CharField(max_length=20, choices=Purpose), verbose_name=_("purposes"))
    any_agency = models.BooleanField(_("any state agency may ask"), default=False)
    recipients = models.ManyToManyField(
        Agency, verbose_name=_("agencies that may ask"), blank=True, related_name="policies"
    )
    includes_units = models.BooleanField(
        _("with the units below them"),
        default=False,
        help_text=_("Units below a named agency may ask, too. Otherwise exactly the agencies named."),
    )
    recipient_kinds = ArrayField(
        models.CharField(max_length=20, choices=AgencyKind),
        verbose_name=_("kinds of agency that may ask"),
        default=list,
        blank=True,
    )
    fields = models.ManyToManyField(Field, through="PolicyField", related_name="policies")
    max_rows = models.PositiveBigIntegerField(
        _("rows at most"), default=5_000_000, validators=[MinValueValidator(1), MaxValueValidator(MOST_ROWS)]
    )
    max_days = models.PositiveIntegerField(
        _("days at most"), default=365, validators=[MinValueValidator(1), MaxValueValidator(1_830)]
    )
    max_retention_days = models.PositiveIntegerField(
        _("days kept at most"),
        default=730,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS_KEPT)],
        help_text=_("Counted from the first day of use, until the recipient has to delete the data."),
    )
    rows_per_month = models.PositiveBigIntegerField(
        _("rows a month at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_ROWS)],
        help_text=_("In all packages of one agreement that are delivered in a calendar month. Empty: no such limit."),
    )
    deliveries_per_month = models.PositiveIntegerField(
        _("packages a month at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DELIVERIES)],
        help_text=_("Under one agreement, in a calendar month; failed ones do not count. Empty: no such limit."),
    )
    lookups_per_day = models.PositiveIntegerField(
        _("look-ups a day at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_LOOKUPS)],
        help_text=_("Under one agreement, also those that find nothing. Empty: no such limit."),
    )
    lookups_per_minute = models.PositiveIntegerField(
        _("look-ups a minute at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_LOOKUPS)],
        help_text=_("Under one agreement, also those that find nothing. Empty: no such limit."),
    )
    quorum = models.PositiveSmallIntegerField(
        _("approvers needed"), default=1, validators=[MinValueValidator(1), MaxValueValidator(9)]
    )
    reviews_needed = models.PositiveSmallIntegerField(
        _("advice needed from reviewers"),
        default=0,
        validators=[MaxValueValidator(9)],
        help_text=_("How many reviewers who are assigned to the database give advice before anybody approves."),
    )
    blind_review = models.BooleanField(
        _("blind review"),
        default=False,
        help_text=_("Nobody sees the votes and the advice of others before all of them are in."),
    )
    is_standing = models.BooleanField(_("standing permission"), default=False)
    legal_basis = models.ForeignKey(
        LegalInstrument, verbose_name=_("legal basis"), on_delete=models.PROTECT, related_name="+"
    )
    decided_by = models.ForeignKey(
        User, verbose_name=_("decided by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    valid_from = models.DateField(_("from"))
    valid_to = models.DateField(_("to"), null=True, blank=True)
    suspended_at = models.DateTimeField(_("suspended at"), null=True, blank=True, editable=False)
    suspended_by_change = models.ForeignKey(
        "SchemaChange",
        verbose_name=_("suspended by the change"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="suspended_policies",
    )

    objects = SharingPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("sharing policy")
        verbose_name_plural = _("sharing policies")
        ordering = ["dataset", "-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_sharingpolicy_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            models.CheckConstraint(condition=Q(quorum__gte=1, quorum__lte=9), name="registry_sharingpolicy_quorum"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True)
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="registry_sharingpolicy_decided_paired",
            ),
            models.CheckConstraint(
                condition=Q(suspended_at__isnull=True, suspended_by_change__isnull=True)
                | Q(suspended_at__isnull=False, suspended_by_change__isnull=False),
                name="registry_sharingpolicy_suspended_paired",
            ),
            models.CheckConstraint(
                condition=Q(is_standing=False) | Q(decided_by__isnull=False),
                name="registry_sharingpolicy_standing_decided",
                violation_error_message=_("A standing permission needs an owner's approver who decided it."),
            ),
            models.CheckConstraint(
                condition=Q(is_standing=False) | Q(quorum=1),
                name="registry_sharingpolicy_standing_single",
                violation_error_message=_("What several approvers have to decide cannot be a standing permission."),
            ),
            models.CheckConstraint(
                condition=Q(recipient_kinds__contained_by=AgencyKind.values), name="registry_sharingpolicy_kinds"
            ),
            models.CheckConstraint(condition=_limits_in_bounds(), name="registry_sharingpolicy_limits"),
            models.CheckConstraint(condition=Q(reviews_needed__lte=9), name="registry_sharingpolicy_reviews_needed"),
            models.CheckConstraint(
                condition=Q(is_standing=False) | Q(reviews_needed=0),
                name="registry_sharingpolicy_standing_unadvised",
                violation_error_message=_("Where reviewers have to advise, nothing is granted by standing permission."),
            ),
            models.CheckConstraint(
                condition=Q(blind_review=False) | Q(quorum__gte=2) | Q(reviews_needed__gte=2),
                name="registry_sharingpolicy_blind_of_several",
                violation_error_message=_("Blind review takes two approvers or two reviewers at least."),
            ),
            models.CheckConstraint(
                condition=Q(max_rows__gte=1, max_rows__lte=MOST_ROWS), name="registry_sharingpolicy_max_rows"
            ),
            models.CheckConstraint(
                condition=Q(max_retention_days__gte=1, max_retention_days__lte=MOST_DAYS_KEPT),
                name="registry_sharingpolicy_max_retention_days",
            ),
            models.CheckConstraint(
                condition=Q(max_retention_days__gte=F("max_days")),
                name="registry_sharingpolicy_kept_while_used",
                violation_error_message=_("Data is kept at least as long as it is used."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def named_among(self, agencies: QuerySet[Agency]) -> QuerySet[Agency]:
        """Those of the agencies that the policy names; the other side of `for_recipient`."""
        if self.any_agency:
            return agencies
        own = self.recipients.values("pk")
        with_units = Q(pk__in=agencies.none())
        if self.includes_units:
            ids = list(self.recipients.values_list("pk", flat=True))
            agencies = agencies.annotate(_lineage=Lineage("pk"))
            with_units = reduce(or_, (Q(_lineage__contains=[pk]) for pk in ids), with_units)
        return agencies.filter(Q(kind__in=self.recipient_kinds) | Q(pk__in=own) | with_units)

    def limits_for(self, mode: Mode) -> dict[Limit, int]:
        """How much may be taken in which time by that way."""
        limits = {limit: getattr(self, limit) for limit in LIMITS_OF_MODE.get(mode, ())}
        return {limit: most for limit, most in limits.items() if most is not None}


class PolicyField(models.Model):
    """One field that a policy shares, and how it is masked there."""

    policy = models.ForeignKey(SharingPolicy, on_delete=models.CASCADE, related_name="policy_fields")
    field = models.ForeignKey(Field, verbose_name=_("field"), on_delete=models.PROTECT, related_name="policy_fields")
    masking = models.CharField(_("masking"), max_length=20, choices=Masking, default=Masking.NULL)
    is_filterable = models.BooleanField(_("may be filtered by"), default=False)

    class Meta:
        verbose_name = _("shared field")
        verbose_name_plural = _("shared fields")
        ordering = ["field__position"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "field"], name="registry_policyfield_once"),
            models.CheckConstraint(condition=Q(masking__in=Masking.values), name="registry_policyfield_masking"),
        ]

    def __str__(self) -> str:
        return f"{self.field} ({self.get_masking_display()})"
