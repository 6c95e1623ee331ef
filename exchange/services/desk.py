"""What waits for one person, in the order in which it is best dealt with: what others wait for comes first.

Every section takes one or two queries, however much there is, and shows the first rows of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import (
    Advice,
    AfterReview,
    Agreement,
    Decision,
    Delivery,
    DestructionCertificate,
    ExchangeRequest,
    ReviewCase,
    Revision,
)
from exchange.services import agreements, attesting, destruction, escalating
from exchange.services import destruction_desk as certificates
from exchange.states import DeliveryStatus, RequestStatus
from registry import permissions
from registry.choices import Role
from registry.models import Database, Delegation, Membership, User
from registry.remembering import remembered
from registry.services import waiting

MOST_SHOWN = 10  # of one kind
MOST_DELEGATIONS = 20  # of one person on one day


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that waits: what it is called, about whom, and the day until which it waits, if there is one."""

    title: str
    code: str
    about: str
    url: str
    due_on: date | None = None
    urgency: str = ""

    @property
    def is_overdue(self) -> bool:
        return self.due_on is not None and self.due_on < timezone.localdate()

    @property
    def is_due_today(self) -> bool:
        return self.due_on == timezone.localdate()


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of work; `more_url` leads to all of it where not all is shown."""

    name: str
    title: str | Promise
    rows: list[Row]
    has_more: bool = False
    more_url: str = ""


def for_person(user: User) -> list[Section]:
    """The sections in which something waits, the most pressing kind first."""
    return [section for section in _sections(user) if section.rows]


def _sections(user: User) -> Iterator[Section]:
    queue = reverse("admin:exchange_reviewcase_changelist")
    requests = reverse("exchange:request-list")
    listed = reverse("exchange:agreement-list")
    yield _of("decide", _("To decide"), to_decide(user), _of_case, f"{queue}?state=review")
    yield _of("review", _("Emergencies to review"), to_review(user), _of_case, "")
    yield _of("advise", _("To advise on"), to_advise(user), _of_case, f"{queue}?state=review")
    yield _of("sign", _("To sign"), to_sign(user), _of_signing, reverse("exchange:endorsement-list"))
    yield _of("confirm", _("To confirm that it is still needed"), to_confirm(user), _of_confirming, listed)
    yield _of("answer", _("Offers to answer"), offers(user), _of_offer, reverse("exchange:endorsement-list"))
    yield _of(
        "sign-certificates", _("Certificates of destruction to sign"), certificates.to_sign(user), _of_certificate, ""
    )
    yield _of(
        "answer-certificates",
        _("Certificates of destruction to answer"),
        certificates.to_answer(decides_on(user)),
        _of_answer,
        "",
    )
    yield _owed("certify", _("To certify that data is gone"), certificates.to_prepare(user), _owed_by_us, listed)
    yield _owed(
        "uncertified",
        _("Overdue: others owe you certificates"),
        certificates.owed_to(decides_on(user)),
        _owed_to_us,
        f"{reverse('admin:exchange_agreement_changelist')}?certificate=overdue",
    )
    yield _of("superior", _("Overdue at desks below you"), superior(user), _of_case_below, "")
    yield _of("take", _("To take on"), to_take_on(user), _of_case, f"{queue}?state=new")
    yield _of("handle", _("Taken on by you"), in_hand(user), _of_case, f"{queue}?state=review&officer=me")
    yield _of("correct", _("To correct"), to_correct(user), _of_request, f"{requests}?status={RequestStatus.RETURNED}")
    yield _of_registry(user)
    yield _of("download", _("To download"), to_download(user), _of_delivery, reverse("exchange:agreement-list"))
    yield _of("drafts", _("Your drafts"), drafts(user), _of_request, f"{requests}?status={RequestStatus.DRAFT}")


# --- the rows, kind by kind


def _cases(*statuses: str) -> QuerySet[ReviewCase]:
    here = F("request__dataset__database__owner")  # else it came back about another owner's dataset
    found = ReviewCase.objects.filter(request__status__in=statuses, provider=here)
    return _told(found).order_by("-request__is_emergency", "due_on", "pk")


def _told(found: QuerySet[ReviewCase]) -> QuerySet[ReviewCase]:
    """With what a row names; without what can be long in a request."""
    related = found.select_related("request__consumer", "request__dataset")
    long = [f"request__{name}" for name in ("row_filter", "reason", "security_measures")]
    return related.defer(*long)


@remembered
def _databases(user: User, duty: str, role: Role) -> list[int]:
    """Assigned to the person, who still holds the role for their owner; asked beforehand, as most people have none."""
    owners = Membership.objects.today().filter(user=user, role=role).values("agency")
    return list(permissions.named_objects(user, duty, Database).filter(owner__in=owners).values_list("pk", flat=True))


def decides_on(user: User) -> list[int]:
    """The databases on which the person decides today, in person."""
    return _databases(user, permissions.DECIDE, Role.APPROVER)


def to_decide(user: User) -> QuerySet[ReviewCase]:
    """Under review, and the person, or somebody in whose place the person acts today, has not voted."""
    voted = Decision.objects.live().filter(case=OuterRef("pk")).filter(Q(made_by=user) | Q(delegation__delegator=user))
    # An emergency waits for nobody to take it on: whoever decides on it takes it up.
    at_once = _cases(RequestStatus.SUBMITTED, RequestStatus.UNDER_REVIEW)
    waits = Q(request__status=RequestStatus.UNDER_REVIEW) | Q(request__is_emergency=True)
    found = at_once.filter(waits, _decided_by(user))
    return _without_part(found, user).exclude(Exists(voted))


def _decided_by(user: User) -> Q:
    """Cases on which the person decides, or somebody in whose place the person acts today."""
    own = Q(request__dataset__database__in=decides_on(user))
    for delegation in _delegations(user):
        databases = _databases(delegation.delegator, permissions.DECIDE, Role.APPROVER)
        own |= Q(request__dataset__database__in=databases, provider=delegation.agency_id)
    return own


def to_review(user: User) -> QuerySet[ReviewCase]:
    """Given in an emergency without the person, who has to confirm it or object, and has not done so."""
    reviewing = Q(
        reviews_needed__gt=0, request__dataset__database__in=_databases(user, permissions.REVIEW, Role.REVIEWER)
    )
    own = Q(made_by=user) | Q(delegation__delegator=user)
    decided = Decision.objects.filter(own, case=OuterRef("pk"))
    given = AfterReview.objects.filter(own, case=OuterRef("pk"))
    found = ReviewCase.objects.to_be_reviewed().filter(reviewing | _decided_by(user))
    found = _told(found).exclude(Exists(decided)).exclude(Exists(given))
    return _without_part(found, user).order_by("review_due_on", "pk")


@remembered
def _delegations(user: User) -> list[Delegation]:
    works_in = Membership.objects.today().filter(user=user).values("agency")
    given = Delegation.objects.today().filter(delegate=user, agency__in=works_in)
    return list(given.select_related("delegator").order_by("pk")[:MOST_DELEGATIONS])


def _without_part(cases: QuerySet[ReviewCase], user: User) -> QuerySet[ReviewCase]:
    """Without those in which the person had a part on the other side, or declared a conflict."""
    filed = Q(request__created_by=user) | Q(request__endorsed_by=user) | Q(request__last_edited_by=user)
    return cases.exclude(filed).exclude(request__recusals__person=user).exclude(request__editors=user)


def to_advise(user: User) -> QuerySet[ReviewCase]:
    """Advice is needed, and the person has given none on the latest revision."""
    latest = Revision.objects.filter(request=OuterRef("request")).order_by("-number").values("pk")[:1]
    given = Advice.objects.filter(revision=OuterRef("latest"), made_by=user)
    found = _cases(RequestStatus.UNDER_REVIEW).filter(
        reviews_needed__gt=0, request__dataset__database__in=_databases(user, permissions.REVIEW, Role.REVIEWER)
    )
    return _without_part(found, user).annotate(latest=Subquery(latest)).exclude(Exists(given))


def to_take_on(user: User) -> QuerySet[ReviewCase]:
    databases = _databases(user, permissions.HANDLE, Role.CASE_OFFICER)
    return _without_part(_cases(RequestStatus.SUBMITTED).filter(request__dataset__database__in=databases), user)


def in_hand(user: User) -> QuerySet[ReviewCase]:
    return _cases(RequestStatus.UNDER_REVIEW).filter(claimed_by=user)


def superior(user: User) -> QuerySet[ReviewCase]:
    """Overdue cases that were brought before the person."""
    return escalating.brought_before(user).select_related("request__consumer", "request__dataset", "provider")


def to_sign(user: User) -> QuerySet[ExchangeRequest]:
    found = ExchangeRequest.objects.to_be_signed_by(user).filter(status=RequestStatus.PENDING_ENDORSEMENT)
    return found.for_lists().order_by("-is_emergency", "edited_at", "pk")


def offers(user: User) -> QuerySet[ExchangeRequest]:
    found = ExchangeRequest.objects.to_be_signed_by(user).filter(status=RequestStatus.OFFERED)
    return found.for_lists().order_by("-is_emergency", "edited_at", "pk")


def to_confirm(user: User) -> QuerySet[Agreement]:
    """Agreements of the agencies for which the person signs that have to be confirmed soon or are overdue. A named user
    leaves that to another signatory."""
    agencies = Membership.objects.today().filter(user=user, role=Role.ENDORSER).values("agency")
    named = permissions.named_objects(user, agreements.USE, Agreement)
    return attesting.to_be_confirmed().filter(consumer__in=agencies).exclude(pk__in=named.values("pk")).for_lists()


def _filed_for(user: User) -> QuerySet[ExchangeRequest]:
    agencies = Membership.objects.today().filter(user=user, role=Role.REQUESTER).values("agency")
    return (
        ExchangeRequest.objects.filter(consumer__in=agencies).for_lists().order_by("-is_emergency", "edited_at", "pk")
    )


def to_correct(user: User) -> QuerySet[ExchangeRequest]:
    return _filed_for(user).filter(status=RequestStatus.RETURNED)


def drafts(user: User) -> QuerySet[ExchangeRequest]:
    """Those that the person wrote in, the one that lies longest first: it lapses first."""
    return _filed_for(user).filter(status=RequestStatus.DRAFT, last_edited_by=user)


def to_download(user: User) -> QuerySet[Delivery]:
    """Files that can still be fetched, of agreements in which the person is named; the one that goes first, first."""
    named = permissions.named_objects(user, agreements.USE, Agreement)
    found = Delivery.objects.visible_to(user).filter(
        status=DeliveryStatus.COMPLETED, available_until__gt=timezone.now(), agreement__in=named
    )
    return found.for_lists().order_by("available_until", "pk")


# --- how a row is told


def _of(name: str, title, found: QuerySet, told: Callable[[object], Row], more_url: str) -> Section:
    rows = list(found[: MOST_SHOWN + 1])
    return Section(name, title, [told(row) for row in rows[:MOST_SHOWN]], len(rows) > MOST_SHOWN, more_url)


def _of_case(case: ReviewCase) -> Row:
    return _row(case.request, reverse("admin:exchange_reviewcase_change", args=[case.pk]), case.waits_until)


def _of_case_below(case: ReviewCase) -> Row:
    """A superior agency sees that a case is overdue, and at whose desk; the case itself is its owner's."""
    return Row(
        str(case.request.dataset), case.request.code, str(case.provider), "", case.waits_until, _urgency(case.request)
    )


