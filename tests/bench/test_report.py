"""What benchmarks print and leave: the command without the file, numbers as JSON, the page with every goal."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from tests.bench.hotspots import hotspots
from tests.bench.page import page
from tests.bench.report import Goal, Report, Table, command_of, machine, percentile, publish

MET = Goal("memory", "< 200 MiB", "150 MiB", is_met=True)
MISSED = Goal("standstill", "< 20 ms", "30 ms", is_met=False)


def made(title: str = "A title", *goals: Goal) -> Report:
    return Report(
        title, "What was done.", (Table(("a", "b"), (("1", "2"), ("3", "4"))),), {"a": [1, 3]}, goals, "More."
    )


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--rounds", "3", "--json", "x.json"], id="the file is left out"),
        pytest.param(["--json=x.json", "--rounds", "3"], id="also in one word"),
    ],
)
def test_the_command_is_what_repeats_the_measurement(words: list[str]) -> None:
    assert command_of("plan", words) == "python -m tests.bench.plan --rounds 3"


def test_the_json_has_numbers_machine_and_command(tmp_path: Path) -> None:
    file = tmp_path / "new" / "plan.json"
    assert publish(made(), "plan", where=machine(), given=Namespace(json=file), words=["--json", str(file)]) == 0
    left = json.loads(file.read_text())
    assert left["numbers"] == {"a": [1, 3]}
    assert left["command"] == "python -m tests.bench.plan"
    assert left["machine"]["cores"] > 0
    assert {"cpu", "memory", "python", "commit", "date", "load"} <= left["machine"].keys()


def test_the_page_has_every_goal_and_every_section_and_names_what_broke(tmp_path: Path) -> None:
    left = []
    for name, goals in (("one", (MET,)), ("two", (MISSED,))):
        file = tmp_path / name
        publish(made(f"Title {name}", *goals), name, where=machine(), given=Namespace(json=file), words=[])
        left.append(json.loads(file.read_text()))
    lines = page(left, ["three"]).splitlines()
    assert "| memory | < 200 MiB | 150 MiB | met | one |" in lines
    assert "| standstill | < 20 ms | 30 ms | **missed** | two |" in lines
    assert [line for line in lines if line.startswith("## Title")] == ["## Title one", "## Title two"]
    assert "    python -m tests.bench.one" in lines
    assert any("three broke" in line for line in lines)


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 2.0), (99, 4.0), (25, 1.0), (76, 4.0)], ids=["median", "p99", "a quarter", "just over"]
)
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value


def test_the_hot_spots_name_what_used_the_time() -> None:
    assert "sorted" in hotspots(lambda: [sorted(range(1000)) for _ in range(100)])
