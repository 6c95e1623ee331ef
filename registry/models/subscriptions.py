"""What people want to be told of when it changes."""

import uuid
from functools import reduce
from operator import or_

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from registry.fields import TextLine
from registry.models.databases import Database, Dataset
from registry.models.people import Agency, User

SUBJECTS = ("dataset", "database", "agency")


def _only(subject: str) -> Q:
    """This one is named, and nothing else."""
    condition = Q(words="") if subject != "words" else ~Q(words="")
    for name in SUBJECTS:
        condition &= Q(**{f"{name}__isnull": name != subject})
    return condition


class SubscriptionQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Everybody sees the own ones only."""
        return self.filter(user=user) if user.is_authenticated else self.none()

    def with_subject(self):
        """With what is followed, and whether it may be named still: it may have been withdrawn since."""
        dataset = Dataset.objects.published().filter(pk=OuterRef("dataset"))
        database = Database.objects.published().filter(pk=OuterRef("database"))
        is_open = Q(dataset=None, database=None) | Exists(dataset) | Exists(database)
        return self.select_related("dataset", "database", "agency").annotate(is_open=is_open)

    def due(self, day):
        """Those about which nothing was told yet on `day`."""
        return self.filter(Q(told_on__isnull=True) | Q(told_on__lt=day), user__is_active=True)


class Subscription(models.Model):
    """A person is told when a dataset, a database, what an agency publishes, or what a search finds has changed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, verbose_name=_("user"), on_delete=models.PROTECT, related_name="subscriptions")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    database = models.ForeignKey(Database, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    words = TextLine(_("words of a search"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)
    seen_to = models.BigIntegerField(_("looked at up to transaction"), default=0)
    told_on = models.DateField(_("last told on"), null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=reduce(or_, map(_only, (*SUBJECTS, "words"))), name="registry_subscription_one_subject"
            ),
            models.UniqueConstraint(
                fields=["user", "dataset", "database", "agency", "words"],
                nulls_distinct=False,
                name="registry_subscription_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.subject)

    @property
    def subject(self) -> models.Model | str:
        return self.dataset or self.database or self.agency or self.words
