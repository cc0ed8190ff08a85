"""Resource groups are looked at each for itself: one that says nothing holds up no other, and none is asked more."""

from __future__ import annotations

import asyncio

import pytest

from tests.controllers.groups import GroupedWorld
from tests.controllers.throttling import until
from tests.controllers.world import SWEEP

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]


async def test_a_group_that_hangs_delays_no_other() -> None:
    world = GroupedWorld(3)
    async with world.running():
        await asyncio.sleep(5)
        world.azure.hanging.add(world.names[0])
        await asyncio.sleep(10 * SWEEP)

    assert [world.state(name)[0] for name in world.names] == ["Unknown", "True", "True"]
    for name in world.names:
        assert len(world.asked(name)) == 10
        assert world.longest_gap(name) < SWEEP * 1.1
    first, second, third = (world.asked(name)[-1] for name in world.names)
    assert first < second < third < first + 3


async def test_groups_that_answer_are_listed_one_after_the_other() -> None:
    world = GroupedWorld(5)
    world.azure.slow = dict.fromkeys(world.names, 0.3)
    async with world.running():
        await asyncio.sleep(4.5 * SWEEP)

    assert world.azure.most == 1
    assert [len(world.asked(name)) for name in world.names] == [4] * 5


@pytest.mark.parametrize("count", [20, pytest.param(150, marks=pytest.mark.long)])
async def test_many_groups_that_hang_are_each_asked_once_a_sweep_and_heard_of_one_sweep_after_they_are_back(
    count: int,
) -> None:
    world = GroupedWorld(count)
    async with world.running():
        await asyncio.sleep(5)
        world.azure.hanging.update(world.names)
        await asyncio.sleep(10.5 * SWEEP)
        assert {world.state(name)[0] for name in world.names} == {"Unknown"}
        assert {len(world.asked(name)) for name in world.names} == {10}
        assert max(world.longest_gap(name) for name in world.names) < SWEEP * 1.2
        world.azure.hanging.clear()
        await until(lambda: {world.state(name)[0] for name in world.names} == {"True"}, within=SWEEP * 1.1 + 5)


async def test_a_list_that_outlasts_a_sweep_is_not_asked_for_twice_at_once() -> None:
    world = GroupedWorld(2)
    async with world.running():
        await asyncio.sleep(5)
        world.azure.slow[world.names[0]] = 2.5 * SWEEP
        await asyncio.sleep(10 * SWEEP)

    assert world.azure.most_of_one_group == 1
    assert [len(world.asked(name)) for name in world.names] == [4, 10]
