"""The ledger's tables. They know nothing of agencies or requests: whom and what an entry is about stands in it as text."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Outcome(models.TextChoices):
    SUCCESS = "success", _("Done")
    REFUSED = "refused", _("Refused")


class EntryQuerySet(models.QuerySet):
    def about(self, subject_type: str, subject_id: str):
        return self.filter(subject_type=subject_type, subject_id=subject_id)

    def in_case(self, correlation_id: str):
        """Everything that happened in one exchange, oldest first."""
        return self.filter(correlation_id=correlation_id).order_by("sequence")


class Entry(models.Model):
    """One thing that somebody did with data, or was refused. Written once, never changed, never deleted."""

    sequence = models.BigIntegerField(_("sequence"), primary_key=True)
    at = models.DateTimeField(_("time"), db_index=True)
    actor = models.CharField(_("actor"), max_length=150)
    agency = models.CharField(_("agency"), max_length=50, blank=True)
    action = models.CharField(_("action"), max_length=80)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    subject_type = models.CharField(_("subject type"), max_length=50)
    subject_id = models.CharField(_("subject"), max_length=100)
    correlation_id = models.CharField(_("case"), max_length=50, blank=True)
    details = models.TextField(_("details"))  # canonical JSON, RFC 8785: the exact bytes that were hashed
    leaf_hash = models.BinaryField(_("leaf hash"), max_length=32)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("evidence entry")
        verbose_name_plural = _("evidence entries")
        ordering = ["-sequence"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "sequence"], name="evidence_entry_subject"),
            models.Index(fields=["correlation_id", "sequence"], name="evidence_entry_case"),
            models.Index(fields=["actor", "sequence"], name="evidence_entry_actor"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(outcome__in=Outcome.values), name="evidence_entry_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.subject_type} {self.subject_id}"


class Salt(models.Model):
    """The random number without which the digests of one entry mean nothing. Deleting it erases the personal part."""

    entry = models.OneToOneField(Entry, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False)
    value = models.BinaryField(max_length=16)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.entry_id)
