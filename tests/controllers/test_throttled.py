"""Calls are few and everybody wants some: who goes first, who is kept from nothing, and what a refusal closes."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.callbudget import PROFILE_READS, USER, CallBudget
from fleetdns.emulator.azure.service import Fault
from fleetdns.errors import Throttled, Transient
from tests.controllers.emulated import MINUTE, EmulatedWorld
from tests.controllers.throttling import (
    LIMITED,
    Neighbour,
    is_spoilt,
    is_true,
    now,
    refusals,
    rolled_out,
    shop,
    shops,
    spoil,
    ttl,
    until,
)
from tests.controllers.world import World
from tests.core.builders import NAMESPACE, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime

MANY = shops(200)
THROTTLED = ("TooManyRequests", "SubscriptionRequestsThrottled")
LONGEST_SWEEP = 66.0


async def repairs_under_way(world: EmulatedWorld) -> None:
    """Everything was changed by hand, and the sweep has just found it."""
    for name in MANY:
        spoil(world, name)
    reads = world.service.calls.counts["profiles.get"]
    await until(lambda: world.service.calls.counts["profiles.get"] >= reads + 5, within=LONGEST_SWEEP)


@pytest.mark.long
async def test_a_users_change_overtakes_two_hundred_repairs() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await rolled_out(world, MANY)
        await repairs_under_way(world)
        world.hub.apply(make_profile("shop-199", ttl=5), make_export("c", service="shop-198"))

        waited = await until(lambda: ttl(world, "shop-199") == 5, within=60)
        assert waited < 2.5  # of which Azure itself takes up to 1.6
        assert await until(lambda: world.clusters("work/shop-198") == ["a", "b", "c"], within=60) < 2.5
        assert any(is_spoilt(world, name) for name in MANY)


@pytest.mark.long
async def test_a_deletion_overtakes_two_hundred_repairs_and_the_changes_of_users() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await rolled_out(world, MANY)
        await repairs_under_way(world)
        for name in MANY[:100]:
            world.hub.apply(make_profile(name, ttl=5))
        world.hub.delete(TrafficManagerProfile, ObjectKey(NAMESPACE, "shop-199"))

        assert await until(lambda: "work/shop-199" not in world.azure_profiles(), within=60) < 3.0
        assert any(ttl(world, name) != 5 for name in MANY[:100])


@pytest.mark.long
async def test_two_hundred_repairs_are_made_as_fast_as_azure_allows_and_none_is_refused() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await rolled_out(world, MANY)
        start = now()
        await repairs_under_way(world)
        # 150 reads in 20 s are Azure's own limit.
        await until(lambda: not any(is_spoilt(world, name) for name in MANY), within=90)

        calls = Counter(sent.operation for sent in world.sent_between(start, now()))
        assert calls["put_profile"] == len(MANY)
        assert refusals(world) == 0


@pytest.mark.long
async def test_a_repair_is_made_although_users_never_stop_changing_things() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    names = shops(60)
    async with world.running(workers=8):
        await rolled_out(world, names)
        async with asyncio.TaskGroup() as group:
            # More than Azure takes: 10 profile writes a second.
            busy = group.create_task(_change_for_ever(world, names[:-1], every=0.08))
            await asyncio.sleep(30)
            spoil(world, names[-1])
            await until(lambda: not is_spoilt(world, names[-1]), within=LONGEST_SWEEP + 60)
            await asyncio.sleep(MINUTE)
            busy.cancel()

        writes = [sent for sent in world.sent_between(now() - MINUTE, now()) if sent.is_write]
        assert len(writes) >= 400  # all that the budget gives in the long run: everybody had to wait
        assert refusals(world) == 0


@pytest.mark.long
async def test_a_profile_that_changes_all_the_time_does_not_keep_another_waiting() -> None:
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=8):
        await rolled_out(world, ["hot", "calm"])
        async with asyncio.TaskGroup() as group:
            busy = group.create_task(_change_for_ever(world, ["hot"], every=0.2))
            await asyncio.sleep(120)
            start = now()
            world.hub.apply(make_profile("calm", ttl=5))
            assert await until(lambda: ttl(world, "calm") == 5, within=60) < 2.5
            await asyncio.sleep(60)
            calls = len(world.sent_between(start, now()))
            busy.cancel()

        assert calls < 60 / 0.2  # what comes while a write is on its way goes with the next one
        assert refusals(world) == 0


async def _change_for_ever(world: EmulatedWorld, names: list[str], *, every: float) -> None:
    """One of them after the other gets another ttl."""
    number = 0
    while True:
        for name in names:
            number += 1
            world.hub.apply(make_profile(name, ttl=10 + number % 7000))
            await asyncio.sleep(every)


@pytest.mark.parametrize("pause", [7, 45])
async def test_a_refused_kind_of_call_is_closed_for_everybody_for_exactly_that_long_and_no_other_kind(
    pause: int,
) -> None:
    world = EmulatedWorld()
    names = shops(6)
    async with world.running(workers=8):
        await rolled_out(world, names)
        world.service.add_fault(Fault(kind="throttled", operation="profiles.patch", retry_after=pause, times=1))
        world.hub.apply(make_profile(names[0], ttl=5))
        await until(lambda: any(sent.outcome in THROTTLED for sent in world.door.sent), within=10)
        (refused,) = [sent for sent in world.door.sent if sent.outcome in THROTTLED]
        moved = make_export("b", service=names[1], target=public_ip("moved"))
        world.hub.apply(moved, *(make_profile(name, ttl=5) for name in names[2:]))
        # One endpoint: a read and an endpoint PUT.
        await until(lambda: public_ip("moved") in str(world.azure_profile(f"work/{names[1]}")), within=3)
        await until(lambda: all(ttl(world, name) == 5 for name in (names[0], *names[2:])), within=pause + 10)

        later = [sent.at for sent in world.door.sent if sent.operation == "patch_profile" and sent.at > refused.at]
        assert refused.ended is not None
        assert pause <= min(later) - refused.ended <= pause + 1
        assert len(later) == 5
        await until(lambda: all(is_true(world, name) for name in names), within=5)


async def test_no_worker_waits_for_a_closed_kind_of_call() -> None:
    world = EmulatedWorld()
    names = shops(4)
    async with world.running(workers=1) as process:
        await rolled_out(world, names)
        world.service.add_fault(Fault(kind="throttled", operation="profiles.patch", retry_after=60, times=1))
        for name in names[:3]:
            world.hub.apply(make_profile(name, ttl=5))
        await until(lambda: refusals(world) == 1, within=10)
        await asyncio.sleep(2)
        looks = process.looks()
        world.hub.apply(make_export("c", service=names[3], is_internal=True))
        await until(
            lambda: world.rejected(names[3]) == {"c": "InternalLoadBalancer"} and process.looks() > looks, within=1
        )
        world.hub.apply(make_export("b", service=names[3], target=public_ip("moved")))  # a read and an endpoint PUT
        await until(lambda: public_ip("moved") in str(world.azure_profile(f"work/{names[3]}")), within=3)
        assert [ttl(world, name) for name in names[:3]] == [60, 60, 60]


@pytest.mark.long
async def test_with_a_neighbour_that_takes_half_of_every_limit_all_is_done_and_refusals_are_few() -> None:
    workers, names = 8, shops(150)
    world = EmulatedWorld(behaviour=LIMITED)
    async with world.running(workers=workers), asyncio.TaskGroup() as group:
        neighbour = group.create_task(Neighbour(world).run())
        await asyncio.sleep(30)
        start = now()
        for name in names:
            world.hub.apply(*shop(name))
        await until(lambda: all(is_true(world, name) for name in names), within=300)
        sent, windows = world.sent_between(start, now()), (now() - start) / 20 + 1
        neighbour.cancel()

        calls = Counter((call.operation, call.outcome in THROTTLED) for call in sent)
        assert calls["put_profile", False] == len(names)
        # A refusal closes its kind for the rest of the window: what is refused was on its way at that moment.
        assert calls["put_profile", True] <= workers * windows
        assert calls["get_profile", True] <= workers * windows


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(Fault(kind="error", status=400, code="BadRequest", operation="profiles.p*"), id="a setting"),
        pytest.param(Fault(kind="garbage", operation="profiles.p*"), id="an answer that nobody understands"),
        pytest.param(None, id="a DNS name that is taken"),
    ],
)
async def test_a_hub_that_takes_no_status_does_not_multiply_the_calls_to_azure(refused: Fault | None) -> None:
    world = EmulatedWorld()
    if refused is None:
        world.service.take_name("shop-0")
    else:
        world.service.add_fault(refused)
    async with world.running():
        await asyncio.sleep(5)
        world.hub.fail("patch_status", Throttled("TooManyRequests", "", retry_after=1.0), times=150)
        world.hub.apply(*shop("shop-0"))
        start = now()
        await asyncio.sleep(300)

        assert world.most_calls_a_minute(start, now()) <= 20  # no more than where the hub takes it


async def test_whoever_does_not_know_what_became_of_a_new_profile_keeps_its_place_in_the_line() -> None:
    world = World()
    world.azure.fail("put_profile", Transient("InternalServerError", "broken"))
    async with world.running() as process:
        await asyncio.sleep(5)
        budget = process.controller.azure.budget
        while _takes_a_read(budget, "somebody"):
            pass
        world.hub.apply(make_profile())
        for number in range(400):
            await asyncio.sleep(0.05)
            _takes_a_read(budget, f"later-{number}")

        assert world.azure.profiles  # of five reads a second it got one


def _takes_a_read(budget: CallBudget, account: str) -> bool:
    wait = budget.spend(account, PROFILE_READS, urgency=USER, now=now())
    budget.release(account, now=now())
    return wait is None
