"""One owner with a database, one agency that asks, and the way from a draft to a delivered file, step by real step.

`make_world` and `world` in tests/conftest.py build it; every step goes through the services that the pages use.
"""

import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from exchange.choices import ConsentBasis, RequestKind, SystemLevel
from exchange.fulfilment import run
from exchange.models import Agreement, Delivery, ExchangeRequest
from exchange.services import agreements, amendments, cases, deliveries, requests
from exchange.states import RequestStatus
from registry.choices import FieldKind, FileFormat, Masking, Mode, PersonalData, Purpose, Role
from registry.models import Agency, Database, Dataset, Field, LegalInstrument, SharingPolicy, User
from tests import factories
from tests.factories import person

TABLE = "citizens"
# name, type in SQLite, kind, personal data, masking in the policy
COLUMNS = (
    ("citizen_id", "TEXT PRIMARY KEY", FieldKind.TEXT, PersonalData.BASIC, Masking.KEEP),
    ("full_name", "TEXT", FieldKind.TEXT, PersonalData.BASIC, Masking.KEEP),
    ("born", "DATE", FieldKind.DATE, PersonalData.BASIC, Masking.YEAR),
    ("province", "TEXT", FieldKind.TEXT, PersonalData.NONE, Masking.KEEP),
    ("income", "INTEGER", FieldKind.INTEGER, PersonalData.BASIC, Masking.KEEP),
    ("phone", "TEXT", FieldKind.TEXT, PersonalData.BASIC, Masking.PARTIAL),
    ("note", "TEXT", FieldKind.TEXT, PersonalData.NONE, Masking.KEEP),
)
FILTERABLE = {"citizen_id", "province"}
NASTY = (
    "=1+1", "+84", "-1", "@SUM(A1)", "\ttab", 'say "hello"', "comma, semicolon;", "two\nlines", "return\r\n", "\\.",
    "", None, "Ngô Bảo Châu", "Ngo\u0302 Ba\u0309o", "𠀀😀", "\u202eabc", "NULL", "%s", "' OR 1=1 --", "x" * 5_000,
)  # fmt: skip
ROWS = [
    (
        f"0010990000{number:02}",
        f"Nguyễn Văn {number}",
        f"{1950 + number}-03-0{number % 9 + 1}",
        "01" if number % 2 else "79",
        None if number % 7 == 0 else number * 1_000_000,
        f"09012345{number:02}",
        note,
    )
    for number, note in enumerate(NASTY, start=1)
]


def write_source(path: Path, rows=ROWS) -> None:
    """Make the owner's file: one table with `rows`."""
    path.unlink(missing_ok=True)
    columns = ", ".join(f"{name} {native}" for name, native, *_rest in COLUMNS)
    places = ", ".join("?" for _column in COLUMNS)
    with sqlite3.connect(path) as file:
        file.execute(f"CREATE TABLE {TABLE} ({columns})")
        file.executemany(f"INSERT INTO {TABLE} VALUES ({places})", rows)  # noqa: S608 - a constant
    file.close()


