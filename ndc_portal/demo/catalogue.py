"""The databases of the story, registered as an operator would: connected, checked, read, described, offered."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.db import connection as portal_connection
from django.utils import timezone

from ndc_portal.demo.sources import Sources
from registry.choices import (
    AccessRights,
    AgencyKind,
    Classification,
    Engine,
    Frequency,
    Lifecycle,
    Masking,
    Mode,
    PersonalData,
    Purpose,
    StewardKind,
    Theme,
)
from registry.models import (
    Agency,
    Connection,
    Database,
    Dataset,
    Field,
    LegalInstrument,
    PolicyField,
    SharingPolicy,
    User,
)
from registry.permissions import DECIDE, HANDLE
from registry.services import connections, people, stewards, structure

B, S, N = PersonalData.BASIC, PersonalData.SENSITIVE, PersonalData.NONE
K, Y, P, H, E = Masking.KEEP, Masking.YEAR, Masking.PARTIAL, Masking.PSEUDONYM, Masking.NULL


@dataclass(frozen=True)
class TableFacts:
    """What a steward knows about a table beyond its structure: titles, and each field's category and usual masking."""

    title_vi: str
    title_en: str
    access: AccessRights
    refreshed: Frequency
    fields: dict[str, tuple[str, PersonalData, Masking]]  # name -> (English title, category, masking)


@dataclass(frozen=True)
class DatabaseFacts:
    code: str
    name_vi: str
    name_en: str
    owner: str
    legal_basis: str
    classification: Classification
    description: str
    tables: dict[str, TableFacts]


POPULATION = DatabaseFacts(
    code="dan-cu",
    name_vi="Cơ sở dữ liệu quốc gia về dân cư",
    name_en="National Population Database",
    owner="BCA",
    legal_basis="278/2025/NĐ-CP",
    classification=Classification.RESTRICTED,
    description="Dữ liệu minh họa: mọi công dân trong cơ sở dữ liệu này đều là hư cấu.",
    tables={
        "cong_dan": TableFacts(
            "Thông tin cơ bản của công dân",
            "Basic records of citizens",
            AccessRights.RESTRICTED,
            Frequency.DAILY,
            {
                "so_dinh_danh": ("Personal number", B, H),
                "ho_ten": ("Full name", B, K),
                "ngay_sinh": ("Date of birth", B, Y),
                "gioi_tinh": ("Sex", B, K),
                "ma_tinh": ("Province code", B, K),
                "ma_xa": ("Commune code", B, K),
                "dia_chi": ("Address", B, E),
                "dan_toc": ("Ethnic group", S, E),
                "tinh_trang_hon_nhan": ("Marital status", B, E),
                "so_dien_thoai": ("Phone", B, P),
                "cap_nhat_luc": ("Last updated", N, K),
            },
        ),
        "ho_khau_tinh": TableFacts(
            "Số công dân thường trú theo xã",
            "Residents by commune",
            AccessRights.RESTRICTED,
            Frequency.DAILY,
            {
                "ma_tinh": ("Province code", N, K),
                "ma_xa": ("Commune code", N, K),
                "ten_xa": ("Commune", N, K),
                "so_cong_dan": ("Residents", N, K),
            },
        ),
    },
)
INSURANCE = DatabaseFacts(
    code="bao-hiem",
    name_vi="Cơ sở dữ liệu quốc gia về bảo hiểm",
    name_en="National Insurance Database",
    owner="BHXH",
    legal_basis="278/2025/NĐ-CP",
    classification=Classification.RESTRICTED,
    description="Dữ liệu minh họa, tham chiếu tới công dân hư cấu.",
    tables={
        "tham_gia": TableFacts(
            "Quá trình tham gia bảo hiểm",
            "Insurance participation",
            AccessRights.RESTRICTED,
            Frequency.MONTHLY,
            {
                "ma_so_bhxh": ("Insurance number", B, H),
                "so_dinh_danh": ("Personal number", B, H),
                "loai_bh": ("Kind of insurance", B, K),
                "don_vi_dong": ("Contributor", B, E),
                "tu_thang": ("From month", B, K),
                "den_thang": ("To month", B, K),
                "muc_dong": ("Contribution", B, E),
                "ma_the_bhyt": ("Health card", B, P),
                "han_the": ("Card valid until", B, K),
            },
        )
    },
)
UNITS = DatabaseFacts(
    code="don-vi-hanh-chinh",
    name_vi="Danh mục đơn vị hành chính",
    name_en="Administrative units",
    owner="BNV",
    legal_basis="19/2025/QĐ-TTg",
    classification=Classification.PUBLIC,
    description="34 đơn vị hành chính cấp tỉnh và 3.321 đơn vị cấp xã từ ngày 01/7/2025.",
    tables={
        "tinh": TableFacts("Đơn vị hành chính cấp tỉnh", "Provinces", AccessRights.PUBLIC, Frequency.AS_NEEDED, {}),
        "xa": TableFacts("Đơn vị hành chính cấp xã", "Communes", AccessRights.PUBLIC, Frequency.AS_NEEDED, {}),
    },
)
STATISTICS = DatabaseFacts(
    code="thong-ke-dan-so",
    name_vi="Số liệu thống kê dân số",
    name_en="Population statistics",
    owner="BTC",
    legal_basis="278/2025/NĐ-CP",
    classification=Classification.INTERNAL,
    description="Dữ liệu minh họa: tệp CSV trong một thư mục, tổng hợp từ công dân hư cấu.",
    tables={
        "dan_so": TableFacts(
            "Dân số theo tỉnh, nhóm tuổi và giới tính",
            "Population by province, age group and sex",
            AccessRights.RESTRICTED,
            Frequency.YEARLY,
            {
                "ma_tinh": ("Province code", N, K),
                "nhom_tuoi": ("Age group", N, K),
                "gioi_tinh": ("Sex", N, K),
                "so_nguoi": ("People", N, K),
                "ngay_chot": ("As of", N, K),
            },
        )
    },
)


