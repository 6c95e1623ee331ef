"""Stopping an agreement with notice: announced for a later day, called off until then, and carried out on it.

The day decides. It stands on the agreement's row from the announcement on, so nothing is given from its midnight,
whoever makes the move then, and when.
"""

from datetime import date, timedelta

from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange import versions, workflow
from exchange.choices import StopKind
from exchange.models import Agreement, StopNotice
from exchange.refusals import Incomplete, Refusal
from exchange.services import deadlines, deliveries, stopping
from exchange.states import AGREEMENT, AgreementStatus
from exchange.terms import Term
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import Membership, User
from registry.services import notices

ANNOUNCED = {
    StopKind.SUSPEND: notice_kinds.define(
        "agreement-suspension-announced",
        _("An agreement is going to be suspended"),
        _(
            "%(agreement)s about “%(dataset)s” gives nothing from %(day)s until its owner resumes it. Its page says why."
        ),
    ),
    StopKind.REVOKE: notice_kinds.define(
        "agreement-revocation-announced",
        _("An agreement is going to be revoked"),
        _("%(agreement)s about “%(dataset)s” ends for good on %(day)s: its owner revokes it. Its page says why."),
    ),
}
CALLED_OFF = notice_kinds.define(
    "agreement-stop-called-off",
    _("An agreement goes on"),
    _("%(agreement)s about “%(dataset)s” goes on: what its owner had announced for %(day)s was called off."),
)


def earliest_day() -> date:
    """The first day for which a stop can be announced today: the whole working days of the notice lie in between."""
    notice = deadlines.working_days_of(Term.STOP_NOTICE)
    return deadlines.due_on(timezone.localdate(), notice) + timedelta(days=1)


def latest_day(agreement: Agreement) -> date:
    """The last day of what was agreed, in its latest version: a later stop would stop nothing."""
    open_ones = versions.versions_of(agreement).filter(status__in=AGREEMENT.open)
    return open_ones.aggregate(last=Max("valid_to"))["last"] or agreement.valid_to


def standing(agreement: Agreement) -> StopNotice | None:
    """What is announced of the agreement now, of whichever version it was said."""
    return StopNotice.objects.about(agreement).standing().select_related("announced_by").first()


def check_announcing(*, agreement: Agreement, by: User) -> None:
    """Refuse unless the person may announce a stop now, and there is a day for it; for forms, too."""
    workflow.check_move("announce", agreement, by)
    _check_days(agreement)


def announce(*, agreement: Agreement, by: User, kind: StopKind, takes_effect_on: date, reason: str) -> Agreement:
    """Say that all versions of the agreement give nothing from a later day on; tell whom it concerns."""
    with workflow.making("announce", agreement, by=by, reason=reason) as step:
        _check_day(step.subject, takes_effect_on)
        step.details.update(
            kind=str(kind), takes_effect_on=takes_effect_on.isoformat(), stops=stopping.read(step.subject).figures
        )
        step.then(
            lambda: StopNotice.objects.create(
                agreement=step.subject,
                kind=kind,
                takes_effect_on=takes_effect_on,
                reason=step.reason,
                announced_by=by,
            )
        )
        step.then(lambda: _tell(step.subject, ANNOUNCED[kind], takes_effect_on))
    return agreement


def _check_days(agreement: Agreement) -> tuple[date, date]:
    """The first and the last day for which a stop can be announced."""
    earliest, latest = earliest_day(), latest_day(agreement)
    if earliest > latest:
        raise Refusal(
            "too-late",
            _("The agreement ends on %(day)s, before any notice is over: it can only be stopped at once.")
            % {"day": date_format(latest, "SHORT_DATE_FORMAT")},
        )
    return earliest, latest


def _check_day(agreement: Agreement, day: date) -> None:
    earliest, latest = _check_days(agreement)
    problem = None
    if day < earliest:
        problem = _("Within the notice: the earliest day is %(day)s. In an emergency stop it at once.") % {
            "day": date_format(earliest, "SHORT_DATE_FORMAT")
        }
    elif day > latest:
        problem = _("The agreement ends by itself on %(day)s.") % {"day": date_format(latest, "SHORT_DATE_FORMAT")}
    if problem:
        raise Incomplete("outside-notice", problem, fields={"takes_effect_on": [problem]})


def call_off(*, agreement: Agreement, by: User, reason: str) -> Agreement:
    """Let the agreement go on as if nothing had been announced; possible until the announced day."""
    with workflow.making("call_off", agreement, by=by, reason=reason) as step:
        notice = StopNotice.objects.about(agreement).standing().get()
        step.details.update(kind=notice.kind, takes_effect_on=notice.takes_effect_on.isoformat())
        notice.cancelled_by, notice.cancelled_at, notice.cancel_reason = by, timezone.now(), step.reason
        step.then(lambda: notice.save(update_fields=["cancelled_by", "cancelled_at", "cancel_reason"]))
        step.then(lambda: _tell(step.subject, CALLED_OFF, notice.takes_effect_on))
    return agreement


def due() -> QuerySet[Agreement]:
    """What an announced day stopped and no move did yet; of each agreement the first version that has not ended."""
    waiting = Agreement.objects.filter(status__in=AGREEMENT.open, stops_on__lte=timezone.localdate())
    return waiting.order_by("code", "version").distinct("code")


def carry_out(*, agreement: Agreement) -> Agreement:
    """Make the move that was announced, now that its day has come, with the reason that was given then.

    Revoked, it takes the versions along that were to follow; suspended, those begin suspended.
    """
    with workflow.making("carry_out", agreement, by=None) as step:
        notice = StopNotice.objects.about(agreement).standing().get()
        is_end = notice.kind == StopKind.REVOKE
        step.reason = notice.reason
        step.to(AgreementStatus.REVOKED if is_end else AgreementStatus.SUSPENDED)
        step.details.update(kind=notice.kind, stops=stopping.read(step.subject).figures)
        step.then(lambda: deliveries.stop_all(agreement=agreement))
        following = versions.after(agreement).first() if is_end else None
        step.then((lambda: carry_out(agreement=following)) if following else (lambda: _done(notice)))
    return agreement


def _done(notice: StopNotice) -> None:
    notice.done_at = timezone.now()
    notice.save(update_fields=["done_at"])


def _tell(agreement: Agreement, kind: notice_kinds.NoticeKind, day: date) -> None:
    notices.tell(
        kind=kind,
        to=concerned(agreement),
        path=agreement.get_absolute_url(),
        agreement=agreement.code,
        dataset=agreement.dataset,
        day=day,
    )


def concerned(agreement: Agreement) -> QuerySet[User]:
    """Whoever may use it, whoever signs for the consumer agency today, and whoever looks after the request behind it."""
    signing = Membership.objects.today().filter(agency=agreement.consumer, role=Role.ENDORSER)
    named = permissions.people_named(stopping.USE, agreement)
    people = Q(pk__in=named.values("pk")) | Q(pk__in=signing.values("user"))
    return User.objects.filter(people | Q(pk=agreement.case.request.responsible.pk), is_active=True).distinct()
