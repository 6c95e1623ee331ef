"""Appointing people to roles in agencies, and giving them duties on databases."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from registry.choices import Role
from registry.errors import RegistryRefusal
from registry.models import Agency, Database, Delegation, Membership, User
from registry.permissions import DECIDE, HANDLE, REVIEW, has_role
from registry.services import access, records

# The role that a duty on a database asks for.
ROLE_FOR = {HANDLE: Role.CASE_OFFICER, REVIEW: Role.REVIEWER, DECIDE: Role.APPROVER}


@transaction.atomic
def appoint(
    *,
    user: User,
    agency: Agency,
    role: Role,
    by: User | None,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> Membership:
    """Give the person a role from a day (today) to a day (open). Nobody appoints oneself."""
    check_not_oneself(user, by)
    membership = Membership.objects.create(
        user=user, agency=agency, role=role, valid_from=valid_from or timezone.localdate(), valid_to=valid_to
    )
    _record("registry.membership.appoint", membership, by)
    return membership


@transaction.atomic
def set_end(*, membership: Membership, last_day: date | None, by: User | None) -> Membership:
    """Move the last day on which the role is held. Only another person may prolong it."""
    membership = (
        Membership.objects.select_for_update(of=("self",)).select_related("user", "agency").get(pk=membership.pk)
    )
    if last_day is None or (membership.valid_to is not None and last_day > membership.valid_to):
        check_not_oneself(membership.user, by)
    membership.valid_to = last_day
    if last_day is not None and membership.valid_from > last_day:
        # Ended before it began to count: the row stays, and evidence has the days as they first stood.
        membership.valid_from = last_day
    membership.save(update_fields=["valid_from", "valid_to"])
    _record("registry.membership.end", membership, by)
    return membership


def dismiss(*, membership: Membership, by: User | None) -> Membership:
    """End the role at once: yesterday was its last day."""
    return set_end(membership=membership, last_day=timezone.localdate() - timedelta(days=1), by=by)


def choose_mail(*, user: User, wants_mail: bool, language: str) -> User:
    """Whether a person gets mails, and in which language: everybody's own affair, so nothing goes on record."""
    user.wants_mail, user.language = wants_mail, language
    user.save(update_fields=["wants_mail", "language"])
    return user


def check_delegation(*, delegator: User, delegate: User, agency: Agency, by: User | None) -> None:
    """Refuse a delegation that its giver cannot give, or its receiver cannot take."""
    if by is not None and by != delegator:
        raise RegistryRefusal("not-your-decisions", _("Only the approver can delegate their own decisions."))
    if not has_role(delegator, Role.APPROVER, agency=agency):
        raise RegistryRefusal("not-an-approver", _("Only an approver of this agency can delegate for it."))
    if not Membership.objects.today().filter(user=delegate, agency=agency).exists():
        raise RegistryRefusal("not-a-colleague", _("The delegate has to belong to the same agency."))


@transaction.atomic
def delegate(
    *, delegator: User, delegate: User, agency: Agency, reason: str, valid_from: date, valid_to: date, by: User | None
) -> Delegation:
    """Let a colleague decide in the place of an approver between two days."""
    check_delegation(delegator=delegator, delegate=delegate, agency=agency, by=by)
    delegation = Delegation.objects.create(
        delegator=delegator, delegate=delegate, agency=agency, reason=reason, valid_from=valid_from, valid_to=valid_to
    )
    _record_delegation("registry.delegation.add", delegation, by)
    return delegation


@transaction.atomic
def end_delegation(*, delegation: Delegation, last_day: date, by: User | None) -> Delegation:
    """Move the last day of a delegation; only the approver who gave it can."""
    if by is not None and by != delegation.delegator:
        raise RegistryRefusal("not-your-decisions", _("Only the approver can delegate their own decisions."))
    if last_day < delegation.valid_from:
        raise RegistryRefusal(
            "before-first-day", _("A delegation cannot end before its first day. End it on that day at the earliest.")
        )
    delegation.valid_to = last_day
    delegation.save(update_fields=["valid_to"])
    _record_delegation("registry.delegation.change", delegation, by)
    return delegation


def candidates(permission: str, database: Database) -> QuerySet[User]:
    """The people of the owner who hold the fitting role today."""
    fitting = Membership.objects.today().filter(agency=database.owner_id, role=ROLE_FOR[permission])
    return User.objects.filter(is_active=True, pk__in=fitting.values("user")).order_by("full_name", "pk")


def assign_duty(*, permission: str, database: Database, to: User, by: User | None) -> None:
    """Let a member of the owner agency handle, advise or decide for one database."""
    check_not_oneself(to, by)
    if not candidates(permission, database).filter(pk=to.pk).exists():
        raise RegistryRefusal(
            "role-missing",
            _("A duty on a database needs the role “%(role)s” in the agency that owns it.")
            % {"role": ROLE_FOR[permission].label},
        )
    access.grant(permission=permission, on=database, to=to, by=by)


def withdraw_duty(*, permission: str, database: Database, to: User, by: User | None) -> None:
    access.withdraw(permission=permission, on=database, to=to, by=by)


def check_not_oneself(user: User, by: User | None) -> None:
    if by is not None and by == user:
        raise RegistryRefusal("oneself", _("Nobody can give a role or a duty to oneself."))


def _record(action: str, membership: Membership, by: User | None) -> None:
    records.record(
        action=action,
        thing=membership.user,
        by=by,
        details={
            "agency": membership.agency.code,
            "role": str(membership.role),
            "from": records.plain(membership.valid_from),
            "to": records.plain(membership.valid_to),
        },
    )


def _record_delegation(action: str, delegation: Delegation, by: User | None) -> None:
    records.record(
        action=action,
        thing=delegation.delegator,
        by=by,
        agency=delegation.agency,
        details={
            "delegate": str(delegation.delegate.public_id),
            "agency": delegation.agency.code,
            "from": records.plain(delegation.valid_from),
            "to": records.plain(delegation.valid_to),
        },
    )
