"""Certificates of destruction as work that waits for people, and bringing those that are overdue before the owner."""

from django.db import transaction
from django.db.models import QuerySet

from evidence import ledger
from exchange import workflow
from exchange.models import Agreement, DestructionCertificate
from exchange.services import destruction, sweeping
from exchange.services import destruction_notices as telling
from registry.choices import Role
from registry.models import Agency, Membership, Notice, User


def to_prepare(user: User) -> QuerySet[Agreement]:
    """Owed by the agencies in which the person files or signs, and prepared by nobody yet."""
    works = Membership.objects.today().filter(user=user, role__in=[Role.REQUESTER, Role.ENDORSER])
    waiting = DestructionCertificate.objects.to_be_signed().values("agreement")
    return destruction.owing().filter(consumer__in=works.values("agency")).exclude(pk__in=waiting).for_lists()


def to_sign(user: User) -> QuerySet[DestructionCertificate]:
    signs = Membership.objects.today().filter(user=user, role=Role.ENDORSER).values("agency")
    found = DestructionCertificate.objects.to_be_signed().filter(agreement__consumer__in=signs)
    return found.exclude(prepared_by=user).for_lists().order_by("prepared_at", "pk")


def to_answer(databases: list[int]) -> QuerySet[DestructionCertificate]:
    """Signed, about data of databases on which somebody decides."""
    if not databases:
        return DestructionCertificate.objects.none()
    found = DestructionCertificate.objects.unanswered().filter(agreement__dataset__database__in=databases)
    return found.for_lists().order_by("signed_at", "pk")


def owed_to(databases: list[int]) -> QuerySet[Agreement]:
    """Owed by agencies that received data of databases on which somebody decides, the longest owed first: what is overdue
    stands before what is not."""
    if not databases:
        return Agreement.objects.none()
    return destruction.owing().filter(dataset__database__in=databases).for_lists()


def owed_by(consumer: Agency, provider: Agency) -> QuerySet[Agreement]:
    """What one agency owes another one, and should have given by now: for whoever decides on its next request."""
    return destruction.overdue().filter(consumer=consumer, provider=provider).select_related("dataset")


def tell_overdue() -> int:
    """Bring what is overdue before the owner's deciders, once for each version; of how many agreements."""
    told = set(Notice.objects.filter(kind=telling.OVERDUE.code).values_list("path", flat=True))
    rows = destruction.overdue().for_lists().iterator(chunk_size=500)
    return sweeping.each((row for row in rows if telling.owners_page(row) not in told), _tell_overdue)


@transaction.atomic
def _tell_overdue(agreement: Agreement) -> bool:
    workflow.lock(agreement)  # two sweeps tell once
    path = telling.owners_page(agreement)
    if Notice.objects.filter(kind=telling.OVERDUE.code, path=path).exists() or not telling.tell_overdue(agreement):
        return False
    ledger.record(
        action="certificate.overdue",
        actor=ledger.SYSTEM,
        subject=("agreement", agreement.code),
        correlation_id=workflow.correlation_of(agreement),
        details={"version": agreement.version, "kept_until": agreement.kept_until.isoformat()},
    )
    return True
