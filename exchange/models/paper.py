"""Exchanges that went by letter: without them nobody knows which part of all exchanges is digital."""

import uuid

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Replace, Upper
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.choices import Direction, PaperReason
from registry.choices import Role
from registry.fields import TextLine
from registry.models import Agency, Dataset, Membership, User
from registry.roles import sees_every_agency

READERS = (Role.REQUESTER, Role.ENDORSER, Role.CASE_OFFICER, Role.REVIEWER, Role.APPROVER)
WRITERS = (Role.REQUESTER, Role.CASE_OFFICER)


class PaperExchangeQuerySet(models.QuerySet):
    def current(self):
        """The versions that count: neither corrected nor taken back."""
        return self.filter(corrected_at__isnull=True)

    def visible_to(self, user: User):
        """Those that the agencies recorded in which the person works at a desk or files; all of them for auditors."""
        if not user.is_authenticated:
            return self.none()
        if sees_every_agency(user):
            return self.all()
        return self.filter(agency__in=Membership.objects.today().filter(user=user, role__in=READERS).values("agency"))

    def for_lists(self):
        return self.select_related("agency", "other", "dataset__database", "recorded_by", "corrected_by")


class PaperExchange(models.Model):
    """One version of what an agency wrote down of a letter that asked for information. A correction is a new version."""

    public_id = models.UUIDField(default=uuid.uuid4, editable=False)  # of the exchange: all its versions have it
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="paper_exchanges"
    )
    direction = models.CharField(_("who asked"), max_length=10, choices=Direction)
    other = models.ForeignKey(
        Agency, verbose_name=_("other agency"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    other_name = TextLine(_("name of the other side"), max_length=250, blank=True)
    letter_number = TextLine(_("number and notation of the letter"), max_length=60)
    letter_key = models.GeneratedField(
        expression=Upper(Replace("letter_number", Value(" "))),
        output_field=models.CharField(max_length=120),  # some capitals are longer
        db_persist=True,
    )
    letter_day = models.DateField(_("day of the letter"))
    information = TextLine(_("what was asked for"), max_length=300)
    dataset = models.ForeignKey(
        Dataset,
        verbose_name=_("dataset that could replace it"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="paper_exchanges",
    )
    records = models.PositiveIntegerField(
        _("records it was about"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    days_taken = models.PositiveSmallIntegerField(_("days until the answer"), null=True, blank=True)
    reason = models.CharField(_("why by letter"), max_length=15, choices=PaperReason)
    recorded_at = models.DateTimeField(_("recorded at"), auto_now_add=True)
    recorded_by = models.ForeignKey(User, verbose_name=_("recorded by"), on_delete=models.PROTECT, related_name="+")
    corrected_at = models.DateTimeField(_("corrected at"), null=True, blank=True, editable=False)
    corrected_by = models.ForeignKey(
        User,
        verbose_name=_("corrected by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    correction = TextLine(_("why it was corrected"), max_length=300, blank=True, editable=False)

    objects = PaperExchangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("exchange by letter")
        verbose_name_plural = _("exchanges by letter")
        ordering = ["-letter_day", "-pk"]
        indexes = [models.Index(fields=["agency", "-letter_day", "-id"], name="exchange_paper_agency")]
        constraints = [
            models.UniqueConstraint(fields=["public_id", "version"], name="exchange_paperexchange_version"),
            models.UniqueConstraint(
                fields=["public_id"],
                condition=Q(corrected_at__isnull=True),
                name="exchange_paperexchange_one_current",
            ),
            models.UniqueConstraint(
                fields=["agency", "direction", "letter_key", "letter_day", "other", "other_name"],
                condition=Q(corrected_at__isnull=True),
                nulls_distinct=False,
                name="exchange_paperexchange_letter_once",
                violation_error_message=_("This letter is recorded already."),
            ),
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="exchange_paperexchange_direction"
            ),
            models.CheckConstraint(condition=Q(reason__in=PaperReason.values), name="exchange_paperexchange_reason"),
            models.CheckConstraint(
                condition=Q(other__isnull=True) & ~Q(other_name="") | Q(other__isnull=False, other_name=""),
                name="exchange_paperexchange_one_other_side",
                violation_error_message=_("Name the other agency."),
            ),
            models.CheckConstraint(
                condition=Q(other__isnull=True) | ~Q(other=F("agency")),
                name="exchange_paperexchange_two_sides",
                violation_error_message=_("A letter goes to another agency."),
            ),
            models.CheckConstraint(
                condition=~Q(letter_number="") & ~Q(information=""), name="exchange_paperexchange_says_something"
            ),
            models.CheckConstraint(
                condition=Q(records__isnull=True) | Q(records__gte=1), name="exchange_paperexchange_records"
            ),
            models.CheckConstraint(
                condition=Q(corrected_at__isnull=True, corrected_by__isnull=True, correction="")
                | Q(corrected_at__isnull=False, corrected_by__isnull=False),
                name="exchange_paperexchange_corrected_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.letter_number

    def get_absolute_url(self) -> str:
        return reverse("exchange:paper-detail", args=[self.public_id])

    @property
    def other_side(self) -> str:
        return self.other.name if self.other_id else self.other_name
