"""The exchange in the admin: owners decide, operators watch deliveries, auditors read."""

from exchange.admin import agreements, cases, deadlines, deliveries, requests  # noqa: F401 - importing registers
