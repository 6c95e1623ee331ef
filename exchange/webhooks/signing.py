"""Signatures as Standard Webhooks 1.0 has them (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
import secrets

from django.views.decorators.debug import sensitive_variables

PREFIX = "whsec_"
KEY_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


@sensitive_variables("signing", "secret", "key")
def headers(*, message_id: str, timestamp: int, body: bytes, signing: list[str]) -> dict[str, str]:
    """The three headers of a message. While a secret is being replaced there are two, and so are the signatures."""
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    signatures = []
    for secret in signing:
        key = base64.b64decode(secret.removeprefix(PREFIX))
        signatures.append("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
