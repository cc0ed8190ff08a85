"""Each benchmark runs, with tiny numbers, and gives its columns; how fast it went is nobody's business here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import idle, ingest, latency, outages, plan, process, rollout, workqueue
from tests.bench.exports import Prepared
from tests.bench.report import Report
from tests.bench.size import Size, size
from tests.controllers.outages import OUTAGES

# How the numbers are made is tested by numbers: it takes its time, and no change of the product depends on it.
pytestmark = pytest.mark.long


def holds_together(report: Report, *, rows: int) -> None:
    """Every table has its rows, and every row a cell for each column."""
    assert [len(table.rows) for table in report.tables] == [rows]
    for table in report.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_a_plan_is_timed_for_every_kind_of_look_and_with_the_calls_it_makes() -> None:
    found = plan.measured(5, rounds=2)
    assert {timed.what: timed.calls for timed in found} == {
        "nothing to do": 0,
        "one export weighs more": 1,
        "the backend weighs less: every endpoint changes": 1,
        "one cluster less, which said so": 1,
        "one endpoint was changed in Azure": 1,
        "not in Azure yet": 1,
        "(what a plan came to, for status)": 0,
    }
    holds_together(plan.report(found, 5), rows=7)


async def test_the_queue_is_timed_in_every_use() -> None:
    found = await workqueue.measured(20, rounds=2)
    assert [timed.operations for timed in found] == [60, 240, 120, 100, 100, 60]
    holds_together(workqueue.report(found, 20), rows=6)


async def test_every_export_is_taken_in_and_changed_once_from_memory_and_over_tls() -> None:
    found = [*await ingest.from_memory(30, 1), *await ingest.over_tls(30, 1)]
    assert [(each.source, each.way, each.events) for each in found] == [
        (source, way, 30)
        for source in ("memory", "TLS")
        for first in (ingest.LIST, ingest.STREAM)
        for way in (first, ingest.CHANGES)
    ]
    holds_together(ingest.report(found, size=Prepared(3).size), rows=6)


@pytest.mark.e2e
async def test_a_change_is_timed_until_its_write_leaves() -> None:
    fleet = Size(3, 2)
    found, standstill = await latency.measured(fleet, 3)
    assert len(found) == 6
    assert all(0 < change.first <= change.written for change in found)
    holds_together(latency.report(found, {"6": standstill}, [fleet]), rows=2)


def test_a_rollout_counts_every_call_until_everything_is_there() -> None:
    found = rollout.rolled_out(3, 4)
    assert (found.calls["profiles.put"], found.refused, found.each) == (3, 0, 12)
    assert not found.calls_after.keys() - {"profiles.list"}
    holds_together(rollout.report(found), rows=5)


def test_an_outage_is_counted_from_its_beginning_until_all_is_true() -> None:
    found = outages.played(2, OUTAGES[:2])
    assert all(story.recovery is not None for _, one, many in found for story in (one, many))
    holds_together(outages.report(found, 2), rows=2)


@pytest.mark.e2e
@pytest.mark.timeout(180)
async def test_a_whole_process_is_measured_from_its_start_to_after_its_sweeps(tmp_path: Path) -> None:
    found = await process.measured(Size(1, 2), tmp_path, sweep_interval=5.0)
    assert found.endpoints == 2
    assert 0 < found.started <= found.peak
    assert found.ready > 0
    holds_together(process.report([found], sweep_interval=5.0), rows=1)


@pytest.mark.e2e
@pytest.mark.timeout(180)
async def test_rest_is_measured_for_as_long_as_asked(tmp_path: Path) -> None:
    found = await idle.measured(Size(1, 1), tmp_path, seconds=0.5, settle=0.1, flags=("--sweep-interval=5",))
    assert found.seconds >= 0.5
    assert found.cpu >= 0
    holds_together(idle.report([found]), rows=1)


def test_a_size_reads_as_it_is_written() -> None:
    assert str(size("20x200")) == "20x200"
    assert size("20x200").total == 4000
