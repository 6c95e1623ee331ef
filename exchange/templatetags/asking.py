"""Whether the reader of a page can ask for a dataset, and who uses it already."""

from django.db.models import Count
from django.template import Context, Library
from django.utils.functional import Promise

from exchange import offers
from exchange.models import Agreement
from exchange.states import RequestStatus
from registry.choices import Purpose
from registry.models import Agency, Dataset

MOST_USERS = 200  # agencies and purposes on one page
NEVER_SENT = [RequestStatus.DRAFT, RequestStatus.PENDING_ENDORSEMENT, RequestStatus.EXPIRED]

register = Library()


@register.simple_tag(takes_context=True)
def obstacle_to_asking(context: Context, dataset: Dataset) -> str | Promise:
    """Why asking would be in vain, in words; empty where it is not."""
    user = context.get("user")
    agencies = offers.agencies_filed_for(user) if user and user.is_authenticated else []
    if not agencies:
        return offers.obstacle_for_anybody(dataset)
    return offers.obstacle_for_all(agencies, dataset)


@register.simple_tag
def users_of(dataset: Dataset) -> list[tuple]:
    """Which agencies may use the dataset today and for what: agency, purposes, number of agreements. Never a person."""
    live = Agreement.objects.live().filter(dataset=dataset).order_by().values("consumer", "purpose")
    found: dict[int, list] = {}
    for row in live.annotate(count=Count("pk"))[:MOST_USERS]:
        found.setdefault(row["consumer"], []).append((Purpose(row["purpose"]).label, row["count"]))
    agencies = Agency.objects.in_bulk(found)
    users = [(agencies[pk], [label for label, _n in uses], sum(n for _label, n in uses)) for pk, uses in found.items()]
    return sorted(users, key=lambda user: (-user[2], user[0].code))


@register.simple_tag
def times_asked(dataset: Dataset) -> int:
    """How many requests for the dataset were ever sent to its owner."""
    return dataset.requests.exclude(status__in=NEVER_SENT).count()
