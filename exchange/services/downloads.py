"""Handing out a finished package: checked and recorded before the first byte leaves."""

from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import agreement_rules, versions, workflow
from exchange.fulfilment import packages
from exchange.models import Delivery
from exchange.refusals import Refusal
from exchange.services import agreements, deliveries
from registry.actors import actor_of
from registry.models import User


def open_package(*, delivery: Delivery, by: User, part: str = "data") -> BinaryIO:
    """The data or its manifest, opened for a person or system whom the agreement names; the caller closes it.

    The agreement must be in force at this moment; the entry in the ledger is written first.
    """
    agreement = delivery.agreement
    entry = {
        "action": "delivery.download" if part == "data" else "delivery.manifest",
        "actor": actor_of(by, agreement.consumer),
        "subject": ("delivery", delivery.code),
        "correlation_id": workflow.correlation_of(delivery),
    }
    try:
        check_download(delivery, by)
        path = packages.data_path(delivery.file_name) if part == "data" else packages.manifest_path(delivery.file_name)
        file = _open(path)
    except Refusal as refusal:
        ledger.record_refusal(**entry, details={"code": refusal.code})
        raise
    try:
        with transaction.atomic():
            ledger.record(**entry, details={"sha256": delivery.sha256})
    except BaseException:
        file.close()
        raise
    return file


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise Refusal("file-missing", _("The file is missing. Tell the operator the delivery number.")) from None


def check_download(delivery: Delivery, by: User) -> None:
    """Refuse unless the file is there for this person at this moment.

    What an earlier version gave is handed out as long as the present one gives all of it.
    """
    agreement = agreements.in_force(delivery.agreement)
    deliveries.check_use(agreement, by)
    agreement_rules.check_live(agreement)
    if not versions.covers(agreement, delivery):
        raise Refusal(
            "no-longer-agreed",
            _("The agreement was changed, and no longer gives all that is in this file. Order a new package."),
        )
    if not delivery.is_downloadable:
        raise Refusal("not-available", _("There is no file to download: it is not ready, or its time is over."))
