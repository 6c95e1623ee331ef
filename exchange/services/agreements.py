"""Concluding agreements and ending them."""

import contextlib
import json
from collections.abc import Callable, Iterator

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from evidence.models import Entry, Outcome
from exchange import agreement_rules, rules, telling, versions, workflow
from exchange.announcements import Announcement
from exchange.choices import EndReason, Frequency, RequestKind
from exchange.models import Agreement, ExchangeRequest, ReviewCase
from exchange.models.agreements import USE
from exchange.refusals import Refusal, WrongState
from exchange.scope import Scope
from exchange.services import (
    attesting,
    deadlines,
    deliveries,
    emergency_notices,
    numbers,
    scopes,
    stop_notices,
    stopping,
    suspensions,
    sweeping,
)
from exchange.states import AGREEMENT, AgreementStatus, Side
from exchange.terms import Term
from registry import permissions
from registry.choices import Mode, Role
from registry.models import User
from registry.services import access


def conclude_approved(*, request: ExchangeRequest) -> Agreement:
    """The agreement that an accepted offer becomes."""
    case = rules.case_of(request)
    return conclude(case=case, scope=scopes.approved_scope(case, scopes.scope_of_revision(request.revisions.first())))


@transaction.atomic
def conclude(*, case: ReviewCase, scope: Scope, is_standing: bool = False) -> Agreement:
    """Write the agreement that the approvals of the case (or a standing permission) give, name its users, and put it
    in force if its day has come. Refuses what the owner no longer shares.

    Of a request about an agreement it is the next version, which takes the place of the former one on its first day.
    """
    request = case.request
    former = _former(request)
    if scope.period_to < timezone.localdate():
        raise Refusal("outside-dates", _("The period of use is over: nothing can be agreed any more."))
    agreement = Agreement.objects.create(
        code=former.code if former else numbers.take(numbers.AGREEMENT),
        version=former.version + 1 if former else 1,
        case=case,
        consumer=request.consumer,
        provider=case.provider,
        dataset=request.dataset,
        policy=case.policy,
        is_standing=is_standing,
        is_emergency=request.is_emergency,
        mode=scope.mode,
        file_format=scope.file_format,
        purpose=scope.purpose,
        scope=scope.text,
        scope_hash=scope.digest,
        plan_hash=scopes.extract_plan(scope, scopes.fields_of(request.dataset)).digest(),
        valid_from=scope.period_from,
        valid_to=scope.period_to,
        retention_until=scope.retention_until,
        confirm_by=attesting.first_day(request=request, scope=scope),
    )
    agreement.refresh_from_db(
        fields=["confirm_by", "gives_until", "stops_on", "stops_as"]
    )  # the database worked them out
    agreement_rules.check_still_shared(agreement)
    entry = ledger.record(
        action="agreement.conclude",
        actor=ledger.SYSTEM,
        subject=("agreement", agreement.code),
        correlation_id=request.code,
        details={
            "scope_sha256": agreement.scope_hash,
            "plan_sha256": agreement.plan_hash,
            "case": str(case.public_id),
            "version": agreement.version,
            **workflow.mark_of(agreement),
        },
    )
    if agreement.is_emergency:
        _have_reviewed(case)
    telling.tell_systems("agreement", agreement, Announcement(), entry=entry, data={"previous": "", "move": "conclude"})
    for user in _named_in(request):
        access.grant(permission=USE, on=agreement, to=user, by=None, correlation_id=request.code)
    if agreement.valid_from <= timezone.localdate() <= agreement.valid_to:
        activate(agreement=agreement)
    else:
        # What has not begun, and would not before this one, never does.
        for waiting in versions.before(agreement).filter(
            status=AgreementStatus.AGREED, valid_from__gte=agreement.valid_from
        ):
            _supersede(waiting, agreement)
    return agreement


def _have_reviewed(case: ReviewCase) -> None:
    """From now on others of the owner have so many working days to look at what was given in an emergency."""
    case.review_due_on = deadlines.due_on(timezone.localdate(), deadlines.working_days_of(Term.EMERGENCY_REVIEW))
    case.save(update_fields=["review_due_on"])
    emergency_notices.tell_to_review(case)


def _former(request: ExchangeRequest) -> Agreement | None:
    """The version that the request is about, held until the transaction ends, and checked as it stands now."""
    if request.amends is None:
        return None
    former = workflow.lock(request.amends)
    versions.check_followed(former, RequestKind(request.kind))
    return former


