"""A source that changes after it was offered: a column goes, the comparison finds it, and the owner has to review."""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.utils import timezone
from psycopg import sql

from ndc_portal.demo.sources import NOT_FOR_LIBPQ, Sources
from registry.choices import AccessRights, Frequency, Masking, Mode, Occasion, PersonalData, Purpose, Theme
from registry.models import Agency, Connection, Dataset, PolicyField, SchemaChange, SharingPolicy, User
from registry.services import structure

SCHEMA, TABLE = "bien_dong", "tam_tru"
BEFORE = """
    CREATE SCHEMA IF NOT EXISTS bien_dong;
    DROP TABLE IF EXISTS bien_dong.tam_tru;
    DROP TYPE IF EXISTS bien_dong.loai_tam_tru;
    CREATE TYPE bien_dong.loai_tam_tru AS ENUM ('học tập', 'lao động', 'khác');
    CREATE TABLE bien_dong.tam_tru (
        so_ho_so text PRIMARY KEY, ma_xa varchar(5) NOT NULL, loai bien_dong.loai_tam_tru, ly_do text, den_ngay date,
        CONSTRAINT ma_xa_du_so CHECK (length(ma_xa) = 5)
    );
    COMMENT ON TABLE bien_dong.tam_tru IS 'Đăng ký tạm trú';
    INSERT INTO bien_dong.tam_tru
        SELECT 'TT-' || lpad(n::text, 4, '0'), (ARRAY['00004', '00008', '00025'])[1 + n % 3],
            (enum_range(NULL::bien_dong.loai_tam_tru))[1 + n * n % 3], (ARRAY['Ở ký túc xá', 'Thuê nhà'])[1 + n % 2],
            date '2026-12-31' + n
        FROM generate_series(1, 600) AS n;
"""
FIELDS = {
    "so_ho_so": ("Số hồ sơ", "File number"),
    "ma_xa": ("Mã xã", "Commune code"),
    "loai": ("Loại tạm trú", "Kind of stay"),
    "ly_do": ("Lý do", "Reason"),
    "den_ngay": ("Tạm trú đến ngày", "Stays until"),
}
AFTER = "ALTER TABLE bien_dong.tam_tru DROP COLUMN ly_do, ADD COLUMN ghi_chu varchar(200)"


def show(*, admin: Mapping[str, Any], sources: Sources, users: dict[str, User]) -> SchemaChange:
    """Make the table, offer it, let it change, and compare; once, whatever was done about it since."""
    connection = Connection.objects.get(name=sources.population_dbname)
    found = SchemaChange.objects.filter(dataset__database=connection.database, dataset__table_name=TABLE).last()
    if found is not None:
        return found
    parameters = {key: value for key, value in admin.items() if key not in NOT_FOR_LIBPQ}
    with psycopg.connect(**{**parameters, "dbname": sources.population_dbname}, autocommit=True) as source:
        source.execute(BEFORE)
        reader = sql.Identifier(sources.population_reader)
        source.execute(sql.SQL("GRANT USAGE ON SCHEMA bien_dong TO {}").format(reader))
        source.execute(sql.SQL("GRANT SELECT ON bien_dong.tam_tru TO {}").format(reader))
        structure.read(connection=connection, by=users["ndc.vanhanh"])
        _offer(Dataset.objects.select_related("database").get(database=connection.database, table_name=TABLE))
        source.execute(AFTER)
    structure.read(connection=connection, by=None, occasion=Occasion.SCHEDULE)
    return SchemaChange.objects.get(dataset__database=connection.database, dataset__table_name=TABLE)


def _offer(dataset: Dataset) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(
        title_vi="Đăng ký tạm trú",
        title_en="Temporary residence",
        description="Hồ sơ đăng ký tạm trú theo xã (hư cấu).",
        description_en="Registrations of temporary residence by commune (made up).",
        frequency=Frequency.DAILY,
        themes=[Theme.SOCIETY],
        keywords=["tạm trú", "cư trú"],
        spatial="VN",
        access_rights=AccessRights.RESTRICTED,
        applicable_legislation=dataset.database.legal_basis,
        is_published=True,
    )
    dataset.fields.update(personal_data=PersonalData.NONE, default_masking=Masking.KEEP)
    for name, (title_vi, title_en) in FIELDS.items():
        dataset.fields.filter(name=name).update(title_vi=title_vi, title_en=title_en)
    policy, created = SharingPolicy.objects.get_or_create(
        dataset=dataset,
        title="Tình hình tạm trú cho cơ quan bảo hiểm",
        defaults={
            "modes": [Mode.PACKAGE],
            "purposes": [Purpose.STATISTICS],
            "legal_basis": dataset.database.legal_basis,
            "valid_from": timezone.localdate(),
            "quorum": 2,
        },
    )
    if created:
        policy.recipients.set(Agency.objects.filter(code="BHXH"))
        PolicyField.objects.bulk_create(
            PolicyField(policy=policy, field=field, masking=Masking.KEEP) for field in dataset.fields.all()
        )
