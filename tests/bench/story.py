"""One profile from its rollout to its end, in virtual time: every kind of change, one after the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetdns.api.exports import WITHDRAWN
from fleetdns.emulator.azure.service import TrafficManagerService
from tests.bench.pace import Paced, counted
from tests.simulation.fleet import GROUP, SUBSCRIPTION, Fleet

SEED = 7
_SETTLED = 150.0  # seconds: two sweeps, whenever they come
_PATIENCE = 1200.0
_STEP = 0.05
_JOINING = 5.0  # seconds within which many clusters join
_MOST = 200  # endpoints of a profile
_BEFORE_A_SWEEP = 20.0
# Traffic Manager has no endpoints of this type.
_NO_TARGET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mc/providers/Microsoft.Network/networkInterfaces/none"


@dataclass(frozen=True, slots=True)
class Cost:
    """The calls, and the seconds from the change until the last write for it was answered (none: the last read)."""

    calls: Counter[str]
    seconds: float


class Story:
    """A fleet under a controller, and what each thing that happens to it costs."""

    def __init__(self, latencies: Mapping[str, float], *, is_terse: bool = False) -> None:
        """is_terse: where Azure refuses something, it does not say what."""
        self._latencies = latencies
        self._is_terse = is_terse
        self._clock = asyncio.get_running_loop().time
        self.costs: dict[str, Cost] = {}
        self._door: Paced | None = None
        self.fleet = Fleet(SEED, door=self._paced)

    def _paced(self, service: TrafficManagerService) -> Paced:
        self._door = Paced(service, clock=self._clock, latencies=self._latencies, is_terse=self._is_terse)
        return self._door

    @property
    def door(self) -> Paced:
        assert self._door is not None
        return self._door

    async def happens(
        self,
        change: str,
        act: Callable[[], object],
        *,
        until: Callable[[], bool] | None = None,
        within: float = _SETTLED,
        lists: bool = False,
    ) -> None:
        """Do it, and count what Azure sees of it: until it is so, or for `within` seconds. `lists`: count those too."""
        began, mark = self._clock(), len(self.door.calls)
        act()
        await (asyncio.sleep(within) if until is None else _until(until))
        calls = [call for call in self.door.since(mark) if lists or call.operation != "profiles.list"]
        awaited = [call for call in calls if call.is_write] or calls
        seconds = max((call.done for call in awaited), default=began) - began
        self.costs[change] = Cost(counted(calls, without_lists=not lists), seconds)
        await asyncio.sleep(_SETTLED if until is not None else 0.0)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            if is_so():
                return
            await asyncio.sleep(_STEP)


async def story(clusters: int, latencies: Mapping[str, float]) -> dict[str, Cost]:
    """Every kind of change, for a profile with so many clusters."""
    main = await _life(Story(latencies), clusters)
    joining = await _joining(Story(latencies), clusters)
    named = await _spoilt(Story(latencies), clusters, "one endpoint refused by name")
    unnamed = await _spoilt(Story(latencies, is_terse=True), clusters, "one endpoint refused, nobody says which")
    return {**main, **joining, **named, **unnamed}


async def _life(tale: Story, clusters: int) -> dict[str, Cost]:
    fleet = tale.fleet
    async with fleet.running():
        await asyncio.sleep(_SETTLED)
        await tale.happens("first rollout", lambda: _roll_out(fleet, _names(clusters)))
        await fleet.process.stop()
        await tale.happens("restart, nothing changed", fleet.process.start, lists=True, within=_BEFORE_A_SWEEP)
        await asyncio.sleep(_SETTLED)
        await _one_comes_and_goes(tale, clusters)
        await tale.happens("weight of one export", lambda: fleet.export("app", _names(1)[0], weight=3))
        await tale.happens("weight of the backend", lambda: fleet.backend("app", profile="myatm", weight=400))
        await tale.happens("monitor setting", lambda: fleet.profile("myatm", monitorConfig={"path": "/healthz"}))
        await tale.happens("one endpoint changed in Azure", lambda: _tamper(fleet, most=1))
        await tale.happens("every endpoint changed in Azure", lambda: _tamper(fleet, most=clusters))
        await tale.happens("profile deleted in Azure", lambda: fleet.azure.tamper("DELETE", _only(fleet)["id"]))
        await tale.happens("backend deleted", lambda: fleet.delete("trafficmanagerbackends", "app"))
        await tale.happens("profile deleted", lambda: fleet.delete("trafficmanagerprofiles", "myatm"))
    return tale.costs


async def _one_comes_and_goes(tale: Story, clusters: int) -> None:
    """The other way round where the profile is full."""
    fleet = tale.fleet
    coming = ("one more cluster", lambda: fleet.export("app", "one-more"))
    if clusters < _MOST:
        going = ("one cluster less", lambda: _leave(fleet, "one-more"))
        order = (coming, going)
    else:
        going = ("one cluster less", lambda: _leave(fleet, _names(clusters)[-1]))
        order = (going, coming)
    for change, act in order:
        await tale.happens(change, act)


async def _joining(tale: Story, clusters: int) -> dict[str, Cost]:
    fleet = tale.fleet

    async def come() -> None:
        for name in _names(clusters):
            fleet.export("app", name)
            await asyncio.sleep(_JOINING / clusters)

    async with fleet.running(), asyncio.TaskGroup() as group:
        _roll_out(fleet, ())
        await asyncio.sleep(_SETTLED)
        await tale.happens("all clusters join within 5 s", lambda: group.create_task(come()))
    return tale.costs


async def _spoilt(tale: Story, clusters: int, how: str) -> dict[str, Cost]:
    """One of the endpoints is refused by Azure, whatever is tried."""
    fleet, good = tale.fleet, set(_names(clusters)[:-1])

    def roll_out() -> None:
        fleet.export("app", _names(clusters)[-1], publicIPResourceID=_NO_TARGET)
        _roll_out(fleet, good)

    async with fleet.running():
        await asyncio.sleep(_SETTLED)
        await tale.happens(
            f"first rollout, {how}",
            roll_out,
            until=lambda: bool(fleet.azure.profiles()) and fleet.weights("myatm").keys() >= good,
        )
        if good:
            before = fleet.weights("myatm")
            await tale.happens(
                f"weight of the backend after that ({how})",
                lambda: fleet.backend("app", profile="myatm", weight=400),
                until=lambda: _all_differ(fleet.weights("myatm"), before),
            )
    return tale.costs


def _names(clusters: int) -> list[str]:
    return [f"c{number:03}" for number in range(clusters)]


def _roll_out(fleet: Fleet, clusters: Iterable[str]) -> None:
    for cluster in sorted(clusters):
        fleet.export("app", cluster)
    fleet.profile("myatm")
    fleet.backend("app", profile="myatm", weight=1000)


def _leave(fleet: Fleet, cluster: str) -> None:
    """The member says so before it takes its export back, as our agent does."""
    address = GROUP, "v1alpha1", "internalserviceexports", f"fleet-member-{cluster}", "work-app"
    fleet.hub.patch(*address, {"metadata": {"annotations": {WITHDRAWN: "true"}}})
    fleet.withdraw("app", cluster)


def _only(fleet: Fleet) -> dict[str, Any]:
    (profile,) = fleet.azure.profiles()
    return profile


def _tamper(fleet: Fleet, *, most: int) -> None:
    """Somebody changes the weights of endpoints in the portal."""
    for endpoint in _only(fleet)["properties"]["endpoints"][:most]:
        weight = endpoint["properties"]["weight"]
        fleet.azure.tamper("PATCH", endpoint["id"], {"properties": {"weight": weight % 1000 + 1}})


def _all_differ(now: Mapping[str, int], before: Mapping[str, int]) -> bool:
    return all(now[name] != weight for name, weight in before.items())
