"""Telling whom a move concerns, in the transaction of the move: people by a notice, the systems of agencies by an event.

Who they are is asked of the rows as they stand.
"""

from collections.abc import Callable

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.announcements import CONSUMER, QUIET_ENDINGS, Announcement, Who, asking_in
from exchange.models import Agreement, Decision, Delivery, ExchangeRequest, ReviewCase
from exchange.models.agreements import USE
from exchange.services import outbox
from exchange.webhooks import event_types
from registry import permissions
from registry.choices import Role
from registry.models import Agency, Database, Delegation, Membership, Notice, User
from registry.services import notices

NOTHING_YET = "–"  # what a draft does not say
Subject = ExchangeRequest | Agreement | Delivery


def tell_people(announcement: Announcement, subject: Subject, *, by: User | None) -> None:
    """Leave a notice with everybody of both agencies whom the move concerns, except who made it.

    Two queries for each agency of which somebody may have to be told, however many they are.
    """
    if not announcement.to or _is_quiet(subject):
        return
    exchange = _Exchange(subject)
    told = {
        "code": subject.code,
        "dataset": exchange.request.dataset or exchange.request.letter_subject or NOTHING_YET,
        "consumer": exchange.consumer,
        "provider": exchange.provider or NOTHING_YET,
    }
    for agency, parts, path in (
        (exchange.consumer, announcement.to & CONSUMER, subject.get_absolute_url()),
        (exchange.provider, announcement.to - CONSUMER, exchange.desk_page),
    ):
        if parts and agency is not None:
            people = exchange.people(agency, parts, by)
            notices.tell(kind=announcement.kind, to=people, path=path, **told)


def put_aside(table: str, subject: Subject, *, left: str, by: User | None) -> None:
    """Count as read what the move deals with: all that the person was told about it, and for everybody what asked for
    something in the state that was left. Else yesterday's news would go out by mail today.
    """
    exchange = _Exchange(subject)
    paths = {subject.get_absolute_url(), exchange.desk_page} - {""}
    over = Q(recipient=by) | Q(kind__in=asking_in(table, left))
    Notice.objects.unread().filter(over, path__in=paths).update(read_at=timezone.now())


def tell_systems(table: str, subject: Subject, announcement: Announcement, *, entry: Entry, data: dict) -> None:
    """Keep an event for the systems of both agencies; of the owner only if it knows of the request at all.

    `entry` is the evidence of what happened, `data` is told beside the names of what it is about: no people, no reasons.
    """
    exchange = _Exchange(subject)
    knows = exchange.case is not None and not announcement.inside
    about = {
        "object": table,
        "code": subject.code,
        "id": str(subject.public_id),
        "state": str(subject.status),
        "request": exchange.request.code,
        "consumer": exchange.consumer.code,
        "provider": exchange.provider.code if exchange.provider else "",
    }
    if exchange.agreement:
        about |= {"agreement": exchange.agreement.code, "version": exchange.agreement.version}
    outbox.write(
        type=event_types.type_of(table, announcement.event or subject.status),
        subject=subject.code,
        entry=entry,
        data=about | data,
        consumer=exchange.consumer,
        provider=exchange.provider if knows else None,
    )


def _is_quiet(subject: Subject) -> bool:
    return isinstance(subject, Delivery) and subject.end_reason in QUIET_ENDINGS


