"""The bench of the registry: its made-up catalogue, and what it does with a part that fails."""

import json

import pytest

from ndc_portal.bench import bars
from ndc_portal.bench.bars import Part
from ndc_portal.bench.registry import data, searching
from ndc_portal.bench.registry.parts import PARTS
from ndc_portal.bench.registry.words import WANTED
from ndc_portal.management.commands.bench_registry import Command
from registry.models import Dataset, Field, SearchDocument, SharingPolicy

TYPED = ["tham gia bao heim xa hoi", "sổ đỏ", "nghi dinh 278", "so_can_cuoc", "ho tich"]


def test_the_catalogue_is_whole_and_what_is_typed_is_found(db):
    data.build(40)
    assert Dataset.objects.published().count() == SearchDocument.objects.filter(is_listed=True).count() == 40
    assert Field.objects.count() == 40 * data.FIELDS_EACH
    assert SharingPolicy.objects.in_force().count() == 20
    wanted = dict(searching.EXPECTED)
    lines = [searching._first(typed, WANTED[wanted[typed]][0]) for typed in TYPED]
    assert [line["typed"] for line in lines if not line["found"]] == []


def test_there_are_a_hundred_queries_and_always_the_same():
    assert len(searching._queries()) == searching.QUERIES
    assert searching._queries() == searching._queries()


def _breaks():
    raise OSError("no such source")


@pytest.mark.parametrize("measure", [_breaks, lambda: {"figures": {}, "bars": []}])
def test_a_part_that_cannot_run_is_a_bar_that_does_not_hold(measure):
    (only,) = bars.run(Part("odd", measure))["bars"]
    assert only["name"] == "odd: runs"
    assert not only["holds"]
    assert only["reason"]


def test_what_is_written_has_every_bar_and_says_which_hold(tmp_path, capsys):
    results = {"a": bars.run(Part("a", lambda: {"figures": {"n": 1}, "bars": [bars.at_most("fast", 3, "ms", 2)]}))}
    path = tmp_path / "registry.json"
    Command()._write(path, results)
    written = json.loads(path.read_text("utf-8"))
    assert written["bars"] == [{"name": "fast", "value": 3, "unit": "ms", "bar": 2, "holds": False}]
    assert "0 of 1 bars hold" in capsys.readouterr().out


def test_every_part_has_a_name_of_its_own():
    assert len({part.name for part in PARTS}) == len(PARTS) >= 5
