"""manage.py bench_registry: measure the registry in databases of the bench's own, and say which promises hold."""

import json
import logging
import os
import platform
import shutil
import subprocess
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from ndc_portal.bench import bars
from ndc_portal.bench.registry import databases
from ndc_portal.bench.registry.parts import PARTS


class Command(BaseCommand):
    help = "Measures search, lists, export and introspection; writes var/bench/registry.json."

    def add_arguments(self, parser):
        parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS], help="parts to run")
        parser.add_argument("--keep", action="store_true", help="leave the bench's databases for the next run")

    def handle(self, *args, **options):
        logging.getLogger("django.request").setLevel(logging.ERROR)
        folder = settings.VAR_DIR / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [part for part in PARTS if not options["only"] or part.name in options["only"]]
        if not options["keep"]:
            databases.drop_all()
        if not databases.exists("template"):
            databases.migrated("template")
        path, results = folder / "registry.json", {}
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
                databases.drop_all()
        self._write(path, results)

    def _write(self, path, measured):
        """Parts that were not measured now stay as they were, with the day and the machine of their own."""
        kept = json.loads(path.read_text("utf-8")).get("parts", {}) if path.is_file() else {}
        known = {part.name: measured.get(part.name) or kept.get(part.name) for part in PARTS}
        parts = {name: part for name, part in known.items() if part}
        every = [{**one, "part": name} for name, part in parts.items() for one in part["bars"]]
        path.write_text(json.dumps({"parts": parts, "bars": every}, ensure_ascii=False, indent=1) + "\n", "utf-8")
        for line in measured.get("search", {}).get("figures", {}).get("quality", []):
            self.stdout.write(f"{'ok' if line['found'] else 'NO':4}{line['typed']:40} {line['first']}")
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
