"""A start with rights on groups alone: one that does not answer holds up no other, and nothing is made in it."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.memory import Settings
from fleetdns.errors import FleetDNSError, Rejected, Transient, Unavailable
from tests.controllers.groups import GroupedWorld
from tests.controllers.throttling import until
from tests.controllers.world import SWEEP
from tests.core.builders import NAMESPACE, RESOURCE_GROUP, make_naming, make_profile, uid_of

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

BROKEN = Unavailable("InternalServerError", "Something broke.")
ANSWERS = 5.0  # seconds that a handful of calls takes


def world_of_groups(count: int) -> GroupedWorld:
    world = GroupedWorld(count)
    world.azure.is_subscription_listable = False
    return world


def groups_in_azure(world: GroupedWorld) -> list[str]:
    return sorted(profile.ref.resource_group for profile in world.azure.profiles.values())


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    "error",
    [
        BROKEN,
        Transient("Conflict", "Try again."),
        Rejected("SubscriptionNotFound", "There is none."),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_group_that_fails_at_the_start_holds_up_no_other_and_is_served_when_it_answers(
    error: FleetDNSError, number: int
) -> None:
    world = world_of_groups(3)
    failing = world.names[number]
    others = [name for name in world.names if name != failing]
    world.azure.failing[failing] = error
    async with world.running():
        await until(lambda: all(world.state(name)[0] == "True" for name in others), within=40.0)
        await asyncio.sleep(10 * SWEEP)
        assert groups_in_azure(world) == others
        assert world.state(failing)[0] != "True"
        world.azure.failing.clear()
        await until(lambda: world.state(failing)[0] == "True", within=SWEEP * 1.1 + ANSWERS)


async def test_a_group_that_hangs_at_the_start_holds_up_the_others_for_one_call() -> None:
    world = world_of_groups(3)
    world.azure.hanging.add(world.names[0])
    async with world.running():
        await until(lambda: world.state(world.names[1])[0] == world.state(world.names[2])[0] == "True", within=25.0)
        await asyncio.sleep(10 * SWEEP)
        assert groups_in_azure(world) == world.names[1:]
        assert world.state(world.names[0])[0] == "Unknown"
        for name in world.names[1:]:
            assert world.longest_gap(name) < SWEEP * 1.6


async def test_a_start_on_groups_that_all_fail_is_made_up_for_within_one_sweep() -> None:
    world = world_of_groups(3)
    world.azure.failing = dict.fromkeys((*world.names, RESOURCE_GROUP), BROKEN)
    async with world.running() as process:
        await asyncio.sleep(10.5 * SWEEP)
        assert process.told.sweeps == []
        world.azure.failing.clear()
        await until(lambda: all(world.state(n)[0] == "True" for n in world.names), within=SWEEP * 1.1 + ANSWERS)


async def test_a_failure_that_passes_at_once_delays_its_group_by_seconds() -> None:
    world = world_of_groups(2)
    world.azure.fail("list_group", BROKEN)
    async with world.running():
        await until(lambda: all(world.state(name)[0] == "True" for name in world.names), within=ANSWERS)


@pytest.mark.parametrize("hangs", [False, True], ids=["fails", "hangs"])
async def test_a_group_that_does_not_answer_is_asked_a_few_times_a_minute_however_many_wait_for_it(hangs: bool) -> None:
    world = world_of_groups(2)
    failing = world.names[0]
    world.hub.apply(*(make_profile(f"more-{number}", resource_group=failing) for number in range(50)))
    if hangs:
        world.azure.hanging.add(failing)
    else:
        world.azure.failing[failing] = BROKEN
    async with world.running(workers=8):
        await asyncio.sleep(20 * SWEEP)

    asked = world.asked(failing)
    assert world.state(world.names[1])[0] == "True"
    assert sum(at < SWEEP for at in asked) <= 9
    assert 10 <= sum(at > 10 * SWEEP for at in asked) <= 20
    assert [call for call in world.azure.calls if call.operation == "put_profile" and failing in call.subject] == []


async def test_an_object_that_names_no_group_waits_for_each_that_may_hold_its_profile() -> None:
    world = world_of_groups(0)
    old, new = "old-rg", "new-rg"
    world.settings = Settings(make_naming(resource_group=old), world.settings.rounding)
    profile = make_profile()
    world.hub.apply(profile)
    async with world.running():
        await asyncio.sleep(5)
    kept = world.azure.only
    world.hub.remove(TrafficManagerProfile, profile.metadata.key)
    world.hub.apply(make_profile(uid=uid_of("restored")), make_profile("other", resource_group=new))
    naming = make_naming(
        resource_group=new, allowed=[("", old), ("", new), ("elsewhere", "broken")], template="{namespace}-{name}"
    )
    world.settings = Settings(naming, world.settings.rounding)
    world.azure.failing = {old: BROKEN, "broken": BROKEN}
    async with world.running():
        await asyncio.sleep(5 * SWEEP)
        assert world.programmed(ObjectKey(NAMESPACE, "other"))[0] == "True"
        assert world.programmed()[0] == "Unknown"
        assert groups_in_azure(world) == [new, old]
        del world.azure.failing[old]
        await until(lambda: world.programmed()[0] == "True", within=SWEEP * 1.6)

    assert world.profile_status().resource_id == kept.ref.resource_id
    assert groups_in_azure(world) == [new, old]


async def test_an_object_is_not_let_go_before_the_group_that_may_hold_its_profile_was_seen() -> None:
    world = world_of_groups(1)
    (name,) = world.names
    key = ObjectKey(NAMESPACE, name)
    async with world.running():
        await asyncio.sleep(5)
    restored = make_profile(
        name, resource_group=name, uid=uid_of("restored"), finalizers=world.profile(key).metadata.finalizers
    )
    world.hub.remove(TrafficManagerProfile, key)
    world.hub.apply(restored)
    world.azure.failing[name] = BROKEN
    async with world.running():
        world.hub.delete(TrafficManagerProfile, key)
        await asyncio.sleep(3 * SWEEP)
        assert world.hub.get(TrafficManagerProfile, key) is not None
        world.azure.failing.clear()
        await until(lambda: world.hub.get(TrafficManagerProfile, key) is None, within=SWEEP * 1.6)

    assert world.azure.profiles == {}
