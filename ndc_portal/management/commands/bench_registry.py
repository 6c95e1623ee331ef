"""manage.py bench_registry: measure the registry in databases of the bench's own, and say which promises hold."""

import json
import logging
import platform
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
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
        results = {}
        try:
            for part in chosen:
                started = time.monotonic()
                results[part.name] = bars.run(part)
                self.stdout.write(f"{part.name}: {time.monotonic() - started:.0f} s")
        finally:
            if not options["keep"]:
                databases.drop_all()
        self._write(folder / "registry.json", results)

    def _write(self, path, results):
        every = [one for result in results.values() for one in result["bars"]]
        written = {
            "measured_at": timezone.now().isoformat(timespec="seconds"),
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "figures": {name: result["figures"] for name, result in results.items()},
            "bars": every,
        }
        path.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", "utf-8")
        quality = results.get("search", {}).get("figures", {}).get("quality", [])
        for line in quality:
            self.stdout.write(f"{'ok' if line['found'] else 'NO':4}{line['typed']:40} {line['first']}")
        self.stdout.write(bars.table(every))
        missed = sum(not one["holds"] for one in every)
        self.stdout.write(f"{len(every) - missed} of {len(every)} bars hold; written to {path}")
        if not every:
            raise CommandError("nothing was measured")