@dataclass
class World:
    """Who is who, and the steps. Each step begins with the ones before it, unless it is given their result."""

    provider: Agency
    database: Database
    dataset: Dataset
    fields: dict[str, Field]
    policy: SharingPolicy
    source: Path
    deliveries_folder: Path
    ministry: Agency  # above the consumer
    consumer: Agency
    stranger: Agency  # another agency, which has no part in it
    basis: LegalInstrument
    requester: User
    endorser: User
    second_endorser: User
    officer: User
    approvers: list[User] = field(default_factory=list)
    operator: User | None = None

    @property
    def approver(self) -> User:
        return self.approvers[0]

    def content(self, **changes) -> dict:
        """What the clerk writes for three fields, for ninety days from today."""
        today = timezone.localdate()
        return {
            "letter_number": "12/UBND-VP",
            "letter_subject": "Về việc cung cấp dữ liệu",
            "signatory_name": "Trần Thị B",
            "signatory_position": "Phó Chủ tịch",
            "focal_name": "Lê Văn C",
            "focal_position": "Chuyên viên",
            "focal_phone": "024 3333 4444",
            "focal_email": "c@example.vn",
            "dataset": self.dataset,
            "field_names": ["citizen_id", "full_name", "born"],
            "mode": Mode.PACKAGE,
            "file_format": FileFormat.CSV,
            "legal_basis": self.basis,
            "legal_article": "Điều 5, khoản 2",
            "purpose": Purpose.PROCEDURE,
            "reason": "Giải quyết thủ tục hành chính",
            "consent_basis": ConsentBasis.STATUTORY,
            "period_from": today,
            "period_to": today + timedelta(days=90),
            "retention_until": today + timedelta(days=120),
            "security_measures": "Mã hoá khi lưu trữ",
            "system_level": SystemLevel.LEVEL_3,
            "undertaking": True,
            "has_state_secret": False,
            **changes,
        }

    def draft(self, *, by: User | None = None, **content) -> ExchangeRequest:
        return requests.create(consumer=self.consumer, by=by or self.requester, content=self.content(**content))

    def proposed(self, request: ExchangeRequest | None = None, **content) -> ExchangeRequest:
        request = request or self.draft(**content)
        return requests.propose(request=request, by=self.requester)

    def submitted(self, request: ExchangeRequest | None = None, **content) -> ExchangeRequest:
        """Signed; under a standing permission it is granted at the same moment."""
        request = request or self.proposed(**content)
        return requests.endorse(request=request, by=self.endorser, revision_hash=hash_of(request))

    def under_review(self, request: ExchangeRequest | None = None, **content) -> ExchangeRequest:
        request = request or self.submitted(**content)
        return cases.claim(request=request, by=self.officer)

    def voted(self, request: ExchangeRequest | None = None, *, votes: int | None = None, narrowed=None, **content):
        """The request after `votes` approvals (the quorum); `narrowed` are arguments of `cases.approve`."""
        request = request or self.under_review(**content)
        for approver in self.approvers[: votes or self.policy.quorum]:
            cases.approve(request=request, by=approver, revision_hash=hash_of(request), **(narrowed or {}))
        return request

    def offered(self, request: ExchangeRequest | None = None, **content) -> ExchangeRequest:
        """Approved for the first field only."""
        request = request or self.under_review(**content)
        return self.voted(request, narrowed={"fields": {"citizen_id"}, "reason": "Chỉ cần số định danh"})

    def agreed(self, **content) -> Agreement:
        """The agreement of an approved request; in force, because its period begins today."""
        request = self.submitted(**content) if self.policy.is_standing else self.voted(**content)
        return agreement_of(request)

    def followed(self, agreement: Agreement, kind: RequestKind = RequestKind.AMENDMENT, **content) -> ExchangeRequest:
        """A draft about the agreement, with `content` that differs from what was agreed."""
        request = amendments.begin(agreement=agreement, kind=kind, by=self.requester)
        declared = {"letter_number": "13/UBND-VP", "undertaking": True, "has_state_secret": False}
        return requests.save_draft(
            request=request, by=self.requester, version=request.version, content=declared | content
        )

    def amended(
        self, agreement: Agreement, kind: RequestKind = RequestKind.AMENDMENT, *, narrowed=None, **content
    ) -> Agreement:
        """The next version of the agreement, granted upon a request about it."""
        request = self.submitted(self.proposed(self.followed(agreement, kind, **content)))
        if request.status == RequestStatus.SUBMITTED:
            self.voted(self.under_review(request), narrowed=narrowed)
        return agreement_of(request)

    def ordered(self, agreement: Agreement | None = None, **content) -> Delivery:
        """A delivery that waits for a worker."""
        agreement = agreement or self.agreed(**content)
        return agreement.deliveries.open().first() or deliveries.order(agreement=agreement, by=self.requester)

    def delivered(self, agreement: Agreement | None = None, **content) -> Delivery:
        delivery = self.ordered(agreement, **content)
        run.deliver(delivery.pk)
        delivery.refresh_from_db()
        return delivery

    def path_of(self, delivery: Delivery) -> Path:
        return self.deliveries_folder / delivery.file_name

    def suspended(self, agreement: Agreement | None = None, **content) -> Agreement:
        return agreements.suspend(agreement=agreement or self.agreed(**content), by=self.approver, reason="Kiểm tra")


def world(tmp_path: Path, settings, *, quorum: int = 1, standing: bool = False, approvers: int = 3, **policy) -> World:
    """Build it in the database and under `tmp_path`; `policy` are further attributes of the sharing policy."""
    sources = (tmp_path / "sources").resolve()
    sources.mkdir(exist_ok=True)
    settings.SOURCE_ALLOWED_FOLDERS = [sources]
    settings.DELIVERY_DIR = tmp_path / "deliveries"
    settings.ATTACHMENT_DIR = tmp_path / "attachments"
    source = sources / "citizens.sqlite3"
    write_source(source)

    provider = factories.AgencyFactory()
    ministry = factories.AgencyFactory()
    consumer = factories.AgencyFactory(parent=ministry)
    database = factories.DatabaseFactory(owner=provider)
    factories.ConnectionFactory(database=database, name=str(source))
    dataset = factories.DatasetFactory(database=database, table_name=TABLE)
    fields = {
        name: factories.FieldFactory(
            dataset=dataset,
            name=name,
            position=position,
            native_type=native.split()[0].lower(),
            kind=kind,
            is_key="PRIMARY" in native,
            personal_data=personal,
            default_masking=masking,
        )
        for position, (name, native, kind, personal, masking) in enumerate(COLUMNS, start=1)
    }
    deciders = [factories.decider(database) for _number in range(max(approvers, quorum))]
    decision = {"is_standing": True, "decided_by": deciders[0], "decided_at": timezone.now()} if standing else {}
    shared = factories.SharingPolicyFactory(dataset=dataset, quorum=quorum, **decision, **policy)
    for name, _native, _kind, _personal, masking in COLUMNS:
        factories.PolicyFieldFactory(
            policy=shared, field=fields[name], masking=masking, is_filterable=name in FILTERABLE
        )
    return World(
        provider=provider,
        database=database,
        dataset=dataset,
        fields=fields,
        policy=shared,
        source=source,
        deliveries_folder=settings.DELIVERY_DIR,
        ministry=ministry,
        consumer=consumer,
        stranger=factories.AgencyFactory(),
        basis=factories.LegalInstrumentFactory(),
        requester=person(consumer, Role.REQUESTER),
        endorser=person(consumer, Role.ENDORSER),
        second_endorser=person(consumer, Role.ENDORSER),
        officer=factories.handler(database),
        approvers=deciders,
        operator=person(factories.AgencyFactory(), Role.OPERATOR),
    )


def hash_of(request: ExchangeRequest) -> str:
    """The hash of the latest revision: what a decision names."""
    return request.revisions.first().content_hash


def agreement_of(request: ExchangeRequest) -> Agreement:
    return Agreement.objects.get(case__request=request)
