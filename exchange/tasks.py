"""What the queue calls: ids in, nothing out. Every task may run twice."""

from exchange.fulfilment import expiry, run
from exchange.services import (
    agreements,
    attesting,
    cases,
    deliveries,
    destruction_desk,
    digests,
    dispatching,
    escalating,
    holding,
    lapsing,
    leavers,
    lookups,
    mailing,
    outbox,
    reminders,
    scanning,
    sweeping,
    taking_over,
)
from registry.services import deciders, import_runs, profiles, readings, stewards, tree


def deliver(delivery_id: int) -> None:
    run.deliver(delivery_id)


def scan_attachment(attachment_id: int) -> None:
    scanning.scan(attachment_id)


def send_mails() -> None:
    mailing.send_due()


def send_webhooks(endpoint_id: int) -> None:
    dispatching.send_due(endpoint_id)


def sweep() -> None:
    """The scheduled look at the rows: what is due, over or left behind gets moved on.

    What must stop comes first, then deliveries; a step that fails keeps no other from its turn.
    """
    steps = (
        holding.hold_changed,
        deliveries.nudge_due,
        agreements.follow_dates,
        expiry.remove_expired,
        lapsing.lapse_stale,
        reminders.remind,
        attesting.remind,
        leavers.take_off_left,
        taking_over.tell_of_left,
        cases.lapse_claims,
        escalating.escalate_due,
        destruction_desk.tell_overdue,
        digests.send_due,
        mailing.nudge_due,
        dispatching.nudge_due,
        outbox.forget_old,
        lookups.erase_old,
        scanning.nudge_due,
        scanning.erase_due,
        profiles.nudge_due,
        import_runs.nudge_due,
        readings.nudge_due,
        readings.forget_secret_names,
        stewards.pass_on_left,
        deciders.tell_undecided,
        tree.apply_due,
    )
    for step in steps:
        sweeping.each([step.__name__], lambda _name, step=step: step())
