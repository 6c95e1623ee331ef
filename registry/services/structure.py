"""Taking the structure of a source over into the registry, and checking that a source still has it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import rfc8785
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from registry import connectors
from registry.connectors import ColumnDescription, PermanentSourceError, TableDescription
from registry.fields import nfc
from registry.models import Connection, Database, Dataset, Field, SchemaSnapshot, User
from registry.services import records
from registry.services.connections import address_of, connection_of

LONGEST_NAME = 63  # what PostgreSQL allows, and what a column or table may have here
LONGEST_CODE = 100  # shorter than the column: the ledger names a dataset by it
USUAL_SCHEMAS = {"", "public", "main"}  # those that say nothing in a code


@dataclass
class Report:
    """What reading a structure found: codes of datasets, and how many fields."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    new_fields: int = 0
    gone_fields: int = 0


def structure_of(table: TableDescription) -> dict:
    """What makes up a table's shape, in one order: no comments, no row counts, no positions."""
    return {
        "schema": table.schema,
        "table": table.name,
        "kind": table.kind,
        "columns": [
            {
                "name": column.name,
                "type": column.native_type,
                "kind": str(column.kind),
                "nullable": column.nullable,
                "key": column.is_key,
            }
            for column in sorted(table.columns, key=lambda column: column.name)
        ],
    }


def structure_digest(table: TableDescription) -> str:
    """SHA-256 over the canonical JSON of the structure; equal to the `digest` of a snapshot of the same shape."""
    return hashlib.sha256(rfc8785.dumps(structure_of(table))).hexdigest()


def matches_source(*, dataset: Dataset, field_names: Iterable[str]) -> None:
    """Ask the source whether it still has these fields as the registry knows them.

    Raises PermanentSourceError("source-changed") when the table or a field is gone or a field changed its kind,
    and whatever SourceError the source gives. Waits for a network: call it outside a transaction.
    """
    names = set(field_names)
    known = {known.name: known.kind for known in dataset.fields.shown().filter(name__in=names)}
    address = address_of(connection_of(dataset.database))
    tables = connectors.get(address).describe(dataset.schema_name or None, dataset.table_name)
    present = {column.name: column.kind for table in tables for column in table.columns}
    if len(tables) != 1 or any(name not in known or present.get(name) != known[name] for name in names):
        raise PermanentSourceError("source-changed")


def read(*, connection: Connection, by: User | None) -> Report:
    """Take over tables and columns as the source has them now. New datasets stay unpublished, new fields closed.

    Raises SourceError before anything was changed. Waits for a network: call it outside a transaction.
    """
    tables = connectors.get(address_of(connection)).describe()
    with transaction.atomic():
        # Two readings at once would find the same table new.
        database = Database.objects.select_for_update(of=("self",)).get(pk=connection.database_id)
        report = _take_over(database, tables, by)
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
            },
        )
    return report


def _take_over(database: Database, tables: list[TableDescription], by: User | None) -> Report:
    report, now = Report(), timezone.now()
    known = {
        (dataset.schema_name, dataset.table_name): dataset
        for dataset in database.datasets.prefetch_related("fields").order_by("pk")
    }
    digests = dict(
        SchemaSnapshot.objects.filter(dataset__database=database)
        .order_by("dataset", "-taken_at", "-pk")
        .distinct("dataset")
        .values_list("dataset", "digest")
    )
    codes = set(Dataset.objects.filter(code__startswith=database.code[:LONGEST_CODE]).values_list("code", flat=True))
    seen = set()
    for table in tables:
        if not _fits(table):
            report.skipped.append(f"{table.schema}.{table.name}"[:150])
            continue
        seen.add((table.schema, table.name))
        dataset = known.get((table.schema, table.name))
        if dataset is None:
            dataset = _new_dataset(database, table, codes)
            report.new.append(dataset.code)
        elif digests.get(dataset.pk) != structure_digest(table) or dataset.removed_at:
            report.changed.append(dataset.code)
        Dataset.objects.filter(pk=dataset.pk).update(estimated_rows=table.estimated_rows, removed_at=None)
        _take_over_fields(dataset, table, report, now)
        if digests.get(dataset.pk) != structure_digest(table):
            SchemaSnapshot.objects.create(
                dataset=dataset, structure=structure_of(table), digest=structure_digest(table), taken_by=by
            )
    for key, dataset in known.items():
        if key not in seen and dataset.removed_at is None:
            Dataset.objects.filter(pk=dataset.pk).update(removed_at=now)
            report.gone.append(dataset.code)
    return report


def _fits(table: TableDescription) -> bool:
    names = [table.schema, table.name, *(column.name for column in table.columns)]
    return bool(table.columns) and all(len(name) <= LONGEST_NAME for name in names)


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
    new, updated = [], []
    for position, column in enumerate(table.columns, start=1):
        if column.name in known:
            updated.append(_updated(known[column.name], column, position))
        else:
            # What a new column holds is not known: it counts as personal data and leaves empty until a person says.
            new.append(Field(dataset=dataset, title_vi=_one_line(column.comment), **_facts(column, position)))
    present = {column.name for column in table.columns}
    gone = [known[name] for name in known if name not in present and known[name].removed_at is None]
    for missing in gone:
        missing.removed_at = now
    report.new_fields += len(new)
    report.gone_fields += len(gone)
    Field.objects.bulk_create(new)
    Field.objects.bulk_update(
        updated + gone,
        ["native_type", "kind", "nullable", "is_key", "position", "removed_at", "personal_data", "default_masking"],
        batch_size=500,
    )


def _updated(known: Field, column: ColumnDescription, position: int) -> Field:
    if known.kind != column.kind or known.removed_at:
        # It may hold something else now, so what a person said about it no longer counts.
        known.personal_data = Field._meta.get_field("personal_data").default
        known.default_masking = Field._meta.get_field("default_masking").default
    for name, value in _facts(column, position).items():
        setattr(known, name, value)
    known.removed_at = None
    return known


def _facts(column: ColumnDescription, position: int) -> dict:
    return {
        "name": column.name,
        "position": position,
        "native_type": column.native_type[:100],
        "kind": column.kind,
        "nullable": column.nullable,
        "is_key": column.is_key,
    }


def _one_line(comment: str) -> str:
    return nfc(" ".join(comment.split()))[:250]
