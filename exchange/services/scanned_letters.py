"""From a scanned letter to a draft request."""

from collections.abc import Mapping

from exchange.models import ExchangeRequest
from exchange.scanned import hints, reading
from exchange.services import requests
from registry.models import Agency, User


def begin(*, consumer: Agency, by: User, content: Mapping, letter: bytes) -> tuple[ExchangeRequest, hints.Hints]:
    """A draft with what the clerk said of the letter, and what its text suggests for the rest.

    Nothing from the text goes into the draft. The file is read and not kept.
    """
    draft = requests.create(consumer=consumer, by=by, content=content)
    return draft, reading.hints_of(letter)
