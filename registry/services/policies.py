"""What may be shared with whom, and who may say so."""

import uuid
from collections.abc import Iterable
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Prefetch, TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.choices import AgencyKind, Masking, Mode, PersonalData, Role
from registry.connectors import filters
from registry.errors import RegistryRefusal
from registry.models import Agency, Database, Dataset, Field, PolicyField, SharingPolicy, User
from registry.models.policies import SharingPolicyQuerySet
from registry.permissions import DECIDE, REVIEW, belongs_to_lineage, has_role, is_named, people_named
from registry.services import laws, people, records

COPY_BEGINS = timedelta(days=7)
OPENNESS = {masking: rank for rank, masking in enumerate(Masking.values)}  # the list runs from open to closed


def policies_for(
    *, dataset: Dataset, recipient: Agency, mode: Mode | None = None, day: date | None = None
) -> SharingPolicyQuerySet:
    """The policies under which `recipient` may ask for the dataset on `day` (today), standing permissions first.

    Each comes with its fields that the source still has: `offered_fields` reads them without a query.
    """
    found = (
        SharingPolicy.objects.in_force(day)
        .filter(dataset=dataset)
        .for_recipient(recipient)
        .select_related("dataset__database__owner", "legal_basis", "decided_by")
        .prefetch_related(_present_fields())
        .order_by("-is_standing", "-valid_from", "pk")
    )
    return found.filter(modes__contains=[mode]) if mode else found


def is_suspended(*, dataset: Dataset, recipient: Agency | None = None) -> bool:
    """Whether nothing is offered today only because the source changed: to the agency, or to anybody at all."""
    in_force, suspended = (
        found.filter(dataset=dataset) for found in (SharingPolicy.objects.in_force(), SharingPolicy.objects.suspended())
    )
    if recipient is not None:
        in_force, suspended = in_force.for_recipient(recipient), suspended.for_recipient(recipient)
    return suspended.exists() and not in_force.exists()


class PolicyState(TextChoices):
    """Whether a policy gives something today, and if not, why not."""

    IN_FORCE = "in-force", gettext_lazy("In force")
    LATER = "later", gettext_lazy("Begins later")
    ENDED = "ended", gettext_lazy("Ended")
    SUSPENDED = "suspended", gettext_lazy("Suspended, as its source changed")
    IDLE = "idle", gettext_lazy("Gives nothing: law not in force, or too few approvers")


def in_state(found: SharingPolicyQuerySet, state: PolicyState) -> SharingPolicyQuerySet:
    today = timezone.localdate()
    if state == PolicyState.LATER:
        return found.filter(valid_from__gt=today)
    if state == PolicyState.ENDED:
        return found.filter(valid_to__lt=today)
    if state == PolicyState.SUSPENDED:
        return found.on(today).filter(suspended_at__isnull=False)
    in_force = SharingPolicy.objects.in_force(today)
    if state == PolicyState.IN_FORCE:
        return found.filter(pk__in=in_force.values("pk"))
    return found.on(today).filter(suspended_at__isnull=True).exclude(pk__in=in_force.values("pk"))


def state_of(policy: SharingPolicy) -> PolicyState:
    """The same for one row that came with its law and its database."""
    today = timezone.localdate()
    if policy.valid_from > today:
        return PolicyState.LATER
    if policy.valid_to and policy.valid_to < today:
        return PolicyState.ENDED
    if policy.suspended_at:
        return PolicyState.SUSPENDED
    is_idle = not policy.legal_basis.is_in_force(today) or policy.quorum < policy.dataset.database.min_quorum
    return PolicyState.IDLE if is_idle else PolicyState.IN_FORCE


def _present_fields() -> Prefetch:
    present = PolicyField.objects.filter(field__removed_at__isnull=True).select_related("field")
    return Prefetch("policy_fields", present.order_by("field__position", "field__name"), to_attr="present_fields")


def offered_fields(policy: SharingPolicy) -> list[tuple[Field, Masking]]:
    """The fields that the policy shares and the source still has, each with its masking there, in their order."""
    if not hasattr(policy, "present_fields"):
        policy = SharingPolicy.objects.prefetch_related(_present_fields()).get(pk=policy.pk)
    return [(shared.field, Masking(shared.masking)) for shared in policy.present_fields]


def filterable_fields(policy: SharingPolicy) -> list[Field]:
    """The fields by which rows may be chosen under the policy: never a masked one, whose values filters would tell."""
    if not hasattr(policy, "present_fields"):
        policy = SharingPolicy.objects.prefetch_related(_present_fields()).get(pk=policy.pk)
    return [shared.field for shared in policy.present_fields if is_open_to_filters(shared)]


def is_open_to_filters(shared: PolicyField) -> bool:
    return shared.is_filterable and shared.masking == Masking.KEEP


