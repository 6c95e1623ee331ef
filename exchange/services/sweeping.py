"""Going through what is due: one row or step that fails is written down, and the others have their turn."""

import logging
import traceback
from collections.abc import Callable, Iterable

from django.db import connection

from exchange.refusals import Refusal

logger = logging.getLogger(__name__)


def each(rows: Iterable, act: Callable[[object], object]) -> int:
    """Do `act` with every row, each on its own; how many it was done with.

    A Refusal means that somebody was faster, and is in the ledger. Anything else is a defect of that row.
    """
    return sum(_done(row, act) for row in rows)


def _done(row, act: Callable[[object], object]) -> bool:
    try:
        return act(row) is not False
    except Refusal:
        return False
    except Exception as error:
        note(str(row), error)
        return False


def note(what: str, error: Exception) -> None:
    """Write down where an unforeseen error came from, without its text: that may hold values."""
    place = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", what, type(error).__name__, place)
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
