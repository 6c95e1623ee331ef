"""What people of the owner are told of an emergency, at once."""

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.models import ReviewCase
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import Delegation, Membership, User
from registry.services import notices

WAITING = notice_kinds.define(
    "exchange.emergency.waiting",
    _("An emergency waits for your decision"),
    _(
        "%(consumer)s asks for “%(dataset)s” in an emergency (%(code)s). One approver grants it; others review it afterwards."
    ),
)
TO_REVIEW = notice_kinds.define(
    "exchange.emergency.to-review",
    _("An emergency is to be reviewed"),
    _("%(code)s of %(consumer)s about “%(dataset)s” was granted in an emergency. Confirm it or object by %(due)s."),
)
REVIEWED = notice_kinds.define(
    "exchange.emergency.reviewed",
    _("An emergency was reviewed"),
    _("What was given in the emergency %(code)s of “%(dataset)s” was reviewed by its owner: no approver objected."),
)
OBJECTED = notice_kinds.define(
    "exchange.emergency.objected",
    _("Somebody objected to an emergency"),
    _("An approver of the owner objected to %(code)s about “%(dataset)s”: what was still running is stopped."),
)


def tell_waiting(case: ReviewCase) -> None:
    """Approvers and whoever stands in for them, and case officers: any of them can move it on."""
    people = _assigned(case, permissions.DECIDE, Role.APPROVER) | _assigned(case, permissions.HANDLE, Role.CASE_OFFICER)
    _tell(WAITING, case, _not_of(case, people))


def tell_to_review(case: ReviewCase) -> None:
    people = _assigned(case, permissions.DECIDE, Role.APPROVER) | _assigned(case, permissions.REVIEW, Role.REVIEWER)
    signed = case.decisions.live().values("made_by")
    _tell(TO_REVIEW, case, _not_of(case, people).exclude(pk__in=signed), due=case.review_due_on)


def tell_outcome(case: ReviewCase, *, is_objection: bool) -> None:
    """Both sides: who asked and signed, and who granted it."""
    request = case.request
    consumer = User.objects.filter(pk__in=[request.created_by_id, request.endorsed_by_id])
    granted = User.objects.filter(pk__in=case.decisions.live().values("made_by"))
    kind = OBJECTED if is_objection else REVIEWED
    told = {"code": request.code, "dataset": request.dataset}
    notices.tell(kind=kind, to=consumer, path=request.get_absolute_url(), **told)
    notices.tell(kind=kind, to=granted, path=_page(case), **told)


def _tell(kind: notice_kinds.NoticeKind, case: ReviewCase, people: QuerySet[User], **more) -> None:
    request = case.request
    told = {"code": request.code, "consumer": request.consumer, "dataset": request.dataset, **more}
    notices.tell(kind=kind, to=people, path=_page(case), **told)


def _page(case: ReviewCase) -> str:
    return reverse("admin:exchange_reviewcase_change", args=[case.pk])


def _assigned(case: ReviewCase, duty: str, role: Role) -> QuerySet[User]:
    named = permissions.people_named(duty, case.request.dataset.database)
    holders = Membership.objects.today().filter(agency=case.provider, role=role).values("user")
    own = named.filter(pk__in=holders, is_active=True).values("pk")
    if role == Role.APPROVER:
        given = Delegation.objects.today().filter(agency=case.provider, delegator__in=own).values("delegate")
        return User.objects.filter(pk__in=own) | User.objects.filter(pk__in=given, is_active=True)
    return User.objects.filter(pk__in=own)


def _not_of(case: ReviewCase, people: QuerySet[User]) -> QuerySet[User]:
    """Without whoever asked or declared a conflict."""
    request = case.request
    return (
        people.exclude(pk__in=request.recusals.values("person")).exclude(pk__in=request.editors.values("pk")).distinct()
    )
