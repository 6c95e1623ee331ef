"""Agreements stop when their source breaks, and go on or end as its owner decides."""

from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from exchange import source_changes
from exchange.models import Agreement
from exchange.refusals import Refusal
from exchange.services import agreements, scopes, suspensions, sweeping
from exchange.states import AGREEMENT, DELIVERY, AgreementStatus
from registry import notice_kinds
from registry.choices import Review
from registry.models import Dataset, SchemaChange, User
from registry.permissions import people_named
from registry.services import drift, notices

HELD = notice_kinds.define(
    "agreement-held",
    _("An agreement is suspended"),
    _("%(agreement)s gives nothing for now: the source of “%(dataset)s” changed, and its owner reviews it."),
)

# After the review: how the agreement stands then.
RESULTS = {
    AgreementStatus.ACTIVE: notice_kinds.define(
        "agreement-held-resumed",
        _("The owner accepted the change of a source"),
        _("%(agreement)s is in force again: the owner reviewed the change of “%(dataset)s”. It says: %(note)s"),
    ),
    AgreementStatus.SUSPENDED: notice_kinds.define(
        "agreement-held-longer",
        _("The owner accepted the change of a source"),
        _(
            "%(agreement)s stays suspended though the owner reviewed the change of “%(dataset)s”; "
            "its page says what to do now. The owner says: %(note)s"
        ),
    ),
    AgreementStatus.REVOKED: notice_kinds.define(
        "agreement-held-revoked",
        _("The owner ended an agreement"),
        _(
            "%(agreement)s is revoked after the change of “%(dataset)s”; its page says what to do now. "
            "The owner says: %(note)s"
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a decision did to one agreement; `refusal` is empty where it was done."""

    agreement: Agreement
    refusal: str = ""


def hold_changed() -> int:
    """Suspend what gives data of a source whose breaking change waits for its owner; how many."""
    return _hold(SchemaChange.objects.unreviewed().values("dataset"))


def hold_dataset(dataset: Dataset) -> int:
    """The same for one dataset, at the moment a change was found."""
    return _hold([dataset.pk])


def _hold(datasets) -> int:
    active = Agreement.objects.filter(status=AgreementStatus.ACTIVE, dataset__in=datasets)
    related = active.select_related("dataset", "policy", "case__request").order_by("pk")
    return sweeping.each(related.iterator(chunk_size=500), hold)


def hold(agreement: Agreement) -> bool:
    """Suspend one agreement with whatever is under way, if a change stands against it; tell who uses it."""
    changes = list(source_changes.standing_against(agreement))
    if not changes:
        return False
    agreements.hold(agreement=agreement, reason=source_changes.in_words(changes), then=lambda: _tell(agreement))
    return True


def _tell(agreement: Agreement, kind: notice_kinds.NoticeKind = HELD, **more) -> None:
    request = agreement.case.request
    users = [*people_named(agreements.USE, agreement), request.responsible, request.endorsed_by]
    notices.tell(
        kind=kind,
        to=[user for user in users if user],
        path=agreement.get_absolute_url(),
        agreement=agreement.code,
        dataset=agreement.dataset,
        **more,
    )


def _tell_result(agreement: Agreement, note: str) -> None:
    """Tell who uses an agreement what the owner's review did to it, and why."""
    agreement.refresh_from_db(fields=["status"])
    if kind := RESULTS.get(agreement.status):
        _tell(agreement, kind, note=note.strip())


@dataclass(frozen=True, slots=True)
class Dependant:
    """An agreement, not yet ended, that needs what a change broke."""

    agreement: Agreement
    under_way: int  # deliveries
    is_held: bool  # the portal itself suspended it last: what a person suspended for another reason stays so
    is_same: bool  # the source would still be asked for exactly what was agreed
    gone: tuple[str, ...] = ()  # names of what it needs and the source no longer has

    @property
    def can_resume(self) -> bool:
        return self.is_held and self.is_same


def dependants(change: SchemaChange) -> list[Dependant]:
    """What hangs on the change among the agreements, whatever their state."""
    if not change.is_breaking:
        return []
    found = (
        Agreement.objects.filter(dataset=change.dataset_id, status__in=AGREEMENT.open)
        .select_related("consumer", "provider", "dataset__database__owner", "policy", "case__request")
        .prefetch_related("policy__policy_fields__field")
        .annotate(under_way=Count("deliveries", Q(deliveries__status__in=DELIVERY.open)))
        .order_by("pk")
    )
    concerned = [
        one for one in found if change.touches_table or source_changes.names_of(one).intersection(change.columns)
    ]
    held, fields = _held_among(concerned), scopes.fields_of(change.dataset)
    return [
        Dependant(one, one.under_way, one.code in held, _is_same(one, fields), _gone(one, fields)) for one in concerned
    ]


def _gone(agreement: Agreement, fields) -> tuple[str, ...]:
    return tuple(sorted(source_changes.names_of(agreement) - set(fields)))


def _held_among(concerned: list[Agreement]) -> set[str]:
    suspended = [one.code for one in concerned if one.status == AgreementStatus.SUSPENDED]
    latest = suspensions.latest(suspended)
    return {code for code, action in latest.items() if action == suspensions.SOURCE_CHANGED}


def _is_same(agreement: Agreement, fields) -> bool:
    try:
        source_changes.check_plan(agreement, fields)
    except Refusal:
        return False
    return True


def review(*, change: SchemaChange, by: User, decision: Review, note: str, resume: bool = False) -> list[Result]:
    """Review the change; then, if wanted, resume the agreements that it had suspended, or revoke all that depend on it.

    Each agreement is a move of its own, with its own refusal. Raises RegistryRefusal where the review is refused.
    """
    concerned = dependants(change)
    drift.review(change=change, by=by, decision=decision, note=note)
    if decision == Review.END:
        # The last version of an agreement first: an earlier one takes those after it along.
        newest_first = sorted(concerned, key=lambda one: -one.agreement.version)
        results = [_made(agreements.revoke, one.agreement, by, note) for one in newest_first]
    else:
        results = [_made(agreements.resume, one.agreement, by, note) for one in concerned if resume and one.can_resume]
    for one in concerned:
        _tell_result(one.agreement, note)
    return results


def _made(move, agreement: Agreement, by: User, note: str) -> Result:
    try:
        move(agreement=agreement, by=by, reason=note)
    except Refusal as refusal:
        return Result(agreement, str(refusal))
    return Result(agreement)
