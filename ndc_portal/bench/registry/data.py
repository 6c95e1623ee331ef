"""A catalogue of any size, made up but written as real ones are, and loaded by COPY."""

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from django.db import connection, models
from django.db.models.expressions import Expression
from django.utils import timezone

from ndc_portal.bench.registry.words import COLUMNS, LISTS, PLACES, THINGS, WANTED
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
)
from registry.models import (
    Agency,
    Connection,
    Database,
    Dataset,
    Field,
    LegalInstrument,
    PolicyField,
    SchemaSnapshot,
    SharingPolicy,
)

FIELDS_EACH = 25
SEED = 20_261_126
BATCH = 100_000


def build(datasets: int) -> None:
    """Fill the empty registry of the database in use: `datasets` datasets with 25 fields each."""
    chance = random.Random(SEED)  # noqa: S311 - the same catalogue each time, no secret
    copy(Agency, _agencies())
    copy(LegalInstrument, _laws())
    owners, laws = _ids(Agency), _ids(LegalInstrument)
    copy(Database, _databases(chance, max(120, datasets // 50), owners, laws))
    databases = _ids(Database)
    copy(Connection, ({"database_id": one, "engine": Engine.SQLITE, "name": f"/srv/{one}.db"} for one in databases))
    copy(Dataset, _datasets(chance, datasets, databases, laws))
    made = _ids(Dataset)
    copy(Field, _fields(chance, made))
    copy(SchemaSnapshot, ({"dataset_id": one, "structure": {}, "digest": f"{one:064x}"} for one in made))
    copy(SharingPolicy, _policies(chance, made[::2], laws))
    copy(PolicyField, _policy_fields())


def copy(model: type[models.Model], rows: Iterable[dict]) -> None:
    """Load rows by COPY; what a row leaves out is the model's own default, or the database's."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    fixed, made, given = _columns(model, first)
    names = [*given, *fixed, *made]
    statement = f"COPY {model._meta.db_table} ({', '.join(names)}) FROM STDIN"
    tail = list(fixed.values())

    def lines() -> Iterator[list]:
        for row in _chain(first, rows):
            yield [given[name](row[name]) for name in given] + tail + [make() for make in made.values()]

    source, more = lines(), True
    while more:
        more = False
        with connection.cursor() as cursor, cursor.copy(statement) as target:
            for number, line in enumerate(source, start=1):
                target.write_row(line)
                if number == BATCH:
                    more = True
                    break


def _columns(model, first: dict) -> tuple[dict, dict[str, Callable], dict[str, Callable]]:
    fixed, made, given = {}, {}, {}
    for field in model._meta.concrete_fields:
        if field.attname in first:
            given[field.column] = _writer(field)
        elif field.primary_key or field.generated or field.has_db_default():
            continue
        elif getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
            made[field.column] = timezone.now
        elif field.has_default() and callable(field.default) and field.default not in (list, dict):
            made[field.column] = field.get_default
        else:
            value = field.get_default()
            fixed[field.column] = "" if value is None and not field.null else _writer(field)(value)
    return fixed, made, given


def _writer(field: models.Field) -> Callable:
    if isinstance(field, models.JSONField):
        return lambda value: (
            None if value is None or isinstance(value, Expression) else field.get_db_prep_save(value, connection)
        )
    return lambda value: value


def _chain(first, rest):
    yield first
    yield from rest


def _ids(model) -> list[int]:
    return list(model.objects.order_by("pk").values_list("pk", flat=True))


def _agencies() -> Iterator[dict]:
    ministries = ["Công an", "Tài chính", "Tư pháp", "Y tế", "Nội vụ", "Xây dựng", "Công Thương", "Ngoại giao"]
    for number, name in enumerate(ministries, start=1):
        yield _agency(f"BO{number:02}", f"Bộ {name}", f"Ministry {number}", AgencyKind.MINISTRY)
    for number, place in enumerate(PLACES, start=1):
        yield _agency(
            f"UB{number:02}", f"Ủy ban nhân dân {place}", f"People's Committee of {place}", AgencyKind.PROVINCE
        )


def _agency(code: str, name_vi: str, name_en: str, kind: AgencyKind) -> dict:
    return {"code": code, "name_vi": name_vi, "name_en": name_en, "kind": kind.value}


def _laws() -> Iterator[dict]:
    for number in range(1, 121):
        year = 2010 + number % 16
        kind = ("ND-CP", "Nghị định")[0] if number % 3 else "QĐ-TTg"
        yield {
            "number": f"{number}/{year}/{kind.replace('ND', 'NĐ')}",
            "title_vi": f"Quy định về quản lý dữ liệu {THINGS[number % len(THINGS)][0]}",
            "effective_from": date(year, 1, 1),
        }
    yield {
        "number": "278/2025/NĐ-CP",
        "title_vi": "Quy định về kết nối, chia sẻ dữ liệu bắt buộc",
        "effective_from": date(2025, 10, 22),
    }


def _databases(chance, count: int, owners: list[int], laws: list[int]) -> Iterator[dict]:
    for number in range(count):
        thing_vi, thing_en, _theme = THINGS[number % len(THINGS)]
        yield {
            "code": f"csdl-{number}",
            "name_vi": f"Cơ sở dữ liệu về {thing_vi} {number}",
            "name_en": f"Database of {thing_en} {number}",
            "owner_id": owners[number % len(owners)],
            # The last law is the one that a single dataset rests on.
            "legal_basis_id": chance.choice(laws[:-1]),
            "lifecycle": Lifecycle.ACTIVE.value,
            "classification": chance.choice(Classification.values),
        }


def _datasets(chance, count: int, databases: list[int], laws: list[int]) -> Iterator[dict]:
    for number, (title_vi, title_en, code, _column, keywords) in enumerate(WANTED):
        row = _dataset(chance, number, databases)
        law = laws[-1] if code == "cong-dan" else None
        yield row | {
            "title_vi": title_vi, "title_en": title_en, "code": code, "keywords": keywords, "applicable_legislation_id": law,
        }  # fmt: skip
    for number in range(len(WANTED), count):
        list_vi, list_en = chance.choice(LISTS)
        thing_vi, thing_en, theme = chance.choice(THINGS)
        place, year = chance.choice(PLACES), chance.randint(2015, 2026)
        yield _dataset(chance, number, databases) | {
            "title_vi": f"{list_vi} {thing_vi} {place} {year}",
            "title_en": f"{list_en} {thing_en} {place} {year}",
            "code": f"tap-{number}",
            "keywords": [thing_vi, place],
            "themes": sorted({theme, chance.choice(THINGS)[2]}),
        }


def _dataset(chance, number: int, databases: list[int]) -> dict:
    return {
        "database_id": databases[number % len(databases)],
        "code": "",
        "table_name": f"bang_{number}",
        "title_vi": "",
        "title_en": "",
        "description": f"Dữ liệu do cơ quan chủ quản cập nhật, phục vụ quản lý nhà nước và giải quyết thủ tục, đợt {number}.",
        "themes": ["GOVE"],
        "keywords": [],
        "frequency": chance.choice(Frequency.values),
        "access_rights": chance.choice(AccessRights.values),
        "applicable_legislation_id": None,
        "estimated_rows": chance.randint(100, 10_000_000),
        "is_published": True,
    }


def _fields(chance, datasets: list[int]) -> Iterator[dict]:
    for number, dataset in enumerate(datasets):
        columns = chance.sample(COLUMNS, FIELDS_EACH)
        if number < len(WANTED):
            columns[0] = (WANTED[number][3], "Mã tra cứu", "Look-up code", "text", PersonalData.BASIC)
        for position, (name, title_vi, title_en, kind, personal_data) in enumerate(columns, start=1):
            yield {
                "dataset_id": dataset,
                "name": name,
                "position": position,
                "native_type": "text",
                "kind": kind,
                "is_key": position == 1,
                "title_vi": title_vi,
                "title_en": title_en,
                "personal_data": str(personal_data),
                "default_masking": (Masking.KEEP if personal_data == "none" else Masking.NULL).value,
            }


def _policies(chance, datasets: list[int], laws: list[int]) -> Iterator[dict]:
    for number, dataset in enumerate(datasets):
        yield {
            "dataset_id": dataset,
            "title": f"Chính sách chia sẻ số {number}",
            "modes": chance.choice(
                [[Mode.PACKAGE.value], [Mode.LOOKUP.value], [Mode.PACKAGE.value, Mode.LOOKUP.value]]
            ),
            "purposes": [Purpose.PROCEDURE.value],
            "any_agency": True,
            "legal_basis_id": chance.choice(laws),
            "valid_from": date(2025, 1, 1),
        }


def _policy_fields() -> Iterator[dict]:
    fields = dict(Field.objects.filter(position=1).values_list("dataset", "pk"))
    for policy, dataset in SharingPolicy.objects.order_by("pk").values_list("pk", "dataset"):
        yield {"policy_id": policy, "field_id": fields[dataset], "masking": Masking.KEEP.value}
