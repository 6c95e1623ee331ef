"""manage.py bench_registry: measure the registry in databases of the bench's own, and say which promises hold."""

from ndc_portal.bench.command import BenchCommand
from ndc_portal.bench.registry import databases
from ndc_portal.bench.registry.parts import PARTS


class Command(BenchCommand):
    help = "Measures search, lists, export and introspection; writes var/bench/registry.json."
    name = "registry"
    parts = PARTS
    drop = staticmethod(databases.drop_all)

    def tell_more(self, measured):
        for line in measured.get("search", {}).get("figures", {}).get("quality", []):
            self.stdout.write(f"{'ok' if line['found'] else 'NO':4}{line['typed']:40} {line['first']}")
