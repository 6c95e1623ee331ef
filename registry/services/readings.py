"""Reading the structure of a source because a person asks for it: a worker does it, and the row says how it went."""

import dataclasses
import logging
import traceback
from datetime import timedelta

from django.db import OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.tasks import async_task

from registry import notice_kinds
from registry.choices import WorkState
from registry.connectors import SourceError
from registry.models import Connection, StructureReading, User
from registry.services import notices, queued, records, structure

logger = logging.getLogger(__name__)

READ = notice_kinds.define(
    "registry.reading.over",
    gettext_lazy("The structure of a database was read"),
    gettext_lazy("%(database)s: the structure you asked for was read. See what was found."),
)
FAILED = notice_kinds.define(
    "registry.reading.failed",
    gettext_lazy("The structure of a database could not be read"),
    gettext_lazy("%(database)s: %(message)s"),
)
TASK = "registry.tasks.read_structure"
MAX_ATTEMPTS = 3
LOST_AFTER = timedelta(minutes=10)  # a worker that takes longer has died; 500 tables take seconds
SECRET_NAMES_KEPT = timedelta(days=1)  # of tables left out as state secrets: for who asked, and then no more
NAMES_KEPT = 100  # of each list in the result: the datasets themselves are in their own list


def ask(*, connection: Connection, by: User) -> StructureReading:
    """Ask for a reading; while one is under way, that one is returned, which may be somebody else's."""
    with transaction.atomic():
        connection = Connection.objects.select_for_update(of=("self",)).select_related("database").get(pk=connection.pk)
        under_way = connection.readings.open().first()
        if under_way:
            return under_way
        reading = StructureReading.objects.create(connection=connection, asked_by=by)
        details = {"reading": str(reading.public_id)}
        records.record(action="registry.structure.ask", thing=connection.database, by=by, details=details)
        nudge(reading)
    return reading


def nudge(reading: StructureReading) -> None:
    """Put it into the queue, in the caller's transaction: the row is the truth, the task only wakes a worker."""
    async_task(TASK, reading.pk, group="structures")


def nudge_due() -> int:
    """Put what waits, or was left behind by a worker that was lost, back into the queue; how many."""
    due = list(_due().exclude(pk__in=queued.ids_waiting(TASK)))
    for reading in due:
        nudge(reading)
    return len(due)


def forget_secret_names() -> int:
    """Take the names of tables that are state secrets out of results that were there to be read for a day."""
    old = StructureReading.objects.filter(
        finished_at__lte=timezone.now() - SECRET_NAMES_KEPT, report__secret_count__gt=0
    ).exclude(report__secret=[])
    for reading in old:
        reading.report["secret"] = []
        reading.save(update_fields=["report"])
    return len(old)


def work(reading_id: int) -> None:
    """Read the source if that is due and nobody else does; safe to call twice and to crash anywhere."""
    reading = _claim(reading_id)
    if reading is None:
        return
    try:
        report = structure.read(connection=reading.connection, by=reading.asked_by)
    except SourceError as error:
        _end(reading, WorkState.FAILED, message=str(error)[:500])
    except OperationalError:  # such as a deadlock in the registry: the sweep brings it back
        _own(reading).update(state=WorkState.QUEUED)
    except Exception as error:
        # The text of an unknown error may hold what the source said, so only its kind and place are kept.
        place = "".join(traceback.format_tb(error.__traceback__))
        logger.error("reading %s: %s\n%s", reading.pk, type(error).__name__, place)
        sentence = _(
            "An error of the portal stopped it; it has been logged. Try again, or tell the portal's operators."
        )
        _end(reading, WorkState.FAILED, message=sentence)
    else:
        _end(reading, WorkState.DONE, report=_kept(report))


def _due() -> QuerySet:
    lost = Q(state=WorkState.RUNNING, started_at__lte=timezone.now() - LOST_AFTER)
    return StructureReading.objects.filter(Q(state=WorkState.QUEUED) | lost)


def _claim(reading_id: int) -> StructureReading | None:
    due = _due().filter(pk=reading_id)
    claimed = due.filter(attempt__lt=MAX_ATTEMPTS)
    found = StructureReading.objects.select_related("connection__database", "asked_by")
    if claimed.update(state=WorkState.RUNNING, attempt=F("attempt") + 1, started_at=timezone.now()):
        return found.get(pk=reading_id)
    worn_out = due.filter(attempt__gte=MAX_ATTEMPTS).first()
    if worn_out:
        _end(found.get(pk=worn_out.pk), WorkState.FAILED, message=str(_("Given up after too many attempts.")))
    return None


def _own(reading: StructureReading) -> QuerySet:
    """The row, unless another worker took it over meanwhile."""
    return StructureReading.objects.open().filter(pk=reading.pk, attempt=reading.attempt)


@transaction.atomic
def _end(reading: StructureReading, state: WorkState, **values) -> None:
    if not _own(reading).update(state=state, finished_at=timezone.now(), **values):
        return
    notices.tell(
        kind=READ if state == WorkState.DONE else FAILED,
        to=[reading.asked_by],
        path=reverse("admin:registry_connection_change", args=[reading.connection_id]),
        database=reading.connection.database,
        **({} if state == WorkState.DONE else {"message": values["message"]}),
    )


def _kept(report: structure.Report) -> dict:
    """Numbers of all, names of the first ones."""
    found = dataclasses.asdict(report)
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    return (
        found
        | {name: value[:NAMES_KEPT] for name, value in lists.items()}
        | {f"{name}_count": len(value) for name, value in lists.items()}
    )