def _of_signing(request: ExchangeRequest) -> Row:
    return _row(request, reverse("exchange:request-endorse", args=[request.public_id]))


def _of_offer(request: ExchangeRequest) -> Row:
    return _row(request, reverse("exchange:request-accept", args=[request.public_id]))


def _of_request(request: ExchangeRequest) -> Row:
    return _row(request, reverse("exchange:request-detail", args=[request.public_id]))


def _row(request: ExchangeRequest, url: str, due_on: date | None = None) -> Row:
    title = request.letter_subject or (request.dataset.title if request.dataset else _("Draft without a subject"))
    return Row(str(title), request.code, str(request.consumer), url, due_on, _urgency(request))


def _urgency(request: ExchangeRequest) -> str:
    if request.is_emergency:
        return str(_("Emergency"))
    is_usual = request.urgency == request._meta.get_field("urgency").default
    return "" if is_usual else str(request.get_urgency_display())


def _of_delivery(delivery: Delivery) -> Row:
    url = reverse("exchange:delivery-detail", args=[delivery.public_id])
    until = timezone.localdate(delivery.available_until)
    return Row(delivery.agreement.dataset.title, delivery.code, delivery.agreement.code, url, until)


def _of_confirming(agreement: Agreement) -> Row:
    url = reverse("exchange:agreement-confirm", args=[agreement.public_id])
    return Row(agreement.dataset.title, agreement.code, str(agreement.provider), url, agreement.confirm_by)


