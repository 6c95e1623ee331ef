"""The export of the catalogue as linked data: how long it takes, whether its formats agree, and what the official shapes say."""

import resource
import tempfile
import time
from datetime import date
from pathlib import Path

from django.db import connection
from django.utils import timezone
from rdflib import Graph
from rdflib.compare import isomorphic

from registry.choices import (
    AccessRights,
    AgencyKind,
    FieldKind,
    Frequency,
    Lifecycle,
    Masking,
    Mode,
    PersonalData,
    Purpose,
    Theme,
)
from registry.dcat.addresses import Addresses
from registry.dcat.export import FORMATS, Export
from registry.models import Agency, Database, Dataset, Field, LegalInstrument, SharingPolicy

BASE = "https://portal.example.gov.vn"
OWNERS, PER_DATABASE, FIELDS = 40, 20, 10
SECONDS = 60
MEGABYTES = 200
SHAPES = {
    "dcat-ap": ("dcat-ap-3.0.1/shapes.ttl", "dcat-ap-3.0.1/range.ttl"),
    "breg": (
        "dcat-ap-3.0.1/shapes.ttl",
        "dcat-ap-3.0.1/range.ttl",
        "bregdcat-ap-2.1.0/BRegDCAT-AP_shacl_shapes_2.1.0.ttl",
    ),
}


def build(datasets: int) -> None:
    """Published datasets with fields and policies, in databases of agencies; names begin with `x-`."""
    law = LegalInstrument.objects.create(
        number="9999/2019/NĐ-CP", title_vi="Nghị định", effective_from=date(2020, 1, 1)
    )
    agencies = Agency.objects.bulk_create(
        Agency(code=f"X{number}", name_vi=f"Cơ quan {number}", name_en=f"Agency {number}", kind=AgencyKind.MINISTRY)
        for number in range(OWNERS)
    )
    databases = Database.objects.bulk_create(
        Database(
            code=f"x-{number}",
            name_vi=f"Cơ sở dữ liệu {number}",
            owner=agencies[number % OWNERS],
            legal_basis=law,
            lifecycle=Lifecycle.ACTIVE,
            contact_email=f"x{number}@example.gov.vn",
        )
        for number in range(-(-datasets // PER_DATABASE))
    )
    made = Dataset.objects.bulk_create(
        (_dataset(databases[number // PER_DATABASE], number) for number in range(datasets)), batch_size=1_000
    )
    Field.objects.bulk_create((_field(one, position) for one in made for position in range(FIELDS)), batch_size=5_000)
    SharingPolicy.objects.bulk_create((_policy(one, law) for one in made), batch_size=1_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE registry_dataset, registry_field, registry_sharingpolicy, registry_database")


def _dataset(database: Database, number: int) -> Dataset:
    return Dataset(
        database=database,
        code=f"x-{number}-bang",
        table_name=f"t{number}",
        title_vi=f"Tập dữ liệu số {number}",
        title_en=f"Dataset {number}" if number % 2 else "",
        description=f"Bảng thứ {number} của cơ sở dữ liệu; mô tả dài vừa phải để giống thật." if number % 3 else "",
        access_rights=list(AccessRights)[number % 3],
        themes=[list(Theme)[number % 13], list(Theme)[(number + 5) % 13]],
        keywords=["dữ liệu", f"từ khóa {number % 50}"],
        spatial="VN" if number % 2 else "01",
        temporal_from=date(2025, 7, 1),
        frequency=Frequency.DAILY,
        is_published=True,
    )


def _field(dataset: Dataset, position: int) -> Field:
    return Field(
        dataset=dataset,
        name=f"cot_{position}",
        position=position,
        native_type="text",
        kind=FieldKind.TEXT,
        is_key=position == 0,
        title_vi=f"Cột {position}",
        personal_data=list(PersonalData)[position % 3] if dataset.pk % 2 else PersonalData.NONE,
        default_masking=Masking.NULL,
    )


def _policy(dataset: Dataset, law: LegalInstrument) -> SharingPolicy:
    return SharingPolicy(
        dataset=dataset,
        title="Chính sách chia sẻ",
        modes=[Mode.PACKAGE, Mode.LOOKUP],
        purposes=[Purpose.PROCEDURE],
        any_agency=True,
        legal_basis=law,
        valid_from=timezone.localdate(),
    )


def measure(*, standards: Path, profile: str = "breg", with_fields: bool = False) -> dict:
    """Write everything that is published in three formats, and check it; figures and bars for the bench's report."""
    figures, graphs = (
        {"datasets": Dataset.objects.published().count(), "profile": profile, "with_fields": with_fields},
        [],
    )
    export = Export(Addresses(BASE), breg=profile == "breg", with_fields=with_fields)
    with tempfile.TemporaryDirectory() as folder:
        before = _peak()
        for one in FORMATS:
            path = Path(folder) / f"catalogue.{one.suffix}"
            started = time.perf_counter()
            with path.open("w", encoding="utf-8") as file:
                file.writelines(one.write(export.whole()))
            figures[f"seconds_{one.name}"] = round(time.perf_counter() - started, 2)
            figures[f"megabytes_{one.name}"] = round(path.stat().st_size / 1e6, 1)
        figures["megabytes_of_memory"] = round(_peak() - before, 1)
        for one in FORMATS:
            graphs.append(Graph().parse(Path(folder) / f"catalogue.{one.suffix}", format=one.name))
    figures["triples"] = len(graphs[0])
    figures["formats_agree"] = all(isomorphic(graphs[0], other) for other in graphs[1:])
    started = time.perf_counter()
    figures["violations"] = sum(_violations(graphs[0], standards / file) for file in SHAPES[profile])
    figures["seconds_shapes"] = round(time.perf_counter() - started, 1)
    return {"figures": figures, "bars": _bars(figures)}


def _bars(figures: dict) -> list[dict]:
    slowest = max(figures[f"seconds_{one.name}"] for one in FORMATS)
    what = f"{figures['datasets']} datasets, {figures['profile']}"
    return [
        _bar(f"SHACL violations ({what})", figures["violations"], "violations", 0, figures["violations"] == 0),
        _bar(
            f"Three formats are isomorphic ({what})", int(figures["formats_agree"]), "yes", 1, figures["formats_agree"]
        ),
        _bar(f"Slowest format ({what})", slowest, "s", SECONDS, slowest <= SECONDS),
        _bar(
            f"Memory that the export adds ({what})",
            figures["megabytes_of_memory"],
            "MB",
            MEGABYTES,
            figures["megabytes_of_memory"] <= MEGABYTES,
        ),
    ]


def _bar(name: str, value: float, unit: str, bar: float, holds: bool) -> dict:
    return {"name": name, "value": value, "unit": unit, "bar": bar, "holds": holds}


def _violations(graph: Graph, shapes: Path) -> int:
    import pyshacl  # only there for development
    from rdflib.namespace import SH

    _conforms, report, _text = pyshacl.validate(
        graph, shacl_graph=Graph().parse(shapes), inference="none", allow_warnings=True
    )
    return len(list(report.subjects(SH.resultSeverity, SH.Violation)))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
