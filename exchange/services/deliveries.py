"""Deliveries: ordering, claiming, ending. What happens to the bytes in between is in `exchange/fulfilment`."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_q.tasks import async_task

from evidence import ledger
from exchange import agreement_rules, versions, workflow
from exchange.choices import AttemptOutcome, EndReason, Frequency
from exchange.fulfilment import locks
from exchange.models import Agreement, Delivery, DeliveryAttempt
from exchange.models.agreements import USE
from exchange.refusals import Refusal, WrongState
from exchange.scope import Scope, is_data_within
from exchange.services import limits, numbers, sweeping
from exchange.states import DeliveryStatus, Side
from registry import permissions
from registry.actors import actor_of
from registry.choices import PACKAGES
from registry.models import User
from registry.services import profiles, queued

TASK = "exchange.tasks.deliver"
MAX_ATTEMPTS = 6
PAUSES = (timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1))
REASONS = {"agreement-not-live": EndReason.STOPPED, "rows-used": EndReason.LIMIT}
NO_LONGER = _("The agreement is no longer in force.")
LONG_QUEUE = 1_000  # waiting tasks from which on none is added for what is due: the queue is busy enough


def order(*, agreement: Agreement, by: User | None) -> Delivery:
    """Ask for the package of an agreement; a person must be named in it. While one is under way, that one is returned."""
    with workflow.recording_refusals("delivery.order", agreement, by=by, side=Side.CONSUMER), transaction.atomic():
        return _order(agreement, by)


def _order(agreement: Agreement, by: User | None) -> Delivery:
    agreement = (
        Agreement.objects.select_for_update(of=("self",))
        .select_related(*workflow.RELATED[Agreement])
        .get(pk=agreement.pk)
    )
    check_order(agreement, by)
    under_way = agreement.deliveries.open().first()
    if under_way:
        return under_way
    delivery = Delivery.objects.create(
        code=numbers.take(numbers.DELIVERY),
        agreement=agreement,
        slot=str(agreement.deliveries.count() + 1),
        requested_by=by,
    )
    ledger.record(
        action="delivery.order",
        actor=actor_of(by, agreement.consumer if by else None),
        subject=("delivery", delivery.code),
        correlation_id=agreement.case.request.code,
        details={"agreement": agreement.code, "scope_sha256": agreement.scope_hash},
    )
    nudge(delivery)
    return delivery


def check_order(agreement: Agreement, by: User | None) -> None:
    """Refuse unless the agreement gives the person (or the portal itself) a package now."""
    if by is not None:
        check_use(agreement, by)
    if agreement.mode not in PACKAGES:
        raise Refusal("wrong-mode", _("This agreement gives single records, not packages."))
    agreement_rules.check_live(agreement)
    once = agreement.case.request.frequency == Frequency.ONCE
    if once and _was_given(agreement):
        raise Refusal("delivered-once", _("The agreement gives this data once, and it was delivered."))
    if not agreement.deliveries.open().exists():
        limits.check_order(agreement)


def _was_given(agreement: Agreement) -> bool:
    """Whether all of it was delivered in this period, under this or an earlier version."""
    scope = Scope.from_text(agreement.scope)
    given = Delivery.objects.filter(
        agreement__in=versions.of_period(agreement), status=DeliveryStatus.COMPLETED
    ).select_related("agreement")
    return any(is_data_within(scope, Scope.from_text(one.agreement.scope)) for one in given)


def check_use(agreement: Agreement, by: User) -> None:
    """Refuse unless the person or system is named in the agreement and works in the consumer agency today."""
    if not permissions.roles_of(by, agency=agreement.consumer):
        raise Refusal("not-your-agency", _("You do not work in the consumer agency of this agreement."))
    if not permissions.is_named(by, USE, agreement):
        raise Refusal("not-named", _("The agreement does not name you. A signatory of your agency can add you."))


def nudge(delivery: Delivery) -> None:
    """Put the delivery into the queue, in the caller's transaction: the row is the truth, the task only wakes a worker."""
    async_task(TASK, delivery.pk, group=delivery.code)


