"""What every bench command does: run its parts in databases of its own, write figures and bars, keep what was not run."""

import json
import logging
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from ndc_portal.bench import bars
from ndc_portal.bench.bars import Part
from ndc_portal.bench.registry import databases


class BenchCommand(BaseCommand):
    """`name` is that of the file in var/bench; `drop` removes the databases that the parts make."""

    name: str
    parts: Sequence[Part]
    drop: Callable[[], None]

    def add_arguments(self, parser):
        parser.add_argument("--only", nargs="+", choices=[part.name for part in self.parts], help="parts to run")
        parser.add_argument("--keep", action="store_true", help="leave the bench's databases for the next run")

    def handle(self, *args, **options):
        logging.getLogger("django.request").setLevel(logging.ERROR)
        folder = settings.VAR_DIR / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [part for part in self.parts if not options["only"] or part.name in options["only"]]
        if not options["keep"]:
            self.drop()
        if not databases.exists("template"):
            databases.migrated("template")
        path, results = folder / f"{self.name}.json", {}
        try:
            for part in chosen:
                started = time.monotonic()
                results[part.name] = {
                    **bars.run(part),
                    "measured_at": timezone.now().isoformat(timespec="seconds"),
                    "machine": machine(),
                }
                self.stdout.write(f"{part.name}: {time.monotonic() - started:.0f} s")
        finally:
            if not options["keep"]:
                self.drop()
        self._write(path, results)

    def _write(self, path, measured):
        """Parts that were not measured now stay as they were, with the day and the machine of their own."""
        kept = json.loads(path.read_text("utf-8")).get("parts", {}) if path.is_file() else {}
        known = {part.name: measured.get(part.name) or kept.get(part.name) for part in self.parts}
        parts = {name: part for name, part in known.items() if part}
        every = [{**one, "part": name} for name, part in parts.items() for one in part["bars"]]
        path.write_text(json.dumps({"parts": parts, "bars": every}, ensure_ascii=False, indent=1) + "\n", "utf-8")
        self.tell_more(measured)
        now = [one for one in every if one["part"] in measured]
        self.stdout.write(bars.table(now))
        missed = sum(not one["holds"] for one in now)
        self.stdout.write(f"{len(now) - missed} of {len(now)} bars hold; written to {path}")
        if older := sorted(parts.keys() - measured.keys()):
            self.stdout.write(f"Of earlier runs: {', '.join(older)}")
        if missing := [name for name, part in known.items() if not part]:
            self.stdout.write(f"Never measured: {', '.join(missing)}")
        if not now:
            raise CommandError("nothing was measured")

    def tell_more(self, measured: dict) -> None:
        """What a bench has to say beside its bars."""


def machine() -> dict:
    """What the figures depend on."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgresql,) = cursor.fetchone()
    return {
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "python": platform.python_version(),
        "postgresql": postgresql,
        "system": platform.platform(),
        "commit": _commit(),
    }


def _commit() -> str:
    """Empty where the portal was installed without its repository."""
    git = shutil.which("git")
    if git is None:
        return ""
    asked = [git, "-C", str(settings.BASE_DIR), "rev-parse", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
