"""Looking for viruses in attached files, and destroying the bytes of those that are infected or whose time is over."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_q.tasks import async_task

from evidence import ledger
from exchange.choices import ScanState
from exchange.models import Attachment
from exchange.services import sweeping
from exchange.states import AGREEMENT, Side
from exchange.uploads import clamd, store
from registry import notice_kinds
from registry.services import notices, queued

logger = logging.getLogger(__name__)
TASK = "exchange.tasks.scan_attachment"
AGAIN_AFTER = timedelta(minutes=5)  # where the scanner gave no answer
AT_ONCE = 500
INFECTED = notice_kinds.define(
    "attachment-infected",
    _("A virus was found in your file"),
    _("A virus was found in “%(name)s”, which you attached to %(code)s. The file was destroyed."),
)


def nudge_due() -> int:
    """Put into the queue what waits for the scanner, where there is one; how many."""
    if not clamd.is_set_up():
        return 0
    before = timezone.now() - AGAIN_AFTER
    due = Attachment.objects.quarantined().filter(Q(scan_tried_at=None) | Q(scan_tried_at__lt=before))
    due = due.exclude(pk__in=queued.ids_waiting(TASK)).order_by("scan_tried_at", "pk")
    return sweeping.each(due[:AT_ONCE], lambda file: async_task(TASK, file.pk))


def scan(attachment_id: int) -> None:
    """Ask the scanner about a file, and write down what it said; without an answer it stays in quarantine."""
    waiting = Attachment.objects.quarantined().filter(pk=attachment_id)
    if not clamd.is_set_up() or not waiting.update(scan_tried_at=timezone.now()):
        return
    file = waiting.get()
    try:
        with store.opened(file.sha256, file.public_id) as content:
            virus = clamd.virus_in(content)
    except (clamd.Unavailable, FileNotFoundError) as error:
        logger.warning("attachment %s was not scanned: %s", file.public_id, type(error).__name__)
        return
    _settle(attachment_id, virus)


@transaction.atomic
def _settle(attachment_id: int, virus: str) -> None:
    found = (
        Attachment.objects.quarantined()
        .select_related("request", "comment", "added_by")
        .select_for_update(of=("self",))
    )
    file = found.filter(pk=attachment_id).first()
    if file is None:
        return
    file.scan = ScanState.INFECTED if virus else ScanState.CLEAN
    file.save(update_fields=["scan"])
    _record("request.scan_file", file, result=str(file.scan), virus=virus)
    if virus:
        notices.tell(kind=INFECTED, to=[file.added_by], path=_page_of(file), name=file.name, code=file.request.code)


def _page_of(file: Attachment) -> str:
    """Where whoever attached the file finds it."""
    if file.comment and file.comment.side == Side.PROVIDER:
        return reverse("admin:exchange_reviewcase_change", args=[file.comment.case_id])
    return reverse("exchange:request-detail", args=[file.request.public_id])


def erase_due() -> int:
    """Destroy the bytes of what is infected, of what was taken off unsigned or taken back, and of requests long over."""
    before = timezone.now() - timedelta(days=settings.ATTACHMENT_DAYS)
    running = Q(request__cases__agreements__status__in=AGREEMENT.open)
    over = Attachment.objects.filter(request__closed_at__lt=before).exclude(running)
    due = Attachment.objects.filter(erased_at=None).filter(
        Q(scan=ScanState.INFECTED)
        | Q(removed_at__isnull=False, revisions=None)
        | Q(comment__retracted_at__isnull=False)
        | Q(pk__in=over.values("pk"))
    )
    store.clear_incoming()
    return sweeping.each(due.select_related("request").order_by("pk")[:AT_ONCE], _erase)


def _erase(file: Attachment) -> None:
    """The bytes first: a row that says so too early would let them lie."""
    store.destroy(file.sha256, file.public_id)
    with transaction.atomic():
        if Attachment.objects.filter(pk=file.pk, erased_at=None).update(erased_at=timezone.now()):
            _record("request.erase_file", file)


def _record(action: str, file: Attachment, **details) -> None:
    ledger.record(
        action=action,
        actor=ledger.SYSTEM,
        subject=("request", file.request.code),
        correlation_id=file.request.code,
        details={"file": str(file.public_id), "sha256": file.sha256, **details},
    )
