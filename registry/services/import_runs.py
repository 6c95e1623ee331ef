"""Carrying out a confirmed import, batch by batch: each batch with its results and its evidence is one transaction.

A batch belongs to whoever claimed the import last, so that two workers, or one that comes back, change nothing twice.
"""

import logging
import traceback
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Model, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.tasks import async_task

from registry import notice_kinds
from registry.choices import ImportState, RowOutcome
from registry.errors import RegistryRefusal
from registry.metadata_sheets import SHEETS, Reading, Sheet, parsed, plain_key
from registry.models import MetadataImport, User
from registry.services import history, imports, notices, queued, records
from registry.services.imports import BATCH, Refused

logger = logging.getLogger(__name__)

OVER = notice_kinds.define(
    "registry.import.over",
    gettext_lazy("An import of metadata is over"),
    gettext_lazy("“%(file)s”: %(applied)s rows changed, %(left)s left out."),
)
TASK = "registry.tasks.apply_import"
AT_ONCE = BATCH  # rows that are changed while the person waits: one batch
MAX_ATTEMPTS = 5
LOST_AFTER = timedelta(minutes=2)  # without a sign of work; a batch takes about a second


class Stopped(Exception):
    """Somebody else has taken the import over."""


def confirm(*, staged: MetadataImport, by: User, reason: str) -> MetadataImport:
    """Change what the file says: a few rows at once, many by a worker. Raises RegistryRefusal."""
    with transaction.atomic():
        staged = MetadataImport.objects.select_for_update(of=("self",)).get(pk=staged.pk)
        if staged.uploaded_by_id != by.pk:
            raise RegistryRefusal("not-yours", _("Only who uploaded a file can confirm it."))
        if not staged.is_open:
            raise RegistryRefusal("not-open", _("This import is over. Upload the file again."))
        if not reason.strip():
            raise RegistryRefusal("reason-needed", _("Say why these rows are to change."))
        staged.state, staged.confirmed_at = ImportState.QUEUED, timezone.now()
        staged.reason = reason.strip()[: history.LONGEST_REASON]
        staged.rows_total = staged.counts.get(RowOutcome.CHANGE, 0)
        staged.save(update_fields=["state", "confirmed_at", "reason", "rows_total"])
        records.record(action="registry.metadataimport.confirm", thing=staged, by=by, details=_told(staged))
        is_large = staged.rows_total > AT_ONCE
        if is_large:
            nudge(staged)
    if not is_large:
        work(staged.pk)
        staged.refresh_from_db()
    return staged


def nudge(staged: MetadataImport) -> None:
    """Put it into the queue, in the caller's transaction: the row is the truth, the task only wakes a worker."""
    async_task(TASK, staged.pk, group=f"import-{staged.pk}")


def nudge_due() -> int:
    """Put what waits, or was left behind by a worker that was lost, back into the queue; how many."""
    due = list(_due().exclude(pk__in=queued.ids_waiting(TASK)).defer("rows"))
    for staged in due:
        nudge(staged)
    return len(due)


def work(import_id: int) -> None:
    """Carry the import out if it is due and nobody else does; safe to call twice and to crash anywhere."""
    attempt = _claim(import_id)
    if attempt is None:
        return
    own = MetadataImport.objects.filter(pk=import_id, state=ImportState.RUNNING, attempt=attempt)
    try:
        while _batch(own):
            pass
    except Stopped:
        logger.info("import %s: somebody else took it over", import_id)
    except OperationalError:  # such as a deadlock: the sweep brings it back, as often as attempts are left
        own.update(state=ImportState.QUEUED)
    except Exception as error:
        # The text of an unknown error may hold values, so only its kind and place are kept.
        logger.error(
            "import %s: %s\n%s", import_id, type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
        )
        _fail(own, type(error).__name__)


def _due() -> QuerySet:
    lost = Q(state=ImportState.RUNNING, worked_at__lte=timezone.now() - LOST_AFTER)
    return MetadataImport.objects.filter(Q(state=ImportState.QUEUED) | lost)


def _claim(import_id: int) -> int | None:
    """The number of the attempt, recorded before the work; None where there is nothing to do (any more)."""
    due = _due().filter(pk=import_id)
    claimed = due.filter(attempt__lt=MAX_ATTEMPTS)
    if not claimed.update(state=ImportState.RUNNING, attempt=F("attempt") + 1, worked_at=timezone.now()):
        _fail(due.filter(attempt__gte=MAX_ATTEMPTS), str(_("Given up after too many attempts.")))
        return None
    return MetadataImport.objects.values_list("attempt", flat=True).get(pk=import_id)


def _batch(own: QuerySet) -> bool:
    """Deal with the next rows; False once there are none left, and the import is over."""
    with transaction.atomic():
        staged = own.select_for_update(of=("self",)).first()
        if staged is None:
            raise Stopped
        by = User.objects.get(pk=staged.uploaded_by_id)  # anew: what the person may do now counts
        batch = [row for row in staged.rows if row["outcome"] == RowOutcome.CHANGE][:BATCH]
        if batch:
            with history.acting(by=by, reason=staged.reason):
                _change(staged, batch, by)
            staged.rows_done += len(batch)
        else:
            _finish(staged, by)
        staged.worked_at, staged.counts = timezone.now(), imports.counted(staged.rows)
        staged.save()
    return bool(batch)


