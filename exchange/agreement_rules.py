"""Rules about agreements: in force by state and date, resting on a sound source, and still within what the owner shares."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import confirmation_rules, source_changes, stop_rules, versions
from exchange.models import Agreement
from exchange.refusals import Refusal
from exchange.services import scopes
from exchange.states import AgreementStatus
from registry.choices import AccessRights, Lifecycle
from registry.models import User


def within_dates(agreement: Agreement, by: User | None) -> None:
    if not agreement.valid_from <= timezone.localdate() <= agreement.valid_to:
        raise Refusal("outside-dates", _("The agreement is not in force on this day."))


def check_live(agreement: Agreement) -> None:
    """Rules 3 and 5: in force by state and date, and still within what the owner shares."""
    if not agreement.is_live:
        stop_rules.check_not_stopped(agreement)
        confirmation_rules.check_live(agreement)
        if agreement.status == AgreementStatus.SUSPENDED:
            source_changes.check(agreement)
        raise not_live(agreement)
    check_still_shared(agreement)


def not_live(agreement: Agreement) -> Refusal:
    return Refusal("agreement-not-live", _("The agreement %(code)s is not in force.") % {"code": agreement.code})


def check_still_shared(agreement: Agreement) -> None:
    """Rule 3: the owner still offers the dataset, and everything that was agreed, to an agency that still exists."""
    dataset = agreement.dataset
    if dataset.database.lifecycle != Lifecycle.ACTIVE or dataset.removed_at:
        raise Refusal("dataset-not-active", _("The dataset is no longer offered."))
    if dataset.access_rights == AccessRights.NON_PUBLIC:
        raise Refusal("dataset-not-shared", _("The owner does not share this dataset."))
    if dataset.database.owner_id != agreement.provider_id:
        raise Refusal("owner-changed", _("The dataset has another owner since: ask that agency."))
    if not agreement.consumer.is_active:
        raise Refusal("agency-closed", _("The consumer agency is no longer active."))
    source_changes.check(agreement)
    scopes.check_shareable_now(agreement)


def source_sound(agreement: Agreement, by: User | None) -> None:
    source_changes.check(agreement)
    source_changes.check_plan(agreement)


def newer_agreed(agreement: Agreement, by: User | None) -> None:
    if not versions.after(agreement).exists():
        raise Refusal("no-newer-version", _("No other version takes the place of this one."))
