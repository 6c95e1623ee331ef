"""What of the registry waits for a person: changes to review, moves to agree to, suggestions to decide, imports to confirm."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.choices import ImportState, Role, StewardKind
from registry.models import AgencyMove, Database, FieldSuggestion, Membership, MetadataImport, SchemaChange, User
from registry.permissions import DECIDE, has_role, named_objects
from registry.services import stewards

MOST_SHOWN = 10  # of one kind


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line: what waits, about what, and where it is dealt with."""

    told: str
    about: str
    url: str


def for_person(user: User) -> list[Waiting]:
    """The most urgent first: what stops others, then what others asked, then the own work."""
    return [*_reviews(user), *_moves(user), *_imports(user), *_suggestions(user)]


def to_review(user: User) -> QuerySet[SchemaChange]:
    """Breaking changes of sources that the person may review."""
    databases = named_objects(user, DECIDE, Database).filter(owner__in=_approves_for(user))
    return SchemaChange.objects.unreviewed().filter(dataset__database__in=databases)


def _reviews(user: User) -> list[Waiting]:
    found = to_review(user).select_related("dataset", "from_snapshot", "to_snapshot").order_by("pk")[:MOST_SHOWN]
    told = _("A source changed: review it")
    return [Waiting(told, str(change), change.page) for change in found]


def _moves(user: User) -> list[Waiting]:
    own = _approves_for(user)
    gives = Q(giving_at=None) & (Q(from_parent__in=own) | Q(from_parent=None, agency__in=own))
    takes = Q(taking_at=None, new_parent__in=own)
    found = AgencyMove.objects.open().filter(gives | takes).exclude(Q(giving_by=user) | Q(taking_by=user))
    related = found.select_related("agency", "new_parent").order_by("pk")[:MOST_SHOWN]
    told = _("An agency is to move: agree or not")
    return [Waiting(told, str(move), reverse("admin:registry_agencymove_change", args=[move.pk])) for move in related]


def _imports(user: User) -> list[Waiting]:
    open_ones = MetadataImport.objects.visible_to(user).filter(state=ImportState.STAGED, expires_at__gt=timezone.now())
    told = _("An import waits to be confirmed")
    return [
        Waiting(told, staged.file_name, reverse("admin:registry_metadataimport_change", args=[staged.pk]))
        for staged in open_ones.defer("rows").order_by("pk")[:MOST_SHOWN]
    ]


def _suggestions(user: User) -> list[Waiting]:
    found = Database.objects.filter(datasets__fields__suggestions__in=_decidable(user))
    counted = found.annotate(waiting=Count("datasets__fields__suggestions")).order_by("-waiting", "pk")[:MOST_SHOWN]
    return [
        Waiting(
            ngettext("%(count)d suggestion to decide", "%(count)d suggestions to decide", database.waiting)
            % {"count": database.waiting},
            str(database),
            reverse("admin:registry_database_suggestions", args=[database.pk]),
        )
        for database in counted
    ]


def _decidable(user: User) -> QuerySet[FieldSuggestion]:
    waiting = FieldSuggestion.objects.open().filter(field__removed_at=None)
    if has_role(user, Role.OPERATOR):
        return waiting
    managed = stewards.entrusted_to(user, kinds=(StewardKind.MANAGER,))
    return waiting.filter(Q(field__dataset__database__owner__in=_approves_for(user)) | Q(field__dataset__in=managed))


def _approves_for(user: User) -> list[int]:
    memberships = Membership.objects.today().filter(user=user, role=Role.APPROVER, user__is_active=True)
    return list(memberships.values_list("agency", flat=True))
