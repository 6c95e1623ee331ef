"""Removing files whose time is over."""

from django.db import transaction
from django.utils import timezone

from evidence import ledger
from exchange import workflow
from exchange.fulfilment import packages
from exchange.models import Delivery
from exchange.states import DeliveryStatus


def remove_expired() -> int:
    """Delete the files of deliveries whose download window is over, and record that; how many."""
    removed = 0
    expired = Delivery.objects.for_lists().filter(status=DeliveryStatus.COMPLETED, available_until__lt=timezone.now())
    for delivery in expired.iterator(chunk_size=200):
        path = packages.data_path(delivery.file_name)
        if not path.exists():
            continue
        with transaction.atomic():
            ledger.record(
                action="delivery.remove",
                actor=ledger.SYSTEM,
                subject=("delivery", delivery.code),
                correlation_id=workflow.correlation_of(delivery),
                details={"sha256": delivery.sha256},
            )
            packages.discard(path, packages.manifest_path(delivery.file_name))
        removed += 1
    return removed
