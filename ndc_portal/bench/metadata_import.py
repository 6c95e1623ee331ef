"""An import of metadata: how long it takes to show what would change, and to change it."""

import io
import time

from ndc_portal.bench import catalogue_export
from ndc_portal.bench.bars import at_most, bar
from registry import spreadsheets
from registry.choices import AgencyKind, Role, RowOutcome
from registry.metadata_sheets import DATASETS
from registry.models import Agency, Dataset, Membership, User
from registry.services import import_runs, imports

ROWS = 5_000
SECONDS_SHOWN, SECONDS_CHANGED = 15, 30


def measure() -> dict:
    """Export the descriptions of all datasets, change two cells in each row, and bring them back."""
    catalogue_export.build(ROWS)
    operator = User.objects.create_user(username="bench-operator", password=None, full_name="Bench")
    agency = Agency.objects.create(code="BENCH", name_vi="Bench", kind=AgencyKind.MINISTRY)
    Membership.objects.create(user=operator, agency=agency, role=Role.OPERATOR)
    rows = list(DATASETS.rows(DATASETS.prepared(Dataset.objects.all())))
    title, keywords = rows[0].index("title_vi"), rows[0].index("keywords")
    for row in rows[1:]:
        row[title], row[keywords] = f"{row[title]} (mới)", f"{row[keywords]}; thêm"
    file = io.BytesIO()
    spreadsheets.write_xlsx(rows, file)
    file.seek(0)

    started = time.perf_counter()
    staged = imports.stage(file=file, file_name="bench.xlsx", by=operator)
    shown = round(time.perf_counter() - started, 2)
    staged = import_runs.confirm(staged=staged, by=operator, reason="Bench")
    started = time.perf_counter()
    import_runs.work(staged.pk)
    changed = round(time.perf_counter() - started, 2)
    staged.refresh_from_db()
    applied = staged.counts.get(RowOutcome.APPLIED, 0)
    return {
        "figures": {"rows": ROWS, "seconds_shown": shown, "seconds_changed": changed, "applied": applied},
        "bars": [
            at_most(f"Show what {ROWS} rows of an XLSX would change", shown, "s", SECONDS_SHOWN),
            at_most(f"Change {ROWS} datasets, with history and evidence", changed, "s", SECONDS_CHANGED),
            bar("Rows of the import that were changed", applied, "rows", ROWS, applied == ROWS),
        ],
    }