@dataclass(frozen=True)
class Keeping:
    """Who looks after a database, by user name."""

    decide: tuple[str, ...]
    edits: str
    handle: tuple[str, ...] = ()


KEEPERS = {
    POPULATION.code: Keeping(("bca.daumoi", "bca.lanhdao"), "bca.daumoi", ("bca.daumoi",)),
    INSURANCE.code: Keeping(("bhxh.duyet",), "bhxh.duyet"),
    UNITS.code: Keeping(("bnv.lanhdao",), "bnv.lanhdao"),
    STATISTICS.code: Keeping(("btc.lanhdao",), "btc.lanhdao"),
}
# What each table is about, for those who search.
DESCRIPTIONS = {
    "cong_dan": {
        "description": "Họ tên, ngày sinh, nơi thường trú và tình trạng hôn nhân của từng công dân (hư cấu).",
        "description_en": "Names, dates of birth, residence and marital status of each citizen (made up).",
        "themes": [Theme.SOCIETY, Theme.GOVERNMENT],
        "keywords": ["căn cước", "số định danh cá nhân", "nơi thường trú", "nhân khẩu"],
        "spatial": "VN",
    },
    "ho_khau_tinh": {
        "description": "Số công dân thường trú của từng xã, phường, đặc khu; không có dữ liệu về từng người.",
        "description_en": "How many citizens live in each commune, ward and special zone; nothing about single people.",
        "themes": [Theme.SOCIETY, Theme.REGIONS],
        "keywords": ["dân số", "thống kê dân cư"],
        "spatial": "VN",
    },
    "tham_gia": {
        "description": "Các giai đoạn đóng bảo hiểm xã hội, bảo hiểm y tế, bảo hiểm thất nghiệp và thẻ bảo hiểm y tế.",
        "description_en": "Periods of social, health and unemployment insurance, and health insurance cards.",
        "themes": [Theme.SOCIETY, Theme.HEALTH],
        "keywords": ["BHXH", "BHYT", "thẻ bảo hiểm y tế", "đóng bảo hiểm"],
        "spatial": "VN",
    },
    "dan_so": {
        "description": "Số người theo tỉnh, nhóm tuổi mười năm và giới tính; không có dữ liệu về từng người.",
        "description_en": "People by province, age group of ten years and sex; nothing about single people.",
        "themes": [Theme.SOCIETY, Theme.REGIONS],
        "keywords": ["dân số", "nhóm tuổi", "thống kê"],
        "spatial": "VN",
    },
    "tinh": {
        "description": "Mã và tên của 34 đơn vị hành chính cấp tỉnh.",
        "description_en": "Codes and names of the 34 units of provincial level.",
        "themes": [Theme.REGIONS, Theme.GOVERNMENT],
        "keywords": ["tỉnh", "thành phố", "mã tỉnh", "sáp nhập"],
        "spatial": "VN",
        "temporal_from": date(2025, 7, 1),
    },
    "xa": {
        "description": "Mã và tên của 3.321 đơn vị hành chính cấp xã, xếp theo tỉnh.",
        "description_en": "Codes and names of the 3,321 units of communal level, by province.",
        "themes": [Theme.REGIONS, Theme.GOVERNMENT],
        "keywords": ["xã", "phường", "đặc khu", "mã xã"],
        "spatial": "VN",
        "temporal_from": date(2025, 7, 1),
    },
}


