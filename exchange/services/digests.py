"""One digest a day for each person: what is overdue, due soon, waits, or is about to lapse. Never two, none on a day off.

It is a notice of the portal; `mailing` sends it by mail, too, together with what else was told and not read yet.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.choices import MailState
from exchange.models import DailyDigest, DestructionCertificate, ExchangeRequest, ReviewCase
from exchange.services import attesting, deadlines, desk, destruction, escalating, lapsing, sweeping
from exchange.services import destruction_desk as certificates
from exchange.states import RequestStatus
from exchange.terms import Term
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import Database, Delegation, Membership, Notice, User
from registry.services import notices

FRESH = timedelta(days=7)  # older notices are in no digest, whether they were read or not
FROM = time(7, 30)  # of the day in Viet Nam
MOST_COUNTED = 1_000  # notices of one person
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
    reviewed = ReviewCase.objects.to_be_reviewed()
    databases = [
        str(pk)
        for pk in (running | reviewed).values_list("request__dataset__database", flat=True).order_by().distinct()
    ]
    people = set(running.exclude(claimed_by=None).values_list("claimed_by", flat=True))
    for duty in (permissions.HANDLE, permissions.REVIEW, permissions.DECIDE):
        assigned = permissions.namings(duty, Database).filter(object_pk__in=databases)
        people.update(assigned.values_list("user", flat=True))
    people.update(Delegation.objects.today().filter(delegator__in=people).values_list("delegate", flat=True))
    overdue = ReviewCase.objects.overdue()
    late = ReviewCase.objects.review_overdue()
    above = [
        *(pk for rows in (overdue, late) for pk in rows.values_list("provider", flat=True)),
        *(pk for rows in (overdue, late) for pk in rows.values_list("provider__parent", flat=True)),
    ]
    people.update(_with_role(above, Role.APPROVER))
    signing = ExchangeRequest.objects.filter(status__in=[RequestStatus.PENDING_ENDORSEMENT, RequestStatus.OFFERED])
    people.update(_with_role(signing.values("consumer"), Role.ENDORSER))
    returned = ExchangeRequest.objects.filter(status=RequestStatus.RETURNED)
    people.update(_with_role(returned.values("consumer"), Role.REQUESTER))
    people.update(_with_certificates())
    people.update(_with_role(attesting.to_be_confirmed().order_by().values("consumer"), Role.ENDORSER))
    people.update(_about_to_lapse().values_list("last_edited_by", flat=True))
    if settings.IS_MAIL_SENT:
        fresh = Notice.objects.unread().filter(created_at__gt=timezone.now() - FRESH)
        people.update(fresh.values_list("recipient", flat=True).distinct())
    return people


def _with_certificates() -> set[int]:
    """Clerks and signatories of agencies that owe one, and deciders of owners who wait for one or have to answer it."""
    owing = destruction.owing().order_by()
    people = set(_with_role(owing.values("consumer"), Role.REQUESTER)) | set(
        _with_role(owing.values("consumer"), Role.ENDORSER)
    )
    unsigned = DestructionCertificate.objects.to_be_signed()
    people.update(_with_role(unsigned.values("agreement__consumer"), Role.ENDORSER))
    waited_for = destruction.overdue().order_by().values("provider")
    unanswered = DestructionCertificate.objects.unanswered().values("agreement__provider")
    return people | set(_with_role(waited_for, Role.APPROVER)) | set(_with_role(unanswered, Role.APPROVER))


def _with_role(agencies: Iterable, role: Role) -> Iterable[int]:
    return Membership.objects.today().filter(agency__in=agencies, role=role).values_list("user", flat=True)


def _about_to_lapse() -> QuerySet[ExchangeRequest]:
    """Drafts and returns that lapse within the days of a reminder."""
    life = deadlines.working_days_of(Term.DRAFT_LIFE) - deadlines.working_days_of(Term.REMIND_BEFORE)
    return lapsing.neglected(max(life, 1))


def _remind(person: User, today: date) -> bool:
    told = counts_for(person)
    pressing = told["overdue"] or told["soon"] or told["lapsing"] or told["escalated"]
    is_worth_it = bool(pressing or (told["waiting"] and today.weekday() == MONDAY))
    unread = unread_since(person, _last_told(person)) if is_mailed(person) else {}
    mail = (
        {"mail": MailState.WAITING, "mail_due_at": timezone.now()}
        if is_mailed(person) and (is_worth_it or unread)
        else {}
    )
    try:
        with transaction.atomic():
            counts = {**(told if is_worth_it else {}), "unread": unread}
            DailyDigest.objects.create(person=person, day=today, was_told=is_worth_it, told=counts, **mail)
            if is_worth_it:
                notices.tell(kind=DIGEST, to=[person], path=reverse("exchange:desk"), **told)
    except IntegrityError:  # another worker did it in the same moment
        return False
    return True


def is_mailed(person: User) -> bool:
    return settings.IS_MAIL_SENT and person.wants_mail and bool(person.email)


def _last_told(person: User) -> datetime:
    """When the person last got a digest, so that nothing is told twice."""
    last = DailyDigest.objects.filter(person=person).order_by("-day").first()
    earliest = timezone.now() - FRESH
    return max(earliest, timezone.make_aware(datetime.combine(last.day, FROM))) if last else earliest


def unread_since(person: User, moment: datetime) -> dict[str, int]:
    """How many notices of each kind came since and were not read."""
    unread = Notice.objects.visible_to(person).unread().filter(created_at__gt=moment).exclude(kind=DIGEST.code)
    return dict(Counter(unread.values_list("kind", flat=True)[:MOST_COUNTED]))


def counts_for(person: User) -> dict[str, int]:
    """How much waits, and how much of it is overdue, due soon, about to lapse, or overdue at desks below."""
    today = timezone.localdate()
    soon = deadlines.due_on(today, deadlines.working_days_of(Term.REMIND_BEFORE))
    kinds = (desk.to_decide, desk.to_advise, desk.to_take_on, desk.in_hand)
    cases = {pk: due for kind in kinds for pk, due in kind(person).values_list("pk", "due_on")}
    cases |= dict(desk.to_review(person).values_list("pk", "review_due_on"))
    decides_on = desk.decides_on(person)
    owed = [duty.due_on for duty in destruction.duties(list(certificates.to_prepare(person)))]
    stated = certificates.to_sign(person).count() + certificates.to_answer(decides_on).count()
    theirs = [one for one in destruction.duties(list(certificates.owed_to(decides_on))) if one.is_overdue]
    confirming = list(desk.to_confirm(person).values_list("confirm_by", flat=True))
    requests_waiting = desk.to_sign(person).count() + desk.offers(person).count() + desk.to_correct(person).count()
    return {
        "waiting": len(cases) + requests_waiting + stated + len(owed) + len(confirming),
        "overdue": sum(due < today for due in [*cases.values(), *owed, *confirming]) + len(theirs),
        "soon": sum(today <= due <= soon for due in [*cases.values(), *owed, *confirming]),
        "lapsing": _about_to_lapse().filter(last_edited_by=person).count(),
        "escalated": escalating.brought_before(person).exclude(pk__in=list(cases)).count(),
    }
