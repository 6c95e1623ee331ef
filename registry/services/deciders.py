"""Databases for which nobody can decide: found from duties, roles and accounts; those who can mend it are told once."""

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from registry import notice_kinds
from registry.choices import Lifecycle, Role
from registry.models import Database, Membership, User
from registry.models.people import Lineage
from registry.permissions import DECIDE, has_role, namings
from registry.services import notices, records, stewards

NOBODY_DECIDES = notice_kinds.define(
    "nobody-decides",
    gettext_lazy("Nobody can decide on requests for a database"),
    gettext_lazy(
        "“%(database)s” of %(owner)s has nobody who decides. It needs an approver of its owner whom an operator assigns."
    ),
)


def undecided() -> QuerySet[Database]:
    """Databases in use for which no active approver of the owner has the duty to decide today."""
    named = namings(DECIDE, Database).filter(
        user=OuterRef("user"), object_pk=Cast(OuterRef(OuterRef("pk")), CharField())
    )
    deciding = Membership.objects.today().filter(
        Exists(named), agency=OuterRef("owner"), role=Role.APPROVER, user__is_active=True
    )
    return Database.objects.filter(~Exists(deciding), lifecycle=Lifecycle.ACTIVE).select_related("owner")


def undecided_for(user: User) -> QuerySet[Database] | None:
    """Those that the person can do something about: an operator all, an approver those at or below the own agency."""
    if has_role(user, Role.OPERATOR):
        return undecided()
    own = Membership.objects.today().filter(user=user, role=Role.APPROVER).values_list("agency", flat=True)
    if not own:
        return None
    return undecided().annotate(lineage=Lineage("owner")).filter(lineage__overlap=list(own))


def tell_undecided() -> int:
    """Tell of each database that has nobody who decides, once until it has somebody again; of how many."""
    for database in Database.objects.filter(undecided_since__isnull=False).exclude(pk__in=undecided().values("pk")):
        _over(database)
    return sum(_begun(database) for database in undecided().filter(undecided_since__isnull=True))


@transaction.atomic
def _begun(database: Database) -> bool:
    own = undecided().filter(pk=database.pk, undecided_since__isnull=True)
    if not own.update(undecided_since=timezone.now()):
        return False
    operators = User.objects.filter(
        is_active=True, pk__in=Membership.objects.today().filter(role=Role.OPERATOR).values("user")
    )
    notices.tell(
        kind=NOBODY_DECIDES,
        to=[*stewards.heirs_of(database), *operators],
        path=reverse("registry:stewardship"),
        database=database,
        owner=database.owner,
    )
    records.record(action="registry.database.undecided", thing=database, by=None)
    return True


@transaction.atomic
def _over(database: Database) -> None:
    own = Database.objects.filter(pk=database.pk, undecided_since__isnull=False)
    if own.update(undecided_since=None):
        records.record(action="registry.database.decided", thing=database, by=None)