def register(*, sources: Sources, users: dict[str, User], reader_password: str) -> dict[str, Connection]:
    """Register the four databases and offer their data; the connections by database code."""
    operator, approver = users["ndc.vanhanh"], users["bca.lanhdao"]
    made = {}
    for facts, address, password in (
        (POPULATION, _population_address(sources), reader_password),
        (INSURANCE, _file_address(sources.insurance_path), ""),
        (UNITS, _file_address(sources.units_path), ""),
        (STATISTICS, {"engine": Engine.FILES, "name": str(sources.statistics_path)}, ""),
    ):
        database = _database(facts)
        made[facts.code] = _connect(database, address, password, operator)
        structure.read(connection=made[facts.code], by=operator)
        for table, described in facts.tables.items():
            _describe(database, table, described)
    for code, keeping in KEEPERS.items():
        _entrust(Database.objects.get(code=code), keeping, users, operator)
    _offer(Database.objects.get(code=POPULATION.code), approver)
    _policy(
        Dataset.objects.get(code="don-vi-hanh-chinh-xa"),
        "Danh mục dùng chung cho mọi cơ quan",
        {"ma_xa": K, "ten": K, "loai": K, "ma_tinh": K},
        ("ma_tinh",),
        modes=[Mode.PACKAGE],
        any_agency=True,
    )
    return made


def _entrust(database: Database, keeping: Keeping, users: dict[str, User], operator: User) -> None:
    """Somebody handles, somebody decides, the description has an editor, and questions go to the agency."""
    for permission, usernames in ((HANDLE, keeping.handle), (DECIDE, keeping.decide)):
        for username in usernames:
            people.assign_duty(permission=permission, database=database, to=users[username], by=operator)
    if not database.stewardships.exists():
        stewards.appoint(kind=StewardKind.EDITOR, database=database, user=users[keeping.edits], by=operator)
        stewards.appoint(kind=StewardKind.CONTACT, database=database, agency=database.owner, by=operator)


def _database(facts: DatabaseFacts) -> Database:
    database, _created = Database.objects.update_or_create(
        code=facts.code,
        defaults={
            "name_vi": facts.name_vi,
            "name_en": facts.name_en,
            "owner": Agency.objects.get(code=facts.owner),
            "legal_basis": LegalInstrument.objects.get(number=facts.legal_basis),
            "classification": facts.classification,
            "lifecycle": Lifecycle.ACTIVE,
            "description": facts.description,
            "contact": f"dau-moi.{facts.owner.lower()}@example.gov.vn",
            "contact_email": f"dau-moi.{facts.owner.lower()}@example.gov.vn",
        },
    )
    return database


def _population_address(sources: Sources) -> dict:
    settings = portal_connection.settings_dict
    return {
        "engine": Engine.POSTGRESQL,
        "host": settings["HOST"] or "127.0.0.1",
        "port": int(settings["PORT"] or 5432),
        "name": sources.population_dbname,
        "username": sources.population_reader,
        "sslmode": "disable" if settings["HOST"].startswith("/") else "prefer",
    }


