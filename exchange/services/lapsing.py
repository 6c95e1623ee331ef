"""Closing what nobody acts on: drafts, returns and offers."""

from django.db.models import QuerySet

from exchange import workflow
from exchange.models import ExchangeRequest
from exchange.services import deadlines, sweeping
from exchange.states import RequestStatus
from exchange.terms import Term


def lapse_stale() -> int:
    """Close drafts, returns and offers that nobody touched for long; how many."""
    drafts = neglected(deadlines.working_days_of(Term.DRAFT_LIFE))
    offer_end = deadlines.moment_back(deadlines.working_days_of(Term.OFFER_LIFE))
    offers = ExchangeRequest.objects.filter(
        status=RequestStatus.OFFERED, cases__decisions__made_at__lt=offer_end
    ).exclude(cases__decisions__made_at__gte=offer_end)
    return sweeping.each([*drafts[:500], *offers.distinct()[:500]], _lapse)


def neglected(working_days: int) -> QuerySet[ExchangeRequest]:
    """Drafts and returns in which nothing happened for so many working days.

    Waiting for a signature or for the owner is no neglect: the time counts from the last thing that happened.
    """
    since = deadlines.moment_back(working_days)
    lying = ExchangeRequest.objects.filter(
        status__in=[RequestStatus.DRAFT, RequestStatus.RETURNED], edited_at__lt=since
    )
    return lying.exclude(revisions__proposed_at__gte=since).exclude(cases__decisions__made_at__gte=since)


def _lapse(request: ExchangeRequest) -> None:
    with workflow.making("lapse", request, by=None):
        pass
