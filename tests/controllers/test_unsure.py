"""A new profile whose first write got no answer: it is looked for before it is made again, and nobody else waits."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.errors import FleetDNSError, Throttled, Unavailable
from tests.controllers.throttling import until
from tests.controllers.world import World
from tests.core.builders import NAMESPACE, make_backend, make_export, make_profile

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

TIMEOUT = Unavailable("Timeout", "Azure did not answer in time")
BUSY = Throttled("TooManyRequests", "Slow down.", retry_after=5.0)
OURS, THEIRS = ObjectKey(NAMESPACE, "ours"), ObjectKey("team-b", "theirs")


def roll_out(world: World, key: ObjectKey, group: str) -> None:
    """A profile with one backend and one export."""
    profile = make_profile(key.name, namespace=key.namespace, resource_group=group)
    backend = make_backend(key.name, namespace=key.namespace, profile=key.name)
    world.hub.apply(profile, backend, make_export("a", service=key.name, namespace=key.namespace))


@pytest.mark.parametrize("is_subscription_listable", [True, False], ids=["whole", "groups alone"])
@pytest.mark.parametrize("error", [TIMEOUT, BUSY], ids=["no answer", "throttled"])
async def test_one_that_may_not_be_read_any_more_keeps_nobody_elses_from_being_made(
    error: FleetDNSError, is_subscription_listable: bool
) -> None:
    world = World()
    world.azure.is_subscription_listable = is_subscription_listable
    async with world.running():
        await asyncio.sleep(1)
        world.azure.fail("put_profile", error)
        roll_out(world, THEIRS, "group-b")
        await until(lambda: world.azure.times("put_profile") != [], within=5)
        world.azure.forbidden_groups.add("group-b")
        await asyncio.sleep(60)
        roll_out(world, OURS, "group-a")
        await until(lambda: world.programmed(OURS) == ("True", "Programmed"), within=10)

        assert world.programmed(THEIRS)[0] != "True"
        assert [profile.ref.resource_group for profile in world.azure.profiles.values()] == ["group-a"]


@pytest.mark.parametrize(("count", "workers"), [(8, 8), (16, 16), pytest.param(100, 8, marks=pytest.mark.long)])
async def test_each_of_many_is_looked_for_by_its_own_object_alone(count: int, workers: int) -> None:
    world = World(latency=0.2)
    names = [f"shop-{number}" for number in range(count)]
    async with world.running(workers=workers):
        await asyncio.sleep(1)
        world.azure.fail("put_profile", TIMEOUT, times=10**6)
        for name in names:
            roll_out(world, ObjectKey(NAMESPACE, name), "group")
        await asyncio.sleep(30)
        world.azure.heal()
        await until(lambda: len(world.azure.profiles) == count, within=300)

    reads = Counter(call.subject for call in world.azure.calls if call.operation == "get")
    writes = Counter(call.subject for call in world.azure.calls if call.operation == "put_profile")
    assert reads.keys() <= writes.keys()
    assert all(reads[subject] <= writes[subject] for subject in reads)