def begin(*, delivery: Delivery, worker: str) -> DeliveryAttempt | None:
    """Claim the delivery for one attempt, recorded before the work. None when there is nothing to do (any more).

    The caller holds the delivery's advisory lock, so an attempt still marked as running has lost its worker.
    """
    if not Delivery.objects.due().filter(pk=delivery.pk).exists():
        return None
    if delivery.attempts.count() >= MAX_ATTEMPTS:
        message = str(_("Given up after too many attempts."))
        _terminate(delivery, EndReason.FAILED, message, code="attempts", running=AttemptOutcome.LOST)
        return None
    try:
        with workflow.making("start", delivery, by=None) as step:
            subject: Delivery = step.subject
            lost = _close_running(subject, AttemptOutcome.LOST)
            number = subject.attempts.count() + 1
            attempt = DeliveryAttempt.objects.create(delivery=subject, number=number, worker=worker)
            step.to(
                DeliveryStatus.STARTED,
                started_at=subject.started_at or timezone.now(),
                rows_done=0,
                bytes_done=0,
                message="",
            )
            step.details.update(attempt=number, worker=worker, **({"lost": lost} if lost else {}))
    except WrongState:
        return None
    except Refusal as refusal:
        _terminate(delivery, reason_of(refusal), str(refusal), code=refusal.code, running=AttemptOutcome.LOST)
        return None
    return attempt


def reason_of(refusal: Refusal) -> EndReason:
    """Why a delivery ends that a rule forbids."""
    return REASONS.get(refusal.code, EndReason.CHANGED)


def report(*, attempt: DeliveryAttempt, rows: int, size: int) -> bool:
    """Show progress; False when the delivery was stopped or taken over, and the work must end."""
    running = Delivery.objects.filter(
        pk=attempt.delivery_id,
        status=DeliveryStatus.STARTED,
        attempts=attempt,
        attempts__outcome=AttemptOutcome.RUNNING,
    )
    return running.update(rows_done=rows, bytes_done=size) == 1


def complete(*, attempt: DeliveryAttempt, package, publish) -> Delivery:
    """Make the finished package visible: checked again on the locked row, recorded, then `publish()` renames the file.

    The rename stands inside the transaction on purpose: a revocation must either come before it or after the record.
    It comes last, so that nothing which may still be refused follows it.
    """
    delivery = attempt.delivery
    with workflow.making("complete", delivery, by=None) as step:
        _check_own(attempt)
        limits.check_rows(step.subject.agreement, package.rows)
        now = timezone.now()
        step.to(
            DeliveryStatus.COMPLETED,
            rows=package.rows,
            size=package.size,
            rows_done=package.rows,
            bytes_done=package.size,
            sha256=package.sha256,
            file_name=package.file_name,
            available_until=now + timedelta(days=settings.DELIVERY_DAYS),
        )
        step.details.update(
            attempt=attempt.number,
            rows=package.rows,
            size=package.size,
            sha256=package.sha256,
            manifest_sha256=package.manifest_sha256,
        )
        _close(attempt, AttemptOutcome.DELIVERED)
        step.then(publish)
    return delivery


def fail(*, attempt: DeliveryAttempt, code: str, message: str, temporary: bool, reason=EndReason.FAILED) -> None:
    """End an attempt that did not deliver: a temporary fault is tried again later, a permanent one ends the delivery."""
    delivery = attempt.delivery
    again = temporary and attempt.number < MAX_ATTEMPTS
    if not again:
        _terminate(delivery, reason, message, attempt=attempt, code=code)
        return
    with transaction.atomic():
        locked = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if locked.status != DeliveryStatus.STARTED or not _is_own(attempt):
            return
        _close(attempt, AttemptOutcome.TEMPORARY, code, message)
        locked.next_attempt_at = timezone.now() + PAUSES[min(attempt.number, len(PAUSES)) - 1]
        locked.message = message[:500]
        locked.save(update_fields=["next_attempt_at", "message"])
        ledger.record(
            action="delivery.postpone",
            actor=ledger.SYSTEM,
            subject=("delivery", delivery.code),
            correlation_id=workflow.correlation_of(delivery),
            details={"attempt": attempt.number, "code": code, "until": locked.next_attempt_at.isoformat()},
        )


