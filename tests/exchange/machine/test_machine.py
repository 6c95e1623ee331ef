"""A short run of the machine in every run of the tests; a long one with `make machine`; and that it finds a broken rule."""

import json
import os
from contextlib import ExitStack
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from exchange.fulfilment import plans, run
from ndc_portal.bench import bars
from registry.connectors import Column
from tests.exchange.machine import moves
from tests.exchange.machine.watch import Broken
from tests.exchange.test_database_refuses import triggers_off

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
LENGTH = 50  # steps of one run of the machine
WANTED = int(os.environ.get("MACHINE_STEPS", "0"))
PORTION = 500  # steps in one transaction, which is taken back
PORTIONS = range(max(1, -(-WANTED // PORTION)))


def play(machine, steps: int, number: int) -> None:
    """Let it make so many steps, as the seed `number` has them."""
    play_settings = settings(
        max_examples=steps // LENGTH + 2,  # some runs are shorter
        stateful_step_count=LENGTH,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # the steps that lead to a broken rule are printed; making them fewer takes too long
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    seed(number)(machine)
    run_state_machine_as_test(machine, settings=play_settings)


@pytest.fixture
def machine(make_world):
    world = make_world(quorum=2)

    class Here(moves.Exchange):
        pass

    Here.world, Here.everybody, Here.folder = world, moves.population(world), world.deliveries_folder
    moves.beginnings(world)
    Here.began_on = timezone.localdate()
    return Here


@pytest.fixture(scope="module", autouse=True)
def figures(request):
    """Print what was tried, and keep it beside the other benches after a long run."""
    yield
    if not WANTED:
        return
    shown = {
        "steps": moves.STEPS["steps"],
        "moves tried": moves.STEPS["moves tried"],
        "files read": moves.STEPS["files read"],
        "made": dict(moves.MOVES.most_common()),
        "refused": dict(moves.REFUSALS.most_common()),
    }
    steps, held = shown["steps"], not request.session.testsfailed
    bar = bars.bar("steps after which rules 1 to 7 held", steps, "steps", WANTED, steps >= WANTED and held)
    folder = django_settings.BASE_DIR / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"figures": shown, "bars": [bar]}, ensure_ascii=False, indent=1)
    (folder / "machine.json").write_text(text + "\n", "utf-8")
    print(f"\n{text}")  # noqa: T201 - the figures are what a long run is for


@pytest.mark.parametrize("number", PORTIONS)
def test_rules_1_to_7_hold_whatever_anybody_tries(machine, number):
    play(machine, PORTION if WANTED else 200, number)


def _one_column_more(patch) -> None:
    original = plans.plan_of

    def wide(agreement):
        plan = original(agreement)
        kind = plan.columns[0].kind
        return replace(plan, columns=(*plan.columns, Column("note", "note", kind, plan.columns[0].masking)))

    patch.setattr(run.plans, "plan_of", wide)


GUARDED = (
    "exchange_decision",
    "exchange_exchangerequest",
    "exchange_revision",
    "exchange_agreement",
    "exchange_delivery",
)


def test_the_machine_finds_a_broken_rule(machine, monkeypatch):
    """With the guards of the database switched off: what is broken in the services is seen, not only what it refuses."""
    with ExitStack() as stack:
        for table in GUARDED:
            stack.enter_context(triggers_off(table))
        _one_column_more(monkeypatch)
        with pytest.raises(Broken, match="rule 3"):
            play(machine, 1_000, 1)