def _of_certificate(certificate: DestructionCertificate) -> Row:
    agreement = certificate.agreement
    return Row(agreement.dataset.title, certificate.code, str(agreement.provider), certificate.get_absolute_url())


def _of_answer(certificate: DestructionCertificate) -> Row:
    url = reverse("admin:exchange_destructioncertificate_change", args=[certificate.pk])
    return Row(certificate.agreement.dataset.title, certificate.code, str(certificate.agreement.consumer), url)


def _owed(name: str, title, found: QuerySet, told: Callable[[destruction.Duty], Row], more_url: str) -> Section:
    """Agreements about which a certificate is owed, with the day until which; others' only once they are overdue."""
    duties = destruction.duties(list(found[: MOST_SHOWN + 1]))
    if told is _owed_to_us:
        duties = [duty for duty in duties if duty.is_overdue]  # the longest owed come first
    return Section(name, title, [told(duty) for duty in duties[:MOST_SHOWN]], len(duties) > MOST_SHOWN, more_url)


def _owed_by_us(duty: destruction.Duty) -> Row:
    agreement = duty.agreement
    url = reverse("exchange:agreement-detail", args=[agreement.public_id])
    return Row(agreement.dataset.title, agreement.code, str(agreement.provider), url, duty.due_on)


def _owed_to_us(duty: destruction.Duty) -> Row:
    agreement = duty.agreement
    url = reverse("admin:exchange_agreement_change", args=[agreement.pk])
    return Row(agreement.dataset.title, agreement.code, str(agreement.consumer), url, duty.due_on)


def _of_registry(user: User) -> Section:
    rows = [Row(one.about, "", one.told, one.url) for one in waiting.for_person(user)]
    return Section(
        "registry", _("In the registry"), rows[:MOST_SHOWN], len(rows) > MOST_SHOWN, reverse("registry:stewardship")
    )
