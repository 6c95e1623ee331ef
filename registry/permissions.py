"""Who may do what, read in one place: roles from dated memberships, object permissions from guardian.

Superusers get nothing extra here: `user.has_perm` says yes to them for everything, so it is not asked.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import Model, QuerySet
from guardian.models import UserObjectPermission
from guardian.shortcuts import get_objects_for_user, get_users_with_perms

from registry.choices import Role
from registry.models import Agency, Membership, User
from registry.remembering import remembered

HANDLE, REVIEW, DECIDE = "handle_requests", "review_requests", "decide_requests"


def roles_of(user: User, *, agency: Agency | None = None, day: date | None = None) -> set[Role]:
    """The roles that the person holds on `day` (today), in one agency or in any."""
    if not user.is_authenticated or not user.is_active:
        return set()
    return {role for where, role in _held(user, day) if agency is None or where == agency.pk}


@remembered
def _held(user: User, day: date | None) -> list[tuple[int, Role]]:
    """Every role of the person on `day` (today), with the agency in which it is held."""
    memberships = Membership.objects.filter(user=user)
    memberships = memberships.on(day) if day else memberships.today()
    return [(agency, Role(role)) for agency, role in memberships.values_list("agency", "role")]


def has_role(user: User, *roles: Role, agency: Agency | None = None) -> bool:
    return not roles_of(user, agency=agency).isdisjoint(roles)


def belongs_to_lineage(user: User, agency: Agency, *, moments: Iterable[datetime] = ()) -> Agency | None:
    """The agency through which the person belongs today to `agency` or to one above it, now or at one of the moments."""
    lineage = Agency.objects.lineage_of(agency, *moments).filter(
        pk__in=Membership.objects.today().filter(user=user).values("agency")
    )
    return lineage.first()


def is_named(user: User, permission: str, thing: Model) -> bool:
    """Whether the person was given the object permission on this very object."""
    return user.is_active and permission in _namings_of(user, thing)


@remembered
def _namings_of(user: User, thing: Model) -> frozenset[str]:
    given = _given_on(type(thing)).filter(user=user, object_pk=str(thing.pk))
    return frozenset(given.values_list("permission__codename", flat=True))


def named_objects(user: User, permission: str, model: type[Model]) -> QuerySet:
    """The objects of `model` on which the person was given the object permission."""
    if not user.is_active:
        return model._default_manager.none()
    return get_objects_for_user(
        user,
        f"{model._meta.app_label}.{permission}",
        klass=model,
        use_groups=False,  # a duty is given to a person, by name and on record
        with_superuser=False,
        accept_global_perms=False,
    )


def namings(permission: str, model: type[Model]) -> QuerySet[UserObjectPermission]:
    """Who was given the object permission on which objects of `model`, by `user` and `object_pk` (text)."""
    return _given_on(model).filter(permission__codename=permission)


def _given_on(model: type[Model]) -> QuerySet[UserObjectPermission]:
    return UserObjectPermission.objects.filter(
        permission__content_type__app_label=model._meta.app_label,
        permission__content_type__model=model._meta.model_name,
    )


def people_named(permission: str, thing: Model) -> QuerySet[User]:
    """Everybody who was given the object permission on this very object."""
    return get_users_with_perms(thing, only_with_perms_in=[permission], with_superusers=False, with_group_users=False)
