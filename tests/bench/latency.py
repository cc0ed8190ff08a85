"""How soon a change reaches Azure: from the hub's watch event to the request, in milliseconds.

python -m tests.bench.latency [--fleets PROFILESxENDPOINTS ...] [--changes N] [--json FILE]

The whole hub controller on the real clock and a hub and an Azure in the same process that answer at once: what is left
is the controller's own time. Changes come one at a time, each to another profile that was quiet.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport
from fleetdns.app import garbage
from tests.bench.pulse import Pulse, Standstill
from tests.bench.report import Goal, Report, Table, arguments_of, machine, parser, percentile, publish
from tests.bench.size import Size, size
from tests.controllers.fake_azure import WRITES
from tests.controllers.world import Process, World
from tests.core.builders import make_backend, make_export, make_profile

GOAL = 50.0  # ms, p99, with the largest fleet
FLEETS = ("100x4", "200x200")
_PATIENCE = 300.0
_PAUSE = 0.35  # seconds between two changes; there are tokens for 3.4 endpoint writes a second
_QUIET = 0.5  # seconds without a call to Azure or a reconcile
_POLL = 0.001  # seconds
BACKEND, EXPORT = "weight of a backend", "weight of an export"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Milliseconds until the first request to Azure left (it may be a read), and until the write did."""

    fleet: str
    what: str
    first: float
    written: float


def _service(number: int) -> str:
    return f"storefront-{number:03}"


def _export(profile: int, cluster: int, *, weight: int) -> InternalServiceExport:
    return make_export(f"aks-{cluster:03}", service=_service(profile), weight=weight)


def _backend(profile: int, *, weight: int) -> TrafficManagerBackend:
    return make_backend(_service(profile), profile=f"atm-{profile:03}", weight=weight)


def filled(world: World, fleet: Size) -> None:
    """Everything that people and members write."""
    for profile in range(fleet.profiles):
        world.hub.apply(make_profile(f"atm-{profile:03}", relative_name=f"atm-{profile:03}"))
        world.hub.apply(_backend(profile, weight=1000))
        for cluster in range(fleet.endpoints):
            world.hub.apply(_export(profile, cluster, weight=1))


@asynccontextmanager
async def at_rest(fleet: Size) -> AsyncIterator[tuple[World, Process]]:
    """A fleet that is as everybody wants it, under a controller that has nothing to do."""
    world = World(latency=0.0)
    filled(world, fleet)
    async with world.running(workers=8) as process:
        async with asyncio.timeout(_PATIENCE):
            while True:
                if _is_whole(world, fleet):
                    break
                await asyncio.sleep(_QUIET)
            await _quiet(world, process)
        garbage.set_aside()  # as `fleetdns run` does when its caches are whole
        try:
            yield world, process
        finally:
            gc.unfreeze()


def _is_whole(world: World, fleet: Size) -> bool:
    found = world.azure.profiles.values()
    return len(found) == fleet.profiles and all(len(profile.endpoints) == fleet.endpoints for profile in found)


async def _quiet(world: World, process: Process) -> None:
    """Return when nothing was called or reconciled for a while."""
    seen = (-1, -1)
    while seen != (now := (len(world.azure.calls), len(process.told.runs))):
        seen = now
        await asyncio.sleep(_QUIET)


async def measured(fleet: Size, changes: int) -> tuple[list[Change], Standstill]:
    """So many changes of each kind, and how long the loop stood still meanwhile."""
    found, pulse = [], Pulse()
    async with at_rest(fleet) as (world, _), asyncio.TaskGroup() as group:
        pulsing = group.create_task(pulse.run())
        for what, change in ((BACKEND, _weigh_backend), (EXPORT, _weigh_export)):
            for number in range(changes):
                found.append(
                    await _timed(world, what, str(fleet), partial(change, world, *divmod(number, fleet.profiles)))
                )
                await asyncio.sleep(_PAUSE)
        pulsing.cancel()
    return found, pulse.worst()


