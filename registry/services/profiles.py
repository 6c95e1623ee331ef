"""Profiles of datasets: asking for one, claiming it, ending it. What happens in between is in `registry/profiling`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from registry.choices import OPEN_WORK, WorkState
from registry.errors import RegistryRefusal
from registry.models import Dataset, DatasetProfile, FieldProfile, SchemaSnapshot, User
from registry.services import protection, queued, records

TASK = "registry.tasks.profile"
MAX_ATTEMPTS = 3
PAUSE = timedelta(minutes=1)  # before a profile whose source was busy is tried again
# One at a time in the whole portal: profiles must never keep all workers from what people wait for.
LOCK_NAMESPACE, LOCK = 0x50524F46, 1  # "PROF"


def ask(*, dataset: Dataset, by: User | None, whole: bool = False) -> DatasetProfile:
    """Ask for a profile; while one is under way, that one is returned. The portal itself may ask, too."""
    if by is not None:
        protection.check_steward(database=dataset.database, dataset=dataset, by=by)
    with transaction.atomic():
        # Two people at once get one profile.
        dataset = Dataset.objects.select_for_update(of=("self",)).select_related("database").get(pk=dataset.pk)
        under_way = dataset.profiles.open().first()
        if under_way:
            return under_way
        if dataset.removed_at:
            raise RegistryRefusal("gone", _("The dataset is gone from its source: there is nothing to look at."))
        digest = SchemaSnapshot.objects.filter(dataset=dataset).values_list("digest", flat=True).first() or ""
        profile = DatasetProfile.objects.create(
            dataset=dataset, whole=whole, asked_by=by, least=settings.PROFILE_LEAST_COUNT, structure_digest=digest
        )
        records.record(action="registry.profile.ask", thing=dataset, by=by, details=_named(profile) | {"whole": whole})
        nudge(profile)
    return profile


def nudge(profile: DatasetProfile) -> None:
    """Put it into the queue, in the caller's transaction: the row is the truth, the task only wakes a worker."""
    async_task(TASK, profile.pk, group=f"profile-{profile.pk}")


def cancel(*, profile: DatasetProfile, by: User) -> DatasetProfile:
    """End a profile that is under way; whoever works on it stops before its next statement."""
    protection.check_steward(database=profile.dataset.database, dataset=profile.dataset, by=by)
    with transaction.atomic():
        if not _end(profile, WorkState.CANCELLED):
            raise RegistryRefusal("profile-ended", _("The profile has ended already."))
        records.record(action="registry.profile.cancel", thing=profile.dataset, by=by, details=_named(profile))
    profile.refresh_from_db()
    return profile


@contextmanager
def holding() -> Iterator[bool]:
    """Try to become the one who profiles; PostgreSQL lets go the moment the session of a killed worker ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_NAMESPACE, LOCK])
        (taken,) = cursor.fetchone()
    try:
        yield taken
    finally:
        if taken and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_NAMESPACE, LOCK])


def is_worked_on() -> bool:
    """Whether any session profiles now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [LOCK_NAMESPACE, LOCK],
        )
        return cursor.fetchone()[0] > 0


def begin(*, profile_id: int) -> DatasetProfile | None:
    """Claim the profile for one attempt, recorded before the work. None when there is nothing to do (any more).

    The caller holds the lock, so whatever still counts as running has lost its worker.
    """
    now = timezone.now()
    claimed = _due(now).filter(pk=profile_id, attempt__lt=MAX_ATTEMPTS)
    if not claimed.update(
        state=WorkState.RUNNING, attempt=F("attempt") + 1, started_at=now, steps_done=0, steps_total=0, message=""
    ):
        worn_out = DatasetProfile.objects.open().filter(pk=profile_id, attempt__gte=MAX_ATTEMPTS).first()
        if worn_out:
            _fail(worn_out, "attempts", str(_("Given up after too many attempts.")))
        return None
    return DatasetProfile.objects.select_related("dataset__database__connection", "asked_by").get(pk=profile_id)


def _due(now=None):
    """Waiting, or left behind by a worker that was lost; not what waits out a pause."""
    now = now or timezone.now()
    paused = Q(state=WorkState.QUEUED, attempt__gt=0, started_at__gt=now - PAUSE)
    return DatasetProfile.objects.open().exclude(paused)


def report(*, profile: DatasetProfile, done: int, total: int) -> bool:
    """Show progress; False when the profile was cancelled or taken over, and the work must end."""
    return _own(profile).update(steps_done=done, steps_total=total) == 1


def _own(profile: DatasetProfile):
    return DatasetProfile.objects.filter(pk=profile.pk, state=WorkState.RUNNING, attempt=profile.attempt)


def finish(*, profile: DatasetProfile, facts: dict, fields: list[FieldProfile]) -> bool:
    """Keep the figures, all or none; False when the profile was cancelled or taken over meanwhile.

    A field that a person closed while the figures were made gets no more than its new category allows.
    """
    with transaction.atomic():
        if not _own(profile).update(state=WorkState.DONE, finished_at=timezone.now(), **facts):
            return False
        now = dict(profile.dataset.fields.select_for_update().values_list("pk", "personal_data"))
        kept = [one for one in fields if now.get(one.field_id) == one.personal_data]
        for one in kept:
            one.profile = profile
        FieldProfile.objects.bulk_create(kept)
        details = _named(profile) | {"sampling": str(facts["sampling"]), "rows": facts["rows"]}
        records.record(action="registry.profile.finish", thing=profile.dataset, by=None, details=details)
    return True


def fail(*, profile: DatasetProfile, code: str, message: str, temporary: bool) -> None:
    """End an attempt that found nothing: a temporary fault is tried again a little later."""
    if temporary and profile.attempt < MAX_ATTEMPTS:
        _own(profile).update(state=WorkState.QUEUED, started_at=timezone.now(), code=code, message=message[:500])
    else:
        _fail(profile, code, message)


def _fail(profile: DatasetProfile, code: str, message: str) -> None:
    with transaction.atomic():
        if _end(profile, WorkState.FAILED, code=code, message=message[:500]):
            details = _named(profile) | {"code": code}
            records.record(action="registry.profile.fail", thing=profile.dataset, by=None, details=details)


def _end(profile: DatasetProfile, state: WorkState, **values) -> bool:
    still = DatasetProfile.objects.filter(pk=profile.pk, state__in=OPEN_WORK)
    return still.update(state=state, finished_at=timezone.now(), **values) == 1


def _named(profile: DatasetProfile) -> dict:
    return {"profile": str(profile.public_id)}


def nudge_due() -> int:
    """Put the next profile back into the queue where nobody works on one; how many (one or none)."""
    if is_worked_on():
        return 0
    following = _due().order_by("pk").first()
    if following is None or queued.ids_waiting(TASK):
        return 0
    nudge(following)
    return 1
