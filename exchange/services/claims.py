"""Claims of case officers: alive while something happens in the case."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from exchange.models import Decision, ReviewCase
from exchange.services import deadlines
from exchange.states import RequestStatus
from exchange.terms import Term
from registry.choices import Role
from registry.models import Membership


def _idle_since() -> datetime:
    """Claims in which nothing happened after this moment have lapsed."""
    return deadlines.moment_back(deadlines.working_days_of(Term.CLAIM_LIFE))


def is_idle(case: ReviewCase) -> bool:
    """Whether nothing happened in the case for the days of a claim: neither advice nor a lengthened term."""
    since = _idle_since()
    moments = [case.claimed_at, case.extended_at]
    moments.append(case.advice.order_by("-made_at").values_list("made_at", flat=True).first())
    return all(moment is None or moment < since for moment in moments)


def lapsed() -> QuerySet[ReviewCase]:
    """Cases under review that may have to be freed: each is looked at once more on its locked row."""
    officers = Membership.objects.today().filter(
        user=OuterRef("claimed_by"), agency=OuterRef("provider"), role=Role.CASE_OFFICER, user__is_active=True
    )
    voted = Decision.objects.live().filter(case=OuterRef("pk"))
    here = F("request__dataset__database__owner")
    under_review = ReviewCase.objects.filter(
        request__status=RequestStatus.UNDER_REVIEW, provider=here, claimed_by__isnull=False
    )
    worthless = Q(claimed_at__lt=_idle_since()) | ~Exists(officers) | Q(request__recusals__person=F("claimed_by"))
    return under_review.filter(worthless).exclude(Exists(voted)).select_related("request").order_by("pk").distinct()
