"""Public numbers of requests, agreements and deliveries, taken from database sequences: unique, never reused."""

import re

from django.db import connection
from django.utils import timezone

REQUEST, JOINT, AGREEMENT, DELIVERY, CERTIFICATE = (
    ("YC", "exchange_request_code"),
    ("YG", "exchange_joint_code"),
    ("TT", "exchange_agreement_code"),
    ("GN", "exchange_delivery_code"),
    ("TH", "exchange_certificate_code"),
)
WHOLE = re.compile(
    rf"({'|'.join(prefix for prefix, _sequence in (REQUEST, JOINT, AGREEMENT, DELIVERY, CERTIFICATE))})-\d{{4}}-\d{{6,}}",
    re.IGNORECASE,
)


def is_whole(words: str) -> bool:
    """Whether somebody typed a whole number of one of these kinds, which an index finds at once."""
    return WHOLE.fullmatch(words.strip()) is not None


def take(kind: tuple[str, str]) -> str:
    """For instance YC-2026-000042: yêu cầu, yêu cầu gộp, thỏa thuận, giao nhận or tiêu hủy; the year; a running number."""
    prefix, sequence = kind
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [sequence])
        (number,) = cursor.fetchone()
    return f"{prefix}-{timezone.localdate().year}-{number:06d}"
