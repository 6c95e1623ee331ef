"""Taking the structure of a source over into the registry, and checking that a source still has it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django_q.tasks import async_task

from registry import connectors, levels, structures
from registry.choices import Occasion
from registry.classifying import secrecy
from registry.connectors import ColumnDescription, PermanentSourceError, TableDescription, filters
from registry.fields import nfc
from registry.models import Connection, Database, Dataset, Field, SchemaSnapshot, User
from registry.models.databases import LONGEST_IDENTIFIER, LONGEST_TYPE
from registry.services import drift, records, snapshots
from registry.services.connections import address_of, connection_of, is_as
from registry.services.snapshots import Reading

LONGEST_CODE = 100  # shorter than the column: the ledger names a dataset by it
SUGGEST = "registry.tasks.suggest"
USUAL_SCHEMAS = {"", "public", "main"}  # those that say nothing in a code


@dataclass
class Report:
    """What reading a structure found: codes of datasets, and how many fields."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)  # tables that say of themselves that they are state secrets
    new_fields: int = 0
    gone_fields: int = 0

    @property
    def found_something(self) -> bool:
        return bool(self.new or self.changed or self.gone or self.new_fields or self.gone_fields)


def matches_source(*, dataset: Dataset, field_names: Iterable[str]) -> None:
    """Ask the source whether it still has these fields as the registry knows them, and keep what it has now.

    Raises PermanentSourceError("source-changed") when the table or a field is gone, a field changed its kind, or a
    breaking change of one of them waits for its owner; and whatever SourceError the source gives.
    Waits for a network: call it outside a transaction.
    """
    names = set(field_names)
    known = {known.name: known.kind for known in dataset.fields.shown().filter(name__in=names)}
    tables = look_at(dataset=dataset, occasion=Occasion.DELIVERY)
    if any(_is_secret(table) for table in tables):
        raise PermanentSourceError("state-secret")
    waiting = drift.open_changes(dataset=dataset, names=names)
    if waiting:
        said = " ".join(sentence for change in waiting for sentence in drift.sentences_of(change, breaking_only=True))
        raise PermanentSourceError("source-changed", said)
    present = {column.name: column.kind for table in tables for column in table.columns}
    if len(tables) != 1 or any(name not in known or present.get(name) != known[name] for name in names):
        raise PermanentSourceError("source-changed")


def look_at(*, dataset: Dataset, occasion: Occasion) -> list[TableDescription]:
    """Describe the one table as the source has it now; a difference is kept in a transaction of its own."""
    begun = timezone.now()
    address = address_of(connection_of(dataset.database))
    tables = connectors.get(address).describe(dataset.schema_name or None, dataset.table_name)
    latest = snapshots.latest_of([dataset.pk]).get(dataset.pk)
    if latest is None or len(tables) > 1:
        return tables  # nothing to compare with, or no telling which
    table = tables[0] if tables and not _is_secret(tables[0]) else None
    seen = structures.structure_of(table) if table else structures.gone(latest.structure)
    if structures.digest(seen) == latest.digest or (table and not _fits(table)):
        return tables
    with transaction.atomic():
        _lock(dataset.database_id)
        reading = snapshots.Reading(begun, occasion, None)
        latest = snapshots.latest_of([dataset.pk])[dataset.pk]
        if not snapshots.is_overtaken(latest, reading):
            _keep(Dataset.objects.prefetch_related("fields").get(pk=dataset.pk), table, latest, reading, Report())
    return tables