def _change(staged: MetadataImport, batch: list[dict], by: User) -> None:
    """Give the rows of a batch their new values, as far as the person may and nobody else changed them meanwhile."""
    sheet, reading, refused = SHEETS[staged.kind], Reading.begin(), Refused()
    may = imports.open_columns(sheet, by)
    known = _locked(sheet, imports.changeable(sheet, by), batch)
    refused.add_foreign(sheet, [row["key"] for row in batch], known)
    for row in batch:
        if may.issuperset(row["changes"]):
            row["outcome"] = _changed(sheet, known.get(tuple(row["key"])), row, reading)
        else:
            row["outcome"] = RowOutcome.UNKNOWN
            refused.add("not-allowed", tuple(row["key"]))
    _save(sheet, known, [row for row in batch if row["outcome"] == RowOutcome.APPLIED], refused)
    applied = [(known[tuple(row["key"])], row) for row in batch if row["outcome"] == RowOutcome.APPLIED]
    named = {"import": str(staged.public_id)}
    records.record_all(
        action=f"registry.{sheet.model._meta.model_name}.change",
        things=[(thing, {"fields": sorted(row["changes"]), **named}) for thing, row in applied],
        by=by,
    )
    refused.record(staged=staged, by=by)


def _save(sheet: Sheet, known: dict, rows: list[dict], refused: Refused) -> None:
    """All rows in one statement, whose triggers look at them at once; one by one where the database refuses some."""
    if not rows:
        return
    try:
        with transaction.atomic():
            columns = sorted({name for row in rows for name in row["changes"]})
            sheet.model.objects.bulk_update([known[tuple(row["key"])] for row in rows], columns)
    except IntegrityError:
        if len(rows) > 1:
            for row in rows:
                _save(sheet, known, [row], refused)
            return
        [row] = rows
        row["outcome"] = RowOutcome.INVALID
        row["problems"] = [*row.get("problems", ()), str(_("The database refuses this change."))]
        refused.add("guard", tuple(row["key"]))


def _locked(sheet: Sheet, rows: QuerySet, batch: list) -> dict[tuple, Model]:
    """The rows of a batch, locked in one order, as they are now."""
    found = imports.found_in(sheet, rows, [row["key"] for row in batch])
    wanted = [found[tuple(row["key"])].pk for row in batch if tuple(row["key"]) in found]
    locked = sheet.prepared(sheet.model.objects.filter(pk__in=wanted)).order_by("pk").select_for_update(of=("self",))
    return {plain_key(*sheet.key_of(row)): row for row in locked}


def _changed(sheet: Sheet, thing: Model | None, row: dict, reading: Reading) -> RowOutcome:
    """Give one locked row its new values, unless it is no longer as it was when the change was shown."""
    if thing is None:
        return RowOutcome.UNKNOWN
    if sheet.version(thing) != row["seen"]:
        return RowOutcome.CONFLICT
    columns = {column.name: column for column in sheet.columns}
    try:
        for name, (_old, new) in row["changes"].items():
            setattr(thing, name, parsed(columns[name], thing, new, reading))
    except ValidationError:  # such as a law that is gone
        return RowOutcome.INVALID
    row["version"] = sheet.version(thing)
    return RowOutcome.APPLIED


def _finish(staged: MetadataImport, by: User) -> None:
    staged.state, staged.applied_at, staged.applied_by = ImportState.DONE, timezone.now(), by
    details = _told(staged) | {"counts": staged.counts}
    records.record(action="registry.metadataimport.apply", thing=staged, by=by, details=details)
    _tell(staged, by)


def _fail(own: QuerySet, message: str) -> None:
    """End what cannot go on. What was changed stays, with its results; the other rows were not touched."""
    with transaction.atomic():
        staged = own.select_for_update(of=("self",)).select_related("uploaded_by").first()
        if staged is not None:
            staged.state, staged.message = ImportState.FAILED, message[:500]
            staged.save(update_fields=["state", "message"])
            records.record(action="registry.metadataimport.fail", thing=staged, by=None, details=_told(staged))
            _tell(staged, staged.uploaded_by)


def _tell(staged: MetadataImport, person: User) -> None:
    """Who did not wait on the page learns that it is over."""
    if staged.rows_total > AT_ONCE:
        applied = staged.counts.get(RowOutcome.APPLIED, 0)
        notices.tell(
            kind=OVER,
            to=[person],
            path=reverse("admin:registry_metadataimport_change", args=[staged.pk]),
            file=staged.file_name,
            applied=applied,
            left=len(staged.rows) - applied,
        )


def _told(staged: MetadataImport) -> dict:
    return {"reason": staged.reason, "rows": staged.rows_total}
