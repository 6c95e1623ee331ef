"""Confirming from time to time that an agreement is still needed and its conditions are kept.

The day decides: until when it is confirmed stands on the agreement's row, and past that day it gives nothing, whoever
suspends it then, and when.
"""

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exchange import workflow
from exchange.choices import Frequency
from exchange.models import Agreement, Attestation, ExchangeRequest
from exchange.refusals import Incomplete
from exchange.scope import Scope
from exchange.services import deadlines, deliveries, stopping, suspensions, sweeping
from exchange.states import AgreementStatus
from exchange.terms import Term
from registry import notice_kinds
from registry.choices import Mode, PersonalData, Role
from registry.models import Dataset, Membership, Notice, User
from registry.services import notices

RUNNING = (AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED)
REMINDER = notice_kinds.define(
    "agreement-to-be-confirmed",
    gettext_lazy("An agreement has to be confirmed"),
    gettext_lazy(
        "A signatory of your agency has to confirm by %(day)s that %(agreement)s about “%(dataset)s” is still needed. "
        "Else it gives nothing from then on."
    ),
)


# --- until when


def first_day(*, request: ExchangeRequest, scope: Scope) -> date:
    """By which day an agreement has to be confirmed for the first time, counted from its beginning, or from today where
    that is later. Data that is given once is given then: nobody has to confirm that."""
    if scope.mode == Mode.PACKAGE and request.frequency == Frequency.ONCE:
        return scope.period_to
    return _counted(max(scope.period_from, timezone.localdate()), request.dataset, scope)


def covered_until(agreement: Agreement) -> date:
    """How far a confirmation reaches that is given today."""
    return _counted(timezone.localdate(), agreement.dataset, Scope.from_text(agreement.scope))


def _counted(start: date, dataset: Dataset, scope: Scope) -> date:
    names = {*scope.field_names, *(condition.field for condition in scope.filters)}
    is_sensitive = dataset.fields.filter(name__in=names, personal_data=PersonalData.SENSITIVE).exists()
    term = Term.CONFIRM_SENSITIVE if is_sensitive else Term.CONFIRM_EVERY
    return deadlines.due_on(start, deadlines.working_days_of(term))


def to_be_confirmed() -> QuerySet[Agreement]:
    """What runs, has to be confirmed soon or is overdue, the most pressing first. What ends before needs none."""
    horizon = deadlines.due_on(timezone.localdate(), deadlines.working_days_of(Term.CONFIRM_REMIND))
    running = Agreement.objects.filter(status__in=RUNNING, confirm_by__lte=horizon, confirm_by__lt=F("valid_to"))
    return running.filter(valid_to__gte=timezone.localdate()).order_by("confirm_by", "pk")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an agreement stands with its confirmations. It is asked for one where it has to be confirmed soon, is overdue,
    or was suspended for the want of one."""

    is_asked_for: bool
    is_overdue: bool
    is_held: bool
    last: Attestation | None


def standing(agreement: Agreement) -> Standing:
    """How it stands now."""
    is_held = agreement.status == AgreementStatus.SUSPENDED and _is_held(agreement)
    is_due = to_be_confirmed().filter(pk=agreement.pk).exists()
    confirmed = Attestation.objects.filter(agreement__code=agreement.code).select_related("confirmed_by")
    is_overdue = agreement.status in RUNNING and agreement.is_unconfirmed
    return Standing(is_due or is_held, is_overdue, is_held, confirmed.order_by("-pk").first())


def _is_held(agreement: Agreement) -> bool:
    return suspensions.latest([agreement.code]).get(agreement.code) == suspensions.UNCONFIRMED


# --- confirming


def statement(agreement: Agreement) -> str:
    """What a signatory confirms, in full: it is kept with the confirmation."""
    return _(
        "We still need the data of “%(dataset)s” for the purpose “%(purpose)s”. Only those who are named use %(code)s, for "
        "this purpose only and under its conditions, and what we no longer need we delete as agreed."
    ) % {"dataset": agreement.dataset, "purpose": agreement.get_purpose_display(), "code": agreement.code}


def confirm(*, agreement: Agreement, by: User, words: str) -> Agreement:
    """Confirm `words`, which must be the agreement's statement as it was shown; if nothing else suspended the agreement,
    it is in force again in the same transaction."""
    with workflow.making("confirm", agreement, by=by) as step:
        subject = step.subject
        if words != statement(subject):
            raise Incomplete("other-words", _("What is confirmed has changed. Read it again."))
        covers = covered_until(subject)
        step.details.update(covers_until=covers.isoformat(), was_due_by=subject.confirm_by.isoformat())
        now = timezone.now()
        step.then(
            lambda: Attestation.objects.create(
                agreement=subject,
                confirmed_by=by,
                confirmed_at=now,
                confirmed_on=timezone.localdate(now),
                covers_until=covers,
                statement=words,
            )
        )
        step.then(lambda: _reinstate(subject))
    return agreement


def _reinstate(agreement: Agreement) -> None:
    if agreement.status != AgreementStatus.SUSPENDED or not _is_held(agreement):
        return
    # Where its source changed meanwhile, or it is over, that stands against it on record, and the confirmation stays.
    sweeping.each([agreement], reinstate)


def reinstate(agreement: Agreement) -> None:
    with workflow.making("reinstate", agreement, by=None):
        pass


# --- what follows from the day


def hold_unconfirmed() -> int:
    """Suspend what nobody confirmed in time; how many. It gives nothing since that day, in whatever state it is."""
    today = timezone.localdate()
    over = Agreement.objects.filter(status=AgreementStatus.ACTIVE, confirm_by__lt=today, valid_to__gte=today)
    return sweeping.each(over.order_by("pk")[:500], lambda agreement: hold(agreement=agreement))


def hold(*, agreement: Agreement) -> Agreement:
    """Suspend one agreement, with whatever is under way."""
    reason = _("Nobody confirmed by %(day)s that it is still needed.") % {
        "day": date_format(agreement.confirm_by, "SHORT_DATE_FORMAT")
    }
    with workflow.making("hold_unconfirmed", agreement, by=None, reason=reason) as step:
        step.details["stops"] = stopping.read(step.subject).figures
        step.then(lambda: deliveries.stop_all(agreement=agreement))
    return agreement


def remind() -> int:
    """Tell the signatories of each agreement that has to be confirmed soon, once for each day that is due."""
    return sweeping.each(to_be_confirmed().for_lists()[:500], _remind)


@transaction.atomic
def _remind(agreement: Agreement) -> bool:
    workflow.lock(agreement)  # two sweeps tell once
    told = Notice.objects.filter(
        kind=REMINDER.code, path=agreement.get_absolute_url(), params__day=agreement.confirm_by.isoformat()
    )
    people = signatories(agreement).exclude(pk__in=told.values("recipient"))
    sent = notices.tell(
        kind=REMINDER,
        to=people,
        path=agreement.get_absolute_url(),
        agreement=agreement.code,
        dataset=agreement.dataset,
        day=agreement.confirm_by,
    )
    return bool(sent)


def signatories(agreement: Agreement) -> QuerySet[User]:
    """Whoever signs for the consumer agency today."""
    signing = Membership.objects.today().filter(agency=agreement.consumer, role=Role.ENDORSER)
    return User.objects.filter(pk__in=signing.values("user"), is_active=True)
