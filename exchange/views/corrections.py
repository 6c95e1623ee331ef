"""What the owner asked to change, for everybody of the asking agency who reads the request."""

from exchange.choices import Verdict
from exchange.forms.request_places import places
from exchange.models import Decision, ExchangeRequest
from exchange.states import RequestStatus


def last_return(request: ExchangeRequest) -> Decision | None:
    """The owner's last return, also after the request was filed again."""
    returns = Decision.objects.filter(case__request=request, verdict=Verdict.RETURN)
    return returns.order_by("pk").last()


def correction_context(request: ExchangeRequest) -> dict:
    """The remarks by screen; `to_correct` while it is the clerk's turn to follow them."""
    decision = last_return(request)
    remarks = {name: [text] for name, text in decision.field_reasons.items()} if decision else {}
    return {
        "decision": decision,
        "remarks": places(remarks),
        "to_correct": decision is not None and request.status == RequestStatus.RETURNED,
    }
