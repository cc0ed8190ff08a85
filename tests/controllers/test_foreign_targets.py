"""Traffic Manager takes a target once in a profile: what becomes of ours where a foreign endpoint has it."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from tests.controllers.world import World
from tests.core.builders import make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime


def roll_out(world: World, *clusters: str) -> None:
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters))


async def test_a_target_that_a_foreign_endpoint_has_waits_and_is_taken_when_that_goes() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        ours = world.azure.only.endpoints[0]
        foreign = structs.replace(ours, name="theirs", target_resource_id=public_ip("b-app"), priority=9)
        world.azure.tamper(lambda p: p.with_endpoint(foreign))
        await asyncio.sleep(61)
        world.hub.apply(make_export("b"))
        await asyncio.sleep(5)
        assert world.rejected() == {"b": "DuplicateTarget"}
        world.azure.tamper(lambda p: p.without_endpoint("theirs"))
        await asyncio.sleep(61)

        assert world.weights() == {"a": 50, "b": 50}
        assert world.rejected() == {}


async def test_a_cluster_whose_new_address_a_foreign_endpoint_has_is_not_answered_with_the_old_one() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a", "b")
        await asyncio.sleep(5)
        ours = world.azure.only.endpoints[0]
        foreign = structs.replace(ours, name="theirs", target_resource_id=public_ip("moved"), priority=9)
        world.azure.tamper(lambda p: p.with_endpoint(foreign))
        await asyncio.sleep(61)
        world.hub.apply(make_export("b", target=public_ip("moved")))
        await asyncio.sleep(5)
        targets = {e.target_resource_id for e in world.azure.only.endpoints}
        assert targets == {public_ip("a-app"), public_ip("moved")}
        assert world.rejected() == {"b": "DuplicateTarget"}
        writes = len(world.azure.writes())
        await asyncio.sleep(300)
        assert len(world.azure.writes()) == writes
        world.azure.tamper(lambda p: p.without_endpoint("theirs"))
        await asyncio.sleep(61)

        assert world.weights() == {"a": 50, "b": 50}
        assert public_ip("moved") in {e.target_resource_id for e in world.azure.only.endpoints}
        assert world.rejected() == {}


async def test_one_that_was_disabled_by_hand_stays_so_when_a_foreign_endpoint_has_its_new_address() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a", "b")
        await asyncio.sleep(5)
        braked = world.azure.only.endpoints[1]
        foreign = structs.replace(braked, name="theirs", target_resource_id=public_ip("moved"), priority=9)
        world.azure.tamper(lambda p: p.with_endpoint(foreign).with_endpoint(structs.replace(braked, status="Disabled")))
        await asyncio.sleep(61)
        world.hub.apply(make_export("b", target=public_ip("moved")))
        await asyncio.sleep(5)
        world.azure.tamper(lambda p: p.without_endpoint("theirs"))
        await asyncio.sleep(61)

        moved = world.azure.only.endpoint(braked.name)
        assert moved is not None
        assert (moved.target_resource_id, moved.status) == (public_ip("moved"), "Disabled")