def _named_in(request: ExchangeRequest) -> list[User]:
    """The users whom the signed request names; of one about an agreement with whom signatories named or took off since."""
    people = {str(user.public_id): user for user in request.named_users.all()}
    if request.amends is None:
        return list(people.values())
    signed = Entry.objects.in_case(request.code).filter(action="request.endorse", outcome=Outcome.SUCCESS).last()
    changes = Entry.objects.about("agreement", request.amends.code).filter(
        action__in=["access.grant", "access.withdraw"], outcome=Outcome.SUCCESS, sequence__gt=signed.sequence
    )
    for entry in changes.order_by("sequence"):
        named = json.loads(entry.details)["to"]
        if entry.action == "access.withdraw":
            people.pop(named, None)
        else:
            people[named] = User.objects.get(public_id=named)
    return list(people.values())


def in_force(agreement: Agreement) -> Agreement:
    """The version of the agreement that counts at this moment.

    Where its day has come and nobody has put it in force yet, it begins here: dates decide, not the scheduler.
    """
    current, today = versions.serving(agreement), timezone.localdate()
    if current.status == AgreementStatus.AGREED and current.valid_from <= today <= current.valid_to:
        with contextlib.suppress(Refusal):
            activate(agreement=current)
        current.refresh_from_db(fields=["status"])
    return current


def activate(*, agreement: Agreement) -> Agreement:
    """Put it in force in the place of the version before; a package that was asked for once is ordered in the same
    transaction.

    What the owner stopped sharing meanwhile is not ordered: the agreement then gives nothing, until it is shared again.
    What was suspended stays suspended under the next version.
    """
    with workflow.making("activate", agreement, by=None) as step:
        step.to(AgreementStatus.ACTIVE)
        for former in versions.before(step.subject):
            if former.status == AgreementStatus.SUSPENDED:
                step.to(AgreementStatus.SUSPENDED)
                step.reason = former.status_reason
            _supersede(former, step.subject)
        if step.target == AgreementStatus.ACTIVE and _outlasts_a_gap(step.subject):
            step.to(AgreementStatus.SUSPENDED)
            step.reason = str(_("It was suspended when the version before it ended."))
        once = agreement.mode == Mode.PACKAGE and agreement.case.request.frequency == Frequency.ONCE
        if once and step.target == AgreementStatus.ACTIVE:
            step.then(lambda: _order_first(agreement))
    return agreement


def _outlasts_a_gap(agreement: Agreement) -> bool:
    """Whether the version before ran out suspended, with this one agreed already and days in between: what was agreed
    before the suspension does not end it."""
    former = versions.versions_of(agreement).filter(version=agreement.version - 1).first()
    if former is None or former.status != AgreementStatus.EXPIRED or former.ended_at < agreement.agreed_at:
        return False
    return suspensions.stands(agreement.code)


def _order_first(agreement: Agreement) -> None:
    with contextlib.suppress(Refusal):  # it is in the ledger
        deliveries.order(agreement=agreement, by=None)


def _supersede(former: Agreement, successor: Agreement) -> None:
    """End a version, with what is under way under it, in the moment in which another one takes its place."""
    with workflow.making("supersede", former, by=None, successor=successor.version) as step:
        step.then(
            lambda: deliveries.stop_all(
                agreement=former,
                reason=EndReason.REPLACED,
                message=_("Version %(version)s of the agreement took the place of this one.")
                % {"version": successor.version},
            )
        )


def suspend(*, agreement: Agreement, by: User, reason: str) -> Agreement:
    return _end("suspend", agreement, by, reason, counts=True)


def resume(*, agreement: Agreement, by: User, reason: str) -> Agreement:
    if agreement.is_stop_due:  # it begins on its day, and can be ended from then on, with the sweep down, too
        with contextlib.suppress(Refusal):  # the sweep was faster
            stop_notices.carry_out(agreement=agreement)
    with workflow.making("resume", agreement, by=by, reason=reason):
        pass
    return agreement


def revoke(*, agreement: Agreement, by: User, reason: str) -> Agreement:
    return _end_for_good("revoke", agreement, by, reason)


def relinquish(*, agreement: Agreement, by: User, reason: str) -> Agreement:
    return _end_for_good("relinquish", agreement, by, reason)


