"""A seed is a schedule: people's deeds and faults in some order, then quiet, then an hour without a change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from fleetdns.emulator.azure.behaviour import RECORDED_LATENCIES, Behaviour
from tests.simulation import converged
from tests.simulation.clock import run
from tests.simulation.faults import Faults
from tests.simulation.fleet import Fleet
from tests.simulation.people import People
from tests.simulation.promises import Promises

_QUIET = 900.0  # seconds after the last fault until everything has to be true
_HOUR = 3600.0
_HOMEWARD = 1.0  # seconds in which whatever was sent arrives
_PAUSES = (0.05, 0.5, 3.0, 15.0, 60.0)
_NAMESPACES = 5.0  # seconds between two looks at namespaces that are going


@dataclass(frozen=True)
class Story:
    """How a seed went. `broken`: promises that were not kept; `trace`: all that was seen, with the loop's seconds."""

    seed: int
    broken: tuple[str, ...]
    trace: tuple[str, ...]
    most_calls: int


def play(seed: int, *, lasts: float = 900.0) -> Story:
    """Run one schedule; `lasts`: virtual seconds of deeds and faults."""
    return run(_Schedule(seed, lasts).run())


class _Schedule:
    def __init__(self, seed: int, lasts: float) -> None:
        self._seed = seed
        self._lasts = lasts
        self._random = Random(f"schedule {seed}")

    async def run(self) -> Story:
        promises = Promises()
        self._fleet = fleet = Fleet(self._seed, door=promises.at_door_of)
        is_slow = self._random.random() < 0.3
        fleet.azure.behaviour = Behaviour(
            latencies=RECORDED_LATENCIES if is_slow else {},
            probe_delay=30.0,
            lowercase_ids=self._random.random() < 0.2,
            missing_delete_status=self._random.choice((204, 404)),
            delete_body=self._random.choice(("object", "empty")),
        )
        if is_slow:
            promises.azure_slow(float("inf"))
        promises.watch(fleet)
        self._people = People(fleet, promises, self._random)
        self._faults = Faults(fleet, promises, self._random, downtime=12.0 if is_slow else 1.0)
        self._people.begin()
        promises.hub_changed()
        fleet.process.start()
        namespaces = asyncio.create_task(self._keep_namespaces())
        await self._trouble()
        await self._faults.end()
        if self._random.random() < 0.8:
            self._people.unpause()
        fleet.network.note("-- quiet")
        await asyncio.sleep(_QUIET)
        self._people.let_go()
        await asyncio.sleep(_QUIET)
        namespaces.cancel()
        promises.broken += [f"not converged: {problem}" for problem in converged.problems(fleet, promises)]
        await self._stay_calm(promises)
        await fleet.process.stop()
        await asyncio.sleep(_HOMEWARD)
        promises.broken += [f"a bug: {bug}" for bug in fleet.process.bugs.found]
        return Story(self._seed, tuple(promises.broken), tuple(fleet.network.trace), promises.most_calls)

    async def _trouble(self) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._random.choice((0.5, 20.0)))
        while clock() < self._lasts:
            if self._random.random() < 0.6:
                self._people.act()
            else:
                await self._faults.act()
                if self._random.random() < 0.3:
                    # Before a sweep can have told the controller: what it knows of Azure is old now.
                    await asyncio.sleep(3.0 + 5.0 * self._random.random())
                    self._people.edit()
            await asyncio.sleep(self._random.choice(_PAUSES) * self._random.random())

    async def _keep_namespaces(self) -> None:
        while True:
            await asyncio.sleep(_NAMESPACES)
            self._people.sweep_namespaces()

    async def _stay_calm(self, promises: Promises) -> None:
        before, seen = converged.calm(self._fleet), len(self._fleet.network.trace)
        await asyncio.sleep(_HOUR)
        promises.look()
        if converged.calm(self._fleet) != before:
            writes = [line for line in self._fleet.network.trace[seen:] if "list" not in line]
            promises.broken.append(f"not calm: {writes[:3]}")