def stop_all(
    *, agreement: Agreement, reason: EndReason = EndReason.STOPPED, message: str | Promise = NO_LONGER
) -> None:
    """End everything still open under an agreement that is no longer in force."""
    for delivery in agreement.deliveries.open():
        _terminate(delivery, reason, str(message))


def cancel(*, delivery: Delivery, by: User) -> Delivery:
    with workflow.making("cancel", delivery, by=by) as step:
        step.to(DeliveryStatus.TERMINATED, end_reason=EndReason.CANCELLED)
        _close_running(step.subject, AttemptOutcome.STOPPED)
    return delivery


def _terminate(
    delivery: Delivery,
    reason: EndReason,
    message: str,
    attempt: DeliveryAttempt | None = None,
    code: str = "",
    running: AttemptOutcome = AttemptOutcome.STOPPED,
) -> None:
    """End it without data; `running` is what becomes of an attempt that has not ended."""
    try:
        with workflow.making("terminate", delivery, by=None, code=code or str(reason)) as step:
            if attempt:
                _check_own(attempt)
                _close(attempt, AttemptOutcome.PERMANENT, code, message)
            closed = _close_running(step.subject, running)
            if closed and running == AttemptOutcome.LOST:
                step.details["lost"] = closed
            step.to(DeliveryStatus.TERMINATED, end_reason=reason, message=message[:500])
    except WrongState:
        pass  # already ended: nothing to end twice


def _check_own(attempt: DeliveryAttempt) -> None:
    """Refuse a worker whose attempt was taken over while it believed to be alone."""
    if not _is_own(attempt):
        raise WrongState(_("taken over by another worker"))


def _is_own(attempt: DeliveryAttempt) -> bool:
    return DeliveryAttempt.objects.filter(pk=attempt.pk, outcome=AttemptOutcome.RUNNING).exists()


def _close(attempt: DeliveryAttempt, outcome: AttemptOutcome, code: str = "", message: str = "") -> None:
    attempt.outcome, attempt.finished_at, attempt.code, attempt.message = outcome, timezone.now(), code, message[:500]
    attempt.save(update_fields=["outcome", "finished_at", "code", "message"])


def _close_running(delivery: Delivery, outcome: AttemptOutcome) -> list[int]:
    """Close what is still marked as running; the numbers of these attempts."""
    running = delivery.attempts.filter(outcome=AttemptOutcome.RUNNING)
    closed = list(running.order_by("number").values_list("number", flat=True))
    running.update(outcome=outcome, finished_at=timezone.now())
    return closed


def nudge_due() -> int:
    """Put back into the queue what waits for its attempt, or lost its worker; how many.

    Not what somebody works on (its lock is held), nor what waits in the queue already: a queue that nobody serves
    must not grow by every delivery every minute. A task that a cluster took and did not begin does not count, because
    nobody knows whether that cluster is still there; one more task for it is harmless.
    """
    if queued.waiting().count() >= LONG_QUEUE:
        return 0
    due = Delivery.objects.due().exclude(pk__in=locks.held() | queued.ids_waiting(TASK))
    return sweeping.each(due.order_by("next_attempt_at", "pk")[:500], nudge)


def standstill(*, since: timedelta) -> tuple | None:
    """What has been waiting for so long while nobody works on anything; None when all is well.

    The answer is another one as soon as anything moves, so the same one twice means that nothing did.
    """
    if locks.held() or profiles.is_worked_on():
        return None
    before = timezone.now() - since
    task = queued.waiting().filter(lock__lt=before).order_by("pk").values_list("pk", flat=True).first()
    due = Delivery.objects.due(before).order_by("next_attempt_at", "pk").values_list("pk", flat=True).first()
    if task is None and due is None:
        return None
    last = DeliveryAttempt.objects.order_by("pk").values_list("pk", flat=True).last()
    return task, due, last
