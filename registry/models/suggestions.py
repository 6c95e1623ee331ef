"""What rules suggest about fields, and what a steward made of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from registry.choices import Classification, Masking, PersonalData, SuggestionState
from registry.fields import TextLine
from registry.models.databases import Field
from registry.models.people import User

DECIDED = (SuggestionState.ACCEPTED, SuggestionState.REFUSED)


class FieldSuggestionQuerySet(models.QuerySet):
    def open(self):
        return self.filter(state=SuggestionState.OPEN)

    def for_lists(self):
        return self.select_related("field__dataset__database__owner", "decided_by")


class FieldSuggestion(models.Model):
    """That a field seems to hold personal data of a category, or none: with a score and the reasons, never with a value."""

    field = models.ForeignKey(Field, verbose_name=_("field"), on_delete=models.PROTECT, related_name="suggestions")
    personal_data = models.CharField(_("personal data"), max_length=20, choices=PersonalData)
    masking = models.CharField(_("masking"), max_length=20, choices=Masking)
    classification = models.CharField(_("classification"), max_length=20, choices=Classification)
    score = models.PositiveSmallIntegerField(_("score"))
    reasons = models.JSONField(_("reasons"), default=list)  # codes and their parameters
    rules_version = models.CharField(_("version of the rules"), max_length=20)
    fingerprint = models.CharField(_("what it was made from (SHA-256)"), max_length=64)
    state = models.CharField(_("state"), max_length=20, choices=SuggestionState, default=SuggestionState.OPEN)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User, verbose_name=_("decided by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    remark = TextLine(_("reason of the decision"), max_length=500, blank=True)
    before = models.JSONField(_("what the field was before"), default=dict, blank=True)

    objects = FieldSuggestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suggestion for a field")
        verbose_name_plural = _("suggestions for fields")
        ordering = ["-score", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=SuggestionState.values), name="registry_fieldsuggestion_state"
            ),
            models.CheckConstraint(
                condition=Q(personal_data__in=PersonalData.values), name="registry_fieldsuggestion_personal_data"
            ),
            models.CheckConstraint(condition=Q(masking__in=Masking.values), name="registry_fieldsuggestion_masking"),
            models.CheckConstraint(
                condition=Q(classification__in=Classification.values), name="registry_fieldsuggestion_classification"
            ),
            models.CheckConstraint(condition=Q(score__lte=100), name="registry_fieldsuggestion_score"),
            models.CheckConstraint(
                condition=Q(state__in=DECIDED, decided_at__isnull=False, decided_by__isnull=False)
                | (~Q(state__in=DECIDED) & Q(decided_at__isnull=True, decided_by__isnull=True)),
                name="registry_fieldsuggestion_decided_paired",
            ),
            models.UniqueConstraint(
                fields=["field"], condition=Q(state=SuggestionState.OPEN), name="registry_fieldsuggestion_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.field} · {self.get_personal_data_display()} ({self.score})"
