"""An event as it is sent: a CloudEvent 1.0 in structured JSON (https://cloudevents.io), the same bytes each time."""

import json
from datetime import UTC

from django.conf import settings

from exchange.models import OutboxEvent

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TYPE_PREFIX = "vn.ndc.portal."


def body_of(event: OutboxEvent) -> bytes:
    """`sequence` orders the events about one subject (the extension of that name): as text, with leading zeros."""
    document = {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": settings.PORTAL_URL.rstrip("/") or "urn:vn:ndc:portal",
        "type": f"{TYPE_PREFIX}{event.type}",
        "subject": event.subject,
        "time": event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sequence": f"{event.sequence:020d}",
        "datacontenttype": "application/json",
        "data": event.data,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
