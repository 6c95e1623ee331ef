"""What follows from a changed source: policies stop, the owner is told and reviews, and then they go on or end."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry import notice_kinds, structure_words, structures
from registry.choices import Review, Role
from registry.errors import RegistryRefusal
from registry.models import Database, Dataset, Membership, SchemaChange, SharingPolicy, Stewardship, User
from registry.permissions import DECIDE, HANDLE, people_named
from registry.services import notices, policies, records

BROKEN = notice_kinds.define(
    "source-broken",
    gettext_lazy("A source changed"),
    gettext_lazy(
        "“%(dataset)s” changed in its source, and %(policies)s sharing policies are suspended until you review it."
    ),
)
BROKEN_ELSEWHERE = notice_kinds.define(
    "source-broken-elsewhere",
    gettext_lazy("A source changed"),
    gettext_lazy(
        "“%(dataset)s” changed in its source, and %(policies)s sharing policies are suspended. Its owner was asked to review it."
    ),
)
REVIEWED = notice_kinds.define(
    "source-reviewed",
    gettext_lazy("A changed source was reviewed"),
    gettext_lazy("%(person)s reviewed the change of “%(dataset)s”."),
)
UNREACHABLE = notice_kinds.define(
    "source-not-compared",
    gettext_lazy("A source cannot be compared"),
    gettext_lazy("The structure behind “%(database)s” could not be read %(failures)s times in a row: %(message)s"),
)


def changes_of(change: SchemaChange) -> list[structures.Change]:
    return [structures.Change(**document) for document in change.changes]


def sentences_of(change: SchemaChange, *, breaking_only: bool = False) -> list[str]:
    """What changed, in words of the reader's language."""
    wanted = [one for one in changes_of(change) if one.is_breaking or not breaking_only]
    return [structure_words.sentence(one) for one in wanted]


def follow(*, change: SchemaChange) -> list[SharingPolicy]:
    """Record a change that was just found, and suspend the policies that it breaks; in the caller's transaction."""
    stopped = list(depending_policies(change)) if change.is_breaking else []
    now = timezone.now()
    SharingPolicy.objects.filter(pk__in=[policy.pk for policy in stopped]).update(
        suspended_at=now, suspended_by_change=change
    )
    records.record(
        action="registry.structure.change",
        thing=change,
        by=change.found_by,
        details={
            "dataset": change.dataset.code,
            "from": change.from_snapshot.version,
            "to": change.to_snapshot.version,
            "sha256": change.to_snapshot.digest,
            "breaking": change.is_breaking,
            "occasion": str(change.occasion),
            "suspended": sorted(str(policy.public_id) for policy in stopped),
        },
    )
    if stopped:
        told = {"dataset": change.dataset, "policies": len(stopped)}
        people = [*people_of_owner(change.dataset.database), *stewards_of(change.dataset)]
        notices.tell(kind=BROKEN, to=people, path=change.page, **told)
        others = [user for user in operators() if user not in people]
        notices.tell(kind=BROKEN_ELSEWHERE, to=others, path=change.page, **told)
    return stopped


def depending_policies(change: SchemaChange):
    """The policies, not over and not suspended yet, that share something which the change breaks."""
    found = SharingPolicy.objects.not_over().filter(dataset=change.dataset_id, suspended_at__isnull=True)
    if not change.touches_table:
        found = found.filter(policy_fields__field__name__in=change.columns).distinct()
    return found


def people_of_owner(database: Database) -> list[User]:
    """Those who work for the owner on this database today: its approvers and case officers."""
    named = {*people_named(DECIDE, database), *people_named(HANDLE, database)}
    works = set(
        Membership.objects.today()
        .filter(user__in=named, agency=database.owner_id, role__in=[Role.APPROVER, Role.CASE_OFFICER])
        .values_list("user", flat=True)
    )
    return sorted((user for user in named if user.pk in works), key=lambda user: user.pk)


def operators() -> list[User]:
    on_duty = Membership.objects.today().filter(role=Role.OPERATOR).values("user")
    return list(User.objects.filter(pk__in=on_duty, is_active=True).order_by("pk"))


def stewards_of(dataset: Dataset) -> list[User]:
    """Those who look after the dataset, or its whole database, today."""
    return list(User.objects.filter(pk__in=Stewardship.objects.today().over(dataset).values("user")).order_by("pk"))


