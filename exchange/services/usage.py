"""Who made use of an agreement since a moment, under whatever version: for whoever has to say that it is still needed."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from evidence.models import Entry, Outcome
from exchange import versions
from exchange.models import Agreement, Attestation, Delivery, Lookup
from exchange.models.agreements import USE
from exchange.states import DeliveryStatus
from registry import permissions
from registry.models import Membership, User

MOST_NAMED = 50  # users who are listed; of the others there is a number


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom the agreement names: what they did under it, and whether they still work in the agency."""

    user: User
    lookups: int
    orders: int
    works: bool

    @property
    def is_idle(self) -> bool:
        return not self.lookups and not self.orders


@dataclass(frozen=True, slots=True)
class Usage:
    """What was done under an agreement since it was confirmed last, or else since it began."""

    since: datetime
    lookups: int
    deliveries: int
    named: list[Named]
    more: int  # named users who are not listed
    taken_off: list[User]  # who left the agency and was taken off by the portal

    @property
    def is_none(self) -> bool:
        return not self.lookups and not self.deliveries


def read(agreement: Agreement) -> Usage:
    """As it is now. The number of queries does not grow with users, look-ups and deliveries."""
    since = _since(agreement)
    lookups = _by_person(Lookup.objects.filter(agreement__code=agreement.code, asked_at__gte=since), "by")
    ordered = Delivery.objects.filter(agreement__code=agreement.code, requested_at__gte=since)
    orders = _by_person(ordered, "requested_by")
    people = permissions.people_named(USE, agreement)
    listed = list(people.order_by("full_name", "pk")[:MOST_NAMED])
    working = Membership.objects.today().filter(agency=agreement.consumer, user__in=listed)
    works = set(working.values_list("user", flat=True))
    return Usage(
        since=since,
        lookups=sum(lookups.values()),
        deliveries=ordered.filter(status=DeliveryStatus.COMPLETED).count(),
        named=[
            Named(user, lookups.get(user.pk, 0), orders.get(user.pk, 0), user.is_active and user.pk in works)
            for user in listed
        ],
        more=people.count() - len(listed),
        taken_off=_taken_off(agreement, since),
    )


def _since(agreement: Agreement) -> datetime:
    last = Attestation.objects.filter(agreement__code=agreement.code).order_by("-pk").first()
    return last.confirmed_at if last else versions.versions_of(agreement).earliest("version").agreed_at


def _by_person(rows, field: str) -> dict[int, int]:
    return dict(rows.exclude(**{field: None}).order_by().values_list(field).annotate(Count("pk")))


def _taken_off(agreement: Agreement, since: datetime) -> list[User]:
    """Those whom the portal took off because they left. Whom a signatory took off, the signatories know."""
    withdrawn = Entry.objects.about("agreement", agreement.code).filter(
        action="access.withdraw", actor="system", outcome=Outcome.SUCCESS, at__gte=since
    )
    left = {
        json.loads(details)["to"]
        for details in withdrawn.order_by("-sequence").values_list("details", flat=True)[:MOST_NAMED]
    }
    return list(User.objects.filter(public_id__in=left).order_by("full_name", "pk"))
