"""What may be shared with whom, and who decides on a standing permission."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from registry.choices import Masking, Mode, PersonalData, Role
from registry.errors import RegistryRefusal
from registry.models import Agency, Dataset, Field, PolicyField, SharingPolicy, User
from registry.models.policies import SharingPolicyQuerySet
from registry.permissions import DECIDE, belongs_to_lineage, has_role, is_named

OPENNESS = {masking: rank for rank, masking in enumerate(Masking.values)}  # the list runs from open to closed


def policies_for(
    *, dataset: Dataset, recipient: Agency, mode: Mode | None = None, day: date | None = None
) -> SharingPolicyQuerySet:
    """The policies under which `recipient` may ask for the dataset on `day` (today), standing permissions first.

    Each comes with its fields that the source still has: `offered_fields` reads them without a query.
    """
    found = (
        SharingPolicy.objects.on(day or timezone.localdate())
        .filter(dataset=dataset)
        .for_recipient(recipient)
        .select_related("dataset__database__owner", "legal_basis", "decided_by")
        .prefetch_related(_present_fields())
        .order_by("-is_standing", "-valid_from", "pk")
    )
    return found.filter(modes__contains=[mode]) if mode else found


def _present_fields() -> Prefetch:
    present = PolicyField.objects.filter(field__removed_at__isnull=True).select_related("field")
    return Prefetch("policy_fields", present.order_by("field__position", "field__name"), to_attr="present_fields")


def offered_fields(policy: SharingPolicy) -> list[tuple[Field, Masking]]:
    """The fields that the policy shares and the source still has, each with its masking there, in their order."""
    if not hasattr(policy, "present_fields"):
        policy = SharingPolicy.objects.prefetch_related(_present_fields()).get(pk=policy.pk)
    return [(shared.field, Masking(shared.masking)) for shared in policy.present_fields]


def filterable_fields(policy: SharingPolicy) -> list[Field]:
    """The fields by which rows may be chosen under the policy."""
    if not hasattr(policy, "present_fields"):
        policy = SharingPolicy.objects.prefetch_related(_present_fields()).get(pk=policy.pk)
    return [shared.field for shared in policy.present_fields if shared.is_filterable]


def may_decide_standing(user: User, dataset: Dataset) -> bool:
    """Whether the person is an approver of the owner who was assigned to decide for the database."""
    database = dataset.database
    return has_role(user, Role.APPROVER, agency=database.owner) and is_named(user, DECIDE, database)


def check_standing(*, dataset: Dataset, recipients: Iterable[Agency], by: User) -> None:
    """Refuse a standing permission that this person cannot decide. It stands for a decision, so the same rules hold."""
    if not may_decide_standing(by, dataset):
        raise RegistryRefusal(
            _(
                "A standing permission is a decision: only an approver of the owner who is assigned to decide can take it."
            )
        )
    for recipient in recipients:
        if belongs_to_lineage(by, recipient):
            raise RegistryRefusal(
                _("You belong to %(agency)s or to an agency above it, so another approver has to decide.")
                % {"agency": recipient.name}
            )


def settle(*, policy: SharingPolicy, by: User) -> SharingPolicy:
    """Put the acting approver's name under a standing permission; take it off a policy that is none. The caller saves.

    Recipients are checked with `check_standing`, before they are saved.
    """
    if policy.is_standing:
        check_standing(dataset=policy.dataset, recipients=(), by=by)
        policy.decided_by, policy.decided_at = by, timezone.now()
    else:
        policy.decided_by, policy.decided_at = None, None
    return policy


def opened_sensitive_fields(policy: SharingPolicy) -> list[Field]:
    """The sensitive fields that the policy shares more openly than they are shared by default."""
    return [
        shared.field
        for shared in policy.policy_fields.select_related("field").order_by("field__position")
        if shared.field.personal_data == PersonalData.SENSITIVE
        and OPENNESS[shared.masking] < OPENNESS[shared.field.default_masking]
    ]