def may_keep(user: User, dataset: Dataset) -> bool:
    """Whether the person is an approver of the owner who was assigned to decide for the database."""
    database = dataset.database
    return has_role(user, Role.APPROVER, agency=database.owner) and is_named(user, DECIDE, database)


def check_keeper(*, dataset: Dataset, by: User) -> None:
    """Refuse whoever may not say what the owner shares: it binds those who decide on requests, so it takes the same."""
    if not may_keep(by, dataset):
        raise RegistryRefusal(
            "not-assigned",
            _(
                "Only an approver of the owner who is assigned to decide for the database can set what it shares. "
                "An operator can assign one on the database's page."
            ),
        )


def check_standing(*, dataset: Dataset, recipients: Iterable[Agency], by: User) -> None:
    """Refuse a standing permission that this person cannot decide. It stands for a decision, so the same rules hold."""
    check_keeper(dataset=dataset, by=by)
    if dataset.database.min_quorum > 1:
        raise RegistryRefusal(
            "quorum",
            _("This database needs %(count)d approvers at least, so nothing is granted by standing permission.")
            % {"count": dataset.database.min_quorum},
        )
    for recipient in recipients:
        if belongs_to_lineage(by, recipient):
            raise RegistryRefusal(
                "own-agency",
                _("You belong to %(agency)s or to an agency above it, so another approver has to decide.")
                % {"agency": recipient.name},
            )


def check_quorum(policy: SharingPolicy) -> None:
    """Refuse a policy by which fewer people than before, or than the database needs, would decide."""
    needed = policy.dataset.database.min_quorum
    if policy.quorum < needed:
        raise RegistryRefusal("quorum", _("This database needs %(count)d approvers at least.") % {"count": needed})
    deciders = _able(DECIDE, policy.dataset.database)
    if policy.quorum > deciders:
        raise RegistryRefusal(
            "quorum-unreachable",
            _("Only %(count)d approvers are assigned to this database: more cannot be asked for.")
            % {"count": deciders},
        )
    if policy.is_standing and policy.quorum > 1:
        raise RegistryRefusal("quorum", _("What several approvers have to decide cannot be a standing permission."))
    before = SharingPolicy.objects.filter(pk=policy.pk).values("quorum", "is_standing").first()
    if before and policy.quorum < before["quorum"]:
        raise RegistryRefusal(
            "quorum-lowered",
            _("The number of approvers can only be raised. For fewer, end this policy and add a new one."),
        )
    if before and policy.is_standing and not before["is_standing"]:
        raise RegistryRefusal(
            "standing-later",
            _("A policy cannot become a standing permission later. End this policy and add a new one."),
        )


def check_reviews(policy: SharingPolicy) -> None:
    """Refuse a policy that asks for less advice than before, or for more than there is, or that opens its eyes again."""
    if policy.is_standing and policy.reviews_needed:
        raise RegistryRefusal(
            "reviews", _("Where reviewers have to advise, nothing is granted by standing permission.")
        )
    reviewers = _able(REVIEW, policy.dataset.database)
    if policy.reviews_needed > reviewers:
        raise RegistryRefusal(
            "reviews-unreachable",
            _("Only %(count)d reviewers are assigned to this database: more cannot be asked for.")
            % {"count": reviewers},
        )
    if policy.blind_review and max(policy.quorum, policy.reviews_needed) < 2:
        raise RegistryRefusal("blind-review", _("Blind review takes two approvers or two reviewers at least."))
    before = SharingPolicy.objects.filter(pk=policy.pk).values("reviews_needed", "blind_review").first()
    if before and policy.reviews_needed < before["reviews_needed"]:
        raise RegistryRefusal(
            "reviews-lowered",
            _("The number of reviewers can only be raised. For fewer, end this policy and add a new one."),
        )
    if before and before["blind_review"] and not policy.blind_review:
        raise RegistryRefusal(
            "blind-review-lifted",
            _("Blind review is not switched off again. End this policy and add a new one."),
        )


def check_recipients(*, any_agency: bool, recipients: Iterable[Agency], kinds: Iterable[AgencyKind]) -> None:
    """Refuse a policy by which nobody could ask."""
    if not any_agency and not list(recipients) and not list(kinds):
        raise RegistryRefusal(
            "no-recipient", _("Name the agencies or the kinds of agency that may ask, or let every agency ask.")
        )


def _able(duty: str, database: Database) -> int:
    """How many people may do the duty on the database today: more than that could never be lowered, nor be met."""
    fitting = people.candidates(duty, database).values("pk")
    return people_named(duty, database).filter(pk__in=fitting).count()


