"""One record by key under an agreement, for a counter clerk or a system: checked, recorded, then read."""

import contextlib
import re
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import agreement_rules, versions, workflow
from exchange.fulfilment import plans, sources
from exchange.models import Agreement, Lookup, LookupUsage
from exchange.refusals import Incomplete, Refusal
from exchange.services import agreements, deliveries, holding, limits, scopes, sweeping
from registry.actors import actor_of
from registry.choices import Mode, Occasion
from registry.connectors import SourceError
from registry.fields import nfc
from registry.models import Field, User
from registry.services import structure

KEY_LENGTH = 200
CASE_LENGTH = 100
PERSONAL_NUMBER = re.compile(r"\d{12}")
LONG_NUMBER = re.compile(r"\d{9,}")


@dataclass(frozen=True, slots=True)
class Answer:
    """`record` is None when the source has no such record; `receipt` is the sequence of the entry in the ledger;
    `agreement` is the version that gave it."""

    record: dict | None
    receipt: int
    agreement: Agreement


def look_up(*, agreement: Agreement, by: User, key: str, case_number: str, purpose: str) -> Answer:
    """Read the one record with `key`, limited and masked as agreed in the version that counts at this moment.

    `purpose` must be the agreement's, `case_number` names the file for which the record is needed.
    Raises Refusal or SourceError; both are recorded. Key and case number never enter the ledger, salted digests do;
    the case number stands in a Lookup, which can be erased.
    """
    key, case_number = nfc(key).strip(), nfc(case_number).strip()
    agreement = agreements.in_force(agreement)
    entry = _entry(agreement, by, key, case_number)
    try:
        field = _check(agreement, by, key, case_number, purpose)
        plan = plans.plan_of(agreement)
        _check_volume(agreement, plan.row_limit)
    except Refusal as refusal:
        ledger.record_refusal(**entry, details={"code": refusal.code})
        raise
    # Recorded before the source is read: a look-up that leaves no trace must not happen.
    try:
        with transaction.atomic():
            details = {"purpose": purpose, "scope_sha256": agreement.scope_hash, **workflow.mark_of(agreement)}
            asked = ledger.record(**entry, details=details)
            Lookup.objects.create(
                agreement=agreement, asked_at=asked.at, by=by, case_number=case_number, receipt=asked.sequence
            )
    except IntegrityError as error:
        refusal = limits.rate_exceeded(error, agreement)
        if refusal is None:
            raise
        ledger.record_refusal(**entry, details={"code": refusal.code})
        raise refusal from None
    return Answer(_read(agreement, entry, plan, field, key, asked.sequence), asked.sequence, agreement)


def _check(agreement: Agreement, by: User, key: str, case_number: str, purpose: str) -> Field:
    deliveries.check_use(agreement, by)
    if agreement.mode != Mode.LOOKUP:
        raise Refusal("wrong-mode", _("This agreement gives packages, not single records."))
    agreement_rules.check_live(agreement)
    if purpose != agreement.purpose:
        raise Refusal("purpose", _("The agreement is for another purpose."))
    problems = {}
    if not key or len(key) > KEY_LENGTH or not _is_storable(key):
        problems["key"] = [_("Enter the number of one record.")]
    if not case_number or len(case_number) > CASE_LENGTH or not _is_storable(case_number):
        problems["case_number"] = [_("Enter the number of the case for which you need the record.")]
    elif _names_the_person(case_number, key):
        problems["case_number"] = [_("Enter the number of the case, not that of a person.")]
    if problems:
        raise Incomplete("incomplete", _("Something is missing."), fields=problems)
    return key_field(agreement)


