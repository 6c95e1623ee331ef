"""Metadata that came back in a spreadsheet, with what it would change, until somebody confirms it."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.choices import SheetKind
from registry.fields import TextLine
from registry.models.people import User

HOURS_KEPT = 24


def a_day_on():
    return timezone.now() + timedelta(hours=HOURS_KEPT)


class MetadataImportQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Everybody sees the own ones only."""
        return self.filter(uploaded_by=user) if user.is_authenticated else self.none()

    def forgotten(self):
        """Those that nobody confirmed in time."""
        return self.filter(applied_at__isnull=True, expires_at__lte=timezone.now())


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
    applied_by = models.ForeignKey(
        User, verbose_name=_("confirmed by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    applied_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)

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
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_open(self) -> bool:
        return self.applied_at is None and timezone.now() < self.expires_at
