"""The endpoints of an agency's systems: made, changed, switched off, and sent again what they missed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from evidence import ledger
from exchange.choices import DisabledBecause, MessageState
from exchange.models import OutboxEvent, WebhookEndpoint, WebhookMessage
from exchange.refusals import Incomplete, Refusal
from exchange.services import dispatching, outbox
from exchange.webhooks import addresses, event_types, signing
from registry import credentials, permissions
from registry.actors import actor_of
from registry.models import Agency, User
from registry.services import records

OVERLAP = timedelta(days=1)  # in which the former secret signs, too
MOST_REPLAYED = 10_000  # events at once


@sensitive_variables("secret")
def create(
    *, agency: Agency, by: User, url: str, description: str = "", types: list[str] | None = None
) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint; returned with its signing secret, which nobody can read again afterwards."""
    _check_address(url, agency)
    secret = signing.new_secret()
    with _managing("webhook.create", agency, by):
        Agency.objects.select_for_update().get(pk=agency.pk)
        enabled = WebhookEndpoint.objects.enabled().filter(agency=agency)
        if enabled.filter(url=url).exists():
            problem = _("Events are sent to this address already.")
            raise Incomplete("address-taken", problem, fields={"url": [problem]})
        _check_count(enabled)
        endpoint = WebhookEndpoint.objects.create(
            agency=agency,
            url=url,
            description=description.strip(),
            types=_checked(types or []),
            secret=credentials.encrypt(secret),
            created_by=by,
        )
        _record("webhook.create", endpoint, by, url=url, types=endpoint.types)
    return endpoint, secret


def change(*, endpoint: WebhookEndpoint, by: User, description: str, types: list[str]) -> WebhookEndpoint:
    with _locked("webhook.change", endpoint, by) as locked:
        locked.description, locked.types = description.strip(), _checked(types)
        locked.save(update_fields=["description", "types"])
        _record("webhook.change", locked, by, types=locked.types)
    return locked


@sensitive_variables("secret")
def renew_secret(*, endpoint: WebhookEndpoint, by: User) -> tuple[WebhookEndpoint, str]:
    """A new secret; for a day the former one signs beside it, so that the system can be changed without a gap."""
    secret = signing.new_secret()
    with _locked("webhook.renew_secret", endpoint, by) as locked:
        locked.former_secret, locked.former_secret_until = locked.secret, timezone.now() + OVERLAP
        locked.secret = credentials.encrypt(secret)
        locked.save(update_fields=["secret", "former_secret", "former_secret_until"])
        _record("webhook.renew_secret", locked, by)
    return locked, secret


def disable(*, endpoint: WebhookEndpoint, by: User) -> WebhookEndpoint:
    """Send nothing any more. What waits goes on waiting, and is sent once it is switched on again."""
    with _locked("webhook.disable", endpoint, by) as locked:
        if not locked.is_enabled:
            raise Refusal("already-off", _("It is switched off already."))
        dispatching.switch_off(locked, DisabledBecause.BY_HAND)
        _record("webhook.disable", locked, by)
    return locked


def enable(*, endpoint: WebhookEndpoint, by: User) -> WebhookEndpoint:
    with _locked("webhook.enable", endpoint, by) as locked:
        if locked.is_enabled:
            raise Refusal("already-on", _("It is switched on already."))
        enabled = WebhookEndpoint.objects.enabled().filter(agency=locked.agency)
        if enabled.filter(url=locked.url).exists():
            raise Refusal("address-taken", _("Events are sent to this address already."))
        _check_count(enabled)
        locked.disabled_at, locked.disabled_because = None, ""
        locked.save(update_fields=["disabled_at", "disabled_because"])
        _record("webhook.enable", locked, by)
        outbox.nudge(locked.pk)
    return locked


def send_test(*, endpoint: WebhookEndpoint, by: User) -> OutboxEvent:
    """Send an event about nothing but the endpoint itself, to try the way to it and the check of the signature."""
    with _locked("webhook.test", endpoint, by) as locked:
        _check_enabled(locked)
        entry = _record("webhook.test", locked, by)
        event = OutboxEvent.objects.create(
            type=event_types.TEST,
            subject=str(locked.public_id),
            sequence=entry.sequence,
            occurred_at=entry.at,
            data={"endpoint": str(locked.public_id)},
            consumer=locked.agency,
        )
        outbox.send(event, [locked])
    return event


def replay(*, message: WebhookMessage, by: User) -> WebhookMessage:
    """Send one message again, under its own identifier."""
    with _locked("webhook.replay", message.endpoint, by) as locked:
        _check_enabled(locked)
        _send_again(WebhookMessage.objects.filter(pk=message.pk))
        _record("webhook.replay", locked, by, events=1)
        outbox.nudge(locked.pk)
    message.refresh_from_db()
    return message


