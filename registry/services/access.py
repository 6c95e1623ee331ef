"""Granting and withdrawing object permissions: the only module that writes to guardian, and it leaves evidence."""

from django.db import transaction
from django.db.models import Model
from guardian.shortcuts import assign_perm, remove_perm

from evidence import ledger
from registry.actors import actor_of
from registry.models import User


@transaction.atomic
def grant(*, permission: str, on: Model, to: User, by: User | None, correlation_id: str = "") -> None:
    """Give one person a permission on one object; `by` is None when the system does it."""
    assign_perm(f"{on._meta.app_label}.{permission}", to, on)
    _record("access.grant", permission, on, to, by, correlation_id)


@transaction.atomic
def withdraw(*, permission: str, on: Model, to: User, by: User | None, correlation_id: str = "") -> None:
    """Take the permission back. Without effect on a person who does not have it."""
    remove_perm(f"{on._meta.app_label}.{permission}", to, on)
    _record("access.withdraw", permission, on, to, by, correlation_id)


def _record(action: str, permission: str, on: Model, to: User, by: User | None, correlation_id: str) -> None:
    ledger.record(
        action=action,
        actor=actor_of(by),
        subject=(on._meta.model_name, str(getattr(on, "code", on.pk))),
        correlation_id=correlation_id,
        details={"permission": permission, "to": str(to.public_id)},
    )
