"""What a change of a sharing policy stops: by the same check that refuses a delivery, a look-up or a new agreement."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from evidence import ledger
from exchange.choices import Verdict
from exchange.models import Agreement, Decision, Delivery, ExchangeRequest, Revision
from exchange.models.agreements import USE
from exchange.refusals import Refusal
from exchange.scope import Scope
from exchange.services import scopes
from exchange.states import AGREEMENT, RequestStatus
from registry import notice_kinds, permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.models import Agency, Membership, SharingPolicy, User
from registry.services import notices, records

WAITING = (
    RequestStatus.PENDING_ENDORSEMENT,
    RequestStatus.SUBMITTED,
    RequestStatus.UNDER_REVIEW,
    RequestStatus.OFFERED,
)
LISTED = 50  # of each kind on a page

AGREEMENT_STOPPED = notice_kinds.define(
    "policy-stops-agreement",
    _("An agreement gives nothing for now"),
    _("The owner of “%(dataset)s” changed what it shares, and the agreement %(agreement)s is no longer within it."),
)
REQUEST_AFFECTED = notice_kinds.define(
    "policy-affects-request",
    _("The owner changed its terms"),
    _("The owner of “%(dataset)s” changed what it shares, and the request %(request)s is no longer within it."),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """An agreement or a request that rests on the policy, and why it is outside it; empty where it is within."""

    pk: int
    code: str
    consumer: Agency
    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that rests on a policy at one moment."""

    agreements: dict[int, Subject] = field(default_factory=dict)
    requests: dict[int, Subject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Impact:
    """What was within the policy before a change and no longer is."""

    agreements: list[Subject] = field(default_factory=list)
    running: int = 0
    requests: list[Subject] = field(default_factory=list)

    @property
    def stops(self) -> bool:
        return bool(self.agreements or self.requests)

    @property
    def sentence(self) -> str:
        """“Stops 4 agreements, 2 running”."""
        parts = []
        if self.agreements:
            count = len(self.agreements)
            parts.append(ngettext("stops %(count)d agreement", "stops %(count)d agreements", count) % {"count": count})
        if self.running:
            running = ngettext("%(count)d delivery running", "%(count)d deliveries running", self.running)
            parts.append(running % {"count": self.running})
        if self.requests:
            count = len(self.requests)
            open_ones = ngettext("affects %(count)d open request", "affects %(count)d open requests", count)
            parts.append(open_ones % {"count": count})
        return capfirst(", ".join(parts))

    @property
    def more(self) -> int:
        """How many a page does not name."""
        return sum(max(0, len(part) - LISTED) for part in (self.agreements, self.requests))

    @property
    def token(self) -> str:
        """Says exactly what was shown to whoever confirms: with another agreement it is another one."""
        shown = [*(one.code for one in self.agreements), *(one.code for one in self.requests), str(self.running)]
        return hashlib.sha256(" ".join(shown).encode()).hexdigest()[:16]


def standing_on(policy: SharingPolicy) -> Standing:
    """What rests on the policy as its rows are now. The number of queries does not grow with what rests on it."""
    policy = SharingPolicy.objects.select_related("dataset", "legal_basis").get(pk=policy.pk)
    agreements = list(
        Agreement.objects.filter(policy=policy, status__in=AGREEMENT.open, valid_to__gte=timezone.localdate())
        .select_related("consumer")
        .order_by("code")
    )
    requests = list(_requests(policy))
    consumers = {one.consumer_id for one in (*agreements, *requests)}
    named = set(policy.named_among(Agency.objects.filter(pk__in=consumers)).values_list("pk", flat=True))

    def subject(one, scope: Scope) -> Subject:
        return Subject(one.pk, one.code, one.consumer, _problem(policy, scope, is_named=one.consumer_id in named))

    return Standing(
        {one.pk: subject(one, Scope.from_text(one.scope)) for one in agreements},
        {
            one.pk: subject(one, Scope.from_text(one.voted) if one.voted else scopes.scope_in(one.signed))
            for one in requests
        },
    )


def _requests(policy: SharingPolicy):
    """Requests that wait for somebody under the policy, or for a signature: with the frozen text and what is offered."""
    latest = Revision.objects.filter(request=OuterRef("pk")).order_by("-number")
    votes = Decision.objects.live().filter(case__request=OuterRef("pk"), case__policy=policy, verdict=Verdict.APPROVE)
    waiting = ExchangeRequest.objects.filter(dataset=policy.dataset_id, status__in=WAITING)
    under_another = waiting.exclude(status=RequestStatus.PENDING_ENDORSEMENT).exclude(cases__policy=policy)
    return (
        waiting.exclude(pk__in=under_another.values("pk"))
        .select_related("consumer")
        .annotate(
            signed=Subquery(latest.values("content")[:1]), voted=Subquery(votes.order_by("-pk").values("scope")[:1])
        )
        .order_by("code")
    )


def _problem(policy: SharingPolicy, scope: Scope, *, is_named: bool) -> str:
    if not is_named:
        return str(scopes.NOT_NAMED)
    try:
        scopes.check_covered(policy, scope)
    except Refusal as refusal:
        return str(refusal)
    return ""


def ended(standing: Standing) -> Standing:
    """The same once the policy is over."""
    reason = str(_("The sharing policy ends."))
    return Standing(
        {pk: replace(one, problem=reason) for pk, one in standing.agreements.items()},
        {pk: replace(one, problem=reason) for pk, one in standing.requests.items()},
    )


def between(before: Standing, after: Standing) -> Impact:
    """What `before` was within the policy and is no longer `after`."""
    agreements = _fallen(before.agreements, after.agreements)
    running = Delivery.objects.open().filter(agreement__in=[one.pk for one in agreements]).count()
    return Impact(agreements, running, _fallen(before.requests, after.requests))


def _fallen(before: dict[int, Subject], after: dict[int, Subject]) -> list[Subject]:
    return [one for pk, one in after.items() if one.problem and pk in before and not before[pk].problem]


def record(*, policy: SharingPolicy, impact: Impact, by: User, reason: str) -> None:
    """Leave evidence of what a change stops and why, and tell whom it concerns; in the transaction of the change."""
    ledger.record(
        action="registry.sharingpolicy.stop",
        actor=actor_of(by, records.acting_agency(by)),
        subject=("sharingpolicy", str(policy.public_id)),
        details={
            "agreements": [one.code for one in impact.agreements],
            "running": impact.running,
            "requests": [one.code for one in impact.requests],
        },
        personal={"reason": reason},
    )
    for one in Agreement.objects.filter(pk__in=[one.pk for one in impact.agreements]).select_related("consumer"):
        page = reverse("exchange:agreement-detail", args=[one.public_id])
        people = [*permissions.people_named(USE, one), *_signatories(one.consumer)]
        notices.tell(kind=AGREEMENT_STOPPED, to=people, path=page, dataset=policy.dataset, agreement=one.code)
    for one in ExchangeRequest.objects.filter(pk__in=[one.pk for one in impact.requests]).select_related("consumer"):
        page = reverse("exchange:request-detail", args=[one.public_id])
        people = [*one.named_users.all(), *_signatories(one.consumer)]
        notices.tell(kind=REQUEST_AFFECTED, to=people, path=page, dataset=policy.dataset, request=one.code)


def _signatories(agency: Agency) -> Iterable[User]:
    today = Membership.objects.today().filter(agency=agency, role=Role.ENDORSER)
    return User.objects.filter(pk__in=today.values("user"), is_active=True)
