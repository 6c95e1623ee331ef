"""What `make bench-registry` measures, in this order. A new part is a line here."""

import json
import os
from pathlib import Path

from django.conf import settings

from ndc_portal.bench import catalogue_export, introspection, metadata_import
from ndc_portal.bench.bars import Part, bar
from ndc_portal.bench.registry import databases, pages, searching

EXPORTED = 2_000


def export() -> dict:
    """The whole catalogue as linked data, and what the official shapes say to it."""
    standards = Path(
        settings.BASE_DIR, os.environ.get("NDC_STANDARDS_DIR") or "tests/registry/dcat/standards"
    ).resolve()
    if not standards.is_dir():
        raise FileNotFoundError(f"the official shapes are not in {standards} (NDC_STANDARDS_DIR)")
    databases.make("export", template="template")
    with databases.using("export"):
        catalogue_export.build(EXPORTED)
        results = [catalogue_export.measure(standards=standards, profile=profile) for profile in ("dcat-ap", "breg")]
    databases.drop("export")
    return {
        "figures": {one["figures"]["profile"]: one["figures"] for one in results},
        "bars": [one for result in results for one in result["bars"]],
    }


def metadata() -> dict:
    """Descriptions of 5,000 datasets that come back in a spreadsheet."""
    databases.make("import", template="template")
    with databases.using("import"):
        result = metadata_import.measure()
    databases.drop("import")
    return result


def structure() -> dict:
    """500 tables read from a source, in a database of the bench's own."""
    databases.make("reading", template="template")
    with databases.using("reading"):
        result = introspection.measure(folder=settings.VAR_DIR / "bench")
    databases.drop("reading")
    return result


def samples() -> dict:
    """What `make samples` wrote last: it fetches databases from outside, which a bench should not do by itself."""
    path = Path(settings.BASE_DIR, "var", "bench", "samples.json")  # where the tests of the samples write it
    if not path.is_file():
        reason = (
            "run `make samples` first: it fetches the databases, delivers datasets of each, and writes samples.json"
        )
        return {"figures": {}, "bars": [bar("Foreign databases delivered", 0, "databases", 3, False, reason=reason)]}
    written = json.loads(path.read_text("utf-8"))
    return {"figures": written, "bars": written.get("bars", [])}


PARTS = [
    Part("search", searching.measure),
    Part("pages", pages.measure),
    Part("export", export),
    Part("import", metadata),
    Part("structure", structure),
    Part("samples", samples),
]
