"""What suspended an agreement last, as the ledger says: whatever ends a suspension asks for that first."""

from collections.abc import Iterable

from evidence.models import Entry, Outcome

SOURCE_CHANGED, UNCONFIRMED = "agreement.hold", "agreement.hold_unconfirmed"
SUSPENDING = (SOURCE_CHANGED, UNCONFIRMED, "agreement.suspend", "agreement.carry_out")
ENDING = ("agreement.resume", "agreement.reinstate")


def latest(codes: Iterable[str]) -> dict[str, str]:
    """The action that suspended each agreement last, by its number; for all of them in one query."""
    return _last(codes, SUSPENDING)


def stands(code: str) -> bool:
    """Whether the agreement was suspended and nobody ended that, whatever became of the version that it was."""
    return _last([code], (*SUSPENDING, *ENDING)).get(code) in SUSPENDING


def _last(codes: Iterable[str], actions: Iterable[str]) -> dict[str, str]:
    made = Entry.objects.filter(
        subject_type="agreement", subject_id__in=codes, action__in=actions, outcome=Outcome.SUCCESS
    )
    return dict(made.order_by("subject_id", "-sequence").distinct("subject_id").values_list("subject_id", "action"))
