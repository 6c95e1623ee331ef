"""Files that people attach to a request or to a comment on it."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from exchange.choices import FileKind, ScanState
from exchange.models.cases import ReviewCase
from exchange.models.comments import Comment
from exchange.models.requests import ExchangeRequest, Revision
from registry.choices import Role
from registry.fields import TextLine
from registry.models import Agency, User
from registry.permissions import has_role


class AttachmentQuerySet(models.QuerySet):
    def of_requests(self):
        """What stands beside the text of a request now, and goes into its next revision."""
        return self.filter(comment__isnull=True, removed_at__isnull=True)

    def readable_by(self, user: User | None):
        """A request's files for the asking agency and, as far as they were signed, for the owner; a comment's files for
        whoever reads the comment; all of them for auditors."""
        if user is None or not user.is_authenticated:
            return self.none()
        if has_role(user, Role.AUDITOR):
            return self
        frozen = Attachment.revisions.through.objects.filter(revision__in=_signed_for(user))
        return self.filter(
            Q(comment__isnull=True, request__in=ExchangeRequest.objects.visible_to(user))
            | Q(comment__isnull=True, pk__in=frozen.values("attachment"))
            | Q(comment__in=Comment.objects.readable_by(user).filter(retracted_at__isnull=True))
        )

    def quarantined(self):
        return self.filter(scan=ScanState.QUARANTINED, erased_at__isnull=True)


def _signed_for(user: User):
    """The revisions that the desk of the person may know: signed ones, to the owner of today or decided on there."""
    cases = ReviewCase.objects.visible_to(user)
    current = cases.filter(provider=F("request__dataset__database__owner"))
    return Revision.objects.filter(endorsed_at__isnull=False).filter(
        Q(request__in=current.values("request")) | Q(decisions__case__in=cases)
    )


class Attachment(models.Model):
    """One file that somebody handed in. The row stays for good; the bytes are destroyed when their time is over.

    A file of a request is part of the text that is signed: the revision names it with its SHA-256.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(
        ExchangeRequest, verbose_name=_("request"), on_delete=models.PROTECT, related_name="attachments"
    )
    comment = models.ForeignKey(
        Comment, verbose_name=_("comment"), on_delete=models.PROTECT, null=True, blank=True, related_name="attachments"
    )
    revisions = models.ManyToManyField(
        Revision, verbose_name=_("revisions"), blank=True, editable=False, related_name="attachments"
    )
    name = TextLine(_("file name"), max_length=150)
    kind = models.CharField(_("kind of file"), max_length=10, choices=FileKind)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    added_at = models.DateTimeField(_("attached at"), auto_now_add=True)
    added_by = models.ForeignKey(User, verbose_name=_("attached by"), on_delete=models.PROTECT, related_name="+")
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency at that time"), on_delete=models.PROTECT, related_name="+"
    )
    scan = models.CharField(_("virus check"), max_length=15, choices=ScanState, default=ScanState.QUARANTINED)
    scan_tried_at = models.DateTimeField(_("last virus check at"), null=True, blank=True)
    removed_at = models.DateTimeField(_("taken off at"), null=True, blank=True)
    removed_by = models.ForeignKey(
        User, verbose_name=_("taken off by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    erased_at = models.DateTimeField(_("destroyed at"), null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("attached file")
        verbose_name_plural = _("attached files")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["scan_tried_at"], condition=Q(scan="quarantined"), name="exchange_attachment_to_scan"),
            models.Index(fields=["request"], condition=Q(erased_at=None), name="exchange_attachment_kept"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FileKind.values), name="exchange_attachment_kind"),
            models.CheckConstraint(condition=Q(scan__in=ScanState.values), name="exchange_attachment_scan"),
            models.CheckConstraint(condition=Q(size__gte=1), name="exchange_attachment_size"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="exchange_attachment_sha256"),
            models.CheckConstraint(
                # Neither a folder, nor a line break.
                condition=~Q(name="") & ~Q(name__regex=r"[/\\[:cntrl:]]"),
                name="exchange_attachment_name",
            ),
            models.CheckConstraint(
                condition=Q(removed_by__isnull=True, removed_at__isnull=True)
                | Q(removed_by__isnull=False, removed_at__isnull=False),
                name="exchange_attachment_removed_paired",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_quarantined(self) -> bool:
        return self.scan == ScanState.QUARANTINED

    @property
    def is_infected(self) -> bool:
        return self.scan == ScanState.INFECTED

    @property
    def is_erased(self) -> bool:
        return self.erased_at is not None

    def as_document(self) -> dict:
        """What the signed text says of it."""
        return {"name": self.name, "sha256": self.sha256, "size": self.size}