class _Exchange:
    """The rows around a request, agreement or delivery, and who has which part in them."""

    def __init__(self, subject: Subject):
        self.delivery = subject if isinstance(subject, Delivery) else None
        agreement = subject.agreement if isinstance(subject, Delivery) else subject
        self.agreement = agreement if isinstance(agreement, Agreement) else None
        self.request: ExchangeRequest = self.agreement.case.request if self.agreement else subject
        self.consumer: Agency = self.request.consumer
        self.provider: Agency | None = self.agreement.provider if self.agreement else self.request.provider
        self._subject = subject
        self._found: ReviewCase | None = None

    @property
    def case(self) -> ReviewCase | None:
        """The owner's case; none before the request was signed for the first time."""
        if self.agreement:
            return self.agreement.case
        if self._found is None and self.provider is not None:
            self._found = self.request.cases.filter(provider=self.provider).first()
        return self._found

    @property
    def desk_page(self) -> str:
        """Where the owner's desk deals with it."""
        if isinstance(self._subject, Agreement):
            return reverse("admin:exchange_agreement_change", args=[self._subject.pk])
        return reverse("admin:exchange_reviewcase_change", args=[self.case.pk]) if self.case else ""

    def people(self, agency: Agency, parts: frozenset[Who], by: User | None):
        """Those of the agency today who have one of the parts. Accounts of systems do not read notices."""
        wanted = Q(pk__in=[])
        for part in parts:
            wanted |= PARTS[part](self)
        works = Membership.objects.today().filter(user=OuterRef("pk"), agency=agency).exclude(role=Role.SYSTEM)
        found = User.objects.filter(wanted, Exists(works), is_active=True)
        if agency == self.provider:
            # Who declared a conflict, or had a part on the other side, has none here.
            other = self.filers() | Q(pk__in={self.request.endorsed_by_id} - {None})
            found = found.exclude(pk__in=self.request.recusals.values("person")).exclude(other)
        return found.exclude(pk=by.pk) if by else found

    def filers(self) -> Q:
        """Whose words stand in it."""
        filed = {self.request.created_by_id, self.request.last_edited_by_id}
        return Q(pk__in=filed) | Q(pk__in=self.request.editors.values("pk"))

    def assigned(self, duty: str, role: Role) -> Q:
        """Those who were given the duty on the database, and still hold the role for its owner."""
        database = self.request.dataset.database
        named = permissions.namings(duty, Database).filter(object_pk=str(database.pk))
        holders = Membership.objects.today().filter(agency=database.owner, role=role)
        return Q(pk__in=named.values("user")) & Q(pk__in=holders.values("user"))


def _ids(*fields: str) -> Callable[[_Exchange], Q]:
    def part(exchange: _Exchange) -> Q:
        return Q(pk__in={getattr(exchange.request, f"{field}_id") for field in fields} - {None})

    return part


def _authors(exchange: _Exchange) -> Q:
    return _ids("created_by", "taken_over_by", "last_edited_by")(exchange)


def _signatories(exchange: _Exchange) -> Q:
    signing = Membership.objects.today().filter(agency=exchange.consumer, role=Role.ENDORSER)
    return Q(pk__in=signing.values("user")) & ~exchange.filers()


def _users(exchange: _Exchange) -> Q:
    named = permissions.namings(USE, Agreement).filter(object_pk=str(exchange.agreement.pk))
    return Q(pk__in=named.values("user"))


def _later_users(exchange: _Exchange) -> Q:
    # On the day of the decision they hear of the decision.
    begins_later = timezone.localdate(exchange.agreement.agreed_at) < timezone.localdate()
    return _users(exchange) if begins_later else Q(pk__in=[])


def _ordered(exchange: _Exchange) -> Q:
    by = exchange.delivery.requested_by_id
    return Q(pk=by) if by else _users(exchange)


def _officer(exchange: _Exchange) -> Q:
    return Q(pk__in={exchange.case.claimed_by_id} - {None}) if exchange.case else Q(pk__in=[])


def _reviewers(exchange: _Exchange) -> Q:
    if exchange.case is None or not exchange.case.reviews_needed:
        return Q(pk__in=[])
    return exchange.assigned(permissions.REVIEW, Role.REVIEWER)


def _approvers(exchange: _Exchange) -> Q:
    approvers = exchange.assigned(permissions.DECIDE, Role.APPROVER)
    given = Delegation.objects.today().filter(agency=exchange.provider, delegator__in=User.objects.filter(approvers))
    return approvers | Q(pk__in=given.values("delegate"))


def _voters(exchange: _Exchange) -> Q:
    if exchange.case is None:
        return Q(pk__in=[])
    return Q(pk__in=Decision.objects.live().filter(case=exchange.case).values("made_by"))


PARTS: dict[Who, Callable[[_Exchange], Q]] = {
    Who.AUTHORS: _authors,
    Who.SIGNATURE: _ids("endorsed_by"),
    Who.SIGNATORIES: _signatories,
    Who.NAMED: lambda exchange: Q(pk__in=exchange.request.named_users.values("pk")),
    Who.USERS: _users,
    Who.LATER_USERS: _later_users,
    Who.ORDERED: _ordered,
    Who.OFFICER: _officer,
    Who.OFFICERS: lambda exchange: exchange.assigned(permissions.HANDLE, Role.CASE_OFFICER),
    Who.REVIEWERS: _reviewers,
    Who.APPROVERS: _approvers,
    Who.VOTERS: _voters,
}