def _end_for_good(move: str, agreement: Agreement, by: User, reason: str) -> Agreement:
    """End it, and with it the versions that were to follow."""

    def end_following() -> None:
        for following in versions.after(agreement):
            _end(move, following, by, reason)

    return _end(move, agreement, by, reason, end_following, counts=True)


def expire(*, agreement: Agreement) -> Agreement:
    if agreement.valid_to >= timezone.localdate():
        raise Refusal("not-over", _("The agreement has not ended yet."))
    return _end("expire", agreement, None, "")


def hold(*, agreement: Agreement, reason: str, then: Callable[[], object]) -> Agreement:
    """Suspend it because its source changed; `then` is done in the same transaction."""
    return _end("hold", agreement, None, reason, then)


def _end(
    move: str,
    agreement: Agreement,
    by: User | None,
    reason: str,
    then: Callable[[], object] | None = None,
    *,
    counts: bool = False,
) -> Agreement:
    """Stop an agreement and, in the same transaction, whatever is still being delivered under it; `counts` puts on
    record what there was to stop."""
    with workflow.making(move, agreement, by=by, reason=reason) as step:
        if counts:
            step.details["stops"] = stopping.read(step.subject).figures
        step.then(lambda: deliveries.stop_all(agreement=agreement))
        if then is not None:
            step.then(then)
    return agreement


def follow_dates() -> int:
    """Put in force what begins, stop what nobody confirmed and what was announced, end what is over.

    The dates already decide; this brings the flags after them.
    """
    today = timezone.localdate()
    begun = Agreement.objects.filter(status=AgreementStatus.AGREED, valid_from__lte=today, valid_to__gte=today)
    over = Agreement.objects.filter(
        status__in=[AgreementStatus.AGREED, AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED], valid_to__lt=today
    )
    moved = sweeping.each(begun[:500], lambda agreement: activate(agreement=agreement))
    moved += attesting.hold_unconfirmed()
    moved += sweeping.each(stop_notices.due()[:500], lambda agreement: stop_notices.carry_out(agreement=agreement))
    return moved + sweeping.each(over[:500], lambda agreement: expire(agreement=agreement))


def name_user(*, agreement: Agreement, user: User, by: User) -> None:
    """Let a colleague or a system of the consumer agency use the agreement. Only a signatory of that agency may."""
    with _changing_users("agreement.name-user", agreement, by) as locked:
        if user == by:
            raise Refusal("not-yourself", _("Nobody names themselves. Ask another signatory of your agency."))
        if not permissions.roles_of(user, agency=locked.consumer):
            raise Refusal("not-your-agency", _("This person does not work in the consumer agency."))
        for version in _usable_versions(locked):
            access.grant(permission=USE, on=version, to=user, by=by, correlation_id=workflow.correlation_of(version))


def remove_user(*, agreement: Agreement, user: User, by: User) -> None:
    """Take somebody off who was named. Only a signatory of the consumer agency may."""
    with _changing_users("agreement.remove-user", agreement, by) as locked:
        if not permissions.is_named(user, USE, locked):
            raise Refusal("not-named", _("This person is not named in the agreement."))
        for version in _usable_versions(locked):
            access.withdraw(permission=USE, on=version, to=user, by=by, correlation_id=workflow.correlation_of(version))


def _usable_versions(agreement: Agreement):
    """This one and those that follow it: whoever is named or taken off is so in all of them."""
    return versions.versions_of(agreement).filter(status__in=AGREEMENT.open).select_related("case__request")


@contextlib.contextmanager
def _changing_users(action: str, agreement: Agreement, by: User) -> Iterator[Agreement]:
    """The locked agreement, for a signatory, while it can still be used by anybody."""
    with workflow.recording_refusals(action, agreement, by=by, side=Side.CONSUMER), transaction.atomic():
        locked = workflow.lock(agreement)
        check_naming(agreement=locked, by=by)
        yield locked


def check_naming(*, agreement: Agreement, by: User) -> None:
    """Refuse unless the person signs for the consumer agency, and the agreement has not ended."""
    if not permissions.has_role(by, Role.ENDORSER, agency=agreement.consumer):
        raise Refusal("not-your-role", _("Only a signatory of the consumer agency names who may use an agreement."))
    if agreement.status in AGREEMENT.terminal:
        raise WrongState(agreement.get_status_display())