def read(*, connection: Connection, by: User | None, occasion: Occasion = Occasion.PERSON) -> Report:
    """Take over tables and columns as the source has them now. New datasets stay unpublished, new fields closed.

    Raises SourceError before anything was changed, also where the connection was changed meanwhile. Waits for a network: call it outside a transaction.
    """
    begun = timezone.now()
    tables = connectors.get(address_of(connection)).describe()
    with transaction.atomic():
        database = _lock(connection.database_id)
        if not is_as(Connection.objects.select_for_update().get(pk=connection.pk), connection):
            raise PermanentSourceError("connection-changed")  # what was read is of another source
        reading = snapshots.Reading(begun, occasion, by)
        report = _take_over(database, tables, reading)
        if by is not None or report.found_something:
            records.record(
                action="registry.structure.read",
                thing=database,
                by=by,
                details={
                    "new": report.new,
                    "changed": report.changed,
                    "gone": report.gone,
                    "new_fields": report.new_fields,
                    "gone_fields": report.gone_fields,
                    # Their names stay out of a ledger that nobody can erase.
                    **({"state_secrets": len(report.secret)} if report.secret else {}),
                },
            )
        if report.new_fields:
            async_task(SUGGEST, database.pk)
    return report


def _lock(database_id: int) -> Database:
    """Two readings at once would find the same table new, and the same change twice."""
    return Database.objects.select_for_update(of=("self",)).get(pk=database_id)


def _take_over(database: Database, tables: list[TableDescription], reading: Reading) -> Report:
    report = Report()
    known = {
        (dataset.schema_name, dataset.table_name): dataset
        for dataset in database.datasets.prefetch_related("fields").order_by("pk")
    }
    latest = snapshots.latest_of([dataset.pk for dataset in known.values()])
    codes = set(Dataset.objects.filter(code__startswith=database.code[:LONGEST_CODE]).values_list("code", flat=True))
    seen = set()
    for table in tables:
        if _is_secret(table):
            # Not seen at all: what was registered of it before the source said so counts as gone.
            report.secret.append(f"{table.schema}.{table.name}"[:150])
            continue
        seen.add((table.schema, table.name))
        if not _fits(table):
            report.skipped.append(f"{table.schema}.{table.name}"[:150])
            continue
        dataset = known.get((table.schema, table.name))
        if dataset is None:
            dataset = _new_dataset(database, table, codes)
            report.new.append(dataset.code)
        if not snapshots.is_overtaken(latest.get(dataset.pk), reading):
            _keep(dataset, table, latest.get(dataset.pk), reading, report)
    for key, dataset in known.items():
        missing = key not in seen and dataset.removed_at is None
        if missing and not snapshots.is_overtaken(latest.get(dataset.pk), reading):
            _keep(dataset, None, latest.get(dataset.pk), reading, report)
    return report


def _keep(
    dataset: Dataset, table: TableDescription | None, latest: SchemaSnapshot | None, reading: Reading, report: Report
) -> None:
    """Bring the dataset to what was seen of it; `table` is None where the source no longer has it."""
    if table is None:
        Dataset.objects.filter(pk=dataset.pk).update(removed_at=reading.begun)
        report.gone.append(dataset.code)
        if latest is not None:
            snapshots.take(dataset=dataset, structure=structures.gone(latest.structure), latest=latest, reading=reading)
        return
    facts = {
        "estimated_rows": table.estimated_rows,
        "relation_kind": table.kind,
        "partition_by": table.partition_by,
        "partitions": table.partitions,
        "removed_at": None,
    }
    if dataset.removed_at:
        report.changed.append(dataset.code)
    if any(getattr(dataset, name) != value for name, value in facts.items()):
        Dataset.objects.filter(pk=dataset.pk).update(**facts)
    snapshot = snapshots.take(dataset=dataset, structure=structures.structure_of(table), latest=latest, reading=reading)
    if snapshot is latest and not dataset.removed_at:
        return
    if latest is not None and not dataset.removed_at:
        report.changed.append(dataset.code)
    _take_over_fields(dataset, table, report, reading.begun)


def _is_secret(table: TableDescription) -> bool:
    comments = (table.comment, *(column.comment for column in table.columns))
    names = (table.schema, table.name, *(column.name for column in table.columns))
    return any(map(secrecy.declared_level, comments)) or any(map(secrecy.named_level, names))


def _fits(table: TableDescription) -> bool:
    names = [table.schema, table.name, *(column.name for column in table.columns)]
    return bool(table.columns) and all(len(name) <= LONGEST_IDENTIFIER for name in names)


