"""Resource groups are looked at each for itself: one that says nothing holds up no other, and none is asked more."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.core.trafficmanager import Listing
from fleetdns.errors import Unavailable
from tests.controllers.fake_azure import FakeTrafficManager
from tests.controllers.throttling import until
from tests.controllers.world import SWEEP, World
from tests.core.builders import NAMESPACE, make_naming, make_profile

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

LONGEST = 20.0  # seconds that a call may take
TIMEOUT = Unavailable("Timeout", "Azure did not answer in time")


class Grouped(FakeTrafficManager):
    """Some resource groups answer nothing, or take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.hanging: set[str] = set()
        self.slow: dict[str, float] = {}  # seconds, by group
        self.under_way: Counter[str] = Counter()
        self.most_of_one_group = 0
        self.most = 0

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        group = resource_group.lower()
        self.under_way[group] += 1
        self.most_of_one_group = max(self.most_of_one_group, self.under_way[group])
        self.most = max(self.most, self.under_way.total())
        try:
            return await self._list_group(subscription, group)
        finally:
            self.under_way[group] -= 1

    async def _list_group(self, subscription: str, group: str) -> Listing:
        listing = await super().list_group(subscription, group)
        if group in self.hanging:
            await asyncio.sleep(LONGEST)
            raise TIMEOUT
        await asyncio.sleep(self.slow.get(group, 0.0))
        return listing


class GroupedWorld(World):
    """One profile in each of many resource groups, all named alike."""

    def __init__(self, count: int) -> None:
        super().__init__(naming=make_naming())
        self.azure: Grouped = Grouped()
        self.names = [f"group-{number:02}" for number in range(count)]
        self.hub.apply(*(make_profile(name, resource_group=name) for name in self.names))

    def asked(self, name: str) -> list[float]:
        """When a group was listed."""
        return [call.at for call in self.azure.calls if (call.operation, call.subject) == ("list_group", name)]

    def longest_gap(self, name: str) -> float:
        times = self.asked(name)
        return max(later - earlier for earlier, later in pairwise(times))

    def state(self, name: str) -> tuple[str, str]:
        return self.programmed(ObjectKey(NAMESPACE, name))


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


@pytest.mark.parametrize("count", [20, 150])
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
