"""Requests in every state with their cases, votes and evidence, loaded by COPY.

Guards look at each row: they are off while the bench's own database is filled, and on again before anything is measured.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db import connection
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import Verdict
from exchange.models import Decision, ExchangeRequest, ReviewCase, Revision
from exchange.scope import Scope, canonical
from exchange.services.requests import CONTENT
from exchange.states import RequestStatus
from ndc_portal.bench.registry.data import SEED, copy
from registry.choices import AgencyKind, FieldKind, Masking, Mode, PersonalData, Purpose, Role
from registry.models import (
    Agency,
    Database,
    Dataset,
    Field,
    LegalInstrument,
    Membership,
    PolicyField,
    SharingPolicy,
    User,
)
from registry.permissions import DECIDE, HANDLE
from registry.services import access

CONSUMERS, PROVIDERS, APPROVERS = 8, 2, 3  # few, so that pages are full with 1,000 requests, too
ENTRIES_EACH = 20  # of evidence for one request
FIELDS = 8
# Of a hundred requests so many are in each state; most of what an office has is closed.
STATES = (
    (RequestStatus.APPROVED, 55),
    (RequestStatus.REJECTED, 15),
    (RequestStatus.WITHDRAWN, 8),
    (RequestStatus.EXPIRED, 5),
    (RequestStatus.UNDER_REVIEW, 5),
    (RequestStatus.SUBMITTED, 4),
    (RequestStatus.PENDING_ENDORSEMENT, 3),
    (RequestStatus.RETURNED, 2),
    (RequestStatus.OFFERED, 1),
    (RequestStatus.DRAFT, 2),
)
SENT = {state for state, _share in STATES} - {RequestStatus.DRAFT, RequestStatus.EXPIRED}
SIGNED = SENT - {RequestStatus.PENDING_ENDORSEMENT, RequestStatus.WITHDRAWN}
ENDED = {RequestStatus.APPROVED, RequestStatus.REJECTED, RequestStatus.WITHDRAWN, RequestStatus.EXPIRED}
TABLES = ("exchange_exchangerequest", "exchange_exchangerequest_editors", "exchange_revision", "exchange_reviewcase",
          "exchange_decision", "evidence_entry")  # fmt: skip


def build(requests: int) -> None:
    """Fill the empty database in use."""
    consumers, providers = _agencies()
    datasets = [_dataset(number, owner) for number, owner in enumerate(providers)]
    clerks = {agency.pk: (_person(agency, Role.REQUESTER), _person(agency, Role.ENDORSER)) for agency in consumers}
    desks = {dataset.pk: _desk(dataset.database) for dataset in datasets}
    rows = list(_rows(random.Random(SEED), requests, consumers, datasets, clerks))  # noqa: S311 - no secret
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would stand in the way
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    copy(ExchangeRequest, (_request(row) for row in rows))
    copy(ExchangeRequest.editors.through, ({"exchangerequest_id": row["id"], "user_id": row["clerk"]} for row in rows))
    sent = [row for row in rows if row["status"] in SENT]
    copy(Revision, (_revision(row) for row in sent))
    signed = [row for row in sent if row["status"] in SIGNED]
    copy(ReviewCase, (_case(row, desks) for row in signed))
    copy(Decision, _decisions(signed, desks))
    copy(Entry, _entries(rows))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for table in ("exchange_exchangerequest", "exchange_revision", "exchange_reviewcase"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608


def _agencies() -> tuple[list[Agency], list[Agency]]:
    made = [
        Agency.objects.create(code=f"CQ{number:03}", name_vi=f"Cơ quan {number}", kind=AgencyKind.MINISTRY)
        for number in range(CONSUMERS + PROVIDERS)
    ]
    return made[:CONSUMERS], made[CONSUMERS:]


def _dataset(number: int, owner: Agency) -> Dataset:
    law = LegalInstrument.objects.create(number=f"{number}/2024/QH15", title_vi="Luật", effective_from=date(2024, 1, 1))
    database = Database.objects.create(code=f"csdl-{number}", name_vi=f"CSDL {number}", owner=owner, legal_basis=law)
    dataset = Dataset.objects.create(
        database=database, code=f"tap-{number}", table_name="t", title_vi=f"Tập dữ liệu {number}", is_published=True
    )
    policy = SharingPolicy.objects.create(
        dataset=dataset, title="Chính sách", modes=[Mode.PACKAGE], purposes=[Purpose.PROCEDURE], any_agency=True,
        legal_basis=law, valid_from=date(2024, 1, 1), quorum=2,
    )  # fmt: skip
    for position in range(1, FIELDS + 1):
        field = Field.objects.create(
            dataset=dataset, name=f"cot_{position}", position=position, native_type="text", kind=FieldKind.TEXT,
            title_vi=f"Cột {position}", personal_data=PersonalData.SENSITIVE if position == FIELDS else PersonalData.NONE,
        )  # fmt: skip
        PolicyField.objects.create(policy=policy, field=field, masking=Masking.KEEP)
    dataset.policy, dataset.law = policy, law
    return dataset


def _person(agency: Agency, role: Role, **attributes) -> User:
    number = User.objects.count()
    user = User.objects.create(username=f"nguoi-{number}", full_name=f"Người {number}", **attributes)
    Membership.objects.create(user=user, agency=agency, role=role, valid_from=date(2024, 1, 1))
    return user


def _desk(database: Database) -> tuple[User, list[User]]:
    officer = _person(database.owner, Role.CASE_OFFICER, is_staff=True)
    access.grant(permission=HANDLE, on=database, to=officer, by=None)
    approvers = [_person(database.owner, Role.APPROVER, is_staff=True) for _number in range(APPROVERS)]
    for approver in approvers:
        access.grant(permission=DECIDE, on=database, to=approver, by=None)
    return officer, approvers


def _rows(chance, requests: int, consumers, datasets, clerks) -> Iterator[dict]:
    states = [state for state, share in STATES for _one in range(share)]
    now = timezone.now()
    for number in range(1, requests + 1):
        consumer, dataset = consumers[number % CONSUMERS], datasets[chance.randrange(PROVIDERS)]
        clerk, signatory = clerks[consumer.pk]
        names = sorted(chance.sample(range(1, FIELDS + 1), 3))
        yield {
            "id": number,
            "status": states[chance.randrange(100)],
            "consumer": consumer,
            "dataset": dataset,
            "clerk": clerk.pk,
            "signatory": signatory.pk,
            "fields": [f"cot_{position}" for position in names],
            "at": now - timedelta(minutes=chance.randrange(60 * 24 * 365)),
        }


def _request(row: dict) -> dict:
    signed = row["status"] in SIGNED
    return {
        "id": row["id"],
        "code": f"YC-2026-{row['id']:06}",
        "status": str(row["status"]),
        "consumer_id": row["consumer"].pk,
        "letter_number": f"{row['id']}/VP",
        "letter_subject": f"Đề nghị cung cấp dữ liệu số {row['id']}",
        "dataset_id": row["dataset"].pk,
        "field_names": row["fields"],
        "legal_basis_id": row["dataset"].law.pk,
        "purpose": str(Purpose.PROCEDURE),
        "reason": "Giải quyết thủ tục hành chính cho người dân và doanh nghiệp. " * 4,
        "period_from": date(2026, 1, 1),
        "period_to": date(2027, 1, 1),
        "retention_until": date(2027, 6, 1),
        "undertaking": True,
        "has_state_secret": False,
        "created_by_id": row["clerk"],
        "last_edited_by_id": row["clerk"],
        "edited_at": row["at"],
        "created_at": row["at"],
        "endorsed_at": row["at"] if signed else None,
        "endorsed_by_id": row["signatory"] if signed else None,
        "closed_at": row["at"] if row["status"] in ENDED else None,
    }


def _scope(row: dict) -> Scope:
    return Scope(
        dataset=row["dataset"].code,
        fields=tuple((name, Masking.KEEP.value) for name in row["fields"]),
        filters=(),
        row_limit=1_000,
        mode=Mode.PACKAGE.value,
        file_format="csv",
        purpose=Purpose.PROCEDURE.value,
        period_from=date(2026, 1, 1),
        period_to=date(2027, 1, 1),
        retention_until=date(2027, 6, 1),
    )


def _text_of(row: dict) -> str:
    written = _request(row)
    content = {name: written.get(name, ExchangeRequest._meta.get_field(name).get_default()) for name in CONTENT}
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in content.items()}
    return canonical(
        plain
        | {
            "code": f"YC-2026-{row['id']:06}",
            "revision": 1,
            "consumer": row["consumer"].code,
            "dataset": row["dataset"].code,
            "field_names": row["fields"],
            "legal_basis": row["dataset"].law.number,
            "named_users": [],
            "scope": _scope(row).as_document(),
        }
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _revision(row: dict) -> dict:
    text = _text_of(row)
    signed = row["status"] in SIGNED
    return {
        "id": row["id"],
        "request_id": row["id"],
        "number": 1,
        "content": text,
        "content_hash": _hash(text),
        "proposed_by_id": row["clerk"],
        "proposed_at": row["at"],
        "endorsed_at": row["at"] if signed else None,
        "endorsed_by_id": row["signatory"] if signed else None,
    }


def _case(row: dict, desks) -> dict:
    officer, _approvers = desks[row["dataset"].pk]
    claimed = row["status"] != RequestStatus.SUBMITTED
    return {
        "id": row["id"],
        "request_id": row["id"],
        "provider_id": row["dataset"].database.owner_id,
        "policy_id": row["dataset"].policy.pk,
        "quorum": 2,
        "opened_at": row["at"],
        "due_on": (row["at"] + timedelta(days=28)).date(),
        "claimed_at": row["at"] if claimed else None,
        "claimed_by_id": officer.pk if claimed else None,
    }


VERDICTS = {
    RequestStatus.APPROVED: (Verdict.APPROVE, 2),
    RequestStatus.OFFERED: (Verdict.APPROVE, 2),
    RequestStatus.REJECTED: (Verdict.REJECT, 1),
    RequestStatus.RETURNED: (Verdict.RETURN, 1),
    RequestStatus.UNDER_REVIEW: (Verdict.APPROVE, 1),
}


def _decisions(rows, desks) -> Iterator[dict]:
    for row in rows:
        verdict, count = VERDICTS.get(row["status"], (None, 0))
        if row["status"] == RequestStatus.UNDER_REVIEW and row["id"] % 2:
            continue  # nobody has voted yet
        scope = _scope(row).text if verdict == Verdict.APPROVE else ""
        for approver in desks[row["dataset"].pk][1][:count]:
            yield {
                "case_id": row["id"],
                "revision_id": row["id"],
                "revision_hash": _hash(_text_of(row)),
                "verdict": str(verdict),
                "scope": scope,
                "scope_hash": _hash(scope) if scope else "",
                "reason": "Lý do",
                "legal_basis_id": row["dataset"].law.pk,
                "made_by_id": approver.pk,
                "agency_id": row["dataset"].database.owner_id,
                "made_at": row["at"],
            }


ACTIONS = ("request.create", *["request.edit"] * 8, "request.propose", "request.endorse", "request.claim",
           *["delivery.download"] * 8)  # fmt: skip


def _entries(rows) -> Iterator[dict]:
    """So many entries for each request that its timeline and the ledger are as full as after years of use."""
    details = json.dumps({"from": "draft", "to": "pending-endorsement"}, separators=(",", ":"))
    number = 10_000_000  # beyond what setting up has recorded
    for row in rows:
        code, at = f"YC-2026-{row['id']:06}", row["at"]
        for step in range(ENTRIES_EACH):
            number += 1
            yield _entry(number, at + timedelta(minutes=step), row["consumer"].code, ACTIONS[step], code, details)


def _entry(number: int, at: datetime, agency: str, action: str, code: str, details: str) -> dict:
    return {
        "sequence": number,
        "at": at,
        "actor": "system",
        "agency": agency,
        "action": action,
        "outcome": "success",
        "subject_type": "request",
        "subject_id": code,
        "correlation_id": code,
        "details": details,
        "leaf_hash": hashlib.sha256(f"{number}".encode()).digest(),
    }
