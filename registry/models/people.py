"""Agencies, the people who work in them, and in which role and from when to when."""

import uuid
from datetime import date, datetime

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.choices import AgencyKind, Language, Role
from registry.fields import TextLine
from registry.names import in_current_language


class Lineage(models.Func):
    """The keys of the agency that a column names and of every agency above it."""

    function = "registry_agency_lineage"
    template = "ARRAY(SELECT %(function)s(%(expressions)s))"
    output_field = ArrayField(models.BigIntegerField())


class AgencyQuerySet(models.QuerySet):
    def current(self):
        return self.filter(is_active=True)

    def by_code(self, scheme: str, value: str, day: date | None = None):
        """The agency that the scheme's code names on `day` (today); at most one."""
        day = day or timezone.localdate()
        begun = Q(codes__valid_from__isnull=True) | Q(codes__valid_from__lte=day)
        not_over = Q(codes__valid_to__isnull=True) | Q(codes__valid_to__gte=day)
        return self.filter(begun, not_over, codes__scheme=scheme, codes__value=value)

    def search(self, words: str):
        """Agencies in which every word occurs, with or without accents, in a name or in a code of today."""
        found = self
        for word in words.split()[:10]:
            names = Q(name_vi__unaccent__icontains=word) | Q(name_en__unaccent__icontains=word)
            codes = self.model.codes.rel.related_model.objects.today().filter(agency=OuterRef("pk"), value__iexact=word)
            found = found.filter(names | Q(code__icontains=word) | Exists(codes))
        return found

    def lineage_of(self, agency: "Agency", *moments: datetime):
        """The agency itself and every agency above it: today, or at one of the moments."""
        return self.extra(
            where=[
                "registry_agency.id IN (SELECT registry_agency_lineage(%s)"
                " UNION SELECT registry_agency_lineage_at(%s, moment) FROM unnest(%s::timestamptz[]) moment)"
            ],
            params=[agency.pk, agency.pk, list(moments)],
        )


class Agency(models.Model):
    """A state agency, a unit of one, or another organisation that exchanges data. Its place in the tree is its superior."""

    code = models.CharField(
        _("code"),
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[\w.-]+\Z", _("Letters, digits, dot and hyphen only."))],
    )
    name_vi = TextLine(_("name (Vietnamese)"), max_length=250)
    name_en = TextLine(_("name (English)"), max_length=250, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=AgencyKind)
    parent = models.ForeignKey(
        "self", verbose_name=_("superior agency"), on_delete=models.PROTECT, null=True, blank=True, related_name="units"
    )
    seat = TextLine(
        _("seat"),
        max_length=60,
        blank=True,
        help_text=_("The place that stands before the date of its letters, e.g. Hà Nội."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    objects = AgencyQuerySet.as_manager()

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="registry_agency_not_own_parent",
                violation_error_message=_("An agency cannot be its own superior."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_current_language(self.name_vi, self.name_en)


class User(AbstractUser):
    """A person with an account, or the account of an agency's system. What it may do follows from its memberships."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    full_name = TextLine(_("full name"), max_length=150)
    position = TextLine(_("position"), max_length=150, blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True)
    # Of what reaches the person outside the pages; a page is in the language chosen there.
    language = models.CharField(_("language of mails"), max_length=2, choices=Language, default=Language.VIETNAMESE)
    wants_mail = models.BooleanField(_("gets the daily digest by mail"), default=True)

    first_name = None
    last_name = None
    REQUIRED_FIELDS = ["email", "full_name"]

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(condition=Q(language__in=Language.values), name="registry_user_language"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name or self.username


class DatedQuerySet(models.QuerySet):
    def on(self, day: date):
        """The rows in force on `day`, both ends included."""
        return self.filter(valid_from__lte=day).filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day))

    def today(self):
        return self.on(timezone.localdate())


class OpenDatedQuerySet(models.QuerySet):
    """Rows with two days that may both be open: a beginning that nobody recorded counts as always."""

    def on(self, day: date):
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=day), Q(valid_to__isnull=True) | Q(valid_to__gte=day)
        )

    def today(self):
        return self.on(timezone.localdate())


class Membership(models.Model):
    """A person holds a role in an agency from a day to a day. Which agency counts is decided when the person acts."""

    user = models.ForeignKey(User, verbose_name=_("user"), on_delete=models.PROTECT, related_name="memberships")
    agency = models.ForeignKey(Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role)
    valid_from = models.DateField(_("from"), default=timezone.localdate)
    valid_to = models.DateField(_("to"), null=True, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["agency", "role", "user"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="registry_membership_role"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_membership_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            models.UniqueConstraint(
                fields=["user", "agency", "role", "valid_from"],
                name="registry_membership_once",
                violation_error_message=_("This person already holds this role from that day."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.agency.code}"


class Delegation(models.Model):
    """An approver lets a colleague of the same agency decide in the own place between two days. Both keep their conflicts."""

    delegator = models.ForeignKey(
        User, verbose_name=_("delegator"), on_delete=models.PROTECT, related_name="delegations_given"
    )
    delegate = models.ForeignKey(
        User, verbose_name=_("delegate"), on_delete=models.PROTECT, related_name="delegations_received"
    )
    agency = models.ForeignKey(Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="+")
    reason = TextLine(_("reason"), max_length=250)
    valid_from = models.DateField(_("from"))
    valid_to = models.DateField(_("to"))

    objects = DatedQuerySet.as_manager()

    class Meta:
        verbose_name = _("delegation")
        verbose_name_plural = _("delegations")
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__gte=F("valid_from")),
                name="registry_delegation_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            models.CheckConstraint(
                condition=~Q(delegator=F("delegate")),
                name="registry_delegation_to_another",
                violation_error_message=_("Nobody can delegate to oneself."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delegator} → {self.delegate} ({self.valid_from} – {self.valid_to})"
