"""What the queue calls: ids in, nothing out. Every task may run twice."""

from exchange.fulfilment import expiry, run
from exchange.services import agreements, deliveries, requests


def deliver(delivery_id: int) -> None:
    run.deliver(delivery_id)


def sweep() -> None:
    """The scheduled look at the rows: what is due, over or left behind gets moved on."""
    agreements.follow_dates()
    deliveries.nudge_due()
    expiry.remove_expired()
    requests.lapse_stale()
