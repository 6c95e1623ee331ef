"""What was granted."""

import uuid
from datetime import date, timedelta

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange.choices import StopKind
from exchange.models.cases import ReviewCase
from exchange.states import AGREEMENT, AgreementStatus
from registry.choices import FileFormat, Mode, Purpose, Role
from registry.fields import TextBlock
from registry.models import Agency, Dataset, Membership, SharingPolicy, User

USE = "use_agreement"  # the object permission of those whom an agreement names


class AgreementQuerySet(models.QuerySet):
    def live(self, day=None):
        """In force on `day` (today): the dates decide, not only the flag."""
        day = day or timezone.localdate()
        return self.filter(status=AgreementStatus.ACTIVE, valid_from__lte=day, gives_until__gte=day)

    def counting(self):
        """What gives data today, one version of each agreement: in force, or begun by its date and about to be."""
        day = timezone.localdate()
        begun = self.model.objects.filter(status__in=AGREEMENT.open, valid_from__lte=day)
        newer = begun.filter(code=OuterRef("code"), version__gt=OuterRef("version"))
        able = self.filter(status__in=[AgreementStatus.AGREED, AgreementStatus.ACTIVE])
        return able.filter(~Exists(newer), valid_from__lte=day, gives_until__gte=day)

    def visible_to(self, user: User):
        """The agreements of the agencies in which the person files, signs or uses data today."""
        if not user.is_authenticated:
            return self.none()
        roles = [Role.REQUESTER, Role.ENDORSER, Role.SYSTEM]
        agencies = Membership.objects.today().filter(user=user, role__in=roles).values("agency")
        return self.filter(consumer__in=agencies)

    def for_lists(self):
        """With what a line names; without what can be long in the request (lists of identifiers, above all)."""
        rows = self.select_related("consumer", "provider", "dataset__database", "case__request")
        return rows.defer(*(f"case__request__{name}" for name in ("row_filter", "reason", "security_measures")))


class Agreement(models.Model):
    """What a provider lets a consumer have: which fields, masked how, which rows, for what, from when to when.

    A version never changes; an amendment is a new version that supersedes this one.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("agreement number"), max_length=20, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1)
    status = models.CharField(_("state"), max_length=20, choices=AgreementStatus, default=AgreementStatus.AGREED)
    case = models.ForeignKey(ReviewCase, verbose_name=_("case"), on_delete=models.PROTECT, related_name="agreements")
    consumer = models.ForeignKey(
        Agency, verbose_name=_("consumer"), on_delete=models.PROTECT, related_name="agreements"
    )
    provider = models.ForeignKey(
        Agency, verbose_name=_("provider"), on_delete=models.PROTECT, related_name="agreements_given"
    )
    dataset = models.ForeignKey(Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, related_name="agreements")
    policy = models.ForeignKey(
        SharingPolicy, verbose_name=_("sharing policy"), on_delete=models.PROTECT, related_name="agreements"
    )
    is_standing = models.BooleanField(_("granted under a standing permission"), default=False)
    is_emergency = models.BooleanField(_("given in an emergency"), default=False)
    mode = models.CharField(_("method"), max_length=20, choices=Mode)
    file_format = models.CharField(_("file format"), max_length=10, choices=FileFormat)
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose)
    scope = models.TextField(_("scope"))  # canonical JSON, RFC 8785
    scope_hash = models.CharField(_("hash of the scope"), max_length=64)
    plan_hash = models.CharField(_("hash of the extract plan"), max_length=64)
    valid_from = models.DateField(_("from"))
    valid_to = models.DateField(_("to"))
    retention_until = models.DateField(_("kept until"))
    agreed_at = models.DateTimeField(_("agreed at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    status_reason = TextBlock(_("reason given with the last move"), blank=True)
    # The database works these out from the agreement's own dates, from what was announced about it and from when it was
    # confirmed, whenever a row is written: what stands here otherwise is not kept. Old agreements had nothing to confirm.
    confirm_by = models.DateField(_("to be confirmed by"), null=True, blank=True, editable=False)
    stops_on = models.DateField(_("gives nothing from"), null=True, blank=True, editable=False)
    stops_as = models.CharField(_("what is announced"), max_length=10, choices=StopKind, blank=True, editable=False)
    gives_until = models.DateField(_("last day on which it gives data"), editable=False, default=date.min)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["confirm_by"],
                condition=Q(status__in=[AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED]),
                name="exchange_agreement_confirm_by",
            ),
            models.Index(fields=["stops_on"], condition=Q(stops_on__isnull=False), name="exchange_agreement_stops_on"),
        ]
        permissions = [(USE, _("May look up and download under this agreement"))]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=AgreementStatus.values), name="exchange_agreement_status"),
            models.UniqueConstraint(fields=["code", "version"], name="exchange_agreement_version"),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(status__in=[AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED]),
                name="exchange_agreement_one_running",
            ),
            models.UniqueConstraint(fields=["case"], name="exchange_agreement_one_per_case"),
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="exchange_agreement_dates"),
            models.CheckConstraint(  # how many days it lasts at most is a constraint in SQL
                condition=Q(is_emergency=False) | (Q(version=1, is_standing=False) & ~Q(mode=Mode.RECURRING)),
                name="exchange_agreement_emergency_once",
                violation_error_message=_("Access in an emergency is given once: no schedule, no further version."),
            ),
            models.CheckConstraint(condition=~Q(consumer=F("provider")), name="exchange_agreement_two_parties"),
            models.CheckConstraint(
                condition=Q(status__in=AGREEMENT.open, ended_at__isnull=True)
                | Q(status__in=AGREEMENT.terminal, ended_at__isnull=False),
                name="exchange_agreement_ended_paired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    def get_absolute_url(self) -> str:
        return reverse("exchange:agreement-detail", args=[self.public_id])

    @property
    def is_live(self) -> bool:
        """In force now. Dates decide: past its end, and from an announced day on, it gives nothing, whatever its state
        says."""
        return self.status == AgreementStatus.ACTIVE and self.valid_from <= timezone.localdate() <= self.gives_until

    @property
    def is_over(self) -> bool:
        """Ended for good, by its state or by a date, whatever its state still says."""
        if self.status not in AGREEMENT.open or self.valid_to < timezone.localdate():
            return True
        return self.is_stop_due and self.stops_as == StopKind.REVOKE

    @property
    def announcement(self) -> str:
        """What is announced about it, in a few words; nothing once it has ended."""
        if self.stops_on is None or self.status not in AGREEMENT.open:
            return ""
        day = {"day": date_format(self.stops_on, "SHORT_DATE_FORMAT")}
        if self.stops_as == StopKind.REVOKE:
            return _("Revoked from %(day)s") % day
        return _("Suspended from %(day)s") % day

    @property
    def last_day(self) -> date:
        """The last day on which it can give data, as far as its owner said; it may have to be confirmed before."""
        return self.valid_to if self.stops_on is None else min(self.valid_to, self.stops_on - timedelta(days=1))

    @property
    def confirm_day(self) -> date | None:
        """By when the consumer has to confirm that it is still needed; none where it ends before, or has ended."""
        is_needed = self.status in AGREEMENT.open and self.confirm_by is not None and self.confirm_by < self.valid_to
        return self.confirm_by if is_needed else None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether the day has passed by which the consumer had to confirm it."""
        return self.confirm_by is not None and self.confirm_by < min(timezone.localdate(), self.valid_to)

    @property
    def is_stop_due(self) -> bool:
        """Whether an announced day has come, and its move was not made yet."""
        return self.stops_on is not None and self.stops_on <= timezone.localdate()
