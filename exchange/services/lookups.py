"""One record by key under an agreement, for a counter clerk or a system: checked, recorded, then read."""

import re
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.fulfilment import plans
from exchange.models import Agreement
from exchange.refusals import Incomplete, Refusal
from exchange.services import deliveries, scopes
from registry import connectors
from registry.actors import actor_of
from registry.choices import Mode
from registry.connectors import SourceError
from registry.fields import nfc
from registry.models import Field, User
from registry.services import connections

KEY_LENGTH = 200
PERSONAL_NUMBER = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True)
class Answer:
    """`record` is None when the source has no such record; `receipt` is the sequence of the entry in the ledger."""

    record: dict | None
    receipt: int


def look_up(*, agreement: Agreement, by: User, key: str, case_number: str, purpose: str) -> Answer:
    """Read the one record with `key`, limited and masked as agreed.

    `purpose` must be the agreement's, `case_number` names the file for which the record is needed.
    Raises Refusal or SourceError; both are recorded. The key itself never enters the ledger, a salted digest does.
    """
    key, case_number = nfc(key).strip(), nfc(case_number).strip()
    try:
        field = _check(agreement, by, key, case_number, purpose)
        plan = plans.plan_of(agreement)
    except Refusal as refusal:
        ledger.record_refusal(**_entry(agreement, by, key), details={"code": refusal.code})
        raise
    # Recorded before the source is read: a look-up that leaves no trace must not happen.
    with transaction.atomic():
        asked = ledger.record(
            **_entry(agreement, by, key),
            details={"purpose": purpose, "case_number": case_number, "scope_sha256": agreement.scope_hash},
        )
    return Answer(_read(agreement, by, plan, field, key, asked.sequence), asked.sequence)


def _check(agreement: Agreement, by: User, key: str, case_number: str, purpose: str) -> Field:
    deliveries.check_use(agreement, by)
    if agreement.mode != Mode.LOOKUP:
        raise Refusal("wrong-mode", _("This agreement gives packages, not single records."))
    rules.check_agreement_live(agreement)
    if purpose != agreement.purpose:
        raise Refusal("purpose", _("The agreement is for another purpose."))
    problems = {}
    if not key or len(key) > KEY_LENGTH:
        problems["key"] = [_("Enter the number of one record.")]
    if not case_number or len(case_number) > 100:
        problems["case_number"] = [_("Enter the number of the case for which you need the record.")]
    elif key == case_number or PERSONAL_NUMBER.search(case_number):
        # It stands in the ledger as it is, where no personal value may stand.
        problems["case_number"] = [_("Enter the number of the case, not that of a person.")]
    if problems:
        raise Incomplete("incomplete", _("Something is missing."), fields=problems)
    return key_field(agreement)


def key_field(agreement: Agreement) -> Field:
    """The field that identifies a record; the policy must let it be searched by."""
    lines = scopes.shared_lines(agreement.policy)
    keys = [line.field for line in lines if line.field.is_key and line.is_filterable]
    if len(keys) != 1:
        raise Refusal("no-key", _("The policy names no single field by which records may be looked up."))
    return keys[0]


def _read(agreement: Agreement, by: User, plan, field: Field, key: str, asked: int) -> dict | None:
    try:
        connector = connectors.get(connections.address_of(connections.connection_of(agreement.dataset.database)))
        records = connector.lookup(
            replace(plan, row_limit=None),
            key_field=field.name,
            key=key,
            pseudonym_key=plans.pseudonym_key(agreement),
        )
        if len(records) > 1:
            raise Refusal("ambiguous", _("The source has more than one record with this number: ask the owner."))
        with transaction.atomic():
            # It may have been suspended while the source was read: then the record is not handed out.
            rules.check_agreement_live(
                Agreement.objects.select_related(*workflow.RELATED[Agreement]).get(pk=agreement.pk)
            )
            ledger.record(
                **{**_entry(agreement, by, key), "action": "lookup.answer"},
                details={"asked": str(asked), "found": bool(records)},
            )
    except (Refusal, SourceError) as error:
        ledger.record_refusal(**_entry(agreement, by, key), details={"code": error.code, "asked": str(asked)})
        raise
    return records[0] if records else None


def _entry(agreement: Agreement, by: User, key: str) -> dict:
    return {
        "action": "lookup.ask",
        "actor": actor_of(by, agreement.consumer),
        "subject": ("agreement", agreement.code),
        "correlation_id": workflow.correlation_of(agreement),
        "personal": {"key": key[:KEY_LENGTH]},
    }
