"""What is announced about an agreement, as the database worked it out on its row, and what that allows."""

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange.models import Agreement
from exchange.refusals import Refusal
from exchange.states import AgreementStatus


def check_nothing(agreement: Agreement) -> None:
    """Refuse a second announcement."""
    if agreement.stops_on is not None:
        raise Refusal(
            "announced-already",
            _("A stop of %(code)s is announced for %(day)s. Call that off first, or stop it at once.")
            % {"code": agreement.code, "day": date_format(agreement.stops_on, "SHORT_DATE_FORMAT")},
        )


def check_still_to_come(agreement: Agreement) -> None:
    """Refuse to call off what was not announced, or holds already."""
    if agreement.stops_on is None:
        raise Refusal("nothing-announced", _("No stop of %(code)s is announced.") % {"code": agreement.code})
    if agreement.is_stop_due:
        raise Refusal(
            "day-has-come",
            _("The announced day has come: what was announced holds. A suspended agreement can be resumed."),
        )


def check_day_came(agreement: Agreement) -> None:
    if not agreement.is_stop_due:
        raise Refusal("not-due", _("No stop of %(code)s is due.") % {"code": agreement.code})


def check_not_stopped(agreement: Agreement) -> None:
    """Refuse what an announced day ended, whatever the state still says."""
    if agreement.status == AgreementStatus.ACTIVE and agreement.is_stop_due:
        raise Refusal(
            "agreement-not-live",
            _("The agreement %(code)s gives nothing since %(day)s, as its owner had announced.")
            % {"code": agreement.code, "day": date_format(agreement.stops_on, "SHORT_DATE_FORMAT")},
        )
