"""A hub that takes its time: what others do in Azure meanwhile is not undone by a write that was prepared before."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from fleetdns.core.trafficmanager import DISABLED, Endpoint
from tests.controllers.fake_hub import FakeHub, Written
from tests.controllers.world import World
from tests.core.builders import make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime


class SlowHub(FakeHub):
    """Needs `seconds` for finalizers, and to tell of definitions."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    async def set_finalizers(self, obj: Written, finalizers: tuple[str, ...]) -> None:
        await asyncio.sleep(self.seconds)
        await super().set_finalizers(obj, finalizers)

    async def leaving(self) -> frozenset[str]:
        await asyncio.sleep(self.seconds)
        return await super().leaving()


class SlowWorld(World):
    """One profile with three endpoints, on a hub that becomes slow."""

    def __init__(self) -> None:
        super().__init__()
        self.hub: SlowHub = SlowHub()
        self.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in "abc"))

    async def disabled_meanwhile(self, *, since: int) -> Endpoint:
        """Somebody pulls the brake soon after fleetdns has read the profile."""
        await asyncio.sleep(2.5)
        assert self.azure.operations(since=since) in (["get"], ["get", "put_profile"])
        endpoint = next(e for e in self.azure.only.endpoints if e.owner is not None and e.owner.cluster == "a")
        self.azure.tamper_endpoint(endpoint.name, lambda e: structs.replace(e, status=DISABLED))
        return endpoint


@pytest.mark.parametrize("seconds", [0.0, 5.0], ids=["quick", "slow"])
async def test_an_endpoint_disabled_while_finalizers_are_put_on_stays_disabled(seconds: float) -> None:
    world = SlowWorld()
    async with world.running():
        await asyncio.sleep(5)
        world.hub.seconds, since = seconds, len(world.azure.calls)
        world.hub.apply(make_backend("api"), make_export("a", service="api"), make_export("b", service="api"))
        disabled = await world.disabled_meanwhile(since=since)
        await asyncio.sleep(30)

        found = world.azure.only.endpoint(disabled.name)
        assert found is not None
        assert found.is_disabled
        assert ("api", "b") in world.endpoints()
        reads = ["get"] if seconds == 0 else ["get", "get"]
        assert world.azure.operations(since=since) == [*reads, "put_profile"]


async def test_an_endpoint_disabled_while_the_definitions_are_looked_at_stays_disabled() -> None:
    world = SlowWorld()
    async with world.running():
        await asyncio.sleep(5)
        world.hub.seconds, since = 5.0, len(world.azure.calls)
        world.withdraw("c")
        disabled = await world.disabled_meanwhile(since=since)
        await asyncio.sleep(30)

        found = world.azure.only.endpoint(disabled.name)
        assert found is not None
        assert found.is_disabled
        assert world.weights() == {"a": 50, "b": 50}
