"""What the races showed, as JSON like that of a bench: `make races` loads this as a plugin of pytest."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

from ndc_portal.bench.bars import bar, table

PREFIX = "test_"


class RaceReport:
    """A race holds when every round had one outcome and the server broke no deadlock: the test itself says so."""

    def __init__(self, path: Path, rounds: int):
        self.path, self.rounds = path, rounds
        self.outcomes: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report) -> None:
        name = report.nodeid.rpartition("::")[2].removeprefix(PREFIX)
        if report.when == "call":
            self.seconds[name] = report.duration
        if report.failed:
            self.outcomes[name] += 1  # in its rounds, or in the look for deadlocks after them

    def pytest_sessionfinish(self) -> None:
        bars = [
            bar(
                f"{name}: {self.rounds} rounds with one outcome each and no deadlock", failed, "failures", 0, not failed
            )
            for name in self.seconds
            for failed in [self.outcomes[name]]
        ]
        bars.append(bar("rounds of each pair", self.rounds, "rounds", 200, self.rounds >= 200))
        bars.append(bar("pairs", len(self.seconds), "pairs", 1, bool(self.seconds)))
        figures = {"rounds": self.rounds, "seconds": {name: round(took, 1) for name, took in self.seconds.items()}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"figures": figures, "bars": bars}, indent=2) + "\n")
        sys.stdout.write(f"\n{table(bars)}\n")


def pytest_configure(config) -> None:
    rounds = int(os.environ.get("RACE_ROUNDS", "4"))
    config.pluginmanager.register(RaceReport(config.rootpath / "var" / "bench" / "races.json", rounds))
