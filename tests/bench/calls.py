"""How many Azure calls each kind of change costs, counted on the whole controller in virtual time: docs/calls.md.

`make bench` runs it. The numbers are counted, not timed: they are the same on every machine.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.clock import run
from tests.simulation.fleet import Fleet

SIZES = (1, 10, 200)
SEED = 7
_PAGE = Path(__file__).parents[2] / "docs" / "calls.md"
_SETTLED = 20.0  # seconds: more than any of these takes, less than a sweep
_SHOWN = {
    "profiles.get": "GET profile",
    "profiles.put": "PUT profile",
    "profiles.patch": "PATCH profile",
    "profiles.delete": "DELETE profile",
    "profiles.list": "LIST",
    "endpoints.put": "PUT endpoint",
    "endpoints.delete": "DELETE endpoint",
    "names.check": "check name",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of change and what Azure saw of it, for each size."""

    change: str
    costs: tuple[Counter[str], ...]


def measured(clusters: int) -> dict[str, Counter[str]]:
    """Calls by kind of change, for a profile with so many clusters."""
    return run(_story(clusters))


async def _story(clusters: int) -> dict[str, Counter[str]]:
    fleet = Fleet(SEED)
    costs: dict[str, Counter[str]] = {}

    async def cost(change: str, act: Callable[[], object]) -> None:
        mark = fleet.azure.mark()
        act()
        await asyncio.sleep(_SETTLED)
        calls = (call.operation for call in fleet.azure.calls_since(mark))
        costs[change] = Counter(operation for operation in calls if operation != "profiles.list")

    def rollout() -> None:
        for number in range(clusters):
            fleet.export("app", f"c{number:03}")
        fleet.profile("myatm")
        fleet.backend("app", profile="myatm", weight=1000)

    async with fleet.running():
        await asyncio.sleep(_SETTLED)
        await cost("first rollout", rollout)
    async with fleet.running():
        await asyncio.sleep(_SETTLED)
    mark = fleet.azure.mark()
    async with fleet.running():
        await asyncio.sleep(_SETTLED)
        costs["restart, nothing changed"] = Counter(call.operation for call in fleet.azure.calls_since(mark))
        if clusters < 200:
            await cost("one more cluster", lambda: fleet.export("app", "one-more"))
            await cost("one cluster less", lambda: fleet.withdraw("app", "one-more"))
        else:
            await cost("one cluster less", lambda: fleet.withdraw("app", "c000"))
            await cost("one more cluster", lambda: fleet.export("app", "one-more"))
    async with fleet.running():
        await asyncio.sleep(_SETTLED)
        await cost("weight of the backend", lambda: fleet.backend("app", profile="myatm", weight=500))
        await cost("monitor setting", lambda: fleet.profile("myatm", monitorConfig={"path": "/healthz"}))
    async with fleet.running():
        await asyncio.sleep(_SETTLED)
        await cost("backend deleted", lambda: fleet.delete("trafficmanagerbackends", "app"))
        await cost("profile deleted", lambda: fleet.delete("trafficmanagerprofiles", "myatm"))
    return costs


def page() -> str:
    """The whole of docs/calls.md."""
    by_size = [measured(size) for size in SIZES]
    lines = list(_table([Row(change, tuple(costs[change] for costs in by_size)) for change in by_size[0]]))
    return "\n".join([_HEAD, *lines, _FOOT])


def _table(rows: list[Row]) -> Iterator[str]:
    yield "| change | " + " | ".join(f"{size} cluster{'s' if size > 1 else ''}" for size in SIZES) + " |"
    yield "|---|" + "---|" * len(SIZES)
    for row in rows:
        yield f"| {row.change} | " + " | ".join(_cell(cost) for cost in row.costs) + " |"


def _cell(cost: Counter[str]) -> str:
    calls = [f"{number} {_SHOWN[operation]}" for operation, number in sorted(cost.items())]
    return f"{cost.total()}: {', '.join(calls)}" if calls else "0"


_HEAD = """# What each change costs in Azure calls

Made by `make bench` (`tests/bench/calls.py`): the real controller between the embedded hub and the emulated Traffic
Manager, in virtual time. The numbers are counted, not timed. Each start lists the subscription once; a steady state
costs one list per resource group and sweep, which is not in the rows below. One endpoint that comes or goes alone (with
200 clusters, one cluster more or less leaves the others' integer weights as they are) is one call; whatever writes over
something that others may have changed since the last sweep reads it first.
"""
_FOOT = """
For comparison, Fleet's own controller was measured at 68 calls to roll out 10 clusters (12 profile reads, 1 profile
write, 55 endpoint writes) and 12 when an eleventh joins.
"""


def main() -> int:
    _PAGE.write_text(page())
    sys.stdout.write(_PAGE.read_text())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
