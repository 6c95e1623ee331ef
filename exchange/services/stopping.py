"""What stops with an agreement: read before somebody suspends, revokes or gives it up, and again under the lock of the
move, whose entry in the ledger keeps the figures. It changes nothing."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from exchange import versions
from exchange.choices import Frequency
from exchange.models import Agreement, Delivery, Lookup
from exchange.models.agreements import USE
from exchange.states import DeliveryStatus
from registry import permissions
from registry.choices import PACKAGES, Mode, Role
from registry.models import Membership, User

LOOKUP_DAYS = 30
NAMED = 5  # people, systems and agreements that are called by name; of all others there is a number
MOST_FILES = 500  # files that are looked into one by one


@dataclass(frozen=True, slots=True)
class System:
    """A system of the consumer agency that looks records up by itself, and how often it did."""

    name: str
    lookups: int


@dataclass(frozen=True, slots=True)
class Stops:
    """What is there to stop at one moment."""

    mode: Mode
    is_repeated: bool  # packages can be ordered again and again
    running: int
    waiting: int
    packages: int  # delivered, and still to be downloaded
    lookups: int  # within the last LOOKUP_DAYS
    systems: list[System]  # those that made most of them
    system_count: int
    users: list[User]
    user_count: int
    following: list[Agreement]
    others: list[Agreement]  # between the same agencies, in force, and going on
    other_count: int

    @property
    def figures(self) -> dict:
        """As the ledger keeps it: numbers, no names."""
        return {
            "running": self.running,
            "waiting": self.waiting,
            "packages": self.packages,
            f"lookups_{LOOKUP_DAYS}_days": self.lookups,
            "systems": self.system_count,
            "users": self.user_count,
            "following": [one.version for one in self.following],
            "others_going_on": self.other_count,
        }


def read(agreement: Agreement) -> Stops:
    """What would stop with the agreement now. The number of queries does not grow with what hangs on it."""
    under_way = dict(agreement.deliveries.open().order_by().values_list("status").annotate(Count("pk")))
    asked = _lookups(agreement)
    systems = [System(name, count) for name, count, is_system in asked if is_system]
    users = permissions.people_named(USE, agreement)
    others = Agreement.objects.live().filter(consumer=agreement.consumer_id, provider=agreement.provider_id)
    others = others.exclude(code=agreement.code)
    return Stops(
        mode=Mode(agreement.mode),
        is_repeated=agreement.mode in PACKAGES and agreement.case.request.frequency != Frequency.ONCE,
        running=under_way.get(DeliveryStatus.STARTED, 0),
        waiting=under_way.get(DeliveryStatus.REQUESTED, 0),
        packages=_packages(agreement),
        lookups=sum(count for _name, count, _is_system in asked),
        systems=systems[:NAMED],
        system_count=len(systems),
        users=list(users.order_by("full_name", "pk")[:NAMED]),
        user_count=users.count(),
        following=list(versions.after(agreement)),
        others=list(others.select_related("dataset").order_by("code")[:NAMED]),
        other_count=others.count(),
    )


def _packages(agreement: Agreement) -> int:
    """The files that can be downloaded under it, with those of earlier versions that it still covers."""
    there = Delivery.objects.filter(
        agreement__code=agreement.code,
        agreement__version__lte=agreement.version,
        status=DeliveryStatus.COMPLETED,
        available_until__gt=timezone.now(),
    )
    own = there.filter(agreement=agreement).count()
    earlier = there.exclude(agreement=agreement).select_related("agreement").order_by("-pk")[:MOST_FILES]
    return own + sum(versions.covers(agreement, one) for one in earlier)


def _lookups(agreement: Agreement) -> list[tuple[str, int, bool]]:
    """Who looked records up lately, under any version: name, how often, and whether it is a system; most first."""
    is_system = Membership.objects.filter(user=OuterRef("by"), agency=agreement.consumer_id, role=Role.SYSTEM)
    since = timezone.now() - timedelta(days=LOOKUP_DAYS)
    lately = Lookup.objects.filter(agreement__code=agreement.code, asked_at__gte=since).order_by()
    counted = lately.annotate(is_system=Exists(is_system)).values("by", "by__full_name", "is_system")
    counted = counted.annotate(count=Count("pk")).order_by("-count", "by")
    return list(counted.values_list("by__full_name", "count", "is_system"))