def check_reviewer(*, change: SchemaChange, by: User) -> None:
    """Refuse whoever may not review: it takes the same as to say what the owner shares."""
    if not policies.may_keep(by, change.dataset):
        raise RegistryRefusal(
            "not-assigned",
            _("Only an approver of the owner who is assigned to decide for the database can review its changes."),
        )


def can_review(*, change: SchemaChange, by: User) -> bool:
    try:
        check_reviewer(change=change, by=by)
    except RegistryRefusal:
        return False
    return True


def check_reviewable(change: SchemaChange) -> None:
    if not change.is_breaking:
        raise RegistryRefusal("not-breaking", _("Nothing depends on this change: it needs no review."))
    if change.reviewed_at is not None:
        raise RegistryRefusal("reviewed", _("This change was already reviewed: %(change)s.") % {"change": change})


def review(*, change: SchemaChange, by: User, decision: Review, note: str) -> SchemaChange:
    """Decide about a breaking change, once: what it suspended goes on under the new version, or ends.

    A policy that another unreviewed change breaks, too, stays suspended for that one. Refusals are recorded.
    """
    try:
        with transaction.atomic():
            return _review(change, by, Review(decision), note.strip())
    except RegistryRefusal as refusal:
        records.record_refusal(model=SchemaChange, thing=change, by=by, error=refusal)
        raise


def _review(change: SchemaChange, by: User, decision: Review, note: str) -> SchemaChange:
    # Readers of the source and those who save policies take the same lock.
    Database.objects.select_for_update(of=("self",)).get(pk=change.dataset.database_id)
    locked = SchemaChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
    check_reviewer(change=locked, by=by)
    check_reviewable(locked)
    if not note:
        raise RegistryRefusal("reason-needed", _("State the reason."))
    locked.reviewed_at, locked.reviewed_by, locked.decision, locked.note = timezone.now(), by, decision, note
    locked.save(update_fields=["reviewed_at", "reviewed_by", "decision", "note"])
    settle = _resume if decision == Review.ACCEPT else _end
    outcome = {str(policy.public_id): settle(policy) for policy in locked.suspended_policies.order_by("pk")}
    records.record(
        action="registry.structure.review",
        thing=locked,
        by=by,
        agency=locked.dataset.database.owner,
        details={
            "dataset": locked.dataset.code,
            "version": locked.to_snapshot.version,
            "decision": str(decision),
            "policies": outcome,
        },
    )
    others = [user for user in people_of_owner(locked.dataset.database) if user != by]
    told = {"dataset": locked.dataset, "person": str(by)}
    notices.tell(kind=REVIEWED, to=others, path=locked.page, **told)
    return locked


def _resume(policy: SharingPolicy) -> str:
    still = next((other for other in _unreviewed(policy) if _breaks(other, policy)), None)
    policy.suspended_by_change = still
    policy.suspended_at = policy.suspended_at if still else None
    policy.save(update_fields=["suspended_at", "suspended_by_change"])
    return "still-suspended" if still else "resumed"


def _unreviewed(policy: SharingPolicy):
    return SchemaChange.objects.unreviewed().filter(dataset=policy.dataset_id).order_by("pk")


def _breaks(change: SchemaChange, policy: SharingPolicy) -> bool:
    return change.touches_table or policy.policy_fields.filter(field__name__in=change.columns).exists()


def _end(policy: SharingPolicy) -> str:
    """It stays suspended for good, and its last day is over."""
    yesterday = timezone.localdate() - timedelta(days=1)
    if policy.valid_to is None or policy.valid_to > yesterday:
        policy.valid_to = max(policy.valid_from, yesterday)
        policy.save(update_fields=["valid_to"])
    return "ended"


def tell_unreachable(*, database: Database, failures: int, message: str, path: str) -> None:
    """Tell the operators that a source was not compared several times in a row."""
    told = {"database": database, "failures": failures, "message": message}
    notices.tell(kind=UNREACHABLE, to=operators(), path=path, **told)


def open_changes(*, dataset: Dataset, names) -> list[SchemaChange]:
    """The unreviewed breaking changes of the dataset that concern one of these fields."""
    return list(
        SchemaChange.objects.unreviewed()
        .filter(dataset=dataset)
        .touching(names)
        .select_related("dataset")
        .order_by("pk")
    )
