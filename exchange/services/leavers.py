"""What people leave behind in the exchange: the use of agreements, which ends, and requests, which somebody takes over."""

from django.db import transaction
from django.db.models import BigIntegerField, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from exchange import workflow
from exchange.models import Agreement
from exchange.services import sweeping
from exchange.services.agreements import USE
from exchange.states import AGREEMENT
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import Membership, User
from registry.services import access, notices

USER_LEFT = notice_kinds.define(
    "agreement-user-left",
    _("Somebody who used an agreement left"),
    _(
        "%(person)s no longer works in your agency and was taken off the agreement %(agreement)s. Name somebody else there if needed."
    ),
)


def users_left():
    """Who is named in an agreement that can still be used, and has no open account or no work in its agency today.

    They can do nothing any more: whoever uses an agreement has to work there at that moment.
    """
    agreement = Agreement.objects.filter(pk=Cast(OuterRef("object_pk"), BigIntegerField()), status__in=AGREEMENT.open)
    named = permissions.namings(USE, Agreement).annotate(consumer=Subquery(agreement.values("consumer")))
    works = Membership.objects.today().filter(user=OuterRef("user"), agency=OuterRef("consumer"))
    gone = named.filter(~Exists(works) | Q(user__is_active=False), consumer__isnull=False)
    return gone.select_related("user").order_by("pk")


def take_off_left() -> int:
    """Take them off, each with a record, and tell the signatories; how many."""
    return sweeping.each(users_left()[:500], _take_off)


@transaction.atomic
def _take_off(naming) -> bool:
    agreement = workflow.lock(Agreement.objects.get(pk=naming.object_pk))
    if not users_left().filter(pk=naming.pk).exists():
        return False  # somebody was faster, or the person is back
    correlation = workflow.correlation_of(agreement)
    access.withdraw(permission=USE, on=agreement, to=naming.user, by=None, correlation_id=correlation)
    notices.tell(
        kind=USER_LEFT,
        to=_people(agreement.consumer, Role.ENDORSER),
        path=agreement.get_absolute_url(),
        person=str(naming.user),
        agreement=agreement.code,
    )
    return True


def _people(agency, *roles: Role):
    today = Membership.objects.today().filter(agency=agency, role__in=roles)
    return User.objects.filter(is_active=True, pk__in=today.values("user")).order_by("pk")
