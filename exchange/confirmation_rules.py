"""When the consumer has to confirm that an agreement is still needed, and what follows where nobody did: checks only."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange.models import Agreement
from exchange.models.agreements import USE
from exchange.refusals import Refusal
from exchange.services import suspensions
from exchange.states import AgreementStatus
from registry import permissions
from registry.models import User


def check_no_user(agreement: Agreement, by: User) -> None:
    """Nobody confirms the need for what they use themselves."""
    if permissions.is_named(by, USE, agreement):
        raise Refusal(
            "rule-1",
            _("Whoever is named as a user of an agreement does not confirm that it is needed. Ask another signatory."),
        )


def check_not_today(agreement: Agreement) -> None:
    if agreement.attestations.filter(confirmed_on=timezone.localdate()).exists():
        raise Refusal("confirmed-already", _("It was confirmed today already."))


def check_overdue(agreement: Agreement) -> None:
    if not agreement.is_unconfirmed:
        raise Refusal("not-due", _("%(code)s is not overdue to be confirmed.") % {"code": agreement.code})


def check_confirmed(agreement: Agreement) -> None:
    """Refuse to let an agreement go on that nobody confirmed in time."""
    if agreement.is_unconfirmed:
        raise Refusal(
            "not-confirmed",
            _("%(agency)s had to confirm by %(day)s that it is still needed. A signatory there does so on its page.")
            % {"agency": agreement.consumer, "day": date_format(agreement.confirm_by, "SHORT_DATE_FORMAT")},
        )


def check_held(agreement: Agreement) -> None:
    """Refuse where something else suspended it last: a person, an announcement, or a change of its source."""
    if suspensions.latest([agreement.code]).get(agreement.code) != suspensions.UNCONFIRMED:
        raise Refusal("suspended-otherwise", _("The agreement was suspended for another reason."))


def check_live(agreement: Agreement) -> None:
    """Refuse what a missing confirmation ended, whatever the state still says."""
    if agreement.is_unconfirmed and agreement.status in (AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED):
        raise Refusal(
            "agreement-not-live",
            _(
                "The agreement %(code)s gives nothing until it is confirmed: that was due by %(day)s. A signatory of the "
                "agency that uses it does so on its page."
            )
            % {"code": agreement.code, "day": date_format(agreement.confirm_by, "SHORT_DATE_FORMAT")},
        )
