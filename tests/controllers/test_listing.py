"""A list that gives a profile in a form nobody understands proves nothing about it."""

from __future__ import annotations

import asyncio

import pytest

from tests.controllers.world import World
from tests.core.builders import make_backend, make_export, make_profile

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
