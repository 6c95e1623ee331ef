"""What waits for a person behind each page of the menu, for the tiles of the home page."""

from collections.abc import Callable

from django.db.models import F, QuerySet
from django.utils.translation import ngettext

from exchange.models import Delivery, ExchangeRequest, ReviewCase
from exchange.states import RequestStatus
from registry.models import User
from registry.services import waiting

DESK = (RequestStatus.SUBMITTED, RequestStatus.UNDER_REVIEW)


def _returned(user: User) -> QuerySet:
    return ExchangeRequest.objects.visible_to(user).filter(status=RequestStatus.RETURNED)


def _to_sign(user: User) -> QuerySet:
    return ExchangeRequest.objects.visible_to(user).to_be_signed_by(user)


def _running(user: User) -> QuerySet:
    return Delivery.objects.visible_to(user).open()


def _at_the_desk(user: User) -> QuerySet:
    # A request that came back about another owner's dataset no longer waits at the first owner's desk.
    here = F("request__dataset__database__owner")
    return ReviewCase.objects.visible_to(user).filter(request__status__in=DESK, provider=here)


WORK: dict[str, Callable[[User], QuerySet]] = {
    "exchange:request-list": _returned,
    "exchange:endorsement-list": _to_sign,
    "exchange:agreement-list": _running,
    "admin:exchange_reviewcase_changelist": _at_the_desk,
    "registry:stewardship": waiting.to_review,
}


def told(url_name: str, user: User) -> str:
    """How much waits behind the page, in words; empty where nothing does. One query."""
    count = WORK[url_name](user).count() if url_name in WORK else 0
    return _in_words(url_name, count) if count else ""


def _in_words(url_name: str, count: int) -> str:
    words = {
        "exchange:request-list": ngettext("%(count)s to correct", "%(count)s to correct", count),
        "exchange:endorsement-list": ngettext("%(count)s waits for you", "%(count)s wait for you", count),
        "exchange:agreement-list": ngettext("%(count)s delivery runs", "%(count)s deliveries run", count),
        "admin:exchange_reviewcase_changelist": ngettext("%(count)s waits", "%(count)s wait", count),
        "registry:stewardship": ngettext("%(count)s to review", "%(count)s to review", count),
    }
    return words[url_name] % {"count": count}
