"""Masking as Python does it; engines that mask in their own language must give the same for the same value.

- rounded: a number to two significant digits, half away from zero, in plain notation: 12 345 678 becomes 12 000 000, 83.5
  becomes 84. It fits salaries and areas alike, which a fixed step would not. What is no finite number is left empty.
- year: the first four digits of a date.
- province: of a personal number (twelve digits) the first three, which are the code of the province where the birth was
  registered; of an address what stands after its last comma. Anything else is left empty.
- partial: the last three characters, the others as asterisks.
- pseudonym: half of an HMAC-SHA256 over the text in NFC.
"""

import hashlib
import hmac
import re
import unicodedata
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

BLOCK = 64  # of SHA-256
PSEUDONYM_LENGTH = 32
UNMASKED_TAIL = 3
SIGNIFICANT_DIGITS = 2
BLANKS = " \t\r\n"  # around the province of an address


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


def rounded(text: str | None) -> str | None:
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    few = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_UP).plus(number)
    return f"{few.normalize():f}" if few else "0"


def province(text: str | None) -> str | None:
    if re.fullmatch(r"[0-9]{12}", text or ""):
        return text[:3]
    _before, comma, last = (text or "").rpartition(",")
    return (last.strip(BLANKS) or None) if comma else None
