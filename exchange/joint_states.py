"""The state of a request that asks several owners: never stored, always what its parts say."""

from collections.abc import Iterable

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from exchange.states import REQUEST, RequestStatus


class JointState(TextChoices):
    DRAFT = "draft", _("Draft")
    WITH_SIGNATORY = "pending-endorsement", _("Waiting for signature")
    WITH_AGENCY = "returned", _("Waits for your agency")
    WITH_OWNERS = "under-review", _("With the owners")
    GRANTED = "approved", _("Granted by all")
    GRANTED_IN_PART = "offered", _("Granted by some")
    CLOSED = "rejected", _("Closed without a grant")


def state_of(statuses: Iterable[str]) -> JointState:
    """What the parts come to: first whoever has to act now, the asking agency before the owners; then the outcome."""
    parts = list(statuses)
    running = [status for status in parts if status in REQUEST.open]
    if not running:
        granted = parts.count(RequestStatus.APPROVED)
        if granted and granted == len(parts):
            return JointState.GRANTED
        return JointState.GRANTED_IN_PART if granted else JointState.CLOSED
    if all(status == RequestStatus.DRAFT for status in parts):
        return JointState.DRAFT
    if any(status in (RequestStatus.DRAFT, RequestStatus.RETURNED, RequestStatus.OFFERED) for status in running):
        return JointState.WITH_AGENCY
    if RequestStatus.PENDING_ENDORSEMENT in running:
        return JointState.WITH_SIGNATORY
    return JointState.WITH_OWNERS
