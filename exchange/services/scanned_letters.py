"""From a scanned letter to a draft request with the scan beside it."""

from collections.abc import Mapping

from exchange.models import ExchangeRequest
from exchange.scanned import hints, reading
from exchange.services import attachments, requests
from registry.models import Agency, User


def begin(
    *, consumer: Agency, by: User, content: Mapping, letter: attachments.Upload
) -> tuple[ExchangeRequest, hints.Hints]:
    """A draft with what the clerk said of the letter, and what its text suggests for the rest.

    The file is looked at first: one that is not taken begins no draft. Nothing from its text goes into the draft.
    """
    with attachments.taking([letter]) as taken:
        draft = requests.create(consumer=consumer, by=by, content=content)
        attachments.attach_taken(request=draft, by=by, taken=taken)
    return draft, reading.hints_of(b"".join(letter.chunks()))
