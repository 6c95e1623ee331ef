"""Metadata that came back in a spreadsheet, with what it would change, until somebody confirms it."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.choices import ImportState, SheetKind
from registry.fields import TextLine
from registry.models.people import User

HOURS_KEPT = 24
UNDER_WAY = (ImportState.QUEUED, ImportState.RUNNING)
OVER = (ImportState.DONE, ImportState.FAILED)


def a_day_on():
    return timezone.now() + timedelta(hours=HOURS_KEPT)


class MetadataImportQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Everybody sees the own ones only."""
        return self.filter(uploaded_by=user) if user.is_authenticated else self.none()

    def forgotten(self):
        """Those that nobody confirmed in time."""
        return self.filter(state=ImportState.STAGED, expires_at__lte=timezone.now())

    def under_way(self):
        """Confirmed, and not over yet."""
        return self.filter(state__in=UNDER_WAY)


class MetadataImport(models.Model):
    """One spreadsheet of metadata that a person uploaded. Its rows say what would change; once confirmed, what did."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=SheetKind)
    file_name = TextLine(_("file"), max_length=150)
    uploaded_by = models.ForeignKey(User, verbose_name=_("uploaded by"), on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(_("uploaded at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("to be confirmed before"), default=a_day_on)
    rows = models.JSONField(_("rows"), default=list)
    counts = models.JSONField(_("counts"), default=dict)
    state = models.CharField(_("state"), max_length=20, choices=ImportState, default=ImportState.STAGED)
    reason = TextLine(_("reason for the change"), max_length=500, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    worked_at = models.DateTimeField(_("last sign of work"), null=True, blank=True)
    rows_done = models.PositiveIntegerField(_("rows dealt with"), default=0)
    rows_total = models.PositiveIntegerField(_("rows to change"), default=0)
    message = TextLine(_("message"), max_length=500, blank=True)
    applied_by = models.ForeignKey(
        User, verbose_name=_("carried out for"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    applied_at = models.DateTimeField(_("carried out at"), null=True, blank=True)

    objects = MetadataImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("import of metadata")
        verbose_name_plural = _("imports of metadata")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SheetKind.values), name="registry_metadataimport_kind"),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True, applied_by__isnull=True)
                | Q(applied_at__isnull=False, applied_by__isnull=False),
                name="registry_metadataimport_applied_paired",
            ),
            models.CheckConstraint(
                condition=Q(applied_by__isnull=True) | Q(applied_by=models.F("uploaded_by")),
                name="registry_metadataimport_applied_by_uploader",
                violation_error_message=_("Only who uploaded a file can confirm it."),
            ),
            models.CheckConstraint(
                condition=Q(state=ImportState.STAGED, confirmed_at__isnull=True, reason="")
                | Q(confirmed_at__isnull=False) & ~Q(reason="") & Q(state__in=(*UNDER_WAY, *OVER)),
                name="registry_metadataimport_confirmed_with_reason",
                violation_error_message=_("Say why these rows are to change."),
            ),
            models.CheckConstraint(
                condition=Q(state=ImportState.DONE, applied_at__isnull=False)
                | ~Q(state=ImportState.DONE) & Q(applied_at__isnull=True),
                name="registry_metadataimport_done_at",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_open(self) -> bool:
        return self.state == ImportState.STAGED and timezone.now() < self.expires_at

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def is_over(self) -> bool:
        """Whether there is a result for each row."""
        return self.state in OVER

    @property
    def percent_done(self) -> int:
        return min(99, self.rows_done * 100 // self.rows_total) if self.rows_total else 0
