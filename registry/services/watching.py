"""Comparing the structures of sources at regular times: each source on its own, and no failure counts as a change."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from registry.choices import Lifecycle, Occasion
from registry.connectors import SourceError
from registry.models import Connection, StructureWatch
from registry.services import drift, structure

TASK = "registry.tasks.compare_structure"
FAILURES_TOLD = 3  # in a row, before the operators are told, and told again only after it worked meanwhile


def enqueue_due() -> int:
    """Put one task into the queue for every source whose comparison is due; how many.

    Only sources that a person has read before: what is to be registered at all is for a person to say.
    """
    read_before = Connection.objects.filter(database__datasets__snapshots__isnull=False).distinct()
    for connection in read_before.filter(watch__isnull=True):
        StructureWatch.objects.get_or_create(connection=connection)
    due = StructureWatch.objects.filter(Q(next_at__isnull=True) | Q(next_at__lte=timezone.now()), is_on=True)
    due = due.exclude(connection__database__lifecycle=Lifecycle.RETIRED)
    return sum(_claim(watch) for watch in due.order_by("next_at", "pk"))


@transaction.atomic
def _claim(watch: StructureWatch) -> bool:
    """Take the comparison on, unless another worker was faster: the row is the truth, the task only wakes a worker."""
    later = timezone.now() + timedelta(minutes=watch.every_minutes)
    if not StructureWatch.objects.filter(pk=watch.pk, next_at=watch.next_at).update(next_at=later):
        return False
    async_task(TASK, watch.pk, group="structures")
    return True


def compare(*, watch: StructureWatch) -> structure.Report | None:
    """Compare one source with what was read of it; None where it could not be read, which the row then says."""
    connection = watch.connection
    try:
        report = structure.read(connection=connection, by=None, occasion=Occasion.SCHEDULE)
    except SourceError as error:
        _fail(watch, error)
        return None
    StructureWatch.objects.filter(pk=watch.pk).update(compared_at=timezone.now(), failures=0, message="")
    return report


@transaction.atomic
def _fail(watch: StructureWatch, error: SourceError) -> None:
    locked = StructureWatch.objects.select_for_update(of=("self",)).get(pk=watch.pk)
    locked.failures += 1
    locked.message = str(error)[:500]
    locked.save(update_fields=["failures", "message"])
    if locked.failures == FAILURES_TOLD:
        database = watch.connection.database
        page = reverse("admin:registry_structurewatch_change", args=[watch.pk])
        drift.tell_unreachable(database=database, failures=locked.failures, message=locked.message, path=page)
