"""A world in which every resource group holds one profile, and some groups answer nothing or take their time."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

from fleetdns.api.meta import ObjectKey
from fleetdns.core.trafficmanager import Listing
from fleetdns.errors import Unavailable
from tests.controllers.fake_azure import FakeTrafficManager
from tests.controllers.world import World
from tests.core.builders import NAMESPACE, make_naming, make_profile

LONGEST = 20.0  # seconds that a call may take
TIMEOUT = Unavailable("Timeout", "Azure did not answer in time")


class Grouped(FakeTrafficManager):
    """Some resource groups answer nothing, or take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.hanging: set[str] = set()
        self.failing: dict[str, Exception] = {}  # what the lists of a group are answered
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
        if group in self.failing:
            raise self.failing[group]
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
