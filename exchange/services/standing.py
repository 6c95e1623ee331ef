"""Standing permissions beside a request: inside one, nothing new has to be decided; what lies outside goes to people."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from exchange import rules
from exchange.models import ExchangeRequest
from exchange.refusals import Refusal
from exchange.scope import Excess, Scope, excess, is_as_closed
from exchange.services import completeness, scopes
from exchange.states import REQUEST
from registry.models import SharingPolicy


@dataclass(frozen=True, slots=True)
class Beside:
    """A request beside the standing permission that covers most of it.

    `outside` says what it does not cover, `outside_fields` which fields are concerned; `obstacle` is why a request
    that is wholly inside is not granted all the same.
    """

    policy: SharingPolicy
    outside: tuple[Excess, ...]
    outside_fields: frozenset[str]
    obstacle: Refusal | None = None

    @property
    def is_inside(self) -> bool:
        return not self.outside


def beside(request: ExchangeRequest, scope: Scope) -> Beside | None:
    """The nearest standing permission that the owner gives the agency today; None where there is none."""
    found = (
        SharingPolicy.objects.in_force()
        .for_recipient(request.consumer)
        .filter(dataset=request.dataset, is_standing=True)
        .select_related("dataset")
        .prefetch_related("policy_fields__field")
        .order_by("pk")
    )
    compared = [_compare(policy, scope) for policy in found]
    nearest = min(compared, key=lambda one: len(one.outside), default=None)
    if nearest is None or nearest.outside:
        return nearest
    return Beside(nearest.policy, (), frozenset(), _obstacle(request))


def beside_draft(request: ExchangeRequest) -> Beside | None:
    """The same for a draft that could be sent as it is."""
    try:
        completeness.check(request)
        _policy, scope = scopes.best_policy(request)
    except Refusal:
        return None  # the page says so by itself
    return beside(request, scope)


def _compare(policy: SharingPolicy, scope: Scope) -> Beside:
    most = scopes.policy_scope(policy, scope)
    offered = dict(most.fields)
    fields = {name for name, masking in scope.fields if name not in offered or not is_as_closed(masking, offered[name])}
    filters = scopes.filters_not_offered(policy, scope)
    outside = [
        *excess(scope, most),
        *(
            Excess("row_filter", _("Rows cannot be chosen by “%(field)s” under it.") % {"field": name})
            for name in filters
        ),
    ]
    return Beside(policy, tuple(outside), frozenset(fields))


def _obstacle(request: ExchangeRequest) -> Refusal | None:
    try:
        rules.check_mover(REQUEST.moves["grant"], request, None)
    except Refusal as refusal:
        return refusal
    return None
