"""What the portal tells people of its own accord."""

import contextlib
import re
import uuid
from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from registry.models.people import User
from registry.names import in_current_language
from registry.notice_kinds import KINDS

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)  # as it is kept


class NoticeQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Everybody reads the own notices only."""
        return self.filter(recipient=user) if user.is_authenticated else self.none()

    def unread(self):
        return self.filter(read_at__isnull=True)


class Notice(models.Model):
    """One person is told of one thing, which may concern their work. The words are made when it is read, in the reader's language."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    recipient = models.ForeignKey(User, verbose_name=_("recipient"), on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(_("kind"), max_length=60)
    params = models.JSONField(_("what is told"), default=dict)
    path = models.CharField(_("page"), max_length=500, blank=True)  # of the portal itself, never an address elsewhere
    created_at = models.DateTimeField(_("told at"), auto_now_add=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["recipient", "-id"], name="registry_notice_recipient"),
            models.Index(fields=["path"], condition=Q(read_at__isnull=True), name="registry_notice_unread_about"),
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="registry_notice_unread"),
        ]
        constraints = [
            models.CheckConstraint(
                # One slash and no more: //host would be an address elsewhere.
                condition=Q(path="") | Q(path__regex=r"^/([^/\\]|$)"),
                name="registry_notice_path_is_ours",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.recipient}"

    @property
    def title(self) -> str:
        kind = KINDS.get(self.kind)
        return str(kind.title) if kind else self.kind

    @property
    def text(self) -> str:
        """The sentence in the reader's language; names that exist in both languages follow it."""
        kind = KINDS.get(self.kind)
        return str(kind.sentence) % {name: _spoken(value) for name, value in self.params.items()} if kind else ""


def _spoken(value):
    if isinstance(value, dict):
        return in_current_language(value["vi"], value.get("en", ""))
    if isinstance(value, str) and DAY.fullmatch(value):
        with contextlib.suppress(ValueError):  # it only looks like one
            return date_format(date.fromisoformat(value), "SHORT_DATE_FORMAT")
    return value
