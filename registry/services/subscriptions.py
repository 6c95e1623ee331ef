"""Telling people what changed in that which they follow: from the rows of the history, at most once a day and subject."""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry import catalogue, notice_kinds
from registry.choices import Operation
from registry.errors import RegistryRefusal
from registry.models import Agency, Database, Dataset, Field, RegistryChange, SharingPolicy, Subscription, User
from registry.services import notices
from registry.services.history import PUBLIC_FIELDS

CHANGED = notice_kinds.define(
    "registry.subscription.changed",
    gettext_lazy("Something that you follow has changed"),
    gettext_lazy(
        "“%(subject)s”: %(datasets)s datasets changed (description: %(description)s, structure: %(structure)s, "
        "sharing policies: %(policy)s, state: %(state)s)."
    ),
)
MOST_EACH = 200  # subscriptions of one person
DESCRIPTION, STRUCTURE, POLICY, STATE = KINDS = ("description", "structure", "policy", "state")
TABLES = {model._meta.db_table: model for model in (Dataset, Field, SharingPolicy, Database)}
STATES = {"is_published", "removed_at", "lifecycle"}
OF_FIELDS = {"name", "native_type", "kind", "nullable", "is_key", "removed_at"}
DESCRIBED = (set(PUBLIC_FIELDS) | {"name_vi", "name_en", "contact", "legal_basis"}) - STATES


class Seen(NamedTuple):
    """One change: in which transaction, of which dataset, and what of it."""

    transaction: int
    dataset: int
    kind: str


@transaction.atomic
def subscribe(*, user: User, subject: Dataset | Database | Agency | str) -> Subscription:
    """Follow something from now on; following twice is following once."""
    User.objects.select_for_update().get(pk=user.pk)
    name = "words" if isinstance(subject, str) else subject._meta.model_name
    target = {"dataset": None, "database": None, "agency": None, "words": "", name: subject}
    if found := Subscription.objects.filter(
        user=user,
        **{f"{key}__isnull" if value is None else key: value is None or value for key, value in target.items()},
    ).first():
        return found
    if Subscription.objects.filter(user=user).count() >= MOST_EACH:
        raise RegistryRefusal("too-many", _("You follow as much as one person can. End something first."))
    return Subscription.objects.create(user=user, seen_to=_settled(), **target)


def unsubscribe(*, subscription: Subscription) -> None:
    subscription.delete()


@transaction.atomic
def tell(*, day: date | None = None) -> int:
    """Tell everybody to whom something is due, and remember up to where it was looked; how many notices were left."""
    day, upto = day or timezone.localdate(), _settled()
    due = list(
        Subscription.objects.due(day)
        .filter(seen_to__lt=upto)
        .with_subject()
        .select_related("user")
        .select_for_update(of=("self",), skip_locked=True)
    )
    if not due:
        return 0
    changes = _changes(min(one.seen_to for one in due), upto)
    public = {
        row["pk"]: row
        for row in Dataset.objects.published()
        .filter(pk__in={change.dataset for change in changes})
        .values("pk", "database", "database__owner")
    }
    told = 0
    for one in due:
        counted = _counted(one, changes, public)
        if counted:
            notices.tell(kind=CHANGED, to=[one.user], path=_page(one), subject=one.subject, **counted)
            one.told_on = day
            told += 1
        one.seen_to = upto
    Subscription.objects.bulk_update(due, ["seen_to", "told_on"], batch_size=500)
    return told


def _settled() -> int:
    """The first transaction that may still write: what came before it can no longer change."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return cursor.fetchone()[0]


def _changes(since: int, upto: int) -> list[Seen]:
    """What changed in datasets, by transaction."""
    rows = RegistryChange.objects.filter(transaction__gte=since, transaction__lt=upto, table_name__in=TABLES)
    found, of_database = [], defaultdict(list)
    by_table = defaultdict(list)
    for row in rows.order_by("id").values_list("transaction", "table_name", "row_id", "operation", "values"):
        by_table[row[1]].append(row)
    for number, _table, row_id, operation, values in by_table[Dataset._meta.db_table]:
        found += [Seen(number, row_id, kind) for kind in _kinds_of_dataset(operation, values)]
    for model, kind in ((Field, STRUCTURE), (SharingPolicy, POLICY)):
        lines = by_table[model._meta.db_table]
        datasets = dict(model.objects.filter(pk__in={line[2] for line in lines}).values_list("pk", "dataset"))
        for number, _table, row_id, operation, values in lines:
            if row_id in datasets:
                said = kind if model is SharingPolicy or _is_structural(operation, values) else DESCRIPTION
                found.append(Seen(number, datasets[row_id], said))
    for number, _table, row_id, _operation, values in by_table[Database._meta.db_table]:
        of_database[row_id] += [(number, kind) for kind in _kinds(values)]
    for pk, database in Dataset.objects.filter(database__in=of_database).values_list("pk", "database"):
        found += [Seen(number, pk, kind) for number, kind in of_database[database]]
    return found


def _kinds_of_dataset(operation: str, values: dict) -> set[str]:
    if operation != Operation.UPDATE:
        return {STATE}
    return _kinds(values)


def _kinds(values: dict) -> set[str]:
    columns = {name.removesuffix("_id") for name in values}
    return ({STATE} if STATES & columns else set()) | ({DESCRIPTION} if DESCRIBED & columns else set())


def _is_structural(operation: str, values: dict) -> bool:
    return operation != Operation.UPDATE or bool(OF_FIELDS & set(values))


def _counted(one: Subscription, changes: list[Seen], public: dict[int, dict]) -> dict[str, int] | None:
    """How many datasets changed in which way; None where nothing did that the person follows and may read about."""
    of_kind = defaultdict(set)
    for change in changes:
        if change.transaction >= one.seen_to and _follows(one, change, public):
            of_kind[change.kind].add(change.dataset)
    datasets = set().union(*of_kind.values())
    if one.words and datasets:
        datasets &= set(catalogue.listing(q=one.words).filter(pk__in=datasets).order_by().values_list("pk", flat=True))
    counts = {kind: len(of_kind[kind] & datasets) for kind in KINDS}
    return {"datasets": len(datasets), **counts} if datasets else None


def _follows(one: Subscription, change: Seen, public: dict[int, dict]) -> bool:
    row = public.get(change.dataset)
    if row is None:  # no longer to be read about: who followed it learns that, and no more
        return one.dataset_id == change.dataset and change.kind == STATE
    if one.dataset_id or one.database_id:
        return change.dataset == one.dataset_id or row["database"] == one.database_id
    return one.agency_id is None or row["database__owner"] == one.agency_id


def _page(one: Subscription) -> str:
    if one.words:
        return f"{reverse('registry:catalogue')}?{urlencode({'q': one.words})}"[:500]
    return reverse(f"registry:{one.subject._meta.model_name}-detail", args=[one.subject.code])
