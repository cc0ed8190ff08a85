"""From `kubectl apply` to Azure: what a rollout, a join, a leave and a change come to, and how many calls they take."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.api.profile import MonitorConfig
from tests.controllers.world import World, export_key
from tests.core.builders import make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime


def clusters(count: int) -> list[str]:
    return [f"member-{number}" for number in range(1, count + 1)]


def roll_out(world: World, count: int = 2) -> None:
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters(count)))


@pytest.mark.parametrize("count", [1, 10, 200])
async def test_a_first_rollout_is_one_put_and_at_most_one_read(count: int) -> None:
    world = World()
    async with world.running() as process:
        await asyncio.sleep(1)
        before = len(world.azure.calls)
        roll_out(world, count)
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) in (["put_profile"], ["get", "put_profile"])
        assert len(world.azure.only.endpoints) == count
        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")
        assert world.profile_status().dns_name == "myatm.trafficmanager.net"
        assert world.profile_status().resource_id == world.azure.only.ref.resource_id
        assert world.backend_status().endpoint_count == count
        assert process.errors() == []


async def test_finalizers_are_on_before_anything_is_in_azure() -> None:
    world = World(latency=0.5)
    async with world.running():
        await asyncio.sleep(2)
        roll_out(world)
        while not world.azure.writes():
            await asyncio.sleep(0.05)
        assert world.azure.profiles == {}
        assert PROFILE_FINALIZER in world.profile().metadata.finalizers
        assert BACKEND_FINALIZER in world.backend().metadata.finalizers
