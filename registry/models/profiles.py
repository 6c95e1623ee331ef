"""What is known of the values in a dataset: figures about all of them, never a value of a person."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from registry.choices import ENDED_WORK, OPEN_WORK, PersonalData, Sampling, Withheld, WorkState
from registry.fields import TextLine
from registry.models.databases import Dataset, Field
from registry.models.people import User


class DatasetProfileQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state__in=OPEN_WORK)

    def done(self):
        return self.filter(state=WorkState.DONE)

    def with_fields(self):
        fields = FieldProfile.objects.select_related("field").order_by("field__position", "pk")
        return self.prefetch_related(models.Prefetch("field_profiles", fields))


class DatasetProfile(models.Model):
    """One look at the values of a dataset by aggregates: asked for by a person, carried out by a worker."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.ForeignKey(Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, related_name="profiles")
    state = models.CharField(_("state"), max_length=20, choices=WorkState, default=WorkState.QUEUED)
    whole = models.BooleanField(_("look at all rows"), default=False)
    asked_at = models.DateTimeField(_("asked for at"), auto_now_add=True)
    asked_by = models.ForeignKey(
        User, verbose_name=_("asked for by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    steps_done = models.PositiveIntegerField(_("steps done"), default=0)
    steps_total = models.PositiveIntegerField(_("steps"), default=0)
    rows = models.BigIntegerField(_("rows"), null=True, blank=True)
    rows_are_estimated = models.BooleanField(_("the number of rows is an estimate"), default=False)
    sampling = models.CharField(_("rows looked at"), max_length=20, choices=Sampling, default=Sampling.ALL)
    sample_rows = models.BigIntegerField(_("number of rows looked at"), null=True, blank=True)
    least = models.PositiveIntegerField(_("smallest count that is told"), default=10)
    structure_digest = models.CharField(_("structure (SHA-256)"), max_length=64, blank=True)
    code = models.CharField(_("error code"), max_length=50, blank=True)
    message = TextLine(_("message"), max_length=500, blank=True)

    objects = DatasetProfileQuerySet.as_manager()

    class Meta:
        verbose_name = _("profile of a dataset")
        verbose_name_plural = _("profiles of datasets")
        ordering = ["-pk"]
        get_latest_by = "pk"
        constraints = [
            models.CheckConstraint(condition=Q(sampling__in=Sampling.values), name="registry_datasetprofile_sampling"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_WORK, finished_at__isnull=True)
                | Q(state__in=ENDED_WORK, finished_at__isnull=False),
                name="registry_datasetprofile_finished",
            ),
            models.CheckConstraint(
                condition=~Q(state=WorkState.DONE) | Q(rows__isnull=False, sample_rows__isnull=False),
                name="registry_datasetprofile_done_has_rows",
            ),
            models.CheckConstraint(condition=Q(least__gte=2), name="registry_datasetprofile_least"),
            models.UniqueConstraint(
                fields=["dataset"],
                condition=Q(state__in=OPEN_WORK),
                name="registry_datasetprofile_one_open",
                violation_error_message=_("A profile of this dataset is under way already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} @ {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_WORK

    @property
    def is_sampled(self) -> bool:
        return self.sampling != Sampling.ALL

    @property
    def percent_done(self) -> int | None:
        return min(99, self.steps_done * 100 // self.steps_total) if self.steps_total else None


class FieldProfile(models.Model):
    """The figures about one field in one profile. What its category forbids was not asked of the source at all.

    When a field becomes more closed later, the database empties what is no longer to be known of it.
    """

    profile = models.ForeignKey(
        DatasetProfile, verbose_name=_("profile"), on_delete=models.PROTECT, related_name="field_profiles"
    )
    field = models.ForeignKey(Field, verbose_name=_("field"), on_delete=models.PROTECT, related_name="profiles")
    personal_data = models.CharField(_("personal data"), max_length=20, choices=PersonalData)  # as it was then
    withheld = models.CharField(_("withheld"), max_length=20, choices=Withheld, blank=True, default=Withheld.NOTHING)
    null_percent = models.PositiveSmallIntegerField(_("empty (%)"), null=True, blank=True)
    distinct = models.BigIntegerField(_("different values"), null=True, blank=True)
    distinct_is_estimated = models.BooleanField(_("the number of different values is an estimate"), default=False)
    lowest = models.CharField(_("lowest"), max_length=40, blank=True)
    highest = models.CharField(_("highest"), max_length=40, blank=True)
    average = models.FloatField(_("average"), null=True, blank=True)
    length = models.FloatField(_("average length"), null=True, blank=True)
    buckets = models.JSONField(_("distribution"), default=list, blank=True)  # [{"from": …, "to": …, "count": …}]
    top = models.JSONField(_("most frequent values"), default=list, blank=True)  # [{"value": …, "count": …}]
    others = models.BigIntegerField(_("rows with other values"), null=True, blank=True)
    patterns = models.JSONField(_("what values look like"), default=dict, blank=True)  # pattern -> % of a sample

    class Meta:
        verbose_name = _("profile of a field")
        verbose_name_plural = _("profiles of fields")
        ordering = ["profile", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["profile", "field"], name="registry_fieldprofile_once"),
            models.CheckConstraint(
                condition=Q(personal_data__in=PersonalData.values), name="registry_fieldprofile_personal_data"
            ),
            models.CheckConstraint(
                # Nothing of sensitive data but how much is missing, whoever writes the row.
                condition=~Q(personal_data=PersonalData.SENSITIVE)
                | Q(distinct__isnull=True, lowest="", highest="", average__isnull=True, length__isnull=True)
                & Q(buckets=[], top=[], others__isnull=True, patterns={}),
                name="registry_fieldprofile_sensitive_empty",
            ),
            models.CheckConstraint(
                condition=Q(null_percent__isnull=True) | Q(null_percent__lte=100),
                name="registry_fieldprofile_null_percent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.profile} · {self.field}"