def _is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: neither NUL nor half a character."""
    return "\0" not in text and text == text.encode("utf-8", "replace").decode()


def _names_the_person(case_number: str, key: str) -> bool:
    """Whether what should name a case is the number of a person, be it written with spaces or dots."""
    if case_number == key or PERSONAL_NUMBER.search(case_number):
        return True
    digits = re.sub(r"\D", "", key)
    squeezed = re.sub(r"[\s.]", "", case_number)
    return bool(LONG_NUMBER.fullmatch(digits)) and any(digits in number for number in LONG_NUMBER.findall(squeezed))


def _check_volume(agreement: Agreement, limit: int | None) -> None:
    counted = versions.began_with(agreement)
    if limit is not None and LookupUsage.objects.filter(agreement=counted, answered__gte=limit).exists():
        raise _volume_used(limit)


def _count(agreement: Agreement, limit: int | None) -> None:
    """Count one record that is given, in the caller's transaction; refuse the one beyond the agreed volume.

    It is counted with the version that began the period: a change of the agreement gives no volume anew.
    """
    counted = versions.began_with(agreement)
    usage = LookupUsage.objects.filter(agreement=counted)
    below = usage if limit is None else usage.filter(answered__lt=limit)
    if below.update(answered=F("answered") + 1):
        return
    LookupUsage.objects.bulk_create([LookupUsage(agreement=counted)], ignore_conflicts=True)
    if not below.update(answered=F("answered") + 1):
        raise _volume_used(limit)


def _volume_used(limit: int) -> Refusal:
    return Refusal(
        "volume-used",
        _("The agreement gives %(limit)s records in all, and all of them were given. More takes a new request.")
        % {"limit": limit},
    )


def key_field(agreement: Agreement) -> Field:
    """The field that identifies a record; the policy must let it be searched by."""
    lines = scopes.shared_lines(agreement.policy)
    keys = [line.field for line in lines if line.field.is_key and line.is_filterable]
    if len(keys) != 1:
        raise Refusal("no-key", _("The policy names no single field by which records may be looked up."))
    return keys[0]


def _read(agreement: Agreement, entry: dict, plan, field: Field, key: str, asked: int) -> dict | None:
    try:
        records = sources.connector_of(agreement).lookup(
            replace(plan, row_limit=None),
            key_field=field.name,
            key=key,
            pseudonym_key=plans.pseudonym_key(agreement),
        )
        if len(records) > 1:
            raise Refusal("ambiguous", _("The source has more than one record with this number: ask the owner."))
        with transaction.atomic():
            # It may have been suspended while the source was read: then the record is not handed out.
            agreement_rules.check_live(
                Agreement.objects.select_related(*workflow.RELATED[Agreement]).get(pk=agreement.pk)
            )
            ledger.record(**{**entry, "action": "lookup.answer"}, details={"asked": str(asked), "found": bool(records)})
            Lookup.objects.filter(receipt=asked).update(found=bool(records))
            if records:
                # Last, because look-ups under one agreement wait for each other from here on.
                _count(agreement, plan.row_limit)
    except (Refusal, SourceError) as error:
        ledger.record_refusal(**entry, details={"code": error.code, "asked": str(asked)})
        if error.code == "source-changed" and isinstance(error, SourceError):
            _look_after(agreement)
        raise
    return records[0] if records else None


def _look_after(agreement: Agreement) -> None:
    """Keep what changed in the source, once a look-up met it; what keeps that from being read is not the asker's matter."""
    with contextlib.suppress(SourceError):
        structure.look_at(dataset=agreement.dataset, occasion=Occasion.LOOKUP)
        holding.hold_dataset(agreement.dataset)


def _entry(agreement: Agreement, by: User, key: str, case_number: str) -> dict:
    return {
        "action": "lookup.ask",
        "actor": actor_of(by, agreement.consumer),
        "subject": ("agreement", agreement.code),
        "correlation_id": workflow.correlation_of(agreement),
        "personal": {
            name: value[:length].encode("utf-8", "replace").decode()
            for name, value, length in (("key", key, KEY_LENGTH), ("case_number", case_number, CASE_LENGTH))
        },
    }


def erase_old() -> int:
    """Erase whose case it was, once the consumer may no longer keep what it was given; for how many agreements.

    The ledger goes on proving that there was a look-up, and, to whoever shows the case number, for which case.
    """
    over = Agreement.objects.filter(retention_until__lt=timezone.localdate(), lookups__isnull=False).distinct()
    return sweeping.each(over.select_related("case__request")[:500], _erase)


def _erase(agreement: Agreement) -> None:
    with transaction.atomic():
        count, _by_model = agreement.lookups.all().delete()
        ledger.record(
            action="lookup.erase",
            actor=ledger.SYSTEM,
            subject=("agreement", agreement.code),
            correlation_id=workflow.correlation_of(agreement),
            details={"erased": count},
        )
