"""What people write about a request, among colleagues or to the other side."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import Audience
from exchange.models.cases import ReviewCase
from exchange.models.requests import ExchangeRequest
from exchange.states import Side
from registry.choices import Role
from registry.fields import TextBlock
from registry.models import Agency, User
from registry.permissions import has_role


class CommentQuerySet(models.QuerySet):
    def readable_by(self, user: User | None):
        """Internal ones by colleagues of who wrote them, those to both sides by either, all of them by auditors.

        The owner's people read what belongs to their case, unless they have a part on the other side or declared a
        conflict; nothing of it is open to operators or superusers.
        """
        if user is None or not user.is_authenticated:
            return self.none()
        if has_role(user, Role.AUDITOR):
            return self
        for_consumer = Q(side=Side.CONSUMER) | Q(audience=Audience.BOTH)
        for_provider = Q(side=Side.PROVIDER) | Q(audience=Audience.BOTH)
        return self.filter(
            for_consumer & Q(request__in=ExchangeRequest.objects.visible_to(user))
            | for_provider & Q(case__in=ReviewCase.objects.for_desk_of(user).values("pk"))
        )

    def for_lists(self):
        return self.select_related("made_by", "agency")


class Comment(models.Model):
    """One person says something about a request. Written once: a correction is another comment.

    A comment among people of the asking agency belongs to no case; every other one belongs to the owner's.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(
        ExchangeRequest, verbose_name=_("request"), on_delete=models.PROTECT, related_name="comments"
    )
    case = models.ForeignKey(
        ReviewCase, verbose_name=_("case"), on_delete=models.PROTECT, null=True, blank=True, related_name="comments"
    )
    side = models.CharField(_("written for"), max_length=10, choices=Side)
    audience = models.CharField(_("who reads it"), max_length=10, choices=Audience, default=Audience.INTERNAL)
    text = TextBlock(_("comment"), max_length=4_000)
    made_at = models.DateTimeField(_("written at"), auto_now_add=True)
    made_by = models.ForeignKey(User, verbose_name=_("written by"), on_delete=models.PROTECT, related_name="comments")
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency at that time"), on_delete=models.PROTECT, related_name="+"
    )
    retracted_at = models.DateTimeField(_("taken back at"), null=True, blank=True)  # only ever by who wrote it

    objects = CommentQuerySet.as_manager()

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["-made_at", "-pk"]
        indexes = [models.Index(fields=["request", "-made_at", "-id"], name="exchange_comment_of_request")]
        constraints = [
            models.CheckConstraint(condition=Q(side__in=[Side.CONSUMER, Side.PROVIDER]), name="exchange_comment_side"),
            models.CheckConstraint(condition=Q(audience__in=Audience.values), name="exchange_comment_audience"),
            models.CheckConstraint(condition=~Q(text=""), name="exchange_comment_says_something"),
            models.CheckConstraint(
                condition=Q(side=Side.CONSUMER, audience=Audience.INTERNAL, case__isnull=True)
                | (~Q(side=Side.CONSUMER, audience=Audience.INTERNAL) & Q(case__isnull=False)),
                name="exchange_comment_case",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request}: {self.get_side_display()}, {self.get_audience_display()}"

    @property
    def is_internal(self) -> bool:
        return self.audience == Audience.INTERNAL
