"""What an agency may ask for of one dataset: everything that some policy offers it today, for forms to choose from."""

from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.choices import Frequency
from exchange.refusals import SUSPENDED, Refusal, Suspended
from registry.choices import PACKAGES, Masking, Mode, Purpose, Role
from registry.models import Agency, Dataset, Field, Membership, SharingPolicy, User
from registry.services import policies
from registry.terms import limit_sentences

OWN_DATASET = _("Your agency holds this dataset itself. Ask the contact of the database, not the portal.")
NOT_OFFERED = _("The owner offers this dataset to no agency at present. Ask the contact of the database for terms.")
NOT_OFFERED_TO_YOU = _(
    "The owner offers your agency nothing of this dataset at present. Ask the contact of the database for terms."
)


@dataclass(frozen=True, slots=True)
class OfferedField:
    """A field and how it may come out; several ways where the policies differ."""

    field: Field
    maskings: tuple[Masking, ...]
    is_filterable: bool
    by_mode: dict[Mode, tuple[Masking, ...]]

    @property
    def masking_labels(self) -> list[str]:
        """How it comes out; by method where that makes a difference."""
        if len(set(self.by_mode.values())) > 1:
            return [f"{mode.label}: {_either(maskings)}" for mode, maskings in self.by_mode.items()]
        return [_either(self.maskings)]


def _either(maskings: tuple[Masking, ...]) -> str:
    return " / ".join(str(masking.label) for masking in maskings)


@dataclass(frozen=True, slots=True)
class Offer:
    """Which of it fits together is decided by one policy, when the request is sent."""

    fields: dict[str, OfferedField] = field(default_factory=dict)
    modes: tuple[Mode, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    max_rows: int | None = None
    max_rows_by_mode: dict[Mode, int] = field(default_factory=dict)
    max_days: int | None = None
    limits_by_mode: dict[Mode, list[list[str]]] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[Mode, ...]:
        """What a request calls its method; whether packages come more than once is its frequency's to say."""
        methods = {Mode.PACKAGE if mode in PACKAGES else mode for mode in self.modes}
        return tuple(mode for mode in Mode if mode in methods)

    @property
    def frequencies(self) -> tuple[Frequency, ...]:
        """How often a package can be had: again only where some policy gives packages again."""
        once = (Frequency.ONCE,) if Mode.RECURRING not in self.modes or Mode.PACKAGE in self.modes else ()
        again = tuple(Frequency)[1:] if Mode.RECURRING in self.modes else ()
        return (*once, *again)

    @property
    def filterable(self) -> list[Field]:
        return [offered.field for offered in self.fields.values() if offered.is_filterable]


def agencies_filed_for(user: User) -> list[Agency]:
    """The agencies for which the person files requests today."""
    filed_for = Membership.objects.today().filter(user=user, role=Role.REQUESTER)
    return list(Agency.objects.filter(pk__in=filed_for.values("agency")))


def obstacle(agency: Agency, dataset: Dataset) -> str | Promise:
    """Why the agency would ask for the dataset in vain; empty where it would not."""
    if dataset.database.owner_id == agency.pk:
        return OWN_DATASET
    if policies.policies_for(dataset=dataset, recipient=agency).exists():
        return ""
    return SUSPENDED if policies.is_suspended(dataset=dataset, recipient=agency) else NOT_OFFERED_TO_YOU


def obstacle_for_anybody(dataset: Dataset) -> str | Promise:
    """The same for a reader who files for no agency."""
    if SharingPolicy.objects.in_force().filter(dataset=dataset).exists():
        return ""
    return SUSPENDED if policies.is_suspended(dataset=dataset) else NOT_OFFERED


def refusal(told: str | Promise) -> Refusal:
    """An obstacle as an error: one that passes is told apart from one that does not."""
    return Suspended("sharing-suspended", told) if told is SUSPENDED else Refusal("not-offered", told)


def obstacle_for_all(agencies: list[Agency], dataset: Dataset) -> str | Promise:
    """The same for somebody who files for several agencies: empty as soon as one of them can ask."""
    found = [obstacle(agency, dataset) for agency in agencies]
    return found[0] if found and all(found) else ""


def offer_to(agency: Agency, dataset: Dataset | None) -> Offer:
    found = list(policies.policies_for(dataset=dataset, recipient=agency)) if dataset else []
    if not found:
        return Offer()
    return Offer(
        fields=_fields(found),
        modes=tuple(mode for mode in Mode if any(mode in policy.modes for policy in found)),
        purposes=tuple(purpose for purpose in Purpose if any(purpose in policy.purposes for policy in found)),
        max_rows=max(policy.max_rows for policy in found),
        max_rows_by_mode={
            mode: max(policy.max_rows for policy in found if mode in policy.modes)
            for mode in Mode
            if any(mode in policy.modes for policy in found)
        },
        max_days=max(policy.max_days for policy in found),
        limits_by_mode={
            mode: _once([limit_sentences(policy.limits_for(mode)) for policy in found if mode in policy.modes])
            for mode in Mode
            if any(mode in policy.modes for policy in found)
        },
    )


def _once(lists: list[list[str]]) -> list[list[str]]:
    """Each of them once; nothing where one of the policies has no limit at all."""
    return [] if [] in lists else [one for number, one in enumerate(lists) if one not in lists[:number]]


def _fields(found) -> dict[str, OfferedField]:
    maskings: dict[Field, set[tuple[Mode, Masking]]] = {}
    filterable: set[Field] = set()
    for policy in found:
        for offered, masking in policies.offered_fields(policy):
            maskings.setdefault(offered, set()).update((Mode(mode), masking) for mode in policy.modes)
        filterable.update(policies.filterable_fields(policy))
    return {
        offered.name: _offered(offered, maskings[offered], offered in filterable)
        for offered in sorted(maskings, key=lambda one: (one.position, one.name))
    }


def _offered(offered: Field, ways: set[tuple[Mode, Masking]], is_filterable: bool) -> OfferedField:
    def in_order(chosen: set[Masking]) -> tuple[Masking, ...]:
        return tuple(masking for masking in Masking if masking in chosen)

    by_mode = {mode: in_order({masking for way, masking in ways if way == mode}) for mode in Mode}
    return OfferedField(
        field=offered,
        maskings=in_order({masking for _mode, masking in ways}),
        is_filterable=is_filterable,
        by_mode={mode: maskings for mode, maskings in by_mode.items() if maskings},
    )
