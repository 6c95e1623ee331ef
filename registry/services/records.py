"""Leaving evidence of what people change in the registry."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db.models import Model

from evidence import ledger
from registry.actors import actor_of
from registry.errors import RegistryRefusal
from registry.models import Agency, Membership, User

# The first of these that a model has names its rows in the ledger.
PUBLIC_NAMES = ("public_id", "code", "number", "name")


def record(
    *,
    action: str,
    thing: Model,
    by: User | None,
    details: Mapping | None = None,
    agency: Agency | None = None,
) -> None:
    """Append an entry about `thing` in the caller's transaction; `agency` where it is not the actor's first one."""
    ledger.record(
        action=action,
        actor=actor_of(by, agency or acting_agency(by)),
        subject=(thing._meta.model_name, public_name(thing)),
        details=details,
    )


def record_all(*, action: str, things: Sequence[tuple[Model, Mapping]], by: User) -> None:
    """Append an entry with its details about each of `things`, in the caller's transaction."""
    about = [((thing._meta.model_name, public_name(thing)), details) for thing, details in things]
    ledger.record_all(action=action, actor=actor_of(by, acting_agency(by)), about=about)


def record_refusal(
    *,
    model: type[Model],
    thing: Model | None,
    by: User,
    error: RegistryRefusal,
    details: Mapping | None = None,
) -> None:
    """Append an entry about what was refused, in a transaction of its own; `thing` is None where it was to be new."""
    ledger.record_refusal(
        action=f"{model._meta.app_label}.{model._meta.model_name}.refuse",
        actor=actor_of(by, acting_agency(by)),
        subject=(model._meta.model_name, public_name(thing) if thing is not None else "new"),
        details={"code": error.code, **(details or {})},
    )


def acting_agency(user: User | None) -> Agency | None:
    """The agency for which the person works today; the first by code where there are several."""
    if user is None:
        return None
    membership = Membership.objects.today().filter(user=user).select_related("agency").order_by("agency__code").first()
    return membership.agency if membership else None


def public_name(thing: Model) -> str:
    """How a row is named to the outside: never by its name in words, which may be a person's."""
    if hasattr(thing, "database_id") and not hasattr(thing, "code"):
        return thing.database.code  # a connection has no name of its own
    for name in PUBLIC_NAMES:
        if hasattr(thing, name):
            return str(getattr(thing, name))
    return str(thing.pk)


def plain(value):
    """A value as the ledger can hold it: JSON, with rows by their public names."""
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Model):
        return public_name(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Iterable):
        return sorted(str(plain(item)) for item in value)
    return str(value)


def part_name(thing: Model) -> str:
    """How a part of a row is named inside the row's own entry."""
    if hasattr(thing, "field_id"):
        return thing.field.name
    return public_name(thing)