def _new_dataset(database: Database, table: TableDescription, codes: set[str]) -> Dataset:
    code = dataset_code(database.code, table.schema, table.name, taken=codes)
    codes.add(code)
    return Dataset.objects.create(
        database=database,
        code=code,
        schema_name=table.schema,
        table_name=table.name,
        title_vi=_one_line(table.comment) or table.name,
    )


def dataset_code(database_code: str, schema: str, table: str, *, taken: set[str]) -> str:
    """A code for a new dataset. It is stored once and stays, whatever happens to other tables."""
    parts = [database_code, "" if schema in USUAL_SCHEMAS else schema, table]
    words = "-".join(part for part in parts if part).replace("đ", "d").replace("Đ", "D").replace("_", "-")
    stem = slugify(words)[:LONGEST_CODE].strip("-")
    code, number = stem, 1
    while code in taken:
        number += 1
        code = f"{stem[: LONGEST_CODE - len(str(number)) - 1].rstrip('-')}-{number}"
    return code


def _take_over_fields(dataset: Dataset, table: TableDescription, report: Report, now: datetime) -> None:
    known = {known.name: known for known in dataset.fields.all()}
    targets = {
        key.columns[0]: [key.schema, key.table, key.target[0]]
        for key in table.foreign_keys
        if len(key.columns) == len(key.target) == 1
    }
    new, updated, level = [], [], dataset.database.classification
    for position, column in enumerate(table.columns, start=1):
        facts = _facts(column, position) | {"refers_to": targets.get(column.name, [])}
        if column.name in known:
            field = known[column.name]
            if field.kind != facts["kind"] or field.removed_at or dataset.removed_at:
                _protect_anew(field, facts["kind"], level)
            updated.append(_updated(field, facts))
        else:
            # What a new column holds is not known: it counts as personal data and leaves empty until a person says.
            new.append(Field(dataset=dataset, title_vi=_one_line(column.comment), **facts))
    present = {column.name for column in table.columns}
    gone = [known[name] for name in known if name not in present and known[name].removed_at is None]
    for missing in gone:
        missing.removed_at = now
    report.new_fields += len(new)
    report.gone_fields += len(gone)
    Field.objects.bulk_create(new)
    Field.objects.bulk_update(
        updated + gone,
        [*FACTS, "removed_at", "personal_data", "default_masking", "classification"],
        batch_size=500,
    )


def _protect_anew(field: Field, kind: str, database_level: str) -> None:
    """It may hold something else now: it is closed like a new column, and stays closed where a person closed it more."""
    category, masking = (Field._meta.get_field(name).default for name in ("personal_data", "default_masking"))
    field.personal_data = max(field.personal_data, category, key=levels.CATEGORY_RANK.__getitem__)
    stricter = max(field.default_masking, masking, key=levels.MASKING_RANK.__getitem__)
    field.default_masking = stricter if filters.masking_fits(stricter, kind) else masking
    if field.classification and not levels.is_above(field.classification, database_level):
        field.classification = ""  # that of the database


def _updated(known: Field, facts: dict) -> Field:
    for name, value in facts.items():
        setattr(known, name, value)
    known.removed_at = None
    return known


FACTS = (
    "name",
    "position",
    "native_type",
    "kind",
    "nullable",
    "is_key",
    "allowed_values",
    "domain",
    "is_generated",
    "has_default",
    "refers_to",
)


def _facts(column: ColumnDescription, position: int) -> dict:
    return {
        "name": column.name,
        "position": position,
        "native_type": column.native_type[:LONGEST_TYPE],
        "kind": column.kind,
        "nullable": column.nullable,
        "is_key": column.is_key,
        "allowed_values": list(column.enum),
        "domain": column.domain[:LONGEST_TYPE],
        "is_generated": column.is_generated or column.is_identity,
        "has_default": column.has_default,
    }


def _one_line(comment: str) -> str:
    return nfc(" ".join(comment.split()))[:250]
