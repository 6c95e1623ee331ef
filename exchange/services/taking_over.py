"""Who looks after an open request for the asking agency, and how somebody else comes to, above all when that person left."""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.models import ExchangeRequest
from exchange.refusals import Refusal, WrongState
from exchange.services import sweeping
from exchange.states import REQUEST, Side
from registry import notice_kinds, permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.models import Agency, Membership, Notice, User
from registry.services import notices

GIVEN = notice_kinds.define(
    "request-taken-over",
    _("A request is yours now"),
    _("%(by)s gave you the request %(request)s, which was with %(former)s. You look after it from now on."),
)
LEFT_BEHIND = notice_kinds.define(
    "request-left-behind",
    _("Nobody looks after a request"),
    _(
        "%(person)s no longer files requests for your agency, and the request %(request)s was theirs. Its page lets another requester take it over."
    ),
)


def take_over(*, request: ExchangeRequest, by: User, to: User | None = None) -> ExchangeRequest:
    """Let a requester of the agency look after the request: oneself, once the former one has left, or a colleague.

    Whoever did it before stays an author of it; whoever does it now becomes one, and can neither sign nor decide.
    """
    to = to or by
    refusals = workflow.recording_refusals("request.take_over", request, by=by, side=Side.CONSUMER)
    with refusals, transaction.atomic():
        locked = workflow.lock(request)
        check(request=locked, by=by, to=to)
        former = locked.responsible
        locked.taken_over_by, locked.taken_over_at = to, timezone.now()
        locked.save(update_fields=["taken_over_by", "taken_over_at"])
        locked.editors.add(to)
        ledger.record(
            action="request.take_over",
            actor=actor_of(by, locked.consumer),
            subject=("request", locked.code),
            correlation_id=locked.code,
            details={"to": str(to.public_id), "former": str(former.public_id)},
        )
        if to != by:
            told = {"by": str(by), "request": locked.code, "former": str(former)}
            notices.tell(kind=GIVEN, to=[to], path=locked.get_absolute_url(), **told)
    request.refresh_from_db()
    return request


def check(*, request: ExchangeRequest, by: User, to: User) -> None:
    """Refuse unless `by` may let `to` look after the request now."""
    if request.status in REQUEST.terminal:
        raise WrongState(request.get_status_display())
    _check_giver(request, by, to)
    if not permissions.has_role(to, Role.REQUESTER, agency=request.consumer):
        raise Refusal(
            "not-your-agency",
            _("Only a requester of %(agency)s looks after its requests.") % {"agency": request.consumer},
        )
    if to == request.responsible:
        raise Refusal("same-person", _("%(person)s looks after it already.") % {"person": to})
    rules.check_served_not_owner(request, by)
    rules.check_served_not_owner(request, to)
    if to.pk in rules.signatories(request):
        raise Refusal("rule-1", _("Whoever signed a request does not look after it as its requester."))
    if not _others_can_sign(request, to):
        raise Refusal(
            "nobody-left-to-sign",
            _(
                "Nobody else of your agency could sign it then, as %(person)s is its last free signatory. Choose another one."
            )
            % {"person": to},
        )


def _others_can_sign(request: ExchangeRequest, to: User) -> bool:
    """Whether it would not take the last signatory whose words do not stand in it: an author cannot sign."""
    signing = Membership.objects.today().filter(agency=request.consumer, role=Role.ENDORSER, user__is_active=True)
    free = signing.exclude(user__in=[request.created_by_id, request.last_edited_by_id])
    free = free.exclude(user__in=request.editors.values("pk")).values_list("user", flat=True)
    return set(free) != {to.pk}


def _check_giver(request: ExchangeRequest, by: User, to: User) -> None:
    """Signatories give it to whom they choose, and so does whoever has it; a requester takes what somebody left."""
    if permissions.has_role(by, Role.ENDORSER, agency=request.consumer):
        return
    if not permissions.has_role(by, Role.REQUESTER, agency=request.consumer):
        raise Refusal("not-your-role", _("Only people who file or sign for the agency say who looks after a request."))
    if by == request.responsible or (to == by and has_left(request)):
        return
    raise Refusal(
        "not-left",
        _("%(person)s looks after this request. A signatory of your agency can give it to somebody else.")
        % {"person": request.responsible},
    )


def has_left(request: ExchangeRequest) -> bool:
    """Whether whoever looks after it files nothing for the agency today any more."""
    return not permissions.has_role(request.responsible, Role.REQUESTER, agency=request.consumer)


def can_take_over(*, request: ExchangeRequest, by: User) -> bool:
    try:
        check(request=request, by=by, to=by)
    except Refusal:
        return False
    return True


def may_give(*, request: ExchangeRequest, by: User) -> bool:
    """Whether the person chooses who looks after it."""
    if request.status in REQUEST.terminal:
        return False
    signs = permissions.has_role(by, Role.ENDORSER, agency=request.consumer)
    return signs or (by == request.responsible and not has_left(request))


def heirs_of(request: ExchangeRequest):
    """The requesters of the agency to whom it can be given."""
    found = _people(request.consumer, Role.REQUESTER).exclude(pk=request.responsible.pk)
    return found.exclude(pk__in=[pk for pk in rules.signatories(request) if pk])


def left_behind():
    """Open requests of which nobody who files for the agency today has the care."""
    person = Coalesce("taken_over_by", "created_by")
    files = Membership.objects.today().filter(
        user=OuterRef("carer"), agency=OuterRef("consumer"), role=Role.REQUESTER, user__is_active=True
    )
    found = ExchangeRequest.objects.open().annotate(carer=person).filter(~Exists(files))
    return found.for_lists().select_related("taken_over_by").order_by("pk")


def tell_of_left() -> int:
    """Tell requesters and signatories of each such request, once each; of how many requests."""
    return sweeping.each(left_behind().iterator(chunk_size=500), _tell)


@transaction.atomic
def _tell(request: ExchangeRequest) -> bool:
    locked = workflow.lock(request)  # two sweeps tell once
    if not left_behind().filter(pk=locked.pk).exists():
        return False
    told = {"person": str(locked.responsible), "request": locked.code}
    people, path = _people(locked.consumer, Role.REQUESTER, Role.ENDORSER), locked.get_absolute_url()
    know = Notice.objects.filter(recipient__in=people, kind=LEFT_BEHIND.code, path=path, params=told)
    return bool(notices.tell(kind=LEFT_BEHIND, to=people.exclude(pk__in=know.values("recipient")), path=path, **told))


def _people(agency: Agency, *roles: Role):
    today = Membership.objects.today().filter(Q(role__in=roles), agency=agency)
    return User.objects.filter(is_active=True, pk__in=today.values("user")).order_by("full_name", "pk")
