"""What a clerk asks for, and the frozen texts of it that people sign and decide on."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.choices import ConsentBasis, EmergencyGround, Frequency, OnwardSharing, RequestKind, SystemLevel, Urgency
from exchange.models.joint import JointRequest
from exchange.states import REQUEST, RequestStatus
from registry.choices import FileFormat, Mode, Purpose, Role
from registry.fields import TextBlock, TextLine
from registry.models import Agency, Dataset, LegalInstrument, Membership, User
from registry.models.databases import LONGEST_IDENTIFIER


class ExchangeRequestQuerySet(models.QuerySet):
    def open(self):
        return self.filter(status__in=REQUEST.open)

    def visible_to(self, user: User):
        """The requests of the agencies in which the person files or signs today."""
        if not user.is_authenticated:
            return self.none()
        agencies = Membership.objects.today().filter(user=user, role__in=[Role.REQUESTER, Role.ENDORSER])
        return self.filter(consumer__in=agencies.values("agency"))

    def to_be_signed_by(self, user: User):
        agencies = Membership.objects.today().filter(user=user, role=Role.ENDORSER).values("agency")
        return (
            self.filter(consumer__in=agencies, status__in=[RequestStatus.PENDING_ENDORSEMENT, RequestStatus.OFFERED])
            .exclude(created_by=user)
            .exclude(last_edited_by=user)
            .exclude(editors=user)
        )

    def for_lists(self):
        rows = self.select_related("consumer", "dataset__database__owner", "created_by", "joint")
        return rows.defer("row_filter", "reason", "security_measures")


class ExchangeRequest(models.Model):
    """One agency asks another for data of one dataset. Its content is free until it is proposed, then frozen in a Revision."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("request number"), max_length=20, unique=True, editable=False)
    status = models.CharField(_("state"), max_length=20, choices=RequestStatus, default=RequestStatus.DRAFT)
    consumer = models.ForeignKey(
        Agency, verbose_name=_("requesting agency"), on_delete=models.PROTECT, related_name="requests"
    )

    # An agreement that there is already stays as it is until the request about it is granted.
    kind = models.CharField(_("kind"), max_length=10, choices=RequestKind, default=RequestKind.NEW, editable=False)
    amends = models.ForeignKey(
        "exchange.Agreement",
        verbose_name=_("agreement that it is about"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="amendments",
    )

    # the letter
    letter_number = TextLine(_("number and notation of your letter"), max_length=60, blank=True)
    letter_day = models.DateField(_("day of your letter"), null=True, blank=True)
    letter_subject = TextLine(_("subject"), max_length=300, blank=True)
    urgency = models.CharField(_("urgency"), max_length=15, choices=Urgency, default=Urgency.NORMAL)
    signatory_name = TextLine(_("signing officer"), max_length=150, blank=True)
    signatory_position = TextLine(_("position of the signing officer"), max_length=150, blank=True)
    focal_name = TextLine(_("focal officer"), max_length=150, blank=True)
    focal_position = TextLine(_("position of the focal officer"), max_length=150, blank=True)
    focal_phone = models.CharField(_("phone of the focal officer"), max_length=30, blank=True)
    focal_email = models.EmailField(_("e-mail of the focal officer"), blank=True)

    # the data
    dataset = models.ForeignKey(
        Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, null=True, blank=True, related_name="requests"
    )
    field_names = ArrayField(
        models.CharField(max_length=LONGEST_IDENTIFIER), verbose_name=_("fields"), default=list, blank=True
    )
    row_filter = models.JSONField(_("row filter"), default=list, blank=True, encoder=DjangoJSONEncoder)
    row_limit = models.PositiveBigIntegerField(_("rows at most"), null=True, blank=True)
    mode = models.CharField(_("method"), max_length=20, choices=Mode, default=Mode.PACKAGE)
    file_format = models.CharField(_("file format"), max_length=10, choices=FileFormat, default=FileFormat.CSV)
    frequency = models.CharField(_("frequency"), max_length=15, choices=Frequency, default=Frequency.ONCE)
    named_users = models.ManyToManyField(
        User, verbose_name=_("who may use the data"), blank=True, related_name="named_in_requests"
    )

    # the basis
    legal_basis = models.ForeignKey(
        LegalInstrument,
        verbose_name=_("legal basis"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    legal_article = TextLine(_("article, clause"), max_length=150, blank=True)
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose, blank=True)
    reason = TextBlock(_("reason"), max_length=4_000, blank=True)
    procedure_code = models.CharField(_("administrative procedure code"), max_length=30, blank=True)
    consent_basis = models.CharField(_("personal data"), max_length=20, choices=ConsentBasis, blank=True)

    # the use
    period_from = models.DateField(_("use from"), null=True, blank=True)
    period_to = models.DateField(_("use to"), null=True, blank=True)
    retention_until = models.DateField(_("kept until"), null=True, blank=True)
    onward_sharing = models.CharField(
        _("onward sharing"), max_length=10, choices=OnwardSharing, default=OnwardSharing.NONE
    )
    onward_agencies = TextLine(_("agencies that receive it too"), max_length=500, blank=True)
    security_measures = TextBlock(_("security measures"), max_length=4_000, blank=True)
    system_level = models.CharField(_("security level of the system"), max_length=1, choices=SystemLevel, blank=True)
    undertaking = models.BooleanField(_("undertaking to use it for the stated purpose only"), default=False)
    has_state_secret = models.BooleanField(_("contains state secrets"), null=True, blank=True)

    # an emergency: one approver grants it for a few days, others review it afterwards
    is_emergency = models.BooleanField(_("emergency"), default=False)
    emergency_ground = models.CharField(_("kind of emergency"), max_length=10, choices=EmergencyGround, blank=True)
    emergency_reason = TextBlock(_("why it cannot wait"), max_length=2_000, blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        User, verbose_name=_("requester"), on_delete=models.PROTECT, related_name="requests_created"
    )
    edited_at = models.DateTimeField(_("last edited at"), auto_now_add=True)
    last_edited_by = models.ForeignKey(
        User, verbose_name=_("last edited by"), on_delete=models.PROTECT, related_name="requests_edited"
    )
    # Everybody who ever wrote in it: who comes after them does not wash their hands.
    editors = models.ManyToManyField(
        User, verbose_name=_("edited by"), blank=True, editable=False, related_name="requests_written"
    )
    # Who looks after it since whoever filed it does so no more.
    taken_over_at = models.DateTimeField(_("taken over at"), null=True, blank=True, editable=False)
    taken_over_by = models.ForeignKey(
        User,
        verbose_name=_("taken over by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="requests_taken_over",
    )
    endorsed_at = models.DateTimeField(_("signed at"), null=True, blank=True)
    endorsed_by = models.ForeignKey(
        User,
        verbose_name=_("signed by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="requests_endorsed",
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    status_reason = TextBlock(_("reason given with the last move"), blank=True)
    copied_from = models.ForeignKey(
        "self", verbose_name=_("copied from"), on_delete=models.PROTECT, null=True, blank=True, related_name="copies"
    )
    joint = models.ForeignKey(
        JointRequest,
        verbose_name=_("joint request"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
    )
    version = models.PositiveIntegerField(
        default=1
    )  # counts changes of the draft: an older page cannot overwrite a newer one

    objects = ExchangeRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["consumer", "-id"], name="exchange_request_consumer")]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_emergency=False) | Q(kind=RequestKind.NEW, amends__isnull=True, joint__isnull=True),
                name="exchange_exchangerequest_emergency_alone",
                violation_error_message=_("An emergency is asked for on its own, of one owner."),
            ),
            models.UniqueConstraint(
                fields=["joint", "dataset"],
                condition=Q(status__in=REQUEST.open),
                name="exchange_exchangerequest_joint_once",
                violation_error_message=_("This dataset is part of it already."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=RequestStatus.values), name="exchange_exchangerequest_status"
            ),
            models.CheckConstraint(
                condition=Q(kind=RequestKind.NEW, amends__isnull=True)
                | Q(kind__in=[RequestKind.AMENDMENT, RequestKind.RENEWAL], amends__isnull=False),
                name="exchange_exchangerequest_kind_paired",
            ),
            models.UniqueConstraint(
                fields=["amends"],
                condition=Q(closed_at__isnull=True),
                name="exchange_exchangerequest_one_open_about_agreement",
                violation_error_message=_("Another request about this agreement is under way."),
            ),
            models.CheckConstraint(
                condition=Q(endorsed_by__isnull=True, endorsed_at__isnull=True)
                | Q(endorsed_by__isnull=False, endorsed_at__isnull=False),
                name="exchange_exchangerequest_endorsed_paired",
            ),
            models.CheckConstraint(
                condition=Q(taken_over_at__isnull=True, taken_over_by__isnull=True)
                | Q(taken_over_at__isnull=False, taken_over_by__isnull=False),
                name="exchange_exchangerequest_taken_over_paired",
            ),
            models.CheckConstraint(
                condition=~Q(endorsed_by=F("created_by")) & ~Q(endorsed_by=F("last_edited_by")),
                name="exchange_exchangerequest_endorser_did_not_file",
                violation_error_message=_("Whoever filed or last edited a request cannot sign it."),
            ),
            models.CheckConstraint(
                condition=~Q(
                    status__in=[
                        RequestStatus.SUBMITTED,
                        RequestStatus.UNDER_REVIEW,
                        RequestStatus.OFFERED,
                        RequestStatus.APPROVED,
                        RequestStatus.REJECTED,
                    ]
                )
                | Q(endorsed_by__isnull=False),
                name="exchange_exchangerequest_decided_is_endorsed",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        RequestStatus.DRAFT,
                        RequestStatus.RETURNED,
                        RequestStatus.WITHDRAWN,
                        RequestStatus.EXPIRED,
                    ]
                )
                | Q(has_state_secret=False, undertaking=True, dataset__isnull=False, period_to__isnull=False),
                name="exchange_exchangerequest_proposed_is_complete",
                violation_error_message=_("State secrets are not for this portal."),
            ),
            models.CheckConstraint(
                # Whether packages come more than once is the frequency's to say.
                condition=~Q(mode=Mode.RECURRING),
                name="exchange_exchangerequest_mode",
                violation_error_message=_("Choose the file package, and how often it is needed."),
            ),
            models.CheckConstraint(
                condition=Q(period_to__isnull=True) | Q(period_from__isnull=True) | Q(period_to__gte=F("period_from")),
                name="exchange_exchangerequest_period",
                violation_error_message=_("The end lies before the start."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=REQUEST.open, closed_at__isnull=True)
                | Q(status__in=REQUEST.terminal, closed_at__isnull=False),
                name="exchange_exchangerequest_closed_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("exchange:request-detail", args=[self.public_id])

    @property
    def responsible(self) -> User:
        """Who looks after it for the asking agency."""
        return self.taken_over_by or self.created_by

    @property
    def provider(self) -> Agency | None:
        return self.dataset.database.owner if self.dataset_id else None

    @property
    def is_editable(self) -> bool:
        return self.status in (RequestStatus.DRAFT, RequestStatus.RETURNED)


class Revision(models.Model):
    """The full text of a request at the moment it was proposed, and its hash: what people sign and decide on."""

    request = models.ForeignKey(ExchangeRequest, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField(_("revision"))
    content = models.TextField(_("content"))  # canonical JSON, RFC 8785
    content_hash = models.CharField(_("SHA-256"), max_length=64)
    proposed_at = models.DateTimeField(_("proposed at"), auto_now_add=True)
    proposed_by = models.ForeignKey(User, verbose_name=_("proposed by"), on_delete=models.PROTECT, related_name="+")
    # Set once: whoever signed any revision never decides on the request.
    endorsed_at = models.DateTimeField(_("signed at"), null=True, blank=True)
    endorsed_by = models.ForeignKey(
        User, verbose_name=_("signed by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["request", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="exchange_revision_number"),
            models.CheckConstraint(
                condition=Q(endorsed_by__isnull=True, endorsed_at__isnull=True)
                | Q(endorsed_by__isnull=False, endorsed_at__isnull=False),
                name="exchange_revision_endorsed_paired",
            ),
            models.CheckConstraint(
                condition=~Q(endorsed_by=F("proposed_by")),
                name="exchange_revision_endorser_did_not_propose",
                violation_error_message=_("Whoever filed or last edited a request cannot sign it."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} / {self.number}"
