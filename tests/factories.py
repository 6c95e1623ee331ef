"""Smallest valid rows of the registry; traits name situations. Rows begin in 2020, so that frozen clocks find them in force."""

from datetime import date

import factory
from django.utils import timezone

from registry.choices import (
    AgencyKind,
    Classification,
    CodeScheme,
    Engine,
    FieldKind,
    Lifecycle,
    Masking,
    Mode,
    Occasion,
    PersonalData,
    Purpose,
    Role,
    StewardKind,
    UnitKind,
    WorkState,
)
from registry.models import (
    AdministrativeUnit,
    Agency,
    AgencyCode,
    AgencyContact,
    AgencyMove,
    Connection,
    Database,
    Dataset,
    DatasetProfile,
    Delegation,
    Field,
    FieldProfile,
    FieldSuggestion,
    LegalInstrument,
    Membership,
    MetadataImport,
    Notice,
    PolicyField,
    SchemaChange,
    SchemaSnapshot,
    SearchSynonym,
    SharingPolicy,
    Stewardship,
    StructureReading,
    StructureWatch,
    Subscription,
    User,
)
from registry.permissions import DECIDE, HANDLE, REVIEW
from registry.services import access

BEGINNING = date(2020, 1, 1)
PASSWORD = "correct horse battery staple"
# The roles that work in the admin; the others use the pages of the exchange.
ADMIN_ROLES = {Role.CASE_OFFICER, Role.REVIEWER, Role.APPROVER, Role.OPERATOR, Role.AUDITOR}


class AgencyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Agency

    code = factory.Sequence(lambda n: f"A{n:03}")
    name_vi = factory.Sequence(lambda n: f"Cơ quan {n}")
    name_en = factory.Sequence(lambda n: f"Agency {n}")
    kind = AgencyKind.MINISTRY


class AgencyCodeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AgencyCode

    agency = factory.SubFactory(AgencyFactory)
    scheme = CodeScheme.ELECTRONIC
    value = factory.Sequence(lambda n: f"{n // 100:03}.{n % 100:02}.00.G99")


class AgencyContactFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AgencyContact

    agency = factory.SubFactory(AgencyFactory)
    name = factory.Sequence(lambda n: f"Phòng số {n}")
    phone = "024 3333 4444"
    valid_from = BEGINNING


class AdministrativeUnitFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AdministrativeUnit

    name_vi = factory.Sequence(lambda n: f"Tỉnh {n}")
    kind = UnitKind.PROVINCE


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.vn")
    full_name = factory.Sequence(lambda n: f"Nguyễn Văn {n}")
    password = factory.django.Password(PASSWORD)

    class Params:
        staff = factory.Trait(is_staff=True)
        superuser = factory.Trait(is_staff=True, is_superuser=True)


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    agency = factory.SubFactory(AgencyFactory)
    role = Role.REQUESTER
    valid_from = BEGINNING


class DelegationFactory(factory.django.DjangoModelFactory):
    """An approver delegates to another approver of the same agency, this whole century."""

    class Meta:
        model = Delegation

    agency = factory.SubFactory(AgencyFactory)
    delegator = factory.LazyAttribute(lambda delegation: person(delegation.agency, Role.APPROVER))
    delegate = factory.LazyAttribute(lambda delegation: person(delegation.agency, Role.APPROVER))
    reason = "Nghỉ phép"
    valid_from = BEGINNING
    valid_to = date(2099, 12, 31)


class NoticeFactory(factory.django.DjangoModelFactory):
    """A notice of the kind that the tests of notices define."""

    class Meta:
        model = Notice

    recipient = factory.SubFactory(UserFactory)
    kind = "test"
    params = factory.LazyFunction(lambda: {"what": "x"})


class MetadataImportFactory(factory.django.DjangoModelFactory):
    """A spreadsheet that waits for its uploader, and would change nothing."""

    class Meta:
        model = MetadataImport

    uploaded_by = factory.SubFactory(UserFactory)
    kind = "datasets"
    file_name = "datasets.xlsx"


class SearchSynonymFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SearchSynonym

    term = factory.Sequence(lambda n: f"VT{n}")
    meaning = factory.Sequence(lambda n: f"viết tắt {n}")


class SubscriptionFactory(factory.django.DjangoModelFactory):
    """A search that somebody follows; pass `dataset`, `database` or `agency` with `words=""` for another subject."""

    class Meta:
        model = Subscription

    user = factory.SubFactory(UserFactory)
    words = factory.Sequence(lambda n: f"words {n}")


class LegalInstrumentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = LegalInstrument

    number = factory.Sequence(lambda n: f"{n}/2020/ND-CP")
    title_vi = factory.Sequence(lambda n: f"Nghị định số {n}")
    title_en = factory.Sequence(lambda n: f"Decree {n}")
    issued_on = BEGINNING
    effective_from = BEGINNING

    class Params:
        ended = factory.Trait(effective_to=date(2021, 1, 1))


class DatabaseFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Database

    code = factory.Sequence(lambda n: f"database-{n}")
    name_vi = factory.Sequence(lambda n: f"Cơ sở dữ liệu {n}")
    name_en = factory.Sequence(lambda n: f"Database {n}")
    owner = factory.SubFactory(AgencyFactory)
    legal_basis = factory.SubFactory(LegalInstrumentFactory)
    classification = Classification.RESTRICTED
    lifecycle = Lifecycle.ACTIVE


class ConnectionFactory(factory.django.DjangoModelFactory):
    """A connection to a SQLite file; pass `name` with the file's path where it is opened."""

    class Meta:
        model = Connection

    database = factory.SubFactory(DatabaseFactory)
    engine = Engine.SQLITE
    name = "/nowhere/source.sqlite3"

    class Params:
        postgresql = factory.Trait(
            engine=Engine.POSTGRESQL,
            host="db.example.vn",
            port=5432,
            name="source",
            username="reader",
            sslmode="disable",
        )


class DatasetFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Dataset

    database = factory.SubFactory(DatabaseFactory)
    code = factory.LazyAttribute(lambda dataset: f"{dataset.database.code}-{dataset.table_name}")
    table_name = factory.Sequence(lambda n: f"table{n}")
    title_vi = factory.Sequence(lambda n: f"Tập dữ liệu {n}")
    title_en = factory.Sequence(lambda n: f"Dataset {n}")
    is_published = True

    class Params:
        unpublished = factory.Trait(is_published=False)


class FieldFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Field

    dataset = factory.SubFactory(DatasetFactory)
    name = factory.Sequence(lambda n: f"column{n}")
    position = factory.Sequence(lambda n: n)
    native_type = "text"
    kind = FieldKind.TEXT
    personal_data = PersonalData.NONE
    default_masking = Masking.KEEP

    class Params:
        key = factory.Trait(is_key=True, nullable=False)
        basic = factory.Trait(personal_data=PersonalData.BASIC, default_masking=Masking.NULL)
        sensitive = factory.Trait(personal_data=PersonalData.SENSITIVE, default_masking=Masking.NULL)


class SchemaSnapshotFactory(factory.django.DjangoModelFactory):
    """Version 1.0 of a table without columns."""

    class Meta:
        model = SchemaSnapshot

    dataset = factory.SubFactory(DatasetFactory)
    structure = factory.LazyAttribute(
        lambda snapshot: {"form": 2, "schema": "", "table": snapshot.dataset.table_name, "kind": "table", "columns": []}
    )
    digest = "0" * 64


class SchemaChangeFactory(factory.django.DjangoModelFactory):
    """A breaking change from version 1.0 to 2.0 that touches the whole table, or the `columns` that are given."""

    class Meta:
        model = SchemaChange

    dataset = factory.SubFactory(DatasetFactory)
    from_snapshot = factory.SubFactory(SchemaSnapshotFactory, dataset=factory.SelfAttribute("..dataset"))
    to_snapshot = factory.SubFactory(SchemaSnapshotFactory, dataset=factory.SelfAttribute("..dataset"), version_major=2)
    columns = factory.LazyFunction(list)
    is_breaking = True
    touches_table = factory.LazyAttribute(lambda change: change.is_breaking and not change.columns)
    changes = factory.LazyAttribute(
        lambda change: (
            [{"kind": "column-dropped", "column": name, "before": "text", "after": ""} for name in change.columns]
            or [{"kind": "table-gone", "column": "", "before": change.dataset.table_name, "after": ""}]
        )
    )
    occasion = Occasion.SCHEDULE


class StructureReadingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StructureReading

    connection = factory.SubFactory(ConnectionFactory)
    asked_by = factory.SubFactory(UserFactory)


class StructureWatchFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StructureWatch

    connection = factory.SubFactory(ConnectionFactory)


class DatasetProfileFactory(factory.django.DjangoModelFactory):
    """A profile that waits for a worker; with `done=True` one of a hundred rows."""

    class Meta:
        model = DatasetProfile

    dataset = factory.SubFactory(DatasetFactory)

    class Params:
        done = factory.Trait(
            state=WorkState.DONE, finished_at=factory.LazyFunction(timezone.now), rows=100, sample_rows=100
        )


class FieldProfileFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = FieldProfile

    profile = factory.SubFactory(DatasetProfileFactory, done=True)
    field = factory.SubFactory(FieldFactory, dataset=factory.SelfAttribute("..profile.dataset"))
    personal_data = factory.LazyAttribute(lambda figures: figures.field.personal_data)
    null_percent = 0


