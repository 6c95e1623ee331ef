"""The exchange in the admin: owners decide, operators watch deliveries, auditors read."""

from exchange.admin import (  # noqa: F401 - importing registers
    advice,
    agreements,
    attachments,
    attestations,
    cases,
    comments,
    deadlines,
    deliveries,
    destruction,
    ledger,
    letters,
    lookups,
    paper,
    policies,
    requests,
    saved_searches,
    source_changes,
    stops,
    templates,
    webhooks,
)
