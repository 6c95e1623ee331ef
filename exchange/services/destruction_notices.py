"""What people of both agencies are told of a certificate of destruction."""

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.models import Agreement, DestructionCertificate
from registry import notice_kinds, permissions
from registry.choices import Role
from registry.models import Membership, User
from registry.services import notices

OVERDUE = notice_kinds.define(
    "exchange.certificate.overdue",
    _("A certificate of destruction is overdue"),
    _("%(consumer)s owes a certificate that the data of “%(dataset)s” received under %(agreement)s is gone."),
)
SIGNED = notice_kinds.define(
    "exchange.certificate.signed",
    _("A certificate of destruction arrived"),
    _("%(consumer)s sent %(certificate)s about the data of “%(dataset)s”. Acknowledge it, or refuse it with a reason."),
)
ACKNOWLEDGED = notice_kinds.define(
    "exchange.certificate.acknowledged",
    _("A certificate of destruction was acknowledged"),
    _("%(provider)s acknowledged %(certificate)s about the data of “%(dataset)s”."),
)
REFUSED = notice_kinds.define(
    "exchange.certificate.refused",
    _("A certificate of destruction was refused"),
    _("%(provider)s refused %(certificate)s about the data of “%(dataset)s”. Its page says why; another one is owed."),
)


def deciders(agreement: Agreement) -> QuerySet[User]:
    """The owner's approvers who are assigned to the database of the data."""
    named = permissions.people_named(permissions.DECIDE, agreement.dataset.database)
    approving = Membership.objects.today().filter(agency=agreement.provider, role=Role.APPROVER).values("user")
    return named.filter(pk__in=approving, is_active=True)


def tell_overdue(agreement: Agreement) -> bool:
    told = {"consumer": agreement.consumer, "dataset": agreement.dataset, "agreement": agreement.code}
    return bool(notices.tell(kind=OVERDUE, to=deciders(agreement), path=owners_page(agreement), **told))


def owners_page(agreement: Agreement) -> str:
    return reverse("admin:exchange_agreement_change", args=[agreement.pk])


def tell_signed(certificate: DestructionCertificate) -> None:
    agreement = certificate.agreement
    path = reverse("admin:exchange_destructioncertificate_change", args=[certificate.pk])
    told = {"consumer": agreement.consumer, "certificate": certificate.code, "dataset": agreement.dataset}
    notices.tell(kind=SIGNED, to=deciders(agreement), path=path, **told)


def tell_answered(certificate: DestructionCertificate) -> None:
    agreement = certificate.agreement
    people = User.objects.filter(pk__in=[certificate.prepared_by_id, certificate.signed_by_id])
    kind = REFUSED if certificate.refused_at else ACKNOWLEDGED
    told = {"provider": agreement.provider, "certificate": certificate.code, "dataset": agreement.dataset}
    notices.tell(kind=kind, to=people, path=certificate.get_absolute_url(), **told)
