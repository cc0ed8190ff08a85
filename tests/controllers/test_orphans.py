"""Orphans are counted where everything was seen, and deleted only where their absence on the hub is proven."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.listing import list_azure
from fleetdns.controllers.orphans import OrphanRemoval, Refused
from fleetdns.controllers.snapshot import profiles_alone
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import FleetDNSError, Transient
from tests.controllers.world import PROFILE_KEY, SWEEP, World
from tests.core.builders import make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime


async def orphaned() -> tuple[World, Profile]:
    """A hub that lost the object of a profile which is still in Azure."""
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"))
    async with world.running():
        await asyncio.sleep(10)
    world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
    return world, world.azure.only


async def removal(world: World) -> OrphanRemoval:
    clock = asyncio.get_running_loop().time
    index = AzureIndex(world.azure, clock=clock)
    await list_azure(await profiles_alone(world.hub), index, world.settings.naming)
    return OrphanRemoval(
        world.hub,
        index,
        azure=world.azure,
        definitions=world.hub,
        naming=world.settings.naming,
        namespace=None,
        clock=clock,
    )


async def refusal(world: World, name: str) -> str:
    """Why it is not deleted; that it is not is seen in Azure."""
    before = dict(world.azure.profiles)
    found = await (await removal(world)).delete(name)
    assert isinstance(found, Refused)
    assert world.azure.profiles == before
    return found.because


@pytest.mark.parametrize("is_by_id", [False, True], ids=["by its name", "by its resource id"])
async def test_an_orphan_that_is_named_goes(is_by_id: bool) -> None:
    world, orphan = await orphaned()
    found = await (await removal(world)).delete(orphan.ref.resource_id if is_by_id else orphan.ref.name.upper())
    assert not isinstance(found, Refused)
    assert world.azure.profiles == {}


async def test_what_an_object_stands_for_since_it_was_listed_stays() -> None:
    world, orphan = await orphaned()
    late = await removal(world)
    world.hub.apply(make_profile())
    found = await late.delete(orphan.ref.name)
    assert isinstance(found, Refused)
    assert "TrafficManagerProfile work/myatm stands for it" in found.because
    assert world.azure.only == orphan


async def test_what_another_hub_took_over_since_it_was_listed_stays() -> None:
    world, orphan = await orphaned()
    late = await removal(world)
    world.azure.tamper(lambda profile: replace(profile, tags=(("fleetdns.hub", "another"),)))
    found = await late.delete(orphan.ref.name)
    assert isinstance(found, Refused)
    assert "another hub's" in found.because
    assert world.azure.only.ref == orphan.ref


async def test_nothing_goes_while_an_object_cannot_be_read() -> None:
    world, orphan = await orphaned()
    world.hub.apply(other := make_profile("other"))
    world.hub.garble(other)
    assert await refusal(world, orphan.ref.name) == "TrafficManagerProfile work/other on the hub cannot be read"


async def test_nothing_goes_while_a_definition_leaves_or_cannot_be_looked_at() -> None:
    world, orphan = await orphaned()
    world.hub.leaving_kinds.add("trafficmanagerprofiles")
    assert "CustomResourceDefinition" in await refusal(world, orphan.ref.name)
    world.hub.leaving_kinds.clear()
    world.hub.fail("leaving", Transient("Timeout", "no answer"))
    assert "cannot be seen" in await refusal(world, orphan.ref.name)


async def test_nothing_goes_while_the_objects_cannot_be_listed() -> None:
    world, orphan = await orphaned()
    late = await removal(world)
    world.hub.absent.add(TrafficManagerProfile)
    with pytest.raises(FleetDNSError):
        await late.delete(orphan.ref.name)
    assert world.azure.only == orphan


async def test_what_is_not_there_is_said() -> None:
    world, orphan = await orphaned()
    assert await refusal(world, "fleet-nobody") == "no profile of that name was seen in Azure"
    late = await removal(world)
    world.azure.profiles.clear()
    found = await late.delete(orphan.ref.name)
    assert isinstance(found, Refused)
    assert found.because == "it is not in Azure any more"


async def test_a_name_in_two_groups_has_to_be_told_apart() -> None:
    world, orphan = await orphaned()
    twin = replace(orphan, ref=replace(orphan.ref, resource_group="another"), relative_name="twin")
    world.azure.store(twin)
    assert twin.ref.resource_id in await refusal(world, orphan.ref.name)
    found = await (await removal(world)).delete(twin.ref.resource_id)
    assert not isinstance(found, Refused)
    assert world.azure.only.ref == orphan.ref


async def test_the_object_of_a_profile_is_never_taken_for_gone() -> None:
    world, orphan = await orphaned()
    world.hub.apply(make_profile(uid="11111111-2222-4333-8444-555555555555"))
    assert "stands for it" in await refusal(world, orphan.ref.name)
    assert world.hub.get(TrafficManagerProfile, ObjectKey("work", "myatm")) is not None


# What a running controller counts


async def test_a_controller_counts_what_a_lost_object_left_and_nothing_while_its_object_is_there() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"))
    async with world.running() as process:
        assert process.controller.orphans.number() is None
        await asyncio.sleep(10)
        assert process.controller.orphans.number() == 0
        world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(1)
        assert process.controller.orphans.number() == 1
        world.hub.apply(make_profile(uid="11111111-2222-4333-8444-555555555555"))
        await asyncio.sleep(10)
        assert process.controller.orphans.number() == 0


async def test_an_orphan_that_goes_from_a_group_nobody_uses_is_seen_to_go_by_the_next_sweep() -> None:
    world, _ = await orphaned()
    async with world.running() as process:
        await asyncio.sleep(10)
        assert process.controller.orphans.number() == 1
        world.azure.profiles.clear()
        await asyncio.sleep(1.2 * SWEEP)
        assert process.controller.orphans.number() == 0
        calls = len(world.azure.calls)
        await asyncio.sleep(3 * SWEEP)
        assert world.azure.operations(since=calls) == [], "a group that holds nothing any more is not in use"


async def test_nothing_is_counted_until_azure_was_seen() -> None:
    world, _ = await orphaned()
    world.azure.down = Transient("Timeout", "no answer")
    async with world.running() as process:
        await asyncio.sleep(10)
        assert process.controller.orphans.number() is None
        world.azure.heal()
        await asyncio.sleep(2 * SWEEP)
        assert process.controller.orphans.number() == 1
