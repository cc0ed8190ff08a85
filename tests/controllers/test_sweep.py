"""The looks at Azure that nobody asked for: how many calls, what silence means, and with rights on groups only."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.sweep import Sweep
from fleetdns.core.trafficmanager import ProfileRef
from fleetdns.errors import Throttled, Transient
from tests.controllers.world import PROFILE_KEY, NoJitter, Told, World, condition, empty_caches
from tests.core.builders import (
    RESOURCE_GROUP,
    SUBSCRIPTION,
    make_backend,
    make_export,
    make_naming,
    make_profile,
    uid_of,
)

pytestmark = pytest.mark.looptime

UNAVAILABLE = Transient("ServiceUnavailable", "The service is unavailable.")


def roll_out(world: World, count: int = 2) -> None:
    exports = (make_export(f"member-{number}") for number in range(1, count + 1))
    world.hub.apply(make_profile(), make_backend(), *exports)


async def test_one_failed_sweep_changes_no_object() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        writes = len(world.hub.writes)
        world.azure.down = UNAVAILABLE
        await asyncio.sleep(60)
        world.azure.heal()
        await asyncio.sleep(200)

        assert world.hub.writes[writes:] == []


async def test_silence_for_three_sweeps_turns_programmed_unknown_and_the_first_answer_turns_it_back() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        good = world.profile_status()
        world.azure.down = UNAVAILABLE
        await asyncio.sleep(170)
        assert world.profile_status() == good
        await asyncio.sleep(80)
        during = world.profile_status()
        assert world.programmed() == ("Unknown", "Pending")
        assert (during.dns_name, during.endpoints) == (good.dns_name, good.endpoints)
        assert world.accepted() == ("True", "Accepted")
        world.azure.heal()
        await asyncio.sleep(61)

        assert world.programmed() == ("True", "Programmed")


async def test_without_the_right_to_list_the_subscription_the_groups_in_use_are_listed() -> None:
    world = World()
    world.azure.is_subscription_listable = False
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        assert world.programmed() == ("True", "Programmed")
        assert world.azure.operations()[:2] == ["list_subscription", "list_group"]
    before = len(world.azure.calls)
    async with world.running():
        await asyncio.sleep(5)
        assert world.azure.operations(since=before) == ["list_subscription", "list_group"]


async def test_a_group_that_somebody_names_and_nobody_may_read_holds_back_nobody_else() -> None:
    world = World()
    world.azure.is_subscription_listable = False
    world.azure.forbidden_groups.add("not-ours")
    stranger = make_profile("stranger", resource_group="not-ours")
    world.hub.apply(stranger)
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)

        assert world.programmed() == ("True", "Programmed")
        assert world.programmed(stranger.metadata.key) == ("False", "Invalid")
        assert "not-ours" in condition(world.profile_status(stranger.metadata.key).conditions, "Programmed").message


async def test_a_group_that_comes_into_use_later_is_listed_before_anything_is_made_in_it() -> None:
    world = World()
    late = make_profile("late", resource_group="other-rg")
    async with world.running():
        world.hub.apply(late)
        await asyncio.sleep(5)
    kept = world.azure.only
    world.hub.remove(type(late), late.metadata.key)
    world.azure.is_subscription_listable = False
    async with world.running():
        await asyncio.sleep(5)
        world.hub.apply(make_profile("late", resource_group="other-rg", uid="11111111-0000-4000-8000-000000000001"))
        await asyncio.sleep(5)

        assert list(world.azure.profiles.values()) == [kept]
        assert world.profile_status(late.metadata.key).resource_id == kept.ref.resource_id


async def test_a_sweep_is_one_list_for_each_resource_group_in_use() -> None:
    world = World(naming=make_naming())
    async with world.running() as process:
        groups = ["one", "one", "two", "three"]
        world.hub.apply(*(make_profile(f"p{n}", resource_group=group) for n, group in enumerate(groups)))
        await asyncio.sleep(30)
        before = len(world.azure.calls)
        await asyncio.sleep(60)

        assert world.azure.operations(since=before) == ["list_group"] * 3
        assert sorted(process.told.sweeps) == [("", 0), ("one", 0), ("three", 0), ("two", 0)]


async def test_a_throttled_sweep_waits_as_long_as_it_was_told() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("list_group", Throttled("TooManyRequests", "", retry_after=100.0))
        before = len(world.azure.calls)
        await asyncio.sleep(300)

        first, second, *_ = world.azure.times("list_group", since=before)
        assert second - first >= 100


async def test_a_long_pause_that_one_group_is_asked_for_is_kept_for_all_and_told_everywhere() -> None:
    world = World()
    async with world.running():
        keys = [ObjectKey("work", name) for name in ("one", "two")]
        world.hub.apply(*(make_profile(key.name, resource_group=key.name) for key in keys))
        await asyncio.sleep(5)
        world.azure.fail("list_group", Throttled("TooManyRequests", "", retry_after=1000.0))
        before = len(world.azure.calls)
        await asyncio.sleep(400)
        assert world.azure.operations(since=before) == ["list_group"]
        assert [world.programmed(key) for key in keys] == [("Unknown", "Pending")] * 2
        await asyncio.sleep(800)

        assert [world.programmed(key) for key in keys] == [("True", "Programmed")] * 2


async def test_what_was_known_of_profiles_that_are_gone_is_forgotten() -> None:
    world, told, clock = World(), Told(), asyncio.get_running_loop().time
    index = AzureIndex(world.azure, clock=clock)
    caches = empty_caches()
    sweep = Sweep(
        caches,
        index,
        naming=world.settings.naming,
        enqueue=lambda key: None,
        observer=told,
        interval=60.0,
        patience=180.0,
        clock=clock,
        random=NoJitter(1),
    )
    gone = ProfileRef(SUBSCRIPTION, RESOURCE_GROUP, "gone")
    await index.read(gone)
    await sweep.once()
    assert index.known(gone) is not None  # a list that is under way may still bring it
    await asyncio.sleep(200)
    await sweep.once()

    assert index.known(gone) is None


async def test_a_profile_that_comes_back_after_a_while_is_looked_at_anew_and_not_called_unheard() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(deletion_policy="Retain"), make_backend(), make_export())
        await asyncio.sleep(5)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(1)
        world.azure.down = UNAVAILABLE
        await asyncio.sleep(400)
        world.hub.apply(make_profile(uid=uid_of("anew")))
        await asyncio.sleep(5)
        assert world.programmed()[0] != "True"
        world.azure.heal()
        await asyncio.sleep(30)

        assert world.programmed() == ("True", "Programmed")


async def test_a_profile_that_comes_back_just_before_it_counts_as_unheard_says_so_only_until_the_next_sweep() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(deletion_policy="Retain"), make_backend(), make_export())
        await asyncio.sleep(65)
        world.hub.apply(
            make_profile(deletion_policy="Retain", ttl=20)
        )  # the last that is heard of it, between two sweeps
        await asyncio.sleep(5)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(1)
        world.azure.down = UNAVAILABLE
        await asyncio.sleep(171)
        world.azure.heal()
        world.hub.apply(make_profile(uid=uid_of("anew"), ttl=20))
        await asyncio.sleep(4)
        assert world.programmed() == ("True", "Programmed")
        world.hub.apply(make_backend(annotations={"example.com/touched": "yes"}))
        await asyncio.sleep(1)
        assert world.programmed() == ("Unknown", "Pending")
        await asyncio.sleep(180)

        assert world.programmed() == ("True", "Programmed")
