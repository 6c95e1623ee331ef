"""How the versions of one agreement hang together: which of them counts today, and what may follow the latest."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange.choices import RequestKind
from exchange.models import Agreement, Delivery
from exchange.refusals import Refusal
from exchange.scope import Scope, is_data_within
from exchange.states import AGREEMENT, AgreementStatus

# What somebody ended for a reason is not prolonged: the agency asks for a new one.
STOPPED = (AgreementStatus.REVOKED, AgreementStatus.RELINQUISHED, AgreementStatus.SUPERSEDED)


def versions_of(agreement: Agreement):
    return Agreement.objects.filter(code=agreement.code)


def serving(agreement: Agreement) -> Agreement:
    """The version that counts today: the latest one that its date lets begin and that nobody ended, else the one given."""
    newer = versions_of(agreement).filter(
        version__gt=agreement.version, status__in=AGREEMENT.open, valid_from__lte=timezone.localdate()
    )
    related = newer.for_lists().select_related("policy__dataset", "dataset__database__connection")
    return related.order_by("-version").first() or agreement


def after(agreement: Agreement):
    """What was agreed since, and neither ended nor was replaced."""
    return versions_of(agreement).filter(version__gt=agreement.version, status__in=AGREEMENT.open).order_by("version")


def before(agreement: Agreement):
    """What was agreed earlier, and neither ended nor was replaced."""
    return versions_of(agreement).filter(version__lt=agreement.version, status__in=AGREEMENT.open).order_by("version")


def began_with(agreement: Agreement) -> Agreement:
    """The version with which its period began. A change of an agreement begins no new period, so counters go on."""
    if agreement.version == 1:
        return agreement
    begun = versions_of(agreement).filter(version__lte=agreement.version)
    return begun.exclude(case__request__kind=RequestKind.AMENDMENT).latest("version")


def of_period(agreement: Agreement):
    """The versions under which the agreed period has run so far, this one included."""
    return versions_of(agreement).filter(version__range=(began_with(agreement).version, agreement.version))


def covers(agreement: Agreement, delivery: Delivery) -> bool:
    """Whether `agreement`, which counts now, still gives what was delivered under it or under an earlier version."""
    given = delivery.agreement
    if given.pk == agreement.pk:
        return True
    if agreement.is_over:
        return False
    return is_data_within(Scope.from_text(given.scope), Scope.from_text(agreement.scope), rows=delivery.rows)


def check_followed(agreement: Agreement, kind: RequestKind) -> None:
    """Refuse unless a change or another period of exactly this version can be agreed now."""
    latest = versions_of(agreement).latest("version")
    if latest.version != agreement.version:
        raise Refusal(
            "newer-version",
            _("Version %(version)s was agreed meanwhile and begins on %(day)s: ask for a change of that one.")
            % {"version": latest.version, "day": date_format(latest.valid_from, "SHORT_DATE_FORMAT")},
        )
    if latest.status in STOPPED:
        raise Refusal(
            "agreement-ended",
            _("The agreement %(code)s was ended: %(state)s. A new request is needed.")
            % {"code": latest.code, "state": latest.get_status_display()},
        )
    if latest.is_emergency:
        raise Refusal(
            "emergency-once",
            _(
                "Access in an emergency is neither changed nor renewed: file an ordinary request for what is needed longer."
            ),
        )
    if latest.is_over and kind == RequestKind.AMENDMENT:
        raise Refusal(
            "agreement-ended",
            _("The agreement %(code)s is over, so nothing of it can be changed. Another period can be asked for.")
            % {"code": latest.code},
        )
    if latest.dataset.database.owner_id != latest.provider_id:
        raise Refusal("owner-changed", _("The dataset has another owner since: ask that agency."))