def replay_since(*, endpoint: WebhookEndpoint, by: User, since: datetime) -> int:
    """Send everything again that happened since, also what came before there was an endpoint; how many events."""
    with _locked("webhook.replay", endpoint, by) as locked:
        _check_enabled(locked)
        found = (
            OutboxEvent.objects.for_agency(locked.agency).filter(occurred_at__gte=since).exclude(type=event_types.TEST)
        )
        if locked.types:
            found = found.filter(type__in=locked.types)
        events = list(found.order_by("pk").values_list("pk", flat=True)[: MOST_REPLAYED + 1])
        if len(events) > MOST_REPLAYED:
            problem = _("These are more than %(count)s events. Choose a later day.") % {"count": MOST_REPLAYED}
            raise Incomplete("too-many", problem, fields={"since": [problem]})
        _send_again(WebhookMessage.objects.filter(endpoint=locked, event__in=events))
        WebhookMessage.objects.bulk_create(
            [WebhookMessage(endpoint=locked, event_id=pk) for pk in events], ignore_conflicts=True, batch_size=1_000
        )
        _record("webhook.replay", locked, by, events=len(events), since=since.isoformat())
        outbox.nudge(locked.pk)
    return len(events)


def rotate_stored() -> int:
    """Encrypt every stored secret with the newest key, in the caller's transaction; how many endpoints there were."""
    endpoints = list(WebhookEndpoint.objects.select_for_update().order_by("pk"))
    for endpoint in endpoints:
        endpoint.secret = credentials.rotate(endpoint.secret)
        if endpoint.former_secret:
            endpoint.former_secret = credentials.rotate(endpoint.former_secret)
        endpoint.save(update_fields=["secret", "former_secret"])
    return len(endpoints)


def _send_again(messages) -> None:
    now = timezone.now()
    messages.update(state=MessageState.WAITING, attempts_made=0, next_attempt_at=now, taken_at=None)


def check_managing(*, agency: Agency, by: User) -> None:
    """Refuse unless the person signs or decides for the agency: whoever answers for it says where its events go."""
    if not permissions.has_role(by, *WebhookEndpoint.MANAGERS, agency=agency):
        raise Refusal(
            "not-your-role", _("Signatories and approvers of %(agency)s manage its webhooks.") % {"agency": agency}
        )


def _check_enabled(endpoint: WebhookEndpoint) -> None:
    if not endpoint.is_enabled:
        raise Refusal("switched-off", _("It is switched off. Switch it on first."))


def _check_count(enabled) -> None:
    if enabled.count() >= WebhookEndpoint.MOST:
        raise Refusal(
            "too-many",
            _("An agency has %(count)s webhooks at most. Switch one off that is not needed.")
            % {"count": WebhookEndpoint.MOST},
        )


def _checked(types: list[str]) -> list[str]:
    """In one order, each once. All of them is kept as none: what is told later on is then wanted, too."""
    unknown = set(types) - set(event_types.TYPES)
    if unknown:
        problem = _("There is no event “%(type)s”.") % {"type": sorted(unknown)[0]}
        raise Incomplete("unknown-event", problem, fields={"types": [problem]})
    chosen = [type for type in event_types.TYPES if type in types]
    return [] if len(chosen) == len(event_types.TYPES) else chosen


def _check_address(url: str, agency: Agency) -> None:
    """Asks the network where the name leads, so it comes before any transaction; each sending asks again."""
    try:
        addresses.resolve(addresses.parse(url), agency.code)
    except addresses.BadAddress as error:
        raise Incomplete("bad-address", str(error), fields={"url": [str(error)]}) from None
    except addresses.ForbiddenAddress:
        problem = _("This name leads to an address that the portal may not reach.")
        raise Incomplete("forbidden-address", problem, fields={"url": [problem]}) from None
    except OSError:
        problem = _("This name was not found. Is it written correctly, and known outside your network?")
        raise Incomplete("unknown-host", problem, fields={"url": [problem]}) from None


@contextmanager
def _managing(action: str, agency: Agency, by: User, subject: tuple[str, str] | None = None) -> Iterator[None]:
    """A transaction for somebody who manages the agency's webhooks; a Refusal is put on record outside of it."""
    try:
        with transaction.atomic():
            check_managing(agency=agency, by=by)
            yield
    except Refusal as refusal:
        ledger.record_refusal(
            action=action,
            actor=actor_of(by, agency if permissions.roles_of(by, agency=agency) else records.acting_agency(by)),
            subject=subject or ("agency", agency.code),
            details={"code": refusal.code},
        )
        raise


@contextmanager
def _locked(action: str, endpoint: WebhookEndpoint, by: User) -> Iterator[WebhookEndpoint]:
    with _managing(action, endpoint.agency, by, ("webhook", str(endpoint.public_id))):
        yield WebhookEndpoint.objects.select_related("agency").select_for_update(of=("self",)).get(pk=endpoint.pk)


def _record(action: str, endpoint: WebhookEndpoint, by: User, **details):
    return ledger.record(
        action=action,
        actor=actor_of(by, endpoint.agency),
        subject=("webhook", str(endpoint.public_id)),
        details=details,
    )
