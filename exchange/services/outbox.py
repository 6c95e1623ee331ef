"""Writing events for the systems of agencies, in the transaction of what happened."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from evidence.models import Entry
from exchange.models import OutboxEvent, WebhookAttempt, WebhookEndpoint, WebhookMessage
from registry.models import Agency

TASK = "exchange.tasks.send_webhooks"
KEPT = timedelta(days=90)
AT_ONCE = 5_000  # events that one sweep deletes


def write(
    *, type: str, subject: str, entry: Entry, data: dict, consumer: Agency | None, provider: Agency | None
) -> OutboxEvent:
    """Keep an event, and put it on its way to every endpoint of the agencies that wants it.

    `entry` is the evidence of what happened: it gives time and order.
    """
    event = OutboxEvent.objects.create(
        type=type,
        subject=subject,
        sequence=entry.sequence,
        occurred_at=entry.at,
        data=data,
        consumer=consumer,
        provider=provider,
    )
    agencies = [agency for agency in (consumer, provider) if agency is not None]
    wanted = Q(types=[]) | Q(types__contains=[type])
    endpoints = WebhookEndpoint.objects.enabled().filter(wanted, agency__in=agencies)
    send(event, endpoints)
    return event


def send(event: OutboxEvent, endpoints) -> None:
    """Put an event on its way, in the caller's transaction: the rows are the truth, the tasks only wake a worker."""
    messages = [WebhookMessage(endpoint=endpoint, event=event) for endpoint in endpoints]
    WebhookMessage.objects.bulk_create(messages, ignore_conflicts=True)
    for message in messages:
        nudge(message.endpoint_id)


def nudge(endpoint_id: int) -> None:
    async_task(TASK, endpoint_id)


@transaction.atomic
def forget_old() -> int:
    """Delete events of long ago with all that tells of sending them; how many. The ledger keeps what happened."""
    old = OutboxEvent.objects.filter(occurred_at__lt=timezone.now() - KEPT).order_by("occurred_at")
    events = list(old.values_list("pk", flat=True)[:AT_ONCE])
    WebhookAttempt.objects.filter(message__event__in=events).delete()
    WebhookMessage.objects.filter(event__in=events).delete()
    OutboxEvent.objects.filter(pk__in=events).delete()
    return len(events)
