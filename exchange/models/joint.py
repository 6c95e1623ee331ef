"""What one letter asks of several owners."""

import uuid

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from registry.choices import Role
from registry.models import Agency, Membership, User


class JointRequestQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Those of the agencies in which the person files or signs today."""
        if not user.is_authenticated:
            return self.none()
        agencies = Membership.objects.today().filter(user=user, role__in=[Role.REQUESTER, Role.ENDORSER])
        return self.filter(consumer__in=agencies.values("agency"))

    def for_lists(self):
        return self.select_related("consumer", "created_by")


class JointRequest(models.Model):
    """One wish that takes the data of several owners: each part is a request of its own, which its owner decides."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("number"), max_length=20, unique=True, editable=False)
    consumer = models.ForeignKey(
        Agency, verbose_name=_("requesting agency"), on_delete=models.PROTECT, related_name="joint_requests"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(User, verbose_name=_("created by"), on_delete=models.PROTECT, related_name="+")

    objects = JointRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("joint request")
        verbose_name_plural = _("joint requests")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("exchange:joint-detail", args=[self.public_id])
