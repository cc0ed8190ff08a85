"""A whole subscription from nothing: so many profiles with so many endpoints, under the documented limits on requests.

python -m tests.bench.rollout [--profiles N] [--endpoints N] [--workers N] [--seconds OPERATION=SECONDS] [--json FILE]

Virtual time: the embedded hub, the emulated Traffic Manager with its throttle refusing, the latencies recorded from the
real one, and the whole controller between them.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.settings.flags import FLAGS
from tests.bench.pace import RECORDED, Paced, add_latencies, latencies_of
from tests.bench.report import Goal, Report, Table, arguments_of, machine, parser, publish
from tests.simulation.clock import run
from tests.simulation.fleet import Fleet

SEED = 7
GOAL = 120.0  # seconds
_WORKERS = next(int(flag.default) for flag in FLAGS if flag.name == "workers")
_PATIENCE = 3600.0  # seconds, virtual
_STEP = 0.5
_AFTER = 150.0  # seconds to go on for: whatever is written twice would be seen
_ENDPOINT_WRITES = 5.0  # a second: 300 a minute are documented


@dataclass(frozen=True, slots=True)
class Rollout:
    """What Azure saw until it held everything, and in the time after. Seconds from the controller's start.

    `azure`: seconds that it takes for a read and a PUT of a profile.
    """

    profiles: int
    endpoints: int
    workers: int
    azure: float
    calls: Counter[str]
    refused: int
    first: float
    seconds: float
    calls_after: Counter[str]

    @property
    def each(self) -> int:
        return self.profiles * self.endpoints


def rolled_out(
    profiles: int, endpoints: int, *, workers: int = _WORKERS, latencies: Mapping[str, float] = RECORDED
) -> Rollout:
    """Everything is on the hub already when the controller starts."""
    return run(_rollout(profiles, endpoints, workers=workers, latencies=latencies))


async def _rollout(profiles: int, endpoints: int, *, workers: int, latencies: Mapping[str, float]) -> Rollout:
    clock = asyncio.get_running_loop().time
    doors: list[Paced] = []

    def door(service: TrafficManagerService) -> Paced:
        service.behaviour = replace(service.behaviour, throttling=True)
        doors.append(Paced(service, clock=clock, latencies=latencies))
        return doors[0]

    fleet = Fleet(SEED, door=door, workers=workers)
    _fill(fleet, profiles, endpoints)
    (azure,) = doors
    began = clock()
    async with fleet.running():
        async with asyncio.timeout(_PATIENCE):
            while True:
                if _written(azure) >= profiles and _is_whole(fleet, profiles, endpoints):
                    break
                await asyncio.sleep(_STEP)
        calls = tuple(azure.calls)
        await asyncio.sleep(_AFTER)
    writes = [call for call in calls if call.is_write]
    return Rollout(
        profiles,
        endpoints,
        workers,
        latencies.get("profiles.get", 0.0) + latencies.get("profiles.put", 0.0),
        calls=Counter(call.operation for call in calls),
        refused=sum(call.status == 429 for call in azure.calls),
        first=min(call.at for call in writes) - began,
        seconds=max(call.done for call in writes) - began,
        calls_after=Counter(call.operation for call in azure.since(len(calls))),
    )


def _fill(fleet: Fleet, profiles: int, endpoints: int) -> None:
    for profile in range(profiles):
        service = f"storefront-{profile:03}"
        for cluster in range(endpoints):
            fleet.export(service, f"aks-{cluster:03}")
        fleet.profile(f"atm-{profile:03}")
        fleet.backend(service, profile=f"atm-{profile:03}", weight=1000)


def _written(azure: Paced) -> int:
    return sum(call.operation == "profiles.put" and call.status < 300 for call in azure.calls)


def _is_whole(fleet: Fleet, profiles: int, endpoints: int) -> bool:
    there = fleet.azure.profiles()
    return len(there) == profiles and all(len(p["properties"]["endpoints"]) == endpoints for p in there)


def report(found: Rollout) -> Report:
    calls = ", ".join(f"{number:,} {operation}" for operation, number in sorted(found.calls.items()))
    after = ", ".join(f"{number:,} {operation}" for operation, number in sorted(found.calls_after.items())) or "none"
    single = found.each / _ENDPOINT_WRITES
    return Report(
        title=f"A whole subscription from nothing: {found.profiles:,} profiles with {found.endpoints:,} endpoints each",
        about=(
            "Everything is on the hub when the controller starts; Azure is empty, refuses what is over its documented "
            "limits, and takes the recorded time for each call. Virtual time; counted, not timed."
        ),
        tables=(
            Table(
                ("", "fleetdns", "one call for each endpoint (computed)"),
                (
                    ("calls until everything is there", calls, f"{found.each:,} endpoints.put and more"),
                    ("refused with 429", f"{found.refused:,}", ""),
                    ("first write sent after", f"{found.first:.1f} s", ""),
                    (
                        "everything is there after",
                        f"{found.seconds:.1f} s",
                        f"{single / 60:.0f} min: {60 * _ENDPOINT_WRITES:.0f} a minute are allowed",
                    ),
                    (f"calls in the {_AFTER:.0f} s after that", after, ""),
                ),
            ),
        ),
        numbers={
            "profiles": found.profiles,
            "endpoints": found.endpoints,
            "workers": found.workers,
            "calls": found.calls,
            "refused": found.refused,
            "first": found.first,
            "seconds": found.seconds,
            "calls_after": found.calls_after,
        },
        goals=(
            Goal(
                f"PUTs for {found.profiles:,} profiles",
                f"{found.profiles:,}",
                f"{found.calls['profiles.put']:,}",
                found.calls["profiles.put"] == found.profiles,
            ),
            Goal(
                "rollout of the whole subscription", f"< {GOAL:.0f} s", f"{found.seconds:.0f} s", found.seconds < GOAL
            ),
            Goal("refused with 429", "none", f"{found.refused:,}", found.refused == 0),
        ),
        remarks=(
            f"{found.workers} profiles are worked on at once (`--workers`), each for the {found.azure:g} s that Azure "
            f"takes for its read and its PUT: that alone is {found.azure * found.profiles / found.workers:.0f} s."
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("rollout", __doc__)
    flags.add_argument("--profiles", type=int, default=200)
    flags.add_argument("--endpoints", type=int, default=200)
    flags.add_argument("--workers", type=int, default=_WORKERS)
    add_latencies(flags)
    given = flags.parse_args(words)
    where = machine()
    found = rolled_out(given.profiles, given.endpoints, workers=given.workers, latencies=latencies_of(given))
    return publish(report(found), "rollout", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())
