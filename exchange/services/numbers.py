"""Public numbers of requests, agreements and deliveries, taken from database sequences: unique, never reused."""

from django.db import connection
from django.utils import timezone

REQUEST, JOINT, AGREEMENT, DELIVERY = (
    ("YC", "exchange_request_code"),
    ("YG", "exchange_joint_code"),
    ("TT", "exchange_agreement_code"),
    ("GN", "exchange_delivery_code"),
)


def take(kind: tuple[str, str]) -> str:
    """For instance YC-2026-000042: yêu cầu, yêu cầu gộp, thỏa thuận or giao nhận; the year; a running number."""
    prefix, sequence = kind
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [sequence])
        (number,) = cursor.fetchone()
    return f"{prefix}-{timezone.localdate().year}-{number:06d}"
