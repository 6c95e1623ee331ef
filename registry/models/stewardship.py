"""Who looks after a database or a dataset, from a day to a day."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from registry.choices import StewardKind
from registry.models.agencies import whole_days
from registry.models.databases import Database, Dataset
from registry.models.people import Agency, DatedQuerySet, User


class StewardshipQuerySet(DatedQuerySet):
    def over(self, dataset: Dataset):
        """Those of the dataset and those of its whole database."""
        return self.filter(Q(dataset=dataset) | Q(database=dataset.database_id, dataset=None))


class Stewardship(models.Model):
    """A person (for questions also an agency) looks after a whole database, or one dataset of it.

    The owner is the database's agency and the approvers are those with the duty to decide: they are not written here again.
    """

    database = models.ForeignKey(
        Database, verbose_name=_("database"), on_delete=models.PROTECT, related_name="stewardships"
    )
    dataset = models.ForeignKey(
        Dataset,
        verbose_name=_("dataset"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stewardships",
        help_text=_("Empty: the whole database."),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=StewardKind)
    user = models.ForeignKey(
        User, verbose_name=_("person"), on_delete=models.PROTECT, null=True, blank=True, related_name="stewardships"
    )
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency"), on_delete=models.PROTECT, null=True, blank=True, related_name="stewardships"
    )
    valid_from = models.DateField(_("from"))
    valid_to = models.DateField(_("to"), null=True, blank=True)
    appointed_by = models.ForeignKey(
        User, verbose_name=_("appointed by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    taken_over_from = models.OneToOneField(
        "self",
        verbose_name=_("taken over from"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="taken_over_by",
    )

    objects = StewardshipQuerySet.as_manager()

    class Meta:
        verbose_name = _("stewardship")
        verbose_name_plural = _("stewardships")
        ordering = ["database", "dataset", "kind", "-valid_from", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=StewardKind.values), name="registry_stewardship_kind"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_stewardship_dates",
                violation_error_message=_("The end lies before the start."),
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, agency__isnull=True)
                | Q(user__isnull=True, agency__isnull=False, kind=StewardKind.CONTACT),
                name="registry_stewardship_of_one",
                violation_error_message=_("Name a person; only for questions an agency in place of one."),
            ),
            models.CheckConstraint(
                condition=Q(appointed_by__isnull=True) | Q(user__isnull=True) | ~Q(appointed_by=F("user")),
                name="registry_stewardship_by_another",
                violation_error_message=_("Nobody can give a role or a duty to oneself."),
            ),
            ExclusionConstraint(
                name="registry_stewardship_once_a_day",
                expressions=[
                    ("database", RangeOperators.EQUAL),
                    (Coalesce("dataset_id", 0), RangeOperators.EQUAL),
                    ("kind", RangeOperators.EQUAL),
                    (Coalesce("user_id", 0), RangeOperators.EQUAL),
                    (Coalesce("agency_id", 0), RangeOperators.EQUAL),
                    (whole_days(), RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("The same stewardship is given on some of these days already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.user or self.agency} · {self.thing}"

    @property
    def thing(self) -> Database | Dataset:
        return self.dataset or self.database