class FieldSuggestionFactory(factory.django.DjangoModelFactory):
    """An open one, which says that a field holds basic personal data."""

    class Meta:
        model = FieldSuggestion

    field = factory.SubFactory(FieldFactory)
    personal_data = PersonalData.BASIC
    masking = Masking.NULL
    classification = Classification.INTERNAL
    score = 80
    reasons = factory.LazyFunction(lambda: [{"code": "name", "rule": "full-name", "words": "ho ten"}])
    rules_version = "1"
    fingerprint = factory.Sequence(lambda n: f"{n:064}")


class StewardshipFactory(factory.django.DjangoModelFactory):
    """Somebody of the owner looks after a whole database."""

    class Meta:
        model = Stewardship

    database = factory.SubFactory(DatabaseFactory)
    kind = StewardKind.EDITOR
    user = factory.LazyAttribute(lambda one: person(one.database.owner, Role.CASE_OFFICER))
    valid_from = BEGINNING


class SharingPolicyFactory(factory.django.DjangoModelFactory):
    """A policy without fields for any agency; `recipients=[...]` names some, `field_list=[...]` adds fields as they are."""

    class Meta:
        model = SharingPolicy
        skip_postgeneration_save = True

    dataset = factory.SubFactory(DatasetFactory)
    title = factory.Sequence(lambda n: f"Chính sách {n}")
    modes = factory.LazyFunction(lambda: list(Mode.values))
    purposes = factory.LazyFunction(lambda: list(Purpose.values))
    any_agency = True
    legal_basis = factory.SubFactory(LegalInstrumentFactory)
    valid_from = BEGINNING

    class Params:
        standing = factory.Trait(
            is_standing=True,
            decided_by=factory.LazyAttribute(lambda policy: decider(policy.dataset.database)),
            decided_at=factory.LazyFunction(timezone.now),
        )
        lapsed = factory.Trait(valid_to=date(2020, 12, 31))

    @factory.post_generation
    def recipients(self, create, agencies):
        if create and agencies:
            self.recipients.set(agencies)

    @factory.post_generation
    def field_list(self, create, fields):
        if create and fields:
            for field in fields:
                PolicyFieldFactory(policy=self, field=field, masking=field.default_masking)


class PolicyFieldFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PolicyField

    policy = factory.SubFactory(SharingPolicyFactory)
    field = factory.SubFactory(FieldFactory, dataset=factory.SelfAttribute("..policy.dataset"))
    masking = Masking.KEEP


def person(agency: Agency, *roles: Role, **attributes) -> User:
    """A person who holds the roles in the agency; `is_staff` where one of them works in the admin."""
    attributes.setdefault("is_staff", not ADMIN_ROLES.isdisjoint(roles))
    user = UserFactory(**attributes)
    for role in roles:
        MembershipFactory(user=user, agency=agency, role=role)
    return user


def assign(user: User, database: Database, *permissions: str) -> User:
    """Give the person duties on the database: HANDLE, REVIEW or DECIDE of registry.permissions."""
    for permission in permissions:
        access.grant(permission=permission, on=database, to=user, by=None)
    return user


def handler(database: Database) -> User:
    """A case officer of the owner who may handle requests for the database."""
    return assign(person(database.owner, Role.CASE_OFFICER), database, HANDLE)


def reviewer(database: Database) -> User:
    return assign(person(database.owner, Role.REVIEWER), database, REVIEW)


def decider(database: Database) -> User:
    """An approver of the owner who may decide on requests for the database."""
    return assign(person(database.owner, Role.APPROVER), database, DECIDE)


def agreed_move(agency: Agency, new_parent: Agency | None, **changes) -> AgencyMove:
    """A move for today to which both sides agreed, by two operators; it is not carried out yet."""
    one, other = person(AgencyFactory(), Role.OPERATOR), person(AgencyFactory(), Role.OPERATOR)
    move = AgencyMove.objects.create(
        agency=agency,
        from_parent=Agency.objects.get(pk=agency.pk).parent,
        new_parent=new_parent,
        effective_on=timezone.localdate(),
        reason="Sắp xếp lại",
        proposed_by=one,
    )
    agreed = {"giving_by": one, "giving_at": timezone.now(), "taking_by": other, "taking_at": timezone.now(), **changes}
    for name, value in agreed.items():
        setattr(move, name, value)
    move.save()
    return move


def put_below(agency: Agency, parent: Agency | None) -> Agency:
    """Give the agency another superior now, by a move to which both sides agreed."""
    agreed_move(agency, parent)
    Agency.objects.filter(pk=agency.pk).update(parent=parent)
    agency.refresh_from_db()
    return agency
