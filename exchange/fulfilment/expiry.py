"""Removing files whose time is over, and what ended deliveries left behind."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from evidence import ledger
from exchange import workflow
from exchange.fulfilment import locks, packages
from exchange.models import Delivery
from exchange.states import DeliveryStatus


def remove_expired() -> int:
    """Delete the files of deliveries whose download window is over, and record that; how many.

    What a killed worker left of a delivery that ended without data goes, too. The folder is read, not the table:
    it holds only what still has to be looked at.
    """
    if not settings.DELIVERY_DIR.is_dir():
        return 0
    codes = {path.name.lstrip(".").partition(".")[0] for path in settings.DELIVERY_DIR.iterdir()}
    found = Delivery.objects.for_lists().filter(code__in=codes)
    for delivery in found.filter(status=DeliveryStatus.TERMINATED):
        _remove_leftovers(delivery)
    expired = found.filter(status=DeliveryStatus.COMPLETED, available_until__lt=timezone.now())
    return sum(_remove(delivery) for delivery in expired)


def _remove_leftovers(delivery: Delivery) -> None:
    with locks.holding(delivery.pk) as taken:
        if taken:  # else its worker is alive, and clears up by itself
            packages.discard_unrecorded(delivery)


def _remove(delivery: Delivery) -> bool:
    path = packages.data_path(delivery.file_name)
    if not path.exists():
        return False
    with transaction.atomic():
        ledger.record(
            action="delivery.remove",
            actor=ledger.SYSTEM,
            subject=("delivery", delivery.code),
            correlation_id=workflow.correlation_of(delivery),
            details={"sha256": delivery.sha256},
        )
        packages.discard(path, packages.manifest_path(delivery.file_name))
    return True
