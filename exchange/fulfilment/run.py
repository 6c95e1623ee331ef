"""One attempt at one delivery, from the claim to the visible file. Safe to call twice and to crash anywhere."""

import contextlib
import logging
import os
import socket
import time
import traceback
from collections.abc import Iterator

from exchange.choices import EndReason
from exchange.fulfilment import locks, packages, plans, sources
from exchange.models import Delivery, DeliveryAttempt
from exchange.refusals import Refusal, WrongState
from exchange.services import deliveries, holding, limits
from registry.connectors import Chunk, ExtractPlan, SourceError, TemporarySourceError
from registry.services import structure

logger = logging.getLogger(__name__)

REPORT_EVERY = 0.5  # seconds between two progress reports, which are also the checks for a stop
COUNT_TIMEOUT = 10  # seconds that counting beforehand may take; without a count the page shows rows only
REASONS = {"source-changed": EndReason.CHANGED, "row-limit": EndReason.LIMIT}


def deliver(delivery_id: int) -> None:
    """Work on the delivery if it is due and nobody else does."""
    with locks.holding(delivery_id) as taken:
        if not taken:
            logger.info("delivery %s: another worker has it", delivery_id)
            return
        delivery = Delivery.objects.for_lists().get(pk=delivery_id)
        packages.discard_unrecorded(delivery)
        attempt = deliveries.begin(delivery=delivery, worker=f"{socket.gethostname()}:{os.getpid()}")
        if attempt is not None:
            _attempt(attempt)


def _attempt(attempt: DeliveryAttempt) -> None:
    """Every way an attempt can end is recorded on its row; what is not foreseen here is a defect and counts as temporary."""
    try:
        _produce(attempt)
    except packages.Stopped:
        logger.info("delivery %s: stopped", attempt.delivery_id)
    except WrongState:
        logger.info("delivery %s: ended or taken over before it could be shown", attempt.delivery_id)
    except Refusal as refusal:
        deliveries.fail(
            attempt=attempt,
            code=refusal.code,
            message=str(refusal),
            temporary=False,
            reason=deliveries.reason_of(refusal),
        )
    except SourceError as error:
        deliveries.fail(
            attempt=attempt,
            code=error.code,
            message=str(error),
            temporary=isinstance(error, TemporarySourceError),
            reason=REASONS.get(error.code, EndReason.FAILED),
        )
        if error.code == "source-changed":
            holding.hold_dataset(attempt.delivery.agreement.dataset)
    except OSError as error:
        logger.exception("delivery %s: cannot write", attempt.delivery_id)
        deliveries.fail(attempt=attempt, code="storage", message=error.strerror or "storage", temporary=True)
    except Exception as error:
        # The text of an unknown error may hold values of the source, so only its kind and place are kept.
        place = "".join(traceback.format_tb(error.__traceback__))
        logger.error("delivery %s: %s\n%s", attempt.delivery_id, type(error).__name__, place)
        deliveries.fail(attempt=attempt, code="defect", message=type(error).__name__, temporary=True)


def _produce(attempt: DeliveryAttempt) -> None:
    delivery = attempt.delivery
    agreement = delivery.agreement
    plan = limits.within_month(plans.plan_of(agreement), agreement)
    needed = {*(column.source for column in plan.columns), *(condition.field for condition in plan.conditions)}
    structure.matches_source(dataset=agreement.dataset, field_names=needed)
    connector = sources.connector_of(agreement)
    _expect(delivery, connector.count(plan, timeout=COUNT_TIMEOUT))
    with contextlib.closing(_extract(connector, plan, agreement)) as chunks:
        package = packages.write(attempt=attempt, chunks=chunks, progress=_Progress(attempt))
    try:
        deliveries.complete(attempt=attempt, package=package, publish=package.publish)
    except BaseException:
        packages.discard(package.staged, package.staged_manifest)
        raise


def _extract(connector, plan: ExtractPlan, agreement) -> Iterator[Chunk]:
    return connector.extract(plan, pseudonym_key=plans.pseudonym_key(agreement))


def _expect(delivery: Delivery, rows: int | None) -> None:
    if rows is not None:
        Delivery.objects.open().filter(pk=delivery.pk).update(rows_expected=rows)


class _Progress:
    """Writes progress at most twice a second and passes on whether the work may go on."""

    def __init__(self, attempt: DeliveryAttempt):
        self.attempt = attempt
        self.last = time.monotonic()

    def __call__(self, rows: int, size: int) -> bool:
        if time.monotonic() - self.last < REPORT_EVERY:
            return True
        self.last = time.monotonic()
        return deliveries.report(attempt=self.attempt, rows=rows, size=size)
