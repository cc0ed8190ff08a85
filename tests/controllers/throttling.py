"""What the tests of limits have in common: many small profiles, one neighbour, and how long something takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from urllib.parse import quote

from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.ports import HubObject
from fleetdns.emulator.azure.service import Behaviour, Request
from tests.controllers.emulated import EmulatedWorld
from tests.core.builders import NAMESPACE, RESOURCE_GROUP, SUBSCRIPTION, make_backend, make_export, make_profile

LIMITED = Behaviour(throttling=True, probe_delay=0.0)
REST = 100.0  # seconds after which all of Azure's counters start anew


def shop(name: str, *, clusters: Iterable[str] = ("a", "b")) -> tuple[HubObject, ...]:
    """A profile with a backend and exports of its own, all of one name."""
    exports = (make_export(cluster, service=name) for cluster in clusters)
    return make_profile(name, ttl=60), make_backend(name, profile=name), *exports


def shops(count: int) -> list[str]:
    return [f"shop-{number}" for number in range(count)]


async def rolled_out(world: EmulatedWorld, names: Iterable[str]) -> None:
    """Shops of these names, all in Azure, and Azure's counters back at rest."""
    for name in names:
        world.hub.apply(*shop(name))
    await until(lambda: all(is_true(world, name) for name in names), within=120.0)
    await asyncio.sleep(REST)


def is_true(world: EmulatedWorld, name: str) -> bool:
    """Whether status says that everything asked for is in Azure."""
    return world.programmed(ObjectKey(NAMESPACE, name))[0] == "True" and world.accepted(name)[0] == "True"


def ttl(world: EmulatedWorld, name: str) -> int:
    """What Azure holds."""
    return int(world.azure_profile(f"{NAMESPACE}/{name}")["properties"]["dnsConfig"]["ttl"])


def spoil(world: EmulatedWorld, name: str) -> None:
    """Somebody changes two endpoints by hand: to put them back is one read and one PUT."""
    profile = world.azure_profile(f"{NAMESPACE}/{name}")
    for endpoint in profile["properties"]["endpoints"]:
        world.service.tamper("PATCH", endpoint["id"], {"properties": {"weight": 999}})


def is_spoilt(world: EmulatedWorld, name: str) -> bool:
    endpoints = world.azure_profile(f"{NAMESPACE}/{name}")["properties"]["endpoints"]
    return any(endpoint["properties"]["weight"] == 999 for endpoint in endpoints)


def refusals(world: EmulatedWorld, *, since: float = 0.0) -> int:
    """How often Azure answered 429."""
    return sum(call.status == 429 and call.time >= since for call in world.service.calls)


async def until(holds: Callable[[], bool], *, within: float) -> float:
    """Seconds until it holds. TimeoutError."""
    start = now()
    while not holds():
        if now() > start + within:
            raise TimeoutError
        await asyncio.sleep(0.1)
    return now() - start


def now() -> float:
    """The loop's seconds."""
    return asyncio.get_running_loop().time()


class Neighbour:
    """Another client of the same subscription: it takes half of the limits on calls for profiles."""

    _EVERY = 20.0
    _CALLS = (("GET", "/theirs", 75), ("PATCH", "/theirs", 100), ("DELETE", "/none", 25))

    def __init__(self, world: EmulatedWorld) -> None:
        self._service = world.service
        self._group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
        properties = {
            "trafficRoutingMethod": "Weighted",
            "dnsConfig": {"relativeName": "theirs", "ttl": 60},
            "monitorConfig": {"protocol": "HTTP", "port": 80, "path": "/"},
        }
        world.service.tamper("PUT", self._path("/theirs"), {"location": "global", "properties": properties})

    async def run(self) -> None:
        """Until it is cancelled: evenly, in twentieths of each limit's window."""
        while True:
            for method, path, count in self._CALLS:
                for _ in range(round(count / self._EVERY)):
                    self._call(method, path)
            await asyncio.sleep(1)

    def _call(self, method: str, path: str) -> None:
        body = b'{"tags": {}}' if method == "PATCH" else b""
        self._service.handle(Request(method, quote(self._path(path)), {"api-version": "2022-04-01"}, {}, body))

    def _path(self, rest: str) -> str:
        return f"{self._group}/providers/Microsoft.Network/trafficManagerProfiles{rest}"
