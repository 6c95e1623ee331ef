"""Sending what the outbox holds. Each endpoint is served by one worker at a time, in the order of the events.

A system that cannot be reached holds up only itself: nothing of what waits for it is lost, and after days without an
answer it is switched off and its agency told. A message that it answers with an error is tried again by itself, while
the others go on. Every message may arrive twice: its identifier stays the same.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.choices import DisabledBecause, MessageState, SendOutcome
from exchange.fulfilment import locks
from exchange.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from exchange.services import outbox, sweeping
from exchange.webhooks import bodies, sending, signing
from registry import credentials, notice_kinds
from registry.models import Membership, User
from registry.services import notices, queued

# After each failure, one after the other; then the last one again (an endpoint), or no more (a message).
PAUSES = tuple(timedelta(seconds=each) for each in (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 36_000))
PATIENCE = timedelta(days=5)  # with a system that cannot be reached
LEASE = timedelta(minutes=2)  # in which nobody else sends what a worker claimed, should it die
AT_ONCE = 50  # messages that a task sends before others of the queue have their turn
TURN = timedelta(seconds=20)  # after which it begins no other one
AGENT = "NDC-Portal-Webhooks/1"

SWITCHED_OFF = notice_kinds.define(
    "exchange.webhook.off",
    _("A webhook was switched off"),
    _("Nothing is sent to “%(webhook)s” any more: %(reason)s. What happens meanwhile is kept and can be sent again."),
)
GIVEN_UP = notice_kinds.define(
    "exchange.webhook.given-up",
    _("Your system did not take an event"),
    _("“%(webhook)s” answered %(event)s with an error each time. Its page shows the attempts, and sends it again."),
)


def send_due(endpoint_id: int) -> None:
    """Send what is due to an endpoint, as long as it takes it and for a little while; then others have their turn."""
    with _place_to_send() as has_place, locks.holding(endpoint_id, namespace=locks.WEBHOOKS) as taken:
        if not has_place or not taken:
            return
        until = time.monotonic() + TURN.total_seconds()
        for _number in range(AT_ONCE):
            message = _claim(endpoint_id)
            if message is None or not _send(message) or time.monotonic() > until:
                break
    nudge_due()


@contextmanager
def _place_to_send() -> Iterator[bool]:
    """Slow systems never hold all workers: half of them at most send, and at least one does."""
    with ExitStack() as places:
        held = (places.enter_context(locks.holding(place, namespace=locks.SENDING)) for place in range(_places()))
        yield any(held)


def _places() -> int:
    return max(1, settings.WORKERS // 2)


def nudge_due() -> int:
    """Put the endpoints for which something is due into the queue; how many."""
    waiting = WebhookMessage.objects.due().exclude(endpoint__in=queued.ids_waiting(outbox.TASK))
    endpoints = waiting.order_by("endpoint").values_list("endpoint", flat=True).distinct()
    return sweeping.each(list(endpoints[:1_000]), outbox.nudge)


def _claim(endpoint_id: int) -> WebhookMessage | None:
    """The oldest event that is due, out of anybody else's reach for a while."""
    due = WebhookMessage.objects.due().filter(endpoint=endpoint_id).select_related("endpoint__agency", "event")
    message = due.order_by("event_id").first()
    if message is None:
        return None
    seen, message.next_attempt_at = message.next_attempt_at, timezone.now() + LEASE
    claimed = WebhookMessage.objects.waiting().filter(pk=message.pk, next_attempt_at=seen)
    return message if claimed.update(next_attempt_at=message.next_attempt_at) else None


