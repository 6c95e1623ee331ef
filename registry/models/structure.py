"""What was read of the structure of datasets, what changed in it, and how the source is watched."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from registry.choices import ENDED_WORK, OPEN_WORK, Occasion, Review, WorkState
from registry.fields import TextBlock, TextLine
from registry.models.databases import LONGEST_IDENTIFIER, Connection, Dataset
from registry.models.people import User


class SchemaSnapshot(models.Model):
    """The structure of one dataset as it was read from the source at one moment, with its version. Never changed."""

    dataset = models.ForeignKey(Dataset, verbose_name=_("dataset"), on_delete=models.CASCADE, related_name="snapshots")
    version_major = models.PositiveIntegerField(_("major version"), default=1)
    version_minor = models.PositiveIntegerField(_("minor version"), default=0)
    structure = models.JSONField(_("structure"))
    digest = models.CharField(_("SHA-256"), max_length=64)
    taken_at = models.DateTimeField(_("read at"), auto_now_add=True)
    taken_by = models.ForeignKey(User, verbose_name=_("read by"), on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("schema snapshot")
        verbose_name_plural = _("schema snapshots")
        ordering = ["-taken_at", "-pk"]
        indexes = [models.Index(fields=["-taken_at", "-id"], name="registry_snapshot_newest")]
        get_latest_by = ["version_major", "version_minor"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "version_major", "version_minor"], name="registry_schemasnapshot_version"
            ),
            models.CheckConstraint(condition=Q(version_major__gte=1), name="registry_schemasnapshot_major"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.version}"

    @property
    def version(self) -> str:
        return f"{self.version_major}.{self.version_minor}"


class SchemaChangeQuerySet(models.QuerySet):
    def unreviewed(self):
        """Breaking changes that wait for their owner."""
        return self.filter(is_breaking=True, reviewed_at__isnull=True)

    def touching(self, names):
        """Those that concern a field of these names, or the table as a whole."""
        return self.filter(Q(touches_table=True) | Q(columns__overlap=list(names)))


class SchemaChange(models.Model):
    """The structure of a dataset changed from one version to the next. Only the owner's review is ever added to it.

    A breaking change stops what depends on it until that review.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.ForeignKey(Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, related_name="changes")
    from_snapshot = models.ForeignKey(
        SchemaSnapshot, verbose_name=_("before"), on_delete=models.PROTECT, related_name="+"
    )
    to_snapshot = models.OneToOneField(
        SchemaSnapshot, verbose_name=_("after"), on_delete=models.PROTECT, related_name="change"
    )
    changes = models.JSONField(_("changes"))
    is_breaking = models.BooleanField(_("breaking"))
    columns = ArrayField(
        models.CharField(max_length=LONGEST_IDENTIFIER), verbose_name=_("columns that broke"), default=list
    )
    touches_table = models.BooleanField(_("breaks the whole table"), default=False)
    found_at = models.DateTimeField(_("found at"), auto_now_add=True)
    occasion = models.CharField(_("found during"), max_length=10, choices=Occasion)
    found_by = models.ForeignKey(
        User, verbose_name=_("found by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True)
    reviewed_by = models.ForeignKey(
        User, verbose_name=_("reviewed by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decision = models.CharField(_("decision"), max_length=10, choices=Review, blank=True)
    note = TextBlock(_("note"), blank=True)

    objects = SchemaChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of a structure")
        verbose_name_plural = _("structure changes")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["dataset"],
                condition=Q(is_breaking=True, reviewed_at__isnull=True),
                name="registry_schemachange_waiting",
            )
        ]
        constraints = [
            models.CheckConstraint(condition=Q(occasion__in=Occasion.values), name="registry_schemachange_occasion"),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True, reviewed_by__isnull=True, decision="", note="")
                | (
                    Q(reviewed_at__isnull=False, reviewed_by__isnull=False, is_breaking=True)
                    & Q(decision__in=Review.values)
                    & ~Q(note="")
                ),
                name="registry_schemachange_reviewed_paired",
                violation_error_message=_("A review has a person, a moment, a decision and a reason."),
            ),
            models.CheckConstraint(
                condition=Q(is_breaking=True) | Q(columns=[], touches_table=False),
                name="registry_schemachange_breaks_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.from_snapshot.version} → {self.to_snapshot.version}"

    @property
    def page(self) -> str:
        """Where it is read and reviewed."""
        return reverse("admin:registry_schemachange_change", args=[self.pk])


class StructureReadingQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state__in=OPEN_WORK)


class StructureReading(models.Model):
    """One reading of a whole source that a person asked for; a worker does it, however long the source takes."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    connection = models.ForeignKey(
        Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="readings"
    )
    state = models.CharField(_("state"), max_length=20, choices=WorkState, default=WorkState.QUEUED)
    asked_at = models.DateTimeField(_("asked for at"), auto_now_add=True)
    asked_by = models.ForeignKey(User, verbose_name=_("asked for by"), on_delete=models.PROTECT, related_name="+")
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    report = models.JSONField(_("result"), default=dict, blank=True)  # as `registry.services.structure.Report` has it
    message = TextLine(_("message"), max_length=500, blank=True)

    objects = StructureReadingQuerySet.as_manager()

    class Meta:
        verbose_name = _("reading of a structure")
        verbose_name_plural = _("readings of structures")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=OPEN_WORK, finished_at__isnull=True)
                | Q(state__in=ENDED_WORK, finished_at__isnull=False),
                name="registry_structurereading_finished",
            ),
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state__in=OPEN_WORK), name="registry_structurereading_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} @ {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_WORK


class StructureWatch(models.Model):
    """How often the structure behind a connection is compared with what was read, and how that went the last time."""

    connection = models.OneToOneField(
        Connection, verbose_name=_("connection"), on_delete=models.PROTECT, related_name="watch"
    )
    every_minutes = models.PositiveIntegerField(
        _("compare every (minutes)"),
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(10_080)],
    )
    is_on = models.BooleanField(_("compare regularly"), default=True)
    next_at = models.DateTimeField(_("next comparison"), null=True, blank=True)
    compared_at = models.DateTimeField(_("last comparison"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    message = models.CharField(_("result of the last comparison"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("watch over a structure")
        verbose_name_plural = _("watches over structures")
        ordering = ["connection"]
        constraints = [
            models.CheckConstraint(
                condition=Q(every_minutes__gte=5, every_minutes__lte=10_080), name="registry_structurewatch_every"
            )
        ]

    def __str__(self) -> str:
        return str(self.connection)
