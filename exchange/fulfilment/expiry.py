"""Removing files whose time is over, and what ended deliveries left behind."""

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evidence import ledger
from evidence.models import Entry
from exchange import versions, workflow
from exchange.choices import StopKind
from exchange.fulfilment import locks, packages
from exchange.models import Delivery
from exchange.services import sweeping
from exchange.states import AGREEMENT, DeliveryStatus

REMOVE = "delivery.remove"


def remove_expired() -> int:
    """Delete the files of deliveries whose download window or agreement is over, and record that; how many.

    What a killed worker left of a delivery that ended without data goes, too. The folder is read, not the table:
    it holds only what still has to be looked at, also what could not be deleted the last time.
    """
    if not settings.DELIVERY_DIR.is_dir():
        return 0
    codes = {path.name.lstrip(".").partition(".")[0] for path in settings.DELIVERY_DIR.iterdir()}
    found = Delivery.objects.for_lists().filter(code__in=codes)
    sweeping.each(found.filter(status=DeliveryStatus.TERMINATED), _remove_leftovers)
    over = (
        Q(available_until__lt=timezone.now())
        | Q(agreement__status__in=AGREEMENT.terminal)
        | Q(agreement__valid_to__lt=timezone.localdate())
        | Q(agreement__stops_as=StopKind.REVOKE, agreement__stops_on__lte=timezone.localdate())
    )
    delivered = found.filter(over, status=DeliveryStatus.COMPLETED)
    return sweeping.each([one for one in delivered if not _is_kept(one)], _remove)


def _is_kept(delivery: Delivery) -> bool:
    """Whether the version that took the place of its agreement still gives all that is in the file."""
    if delivery.available_until < timezone.now():
        return False
    current = versions.serving(delivery.agreement)
    return current.pk != delivery.agreement_id and versions.covers(current, delivery)


def _remove_leftovers(delivery: Delivery) -> None:
    with locks.holding(delivery.pk) as taken:
        if taken:  # else its worker is alive, and clears up by itself
            packages.discard_unrecorded(delivery)


def _remove(delivery: Delivery) -> bool:
    """Record the removal, once, and delete the files after that: a record may come too early, never too late."""
    files = [packages.data_path(delivery.file_name), packages.manifest_path(delivery.file_name)]
    with locks.holding(delivery.pk) as taken:
        if not taken or not any(file.exists() for file in files):
            return False
        if not Entry.objects.filter(action=REMOVE, subject_type="delivery", subject_id=delivery.code).exists():
            _record(delivery)
        packages.discard(*files)
    return True


def _record(delivery: Delivery) -> None:
    with transaction.atomic():
        ledger.record(
            action=REMOVE,
            actor=ledger.SYSTEM,
            subject=("delivery", delivery.code),
            correlation_id=workflow.correlation_of(delivery),
            details={"sha256": delivery.sha256},
        )
