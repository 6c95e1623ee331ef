"""Requests that are asked again and again, kept to begin the next one from."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.choices import TemplatePart
from registry.choices import Role
from registry.fields import TextLine
from registry.models import Agency, Dataset, Membership, User
from registry.roles import DESK_ROLES

MOST_OFFERED = 20  # on the page that begins a draft


class RequestTemplateQuerySet(models.QuerySet):
    def current(self):
        return self.filter(archived_at__isnull=True)

    def kept_by(self, user: User):
        """Those of the agencies in which the person files or signs; and what the person's desks published."""
        if not user.is_authenticated:
            return self.none()
        mine = Membership.objects.today().filter(user=user)
        files = mine.filter(role__in=[Role.REQUESTER, Role.ENDORSER]).values("agency")
        desks = mine.filter(role__in=DESK_ROLES).values("agency")
        return self.filter(Q(is_public=False, agency__in=files) | Q(is_public=True, agency__in=desks))

    def visible_to(self, user: User):
        """What is kept, and what owners publish now for everybody who asks."""
        if not user.is_authenticated:
            return self.none()
        published = Q(is_public=True, archived_at__isnull=True, dataset__in=Dataset.objects.published())
        return self.filter(published | Q(pk__in=self.model.objects.kept_by(user).values("pk")))

    def offered(self, agencies, dataset: Dataset | None):
        """The few that a clerk of these agencies can begin from: for the dataset, where one was chosen already."""
        own = Q(is_public=False, agency__in=agencies)
        if dataset is None:
            return self.current().for_lists().filter(own)[:MOST_OFFERED]
        published = Q(is_public=True, dataset=dataset, agency=dataset.database.owner)
        return self.current().for_lists().filter(own & Q(dataset=dataset) | published)[:MOST_OFFERED]

    def for_lists(self):
        return self.select_related("agency", "dataset__database__owner", "created_by", "archived_by")


class RequestTemplate(models.Model):
    """What an agency asks for again and again, or what the owner of a dataset says is usually asked for. Content stays."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    agency = models.ForeignKey(Agency, verbose_name=_("agency"), on_delete=models.PROTECT, related_name="templates")
    is_public = models.BooleanField(_("published for everybody who asks"), default=False)
    name = TextLine(_("name"), max_length=120)
    parts = ArrayField(models.CharField(max_length=10, choices=TemplatePart), verbose_name=_("parts"))
    dataset = models.ForeignKey(
        Dataset, verbose_name=_("dataset"), on_delete=models.PROTECT, null=True, blank=True, related_name="templates"
    )
    content = models.JSONField(_("content"), default=dict)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(User, verbose_name=_("created by"), on_delete=models.PROTECT, related_name="+")
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)
    archived_by = models.ForeignKey(
        User, verbose_name=_("archived by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = RequestTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("request template")
        verbose_name_plural = _("request templates")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "is_public", "name"],
                condition=Q(archived_at__isnull=True),
                name="exchange_requesttemplate_name_once",
                violation_error_message=_("There is a template of this name already."),
            ),
            models.CheckConstraint(
                condition=Q(parts__len__gte=1) & Q(parts__contained_by=TemplatePart.values) & ~Q(name=""),
                name="exchange_requesttemplate_says_something",
            ),
            models.CheckConstraint(
                condition=Q(is_public=False)
                | Q(dataset__isnull=False, parts__contained_by=[TemplatePart.DATA, TemplatePart.BASIS]),
                name="exchange_requesttemplate_public_about_data",
            ),
            models.CheckConstraint(
                condition=Q(archived_at__isnull=True, archived_by__isnull=True)
                | Q(archived_at__isnull=False, archived_by__isnull=False),
                name="exchange_requesttemplate_archived_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("exchange:template-detail", args=[self.public_id])

    @property
    def part_labels(self) -> list:
        return [TemplatePart(part).label for part in self.parts]
