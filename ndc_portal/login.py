"""From where somebody signs in, and how often it may go wrong from there."""

from ipaddress import ip_address

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address of whoever asks.

    Behind the proxy it is the last one of X-Forwarded-For, which the proxy wrote; those before it are the caller's words.
    """
    own = request.META.get("REMOTE_ADDR", "")
    if not settings.BEHIND_TLS_PROXY:
        return own
    last = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(last))
    except ValueError:
        return own


class AttemptHandler(AxesDatabaseHandler):
    """Besides one account from one address: one address, whatever accounts it tries."""

    def is_locked(self, request: HttpRequest, credentials: dict | None = None) -> bool:
        return super().is_locked(request, credentials) or self._is_spraying(request)

    def _is_spraying(self, request: HttpRequest) -> bool:
        since = get_cool_off_threshold(request)
        attempts = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=since)
        failures = attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
        return failures >= settings.LOGIN_FAILURES_PER_ADDRESS