def check_line(*, policy: SharingPolicy, field: Field, masking: str, is_filterable: bool) -> None:
    """Refuse a masking that the field's values cannot have, and a filter that would give a masked value away."""
    if not filters.masking_fits(masking, field.kind):
        raise RegistryRefusal(
            "masking",
            _("“%(field)s” (%(kind)s) cannot be masked like this. %(reason)s")
            % {"field": field.name, "kind": field.get_kind_display(), "reason": filters.MISFITS[masking]},
        )
    # The key of a look-up is what the asker knows already; a filter on anything else masked would answer questions.
    is_lookup_key = field.is_key and list(policy.modes) == [Mode.LOOKUP]
    if is_filterable and masking != Masking.KEEP and not is_lookup_key:
        raise RegistryRefusal(
            "masked-filter",
            _("“%(field)s” is masked, so rows cannot be filtered by it: whoever filters would learn its values.")
            % {"field": field.name},
        )


def settle(*, policy: SharingPolicy, by: User) -> SharingPolicy:
    """Check that the person may save the policy as it is now, and put the name under a standing permission, which
    saving decides; take it off a policy that is none. The caller saves, in the same transaction.

    Recipients are checked with `check_standing`, lines with `check_line`, before they are saved.
    """
    # Whoever raises the floor of the database, or saves the same policy, waits until this is over.
    Database.objects.select_for_update().get(pk=policy.dataset.database_id)
    check_keeper(dataset=policy.dataset, by=by)
    check_quorum(policy)
    check_reviews(policy)
    _check_basis(policy)
    if policy.is_standing:
        check_standing(dataset=policy.dataset, recipients=(), by=by)
        policy.decided_by, policy.decided_at = by, timezone.now()
    else:
        policy.decided_by, policy.decided_at = None, None
    return policy


def _check_basis(policy: SharingPolicy) -> None:
    """A policy begins under a law in force; one whose law ended later can still be ended itself."""
    before = SharingPolicy.objects.filter(pk=policy.pk).values_list("legal_basis", flat=True).first()
    if before != policy.legal_basis_id:
        first_day = max(policy.valid_from, timezone.localdate())
        laws.check_in_force(instrument=policy.legal_basis, day=first_day)


def opened_sensitive_fields(policy: SharingPolicy) -> list[Field]:
    """The sensitive fields that the policy shares more openly than they are shared by default."""
    return [
        shared.field
        for shared in policy.policy_fields.select_related("field").order_by("field__position")
        if shared.field.personal_data == PersonalData.SENSITIVE
        and OPENNESS[shared.masking] < OPENNESS[shared.field.default_masking]
    ]


@transaction.atomic
def end(*, policy: SharingPolicy, last_day: date, by: User) -> SharingPolicy:
    """Let the policy end earlier than it says; yesterday means at once. What rests on it gives nothing afterwards."""
    locked = (
        SharingPolicy.objects.select_for_update(of=("self",))
        .select_related("dataset__database__owner")
        .get(pk=policy.pk)
    )
    check_keeper(dataset=locked.dataset, by=by)
    yesterday = timezone.localdate() - timedelta(days=1)
    if locked.valid_to and last_day >= locked.valid_to:
        raise RegistryRefusal("not-earlier", _("The policy ends on that day or before it already."))
    if last_day < max(yesterday, locked.valid_from):
        raise RegistryRefusal(
            "too-early", _("The last day is yesterday at the earliest, and not before the policy began.")
        )
    records.record(
        action="registry.sharingpolicy.end-early",
        thing=locked,
        by=by,
        details={"new": records.plain(last_day), "old": records.plain(locked.valid_to)},
    )
    locked.valid_to = last_day
    locked.save(update_fields=["valid_to"])
    return locked


@transaction.atomic
def copy_as_new(*, policy: SharingPolicy, by: User) -> SharingPolicy:
    """A new policy with the same terms, recipients and fields, which begins in a week: time to change what is to differ.

    It is no standing permission: that is decided anew.
    """
    shared = list(policy.policy_fields.filter(field__removed_at__isnull=True))
    recipients = list(policy.recipients.all())
    new = SharingPolicy.objects.select_related("dataset__database__owner").get(pk=policy.pk)
    new.pk, new.public_id, new._state.adding = None, uuid.uuid4(), True
    new.title = (_("%(title)s (copy)") % {"title": policy.title})[:250]
    new.is_standing, new.suspended_at, new.suspended_by_change = False, None, None
    new.valid_from, new.valid_to = timezone.localdate() + COPY_BEGINS, None
    settle(policy=new, by=by)
    new.save(force_insert=True)
    new.recipients.set(recipients)
    for line in shared:
        line.pk, line.policy, line._state.adding = None, new, True
    PolicyField.objects.bulk_create(shared)
    records.record(
        action="registry.sharingpolicy.copy", thing=new, by=by, details={"copied_from": str(policy.public_id)}
    )
    return new
