"""Reaching the source of an agreement, with less patience than the queue has."""

from dataclasses import replace

from django.conf import settings

from exchange.models import Agreement
from registry import connectors
from registry.services import connections

MARGIN = 300  # seconds of a task that are left for counting, checking and recording


def connector_of(agreement: Agreement):
    """The connector to the agreement's database; its statements end before the queue would kill the task."""
    address = connections.address_of(connections.connection_of(agreement.dataset.database))
    longest = settings.Q_CLUSTER["timeout"] - MARGIN
    return connectors.get(replace(address, statement_timeout=min(address.statement_timeout, longest)))
