"""One digest a day for each person: what is overdue, due soon, waits, or is about to lapse. Never two, none on a day off.

It is a notice of the portal: nothing is sent by mail.
"""

from collections.abc import Iterable
from datetime import date, time

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.models import DailyDigest, ExchangeRequest, ReviewCase
from exchange.services import deadlines, desk, escalating, requests, sweeping
from exchange.states import RequestStatus
from exchange.terms import Term
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import Database, Delegation, Membership, User
from registry.services import notices

FROM = time(7, 30)  # of the day in Viet Nam
AT_ONCE = 200  # people in one sweep
MONDAY = 0

DIGEST = notice_kinds.define(
    "exchange.digest",
    _("Your work today"),
    _(
        "Waiting for you: %(waiting)s. Overdue: %(overdue)s, due soon: %(soon)s, about to lapse: %(lapsing)s. "
        "Overdue at the desks below you: %(escalated)s."
    ),
)


def send_due() -> int:
    """Tell everybody who has not been told today; how many were looked at."""
    now = timezone.localtime()
    if now.time() < FROM or not deadlines.is_today_a_working_day():
        return 0
    today = now.date()
    looked_at = DailyDigest.objects.filter(day=today).values("person")
    people = User.objects.filter(pk__in=concerned(), is_active=True).exclude(pk__in=looked_at).order_by("pk")
    return sweeping.each(people[:AT_ONCE], lambda person: _remind(person, today))


def concerned() -> set[int]:
    """Everybody for whom something may wait: those of the desks with open cases and those in whose place they act,
    signatories and clerks of agencies whose turn it is."""
    running = ReviewCase.objects.running()
    databases = [str(pk) for pk in running.values_list("request__dataset__database", flat=True).distinct()]
    people = set(running.exclude(claimed_by=None).values_list("claimed_by", flat=True))
    for duty in (permissions.HANDLE, permissions.REVIEW, permissions.DECIDE):
        assigned = permissions.namings(duty, Database).filter(object_pk__in=databases)
        people.update(assigned.values_list("user", flat=True))
    people.update(Delegation.objects.today().filter(delegator__in=people).values_list("delegate", flat=True))
    overdue = ReviewCase.objects.overdue()
    above = [*overdue.values_list("provider", flat=True), *overdue.values_list("provider__parent", flat=True)]
    people.update(_with_role(above, Role.APPROVER))
    signing = ExchangeRequest.objects.filter(status__in=[RequestStatus.PENDING_ENDORSEMENT, RequestStatus.OFFERED])
    people.update(_with_role(signing.values("consumer"), Role.ENDORSER))
    returned = ExchangeRequest.objects.filter(status=RequestStatus.RETURNED)
    people.update(_with_role(returned.values("consumer"), Role.REQUESTER))
    people.update(_about_to_lapse().values_list("last_edited_by", flat=True))
    return people


def _with_role(agencies: Iterable, role: Role) -> Iterable[int]:
    return Membership.objects.today().filter(agency__in=agencies, role=role).values_list("user", flat=True)


def _about_to_lapse() -> QuerySet[ExchangeRequest]:
    """Drafts and returns that lapse within the days of a reminder."""
    life = deadlines.working_days_of(Term.DRAFT_LIFE) - deadlines.working_days_of(Term.REMIND_BEFORE)
    return requests.neglected(max(life, 1))


def _remind(person: User, today: date) -> bool:
    told = counts_for(person)
    pressing = told["overdue"] or told["soon"] or told["lapsing"] or told["escalated"]
    is_worth_it = bool(pressing or (told["waiting"] and today.weekday() == MONDAY))
    try:
        with transaction.atomic():
            DailyDigest.objects.create(person=person, day=today, was_told=is_worth_it)
            if is_worth_it:
                notices.tell(kind=DIGEST, to=[person], path=reverse("exchange:desk"), **told)
    except IntegrityError:  # another worker did it in the same moment
        return False
    return True


def counts_for(person: User) -> dict[str, int]:
    """How much waits, and how much of it is overdue, due soon, about to lapse, or overdue at desks below."""
    today = timezone.localdate()
    soon = deadlines.due_on(today, deadlines.working_days_of(Term.REMIND_BEFORE))
    kinds = (desk.to_decide, desk.to_advise, desk.to_take_on, desk.in_hand)
    cases = {pk: due for kind in kinds for pk, due in kind(person).values_list("pk", "due_on")}
    requests_waiting = desk.to_sign(person).count() + desk.offers(person).count() + desk.to_correct(person).count()
    return {
        "waiting": len(cases) + requests_waiting,
        "overdue": sum(due < today for due in cases.values()),
        "soon": sum(today <= due <= soon for due in cases.values()),
        "lapsing": _about_to_lapse().filter(last_edited_by=person).count(),
        "escalated": escalating.brought_before(person).exclude(pk__in=list(cases)).count(),
    }