def _weigh_backend(world: World, turn: int, profile: int) -> None:
    held = world.backend(_service(profile))
    assert held.spec.weight is not None
    world.hub.apply(_backend(profile, weight=400 if held.spec.weight > 500 else 800))


def _weigh_export(world: World, turn: int, profile: int) -> None:
    world.hub.apply(_export(profile, 0, weight=2 + turn))


async def _timed(world: World, what: str, fleet: str, act: Callable[[], None]) -> Change:
    """From just before the hub tells of the change."""
    mark = len(world.azure.calls)
    began = time.monotonic()
    act()
    async with asyncio.timeout(_PATIENCE):
        while True:
            if any(call.operation in WRITES for call in world.azure.calls[mark:]):
                break
            await asyncio.sleep(_POLL)
    calls = [call for call in world.azure.calls[mark:] if not call.operation.startswith("list")]
    written = next(call.at for call in calls if call.operation in WRITES)
    return Change(fleet, what, 1000 * (calls[0].at - began), 1000 * (written - began))


def report(found: Sequence[Change], standstills: Mapping[str, Standstill], fleets: Sequence[Size]) -> Report:
    rows = []
    for fleet, what in itertools.product(fleets, (BACKEND, EXPORT)):
        changes = [change for change in found if (change.fleet, change.what) == (str(fleet), what)]
        rows.append(
            (
                f"{fleet.total:,}",
                what,
                str(len(changes)),
                *_summary([change.first for change in changes]),
                *_summary([change.written for change in changes]),
            )
        )
    largest = max(fleets, key=lambda fleet: fleet.total)
    worst = percentile((change.written for change in found if change.fleet == str(largest)), 99)
    shown = ", ".join(f"{1000 * each.longest:.0f} ms with {fleet} endpoints" for fleet, each in standstills.items())
    return Report(
        title="From a change on the hub to the request to Azure",
        about=(
            "The whole hub controller on the real clock, with a hub and an Azure in the same process that answer at "
            "once; changes come one at a time, each to another profile that was quiet. Counted from just before the "
            "hub tells of the change until the request leaves: the first one, which for a change of many endpoints is "
            "a read, and the one that writes. The hub's own work in this process is in it. The garbage collector is "
            "kept off what is there before the first change, as `fleetdns run` keeps it off its caches, hub and Azure "
            "included."
        ),
        tables=(
            Table(
                ("endpoints", "change", "times", "first: p50", "p99", "worst", "write: p50", "p99", "worst"),
                tuple(rows),
            ),
        ),
        numbers={
            "changes": [asdict(change) for change in found],
            "standstills": {fleet: asdict(each) for fleet, each in standstills.items()},
        },
        goals=(
            Goal(
                f"change to Azure request, p99 with {largest.total:,} endpoints",
                f"< {GOAL:g} ms",
                f"{worst:.1f} ms",
                worst < GOAL,
            ),
        ),
        remarks=f"Meanwhile the event loop stood still for at most {shown}, the answers of hub and Azure included.",
    )


def _summary(milliseconds: Sequence[float]) -> tuple[str, str, str]:
    return (
        f"{statistics.median(milliseconds):.1f} ms",
        f"{percentile(milliseconds, 99):.1f} ms",
        f"{max(milliseconds):.1f} ms",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("latency", __doc__)
    flags.add_argument("--fleets", type=size, nargs="+", default=[size(text) for text in FLEETS])
    flags.add_argument("--changes", type=int, default=300, help="of each kind, in each fleet")
    given = flags.parse_args(words)
    where = machine()
    found: list[Change] = []
    standstills: dict[str, Standstill] = {}
    for fleet in given.fleets:
        changes, longest = asyncio.run(measured(fleet, given.changes))
        found += changes
        standstills[f"{fleet.total:,}"] = longest
    made = report(found, standstills, given.fleets)
    return publish(made, "latency", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())
