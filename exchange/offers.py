"""What an agency may ask for of one dataset: everything that some policy offers it today, for forms to choose from."""

from dataclasses import dataclass, field

from registry.choices import Masking, Mode, Purpose
from registry.models import Agency, Dataset, Field
from registry.services import policies


@dataclass(frozen=True, slots=True)
class OfferedField:
    """A field and how it may come out; several ways where the policies differ."""

    field: Field
    maskings: tuple[Masking, ...]
    is_filterable: bool

    @property
    def masking_labels(self) -> list:
        return [masking.label for masking in self.maskings]


@dataclass(frozen=True, slots=True)
class Offer:
    """Which of it fits together is decided by one policy, when the request is sent."""

    fields: dict[str, OfferedField] = field(default_factory=dict)
    modes: tuple[Mode, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    max_rows: int | None = None
    max_days: int | None = None

    @property
    def filterable(self) -> list[Field]:
        return [offered.field for offered in self.fields.values() if offered.is_filterable]


def offer_to(agency: Agency, dataset: Dataset | None) -> Offer:
    found = list(policies.policies_for(dataset=dataset, recipient=agency)) if dataset else []
    if not found:
        return Offer()
    return Offer(
        fields=_fields(found),
        modes=tuple(mode for mode in Mode if any(mode in policy.modes for policy in found)),
        purposes=tuple(purpose for purpose in Purpose if any(purpose in policy.purposes for policy in found)),
        max_rows=max(policy.max_rows for policy in found),
        max_days=max(policy.max_days for policy in found),
    )


def _fields(found) -> dict[str, OfferedField]:
    maskings: dict[Field, set[Masking]] = {}
    filterable: set[Field] = set()
    for policy in found:
        for offered, masking in policies.offered_fields(policy):
            maskings.setdefault(offered, set()).add(masking)
        filterable.update(policies.filterable_fields(policy))
    return {
        offered.name: OfferedField(
            offered, tuple(masking for masking in Masking if masking in maskings[offered]), offered in filterable
        )
        for offered in sorted(maskings, key=lambda one: (one.position, one.name))
    }
