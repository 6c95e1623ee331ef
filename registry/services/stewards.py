"""Appointing people who look after databases and datasets, and passing on what somebody leaves behind.

Who left is found from accounts, and from memberships in the owner or above it: who moves to another agency left, too.
What they looked after goes up: to the approvers of the owner, else to those of the agency above, and so on, else to the
operators. The new ones are told.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry import notice_kinds
from registry.choices import Role, StewardKind
from registry.errors import RegistryRefusal
from registry.models import Agency, Database, Dataset, Membership, Stewardship, User
from registry.models.people import Lineage
from registry.permissions import DECIDE, belongs_to_lineage, has_role, is_named, people_named
from registry.services import notices, people, records

logger = logging.getLogger(__name__)
TAKEN_OVER = notice_kinds.define(
    "stewardship-taken-over",
    gettext_lazy("Somebody left the data that they looked after"),
    gettext_lazy("%(former)s no longer looks after “%(thing)s”. It is with %(heir)s until somebody is appointed."),
)
KEEPERS = (StewardKind.EDITOR, StewardKind.MANAGER)
# What they say of a dataset; its laws, its access and its protection are said by others.
DESCRIBED = frozenset(
    {
        "title_vi",
        "title_en",
        "description",
        "description_en",
        "themes",
        "keywords",
        "landing_page",
        "contact_email",
        "spatial",
        "temporal_from",
        "temporal_to",
        "frequency",
        "update_frequency",
    }
)
LONGEST_WAY_UP = 20  # agencies above one another


def check_appointer(*, database: Database, by: User) -> None:
    """Refuse whoever is neither an approver who decides for the database nor an operator."""
    decides = has_role(by, Role.APPROVER, agency=database.owner) and is_named(by, DECIDE, database)
    if not decides and not has_role(by, Role.OPERATOR):
        raise RegistryRefusal(
            "not-an-appointer",
            _("Only an approver who is assigned to the database, or an operator, appoints its stewards."),
        )


@transaction.atomic
def appoint(
    *,
    kind: StewardKind,
    database: Database,
    dataset: Dataset | None = None,
    user: User | None = None,
    agency: Agency | None = None,
    by: User,
    valid_from=None,
    valid_to=None,
) -> Stewardship:
    """Let somebody of the owner, or of an agency above it, look after the database or one of its datasets."""
    check(database=database, dataset=dataset, user=user, by=by)
    stewardship = Stewardship.objects.create(
        kind=kind,
        database=database,
        dataset=dataset,
        user=user,
        agency=agency,
        valid_from=valid_from or timezone.localdate(),
        valid_to=valid_to,
        appointed_by=by,
    )
    _record("registry.stewardship.appoint", stewardship, by)
    return stewardship


def check(*, database: Database, dataset: Dataset | None, user: User | None, by: User) -> None:
    check_appointer(database=database, by=by)
    if dataset is not None and dataset.database_id != database.pk:
        raise RegistryRefusal("other-database", _("This dataset belongs to another database."))
    if user is not None:
        people.check_not_oneself(user, by)
        if not user.is_active or not belongs_to_lineage(user, database.owner):
            raise RegistryRefusal(
                "not-of-the-owner", _("A steward works for the owner of the database, or for an agency above it.")
            )


@transaction.atomic
def end(*, stewardship: Stewardship, last_day, by: User | None) -> Stewardship:
    """Move the last day. What began later than that counts for that day only: the row stays, as evidence does."""
    if by is not None:
        check_appointer(database=stewardship.database, by=by)
    stewardship.valid_to = last_day
    stewardship.valid_from = min(stewardship.valid_from, last_day)
    stewardship.save(update_fields=["valid_from", "valid_to"])
    _record("registry.stewardship.end", stewardship, by)
    return stewardship


def entrusted_to(user: User, *, kinds: Iterable[StewardKind] = KEEPERS) -> QuerySet[Dataset]:
    """The datasets whose descriptions the person keeps today, as `may_describe` says of each; or looks after otherwise."""
    if not user.is_active:
        return Dataset.objects.none()
    works_for = list(Membership.objects.today().filter(user=user).values_list("agency", flat=True))
    held = (
        Stewardship.objects.today()
        .filter(user=user, kind__in=kinds)
        .annotate(above=Lineage("database__owner"))
        .filter(above__overlap=works_for)
    )
    return Dataset.objects.filter(
        Q(pk__in=held.filter(dataset__isnull=False).values("dataset"))
        | Q(database__in=held.filter(dataset=None).values("database"))
    )


def may_describe(user: User, dataset: Dataset) -> bool:
    """Whether the person keeps the description: as its editor or manager, while working for the owner or above it."""
    if not Stewardship.objects.today().over(dataset).filter(user=user, kind__in=KEEPERS).exists():
        return False
    return user.is_active and belongs_to_lineage(user, dataset.database.owner) is not None


def left_behind() -> QuerySet[Stewardship]:
    """In force today, of people whose account is closed or who work neither for the owner nor above it any more,
    whatever else they do, and of closed agencies. What came to an operator stays there until somebody is appointed."""
    works = Membership.objects.today().filter(user=OuterRef("user"))
    works_there = Q(above__overlap=F("works_for")) | Q(
        Exists(works.filter(role=Role.OPERATOR)), taken_over_from__isnull=False
    )
    gone = Q(user__isnull=False) & (Q(user__is_active=False) | ~works_there)
    return (
        Stewardship.objects.today()
        .annotate(above=Lineage("database__owner"), works_for=ArraySubquery(works.values("agency")))
        .filter(gone | Q(agency__is_active=False))
        .select_related("user", "agency", "database__owner__parent", "dataset")
        .order_by("pk")
    )


def pass_on_left() -> int:
    """Give everything that was left behind to those above, each on its own; how much it was."""
    passed_on = 0
    for one in left_behind():
        try:
            passed_on += pass_on(stewardship=one) is not None
        except IntegrityError as error:  # of this row: the others have their turn
            logger.error("stewardship %s is not passed on: %s", one.pk, type(error).__name__)
    return passed_on


@transaction.atomic
def pass_on(*, stewardship: Stewardship) -> Stewardship | None:
    """One stewardship from who left to who takes over; None where somebody was faster, or nobody is left at all."""
    locked = Stewardship.objects.select_for_update(of=("self",), skip_locked=True)
    stewardship = left_behind().filter(pk__in=locked.filter(pk=stewardship.pk)).first()
    heirs = heirs_of(stewardship.database) if stewardship else []
    if not heirs:
        return None
    heir = next((one for one in _least_busy_first(heirs) if not _has_already(one, stewardship)), None)
    yesterday = timezone.localdate() - timedelta(days=1)
    end(stewardship=stewardship, last_day=yesterday, by=None)
    taken = None
    if heir is not None:
        taken = Stewardship.objects.create(
            kind=stewardship.kind,
            database=stewardship.database,
            dataset=stewardship.dataset,
            user=heir,
            valid_from=timezone.localdate(),
            taken_over_from=stewardship,
        )
        _record("registry.stewardship.take-over", taken, None)
    notices.tell(
        kind=TAKEN_OVER,
        to=heirs,  # all of the unit: who got it may be away
        path=reverse("registry:stewardship"),
        heir=str(heir or ", ".join(map(str, heirs))),
        former=str(stewardship.user or stewardship.agency),
        thing=stewardship.thing,
    )
    return taken or stewardship


def _least_busy_first(heirs: list[User]) -> list[User]:
    """By how much they look after today, so that one does not get all that is left behind."""
    held = Stewardship.objects.today().filter(user__in=heirs).order_by()
    counts = dict(held.values_list("user").annotate(count=Count("pk")))
    return sorted(heirs, key=lambda heir: (counts.get(heir.pk, 0), heir.pk))


def _has_already(user: User, stewardship: Stewardship) -> bool:
    """Today or later: the same is given once a day."""
    same = {"database": stewardship.database, "dataset": stewardship.dataset, "kind": stewardship.kind}
    return Stewardship.objects.filter(user=user, **same).exclude(valid_to__lt=timezone.localdate()).exists()


def heirs_of(database: Database) -> list[User]:
    """The approvers of the owner, else of the nearest agency above that has any, else the operators."""
    agency = database.owner
    for _step in range(LONGEST_WAY_UP):
        approvers = _active(Membership.objects.today().filter(agency=agency, role=Role.APPROVER))
        if approvers or agency.parent is None:
            break
        agency = agency.parent
    return approvers or _active(Membership.objects.today().filter(role=Role.OPERATOR))


def _active(memberships: QuerySet[Membership]) -> list[User]:
    return list(User.objects.filter(is_active=True, pk__in=memberships.values("user")).order_by("pk"))


def approvers_of(database: Database) -> QuerySet[User]:
    """The approver stewards: those with the duty to decide and the role for it today. There is no second list."""
    return people_named(DECIDE, database).filter(pk__in=people.candidates(DECIDE, database).values("pk"))


def shown_to(user, database: Database, dataset: Dataset | None = None) -> list[Stewardship]:
    """Who looks after it today, for a reader: everybody sees whom to ask, people with an account see the others too."""
    found = Stewardship.objects.today().filter(database=database).filter(Q(dataset=None) | Q(dataset=dataset))
    if not user.is_authenticated:
        found = found.filter(kind=StewardKind.CONTACT)
    return list(found.select_related("user", "agency"))


def _record(action: str, stewardship: Stewardship, by: User | None) -> None:
    records.record(
        action=action,
        thing=stewardship.thing,
        by=by,
        details={
            "kind": str(stewardship.kind),
            "user": str(stewardship.user.public_id) if stewardship.user else None,
            "agency": stewardship.agency.code if stewardship.agency else None,
            "from": records.plain(stewardship.valid_from),
            "to": records.plain(stewardship.valid_to),
        },
    )
