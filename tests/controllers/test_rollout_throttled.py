"""A whole subscription at once, under the limits that Azure documents: as fast as they allow, and never past them."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from tests.controllers.emulated import EmulatedWorld
from tests.controllers.throttling import LIMITED, is_true, now, refusals, rolled_out, shop, shops, until
from tests.core.builders import NAMESPACE

pytestmark = pytest.mark.looptime

SUBSCRIPTION_HOLDS = 200
SHOPS = shops(SUBSCRIPTION_HOLDS)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(20, id="of twenty endpoints", marks=pytest.mark.long),
        pytest.param(200, id="of two hundred endpoints", marks=[pytest.mark.long, pytest.mark.timeout(300)]),
    ],
)
async def test_two_hundred_profiles_are_two_hundred_puts_in_two_minutes(count: int) -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await asyncio.sleep(1)
        start = now()
        clusters = [f"member-{number}" for number in range(count)]
        for name in SHOPS:
            world.hub.apply(*shop(name, clusters=clusters))
        await until(lambda: all(is_true(world, name) for name in SHOPS), within=120.0)

        calls = Counter(sent.operation for sent in world.sent_between(start, now()))
        held = world.service.profiles()
        assert [len(profile["properties"]["endpoints"]) for profile in held] == [count] * SUBSCRIPTION_HOLDS
        assert calls["put_profile"] == SUBSCRIPTION_HOLDS
        assert calls["put_endpoint"] == 0
        assert refusals(world) == 0


@pytest.mark.long
async def test_two_hundred_profiles_that_go_at_once_are_two_hundred_deletions_as_fast_as_azure_takes_them() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await rolled_out(world, SHOPS)
        start = now()
        for name in SHOPS:
            world.hub.delete(TrafficManagerProfile, ObjectKey(NAMESPACE, name))
        await until(lambda: not world.service.profiles(), within=120.0)
        await asyncio.sleep(5)

        calls = Counter(sent.operation for sent in world.sent_between(start, now()))
        assert calls["delete_profile"] == SUBSCRIPTION_HOLDS
        assert refusals(world) == 0
        assert not any(world.hub.holds(TrafficManagerProfile, ObjectKey(NAMESPACE, name)) for name in SHOPS)


@pytest.mark.long
async def test_a_restart_with_everything_in_place_is_one_call_a_minute_and_one_at_its_start() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await rolled_out(world, SHOPS)
    start = now()
    async with world.running(workers=8):
        await asyncio.sleep(300)

        calls = Counter(sent.operation for sent in world.sent_between(start, now()))
        assert calls.keys() == {"list_subscription", "list_group"}
        assert calls["list_subscription"] == 1
        assert calls["list_group"] <= 5