def _send(message: WebhookMessage) -> bool:
    """Whether the endpoint can be sent the next one."""
    endpoint, body = message.endpoint, bodies.body_of(message.event)
    signed = signing.headers(
        message_id=str(message.event.event_id),
        timestamp=int(time.time()),
        body=body,
        signing=_secrets(endpoint),
    )
    headers = {"Content-Type": bodies.CONTENT_TYPE, "User-Agent": AGENT, **signed}
    return _settle(message, sending.post(endpoint.url, endpoint.agency.code, body, headers))


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The secret, and while it is being replaced the one before."""
    stored = [endpoint.secret]
    if endpoint.former_secret_until and endpoint.former_secret_until > timezone.now():
        stored.append(endpoint.former_secret)
    return [credentials.decrypt(secret) for secret in stored]


@transaction.atomic
def _settle(message: WebhookMessage, answer: sending.Answer) -> bool:
    """Write down what came of it, on the rows as they stand now."""
    now = timezone.now()
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=message.endpoint_id)
    WebhookAttempt.objects.create(
        message=message, outcome=answer.outcome, http_status=answer.status, duration_ms=answer.duration_ms
    )
    match answer.outcome:
        case SendOutcome.TAKEN:
            _taken(message, now)
            _works_again(endpoint)
            return True
        case SendOutcome.REFUSED:
            _refused(message, now)
            _works_again(endpoint)
            return True
        case SendOutcome.GONE:
            WebhookMessage.objects.filter(pk=message.pk).update(next_attempt_at=now)
            switch_off(endpoint, DisabledBecause.GONE)
            return False
    WebhookMessage.objects.filter(pk=message.pk).update(next_attempt_at=now)
    _not_reached(endpoint, now, answer.wait)
    return False


def _taken(message: WebhookMessage, now: datetime) -> None:
    WebhookMessage.objects.filter(pk=message.pk).update(state=MessageState.TAKEN, taken_at=now)


def _refused(message: WebhookMessage, now: datetime) -> None:
    made = message.attempts_made + 1
    if made > len(PAUSES):
        WebhookMessage.objects.filter(pk=message.pk).update(state=MessageState.GIVEN_UP, attempts_made=made)
        _tell_once_a_day(message)
        return
    WebhookMessage.objects.filter(pk=message.pk).update(attempts_made=made, next_attempt_at=now + PAUSES[made - 1])


def _works_again(endpoint: WebhookEndpoint) -> None:
    if endpoint.failures:
        endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
        endpoint.save(update_fields=["failures", "failing_since", "paused_until"])


def _not_reached(endpoint: WebhookEndpoint, now: datetime, wait: timedelta | None) -> None:
    endpoint.failing_since = endpoint.failing_since or now
    if now - endpoint.failing_since > PATIENCE:
        switch_off(endpoint, DisabledBecause.FAILING)
        return
    pause = PAUSES[min(endpoint.failures, len(PAUSES) - 1)]
    endpoint.failures += 1
    endpoint.paused_until = now + max(pause, wait or pause)
    endpoint.save(update_fields=["failures", "failing_since", "paused_until"])


def switch_off(endpoint: WebhookEndpoint, because: DisabledBecause) -> None:
    """End sending to a locked endpoint; unless somebody of its agency did so, the agency is told."""
    if not endpoint.is_enabled:
        return
    endpoint.disabled_at, endpoint.disabled_because = timezone.now(), because
    endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
    endpoint.save(update_fields=["disabled_at", "disabled_because", "failures", "failing_since", "paused_until"])
    if because != DisabledBecause.BY_HAND:
        _tell(endpoint, SWITCHED_OFF, reason=because.label)


def _tell_once_a_day(message: WebhookMessage) -> None:
    lately = WebhookAttempt.objects.filter(
        message__endpoint=message.endpoint,
        message__state=MessageState.GIVEN_UP,
        tried_at__gt=timezone.now() - timedelta(days=1),
    ).exclude(message=message)
    if not lately.exists():
        _tell(message.endpoint, GIVEN_UP, event=str(message.event))


def _tell(endpoint: WebhookEndpoint, kind: notice_kinds.NoticeKind, **told) -> None:
    managing = Membership.objects.today().filter(agency=endpoint.agency, role__in=WebhookEndpoint.MANAGERS)
    people = User.objects.filter(pk__in=managing.values("user"))
    notices.tell(kind=kind, to=people, path=endpoint.get_absolute_url(), webhook=str(endpoint), **told)
