"""A list that gives a profile in a form nobody understands proves nothing about it."""

from __future__ import annotations

import asyncio

import pytest

from tests.controllers.world import World
from tests.core.builders import make_backend, make_export, make_foreign_endpoint, make_profile

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize("hides_names", [False, True], ids=["by name", "without even a name"])
async def test_a_profile_that_a_list_gives_unreadable_is_neither_gone_nor_made_again(hides_names: bool) -> None:
    world = World()
    world.azure.hides_names = hides_names
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("member-1"))
        await asyncio.sleep(5)
        world.azure.unreadable = {world.azure.only.ref.name.lower()}
        before = len(world.azure.calls)
        await asyncio.sleep(300)
        assert set(world.azure.operations(since=before)) == {"list_group"}
        assert world.weights() == {"member-1": 100}


async def test_a_profile_that_a_list_leaves_out_is_asked_for_before_it_is_made_again() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("member-1"))
        await asyncio.sleep(5)
        foreign = make_foreign_endpoint(priority=500)
        world.azure.tamper(lambda profile: profile.with_endpoint(foreign))
        world.azure.unlisted = {world.azure.only.ref.name.lower()}
        before = len(world.azure.calls)
        await asyncio.sleep(100)

        assert world.azure.writes(since=before) == []
        assert world.weights() == {"member-1": 100, "by-hand": 7}
        assert world.programmed() == ("True", "Programmed")


async def test_a_list_that_spells_ids_in_another_case_than_our_own_writes_changes_no_status() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("member-1"))
        await asyncio.sleep(65)
        profile, backend = world.profile(), world.backend()
        world.azure.shouts = True
        await asyncio.sleep(200)

        assert (world.profile(), world.backend()) == (profile, backend)
