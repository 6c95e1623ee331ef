"""Masking as Python does it; engines that mask in their own language must give the same for the same value."""

import hashlib
import hmac
import re
import unicodedata

BLOCK = 64  # of SHA-256
PSEUDONYM_LENGTH = 32
UNMASKED_TAIL = 3


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer pad of HMAC-SHA256, for engines that have SHA-256 but no HMAC."""
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def pseudonym(key: bytes, text: str | None) -> str | None:
    if text is None:
        return None
    return hmac.new(key, unicodedata.normalize("NFC", text).encode(), "sha256").hexdigest()[:PSEUDONYM_LENGTH]


def partial(text: str | None) -> str | None:
    if text is None:
        return None
    if len(text) <= UNMASKED_TAIL:
        return "*" * len(text)
    return "*" * (len(text) - UNMASKED_TAIL) + text[-UNMASKED_TAIL:]


def year(text: str | None) -> str | None:
    found = re.match(r"[0-9]{4}", text or "")
    return found and found[0]
