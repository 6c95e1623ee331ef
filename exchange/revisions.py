"""The text of a request that counts now."""

from exchange.models import ExchangeRequest, Revision
from registry.remembering import remembered


@remembered
def latest(request: ExchangeRequest) -> Revision | None:
    """The last one that was frozen; None while nothing was proposed."""
    return request.revisions.first()