def _file_address(path: Path) -> dict:
    return {"engine": Engine.SQLITE, "name": str(path), "sslmode": "disable"}


def _connect(database: Database, address: dict, password: str, operator: User) -> Connection:
    connection, _created = Connection.objects.update_or_create(database=database, defaults=address)
    if password:
        connections.set_credential(connection=connection, credential=password, by=operator)
    checked = connections.check(connection=connection, by=operator)
    if not checked.check_ok:
        raise RuntimeError(f"{database.code}: {checked.check_message}")
    return checked


def _describe(database: Database, table: str, facts: TableFacts) -> None:
    dataset = database.datasets.get(table_name=table)
    Dataset.objects.filter(pk=dataset.pk).update(
        title_vi=facts.title_vi,
        title_en=facts.title_en,
        access_rights=facts.access,
        applicable_legislation=database.legal_basis,
        frequency=facts.refreshed,
        **DESCRIPTIONS[table],
        is_published=True,
    )
    if not facts.fields:
        dataset.fields.update(personal_data=N, default_masking=K)
    for name, (title_en, category, masking) in facts.fields.items():
        dataset.fields.filter(name=name).update(title_en=title_en, personal_data=category, default_masking=masking)


def _offer(population: Database, approver: User) -> None:
    """Policies of the population database: packages that two approvers decide, look-ups by standing permission, figures
    for provinces by blind votes."""
    citizens = population.datasets.get(table_name="cong_dan")
    bhxh = Agency.objects.get(code="BHXH")
    package = _policy(
        citizens,
        "Gói dữ liệu cư trú cho cơ quan bảo hiểm",
        {"so_dinh_danh": H, "ho_ten": K, "ngay_sinh": K, "gioi_tinh": K, "ma_tinh": K, "ma_xa": K, "so_dien_thoai": P},
        ("ma_tinh", "ma_xa", "ngay_sinh", "gioi_tinh"),
        modes=[Mode.PACKAGE, Mode.RECURRING],
        deliveries_per_month=20,
        quorum=2,
        max_rows=500_000,
    )
    lookup = _policy(
        citizens,
        "Tra cứu một công dân tại bộ phận một cửa",
        {"so_dinh_danh": K, "ho_ten": K, "ngay_sinh": K, "ma_tinh": K, "ma_xa": K},
        ("so_dinh_danh",),
        modes=[Mode.LOOKUP],
        lookups_per_day=2_000,
        lookups_per_minute=60,
        quorum=1,
        max_rows=1_000_000,
        is_standing=True,
        decided_by=approver,
        decided_at=timezone.now(),
    )
    for policy in (package, lookup):
        policy.recipients.set([bhxh])
    _policy(
        citizens,
        "Số liệu dân cư cho ủy ban nhân dân cấp tỉnh",
        {"ngay_sinh": Y, "gioi_tinh": K, "ma_tinh": K, "ma_xa": K},
        ("ma_tinh",),
        modes=[Mode.PACKAGE, Mode.RECURRING],
        purposes=[Purpose.PLANNING, Purpose.STATISTICS],
        recipient_kinds=[AgencyKind.PROVINCE],
        rows_per_month=10_000_000,
        deliveries_per_month=4,
        quorum=2,
        blind_review=True,
    )


def _policy(
    dataset: Dataset, title: str, fields: dict[str, Masking], filterable: tuple[str, ...], **settings
) -> SharingPolicy:
    policy, created = SharingPolicy.objects.get_or_create(
        dataset=dataset,
        title=title,
        defaults={
            "purposes": [Purpose.PROCEDURE, Purpose.SYNCHRONISATION],
            "legal_basis": dataset.database.legal_basis,
            "valid_from": timezone.localdate(),
            **settings,
        },
    )
    if created:
        known = {field.name: field for field in Field.objects.filter(dataset=dataset)}
        PolicyField.objects.bulk_create(
            PolicyField(policy=policy, field=known[name], masking=masking, is_filterable=name in filterable)
            for name, masking in fields.items()
        )
    return policy
