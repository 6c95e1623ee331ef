"""Databases that the project did not make, from registration in the admin to a delivered file: `make samples`."""

import csv
import io
import json
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from exchange.states import DeliveryStatus
from registry import connectors
from registry.choices import FieldKind, FileFormat, Masking
from registry.connectors import Column, ExtractPlan
from registry.services.connections import address_of
from tests.samples import journey, packages, sources
from tests.samples.packages import PACKAGES

VERSIONS = packages.fetched()
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(VERSIONS is None, reason="the sample databases are not fetched (make samples)"),
]
NO_DAY = "0000-00-00"  # what MariaDB keeps where it knows no day
DAYS = (FieldKind.DATE, FieldKind.DATETIME)
NAMES = ("zabbix", "cacti", "airports", "lahman")
RESULTS = Path(django_settings.BASE_DIR, "var", "bench", "samples.json")


@pytest.fixture
def sample(request, tmp_path, settings):
    folder = (tmp_path / "sources").resolve()
    folder.mkdir()
    with ExitStack() as stack:
        name = f"{os.environ.get('NDC_TEST_NAME', 'test_ndc_portal')}_sample_{os.getpid()}"
        begin = {
            "zabbix": lambda: sources.zabbix(name),
            "cacti": sources.cacti_and_world,
            "airports": lambda: sources.airports(folder),
            "lahman": lambda: sources.lahman(folder),
        }[request.param]
        sample = stack.enter_context(begin())
        settings.SOURCE_ALLOWED_ADDRESSES = sample.addresses
        settings.SOURCE_ALLOWED_FOLDERS = sample.folders
        settings.DELIVERY_DIR = tmp_path / "deliveries"
        yield sample


@pytest.fixture(scope="module")
def results():
    """What the run measured, written for the bench of the registry."""
    found = {"versions": VERSIONS, "samples": [], "bars": []}
    yield found
    found["bars"] = bars(found["samples"])
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, ensure_ascii=False, indent=1))


def bars(samples: list[dict]) -> list[dict]:
    """One for each engine: rows of foreign datasets that were delivered as a query of one's own gives them."""
    return [
        {
            "name": f"foreign database on {one['engine']}: rows delivered as in the source",
            "value": one["rows"],
            "unit": "rows",
            "bar": one["rows"],  # every row, registered and asked for through the pages
            "holds": one["same"],
        }
        for one in samples
    ]


def text_of(value, kind: str = "") -> str:
    """A value as PostgreSQL writes it to CSV; written anew here, so that the portal's own way is not its measure."""
    if value is None or (isinstance(value, str) and value.startswith(NO_DAY) and kind in DAYS):
        return ""
    if kind == FieldKind.BOOLEAN and value in (0, 1):
        value = bool(value)  # SQLite has numbers for it
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return str(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def masked(text: str) -> str:
    return "*" * max(0, len(text) - 3) + text[-3:] if len(text) > 3 else "*" * len(text)


def own_rows(sample, dataset, columns) -> list[list[str]]:
    kinds = dict(dataset.fields.values_list("name", "kind"))
    rows = sample.own(dataset.table_name, columns)
    return [[text_of(value, kinds[name]) for name, value in zip(columns, row, strict=True)] for row in rows]


@pytest.mark.parametrize("sample", NAMES, indirect=True)
def test_foreign_database_is_registered_catalogued_and_delivered(sample, results, client):
    # Written before anything can fail: a promise that is not kept stands in the results as such.
    measured = {"name": sample.name, "engine": str(sample.connection["engine"]), "rows": 0, "same": False}
    results["samples"].append(measured)
    cast = journey.Cast()
    began = time.monotonic()
    database, reading = journey.register(sample, cast)
    rows = size = 0
    for table, columns in sample.delivered.items():
        dataset = database.datasets.get(table_name=table)
        journey.describe(dataset, cast, columns)
        assert dataset.get_absolute_url() in client.get(reverse("registry:catalogue"), {"q": table}).text
        journey.offer(dataset, cast, columns, masked=columns[-1])
        request = journey.ask(dataset, cast, columns)
        delivery, _seconds = journey.deliver(journey.decide(request, cast), cast)
        assert delivery.status == DeliveryStatus.COMPLETED, delivery.attempts.first()
        data = Path(django_settings.DELIVERY_DIR, delivery.file_name).read_bytes()
        header, *found = list(csv.reader(io.StringIO(data.decode(), newline="")))
        assert sorted(header) == sorted(columns)
        expected = own_rows(sample, dataset, header)
        hidden = header.index(columns[-1])
        for row in expected:
            row[hidden] = masked(row[hidden])
        assert sorted(found) == sorted(expected)
        assert found
        rows += len(found)
        size += len(data)
    measured |= {
        "packages": [
            f"{PACKAGES[key].registry}: {PACKAGES[key].name} {VERSIONS[key]} ({PACKAGES[key].licence})"
            for key in sample.packages
        ],
        "datasets": database.datasets.count(),
        "fields": sum(dataset.fields.count() for dataset in database.datasets.all()),
        "seconds_reading_structure": round(reading, 2),
        "seconds": round(time.monotonic() - began, 2),
        "delivered": list(sample.delivered),
        "rows": rows,
        "bytes": size,
        "same": True,
    }


@pytest.mark.parametrize("sample", NAMES, indirect=True)
def test_every_table_of_a_foreign_database_can_be_read(sample):
    """All columns of all tables, in both formats, and as many rows as the source counts."""
    database, _seconds = journey.register(sample, journey.Cast())
    source = connectors.get(address_of(database.connection))
    problems = []
    for dataset in database.datasets.prefetch_related("fields"):
        fields = sorted(dataset.fields.all(), key=lambda field: field.position)
        columns = tuple(Column(field.name, field.name, field.kind, Masking.KEEP) for field in fields)
        plan = ExtractPlan(schema=dataset.schema_name, table=dataset.table_name, columns=columns)
        own = sorted(own_rows(sample, dataset, [field.name for field in fields]))
        data = b"".join(chunk.data for chunk in source.extract(plan, pseudonym_key=b"k" * 32))
        found = sorted(list(csv.reader(io.StringIO(data.decode(), newline="")))[1:])
        lines = source.extract(replace(plan, file_format=FileFormat.JSONL), pseudonym_key=b"k" * 32)
        records = [json.loads(line) for line in b"".join(chunk.data for chunk in lines).decode().split("\n")[:-1]]
        if len(records) != len(own):
            problems.append((dataset.table_name, "JSON Lines", len(records), len(own)))
        if found != own:
            problems.append((dataset.table_name, len(found), len(own), _first_difference(found, own, fields)))
        if source.count(plan, 30) != len(own):
            problems.append((dataset.table_name, "count"))
    assert problems == []


def _first_difference(found, own, fields):
    for one, other in zip(found, own, strict=False):
        for field, got, wanted in zip(fields, one, other, strict=False):
            if got != wanted:
                return field.name, field.native_type, field.kind, got[:60], wanted[:60]
    return None
