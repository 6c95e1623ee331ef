"""The bench of the registry: its made-up catalogue, and what it does with a part that fails."""

import contextlib
import json

import pytest

from evidence.models import Entry
from exchange.models import ExchangeRequest, ReviewCase
from ndc_portal.bench import bars
from ndc_portal.bench.bars import Part
from ndc_portal.bench.command import machine
from ndc_portal.bench.desk import data as desk_data
from ndc_portal.bench.desk import pages as desk_pages
from ndc_portal.bench.registry import data, searching
from ndc_portal.bench.registry.parts import PARTS
from ndc_portal.bench.registry.words import WANTED
from ndc_portal.management.commands.bench_registry import Command
from registry.models import Dataset, Field, SearchDocument, SharingPolicy

pytestmark = pytest.mark.postgresql

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


def _result(value) -> dict:
    part = Part("x", lambda: {"figures": {"n": 1}, "bars": [bars.at_most("fast", value, "ms", 2)]})
    return {**bars.run(part), "measured_at": f"day {value}", "machine": {}}


def test_what_is_written_has_every_bar_and_keeps_what_other_runs_measured(tmp_path, capsys):
    path = tmp_path / "registry.json"
    Command()._write(path, {"search": _result(3), "export": _result(1)})
    Command()._write(path, {"export": _result(2)})

    written = json.loads(path.read_text("utf-8"))
    assert [(one["part"], one["value"], one["holds"]) for one in written["bars"]] == [
        ("search", 3, False),
        ("export", 2, True),
    ]
    assert {name: part["measured_at"] for name, part in written["parts"].items()} == {
        "search": "day 3",
        "export": "day 2",
    }
    said = capsys.readouterr().out
    assert "1 of 2 bars hold" in said
    assert "1 of 1 bars hold" in said
    assert "Of earlier runs: search" in said
    assert "Never measured: pages, import, structure, samples" in said


def test_a_run_says_on_what_machine_and_of_what_commit(db):
    found = machine()
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 2**28
    assert found["postgresql"][:2].isdecimal()
    assert found["commit"] == "" or len(found["commit"]) == 40


def test_every_part_has_a_name_of_its_own():
    assert len({part.name for part in PARTS}) == len(PARTS) >= 5


def test_the_desk_of_the_bench_is_whole_and_every_page_opens(db, monkeypatch):
    desk_data.build(60)
    assert ExchangeRequest.objects.count() == 60
    assert Entry.objects.count() >= 60 * desk_data.ENTRIES_EACH
    assert ReviewCase.objects.filter(request__status="under-review").exists()
    monkeypatch.setattr(desk_pages.databases, "using", lambda _size: contextlib.nullcontext())
    monkeypatch.setattr(desk_pages, "_built", lambda _size: None)
    assert set(desk_pages._visit("desk_small")) == {*desk_pages.PAGES, "entries"}
