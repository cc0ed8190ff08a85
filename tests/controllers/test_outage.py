"""Azure fails, throttles, forbids or is silent: nothing is lost, status keeps what is known, and it catches up."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.errors import FleetDNSError, Forbidden, Throttled, Transient
from tests.controllers.world import World, condition
from tests.core.builders import RESOURCE_GROUP, make_backend, make_export, make_naming, make_profile, public_ip

pytestmark = pytest.mark.looptime

UNAVAILABLE = Transient("ServiceUnavailable", "The service is unavailable.")
TIMEOUT = Transient("Timeout", "Azure did not answer in time")
FORBIDDEN = Forbidden("AuthorizationFailed", "no right to trafficManagerProfiles/write")


def roll_out(world: World, count: int = 2) -> None:
    exports = (make_export(f"member-{number}") for number in range(1, count + 1))
    world.hub.apply(make_profile(), make_backend(), *exports)


async def test_while_azure_fails_status_keeps_what_is_known_and_afterwards_it_catches_up() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        good, endpoints = world.profile_status(), world.backend_status().endpoints
        world.azure.down = UNAVAILABLE
        world.hub.apply(make_profile(ttl=5), make_export("member-3"))
        await asyncio.sleep(90)
        during = world.profile_status()
        assert (during.dns_name, during.resource_id, during.endpoints) == (
            good.dns_name,
            good.resource_id,
            good.endpoints,
        )
        assert world.backend_status().endpoints == endpoints
        assert world.programmed() == ("Unknown", "Pending")
        assert world.accepted() == ("Unknown", "Pending")
        assert condition(during.conditions, "Healthy").status == "True"
        world.azure.heal()
        await asyncio.sleep(90)

        assert world.azure.only.ttl == 5
        assert len(world.azure.only.endpoints) == 3
        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")


async def test_a_failing_change_of_an_endpoint_is_pending_for_its_backend_and_nothing_else() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(make_backend("api"), make_export("member-1", service="api"))
        await asyncio.sleep(1000)  # long after the start: what was heard once must not count as never heard
        good = world.profile_status()
        world.azure.down = UNAVAILABLE
        world.hub.apply(make_export("member-2", target=public_ip("moved")))
        await asyncio.sleep(10)

        assert world.accepted() == ("Unknown", "Pending")
        assert world.accepted("api") == ("True", "Accepted")
        assert world.profile_status() == good


async def test_the_same_failure_again_and_again_writes_status_once() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.down = UNAVAILABLE
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(10)
        writes, looks = len(world.hub.writes), process.looks()
        await asyncio.sleep(100)

        assert process.looks() > looks
        assert world.hub.writes[writes:] == []


@pytest.mark.parametrize("pause", [7.0, 45.0])
async def test_a_throttled_write_is_repeated_exactly_when_it_was_told(pause: float) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("patch_profile", Throttled("TooManyRequests", "Slow down.", retry_after=pause))
        before = len(world.azure.calls)
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(50)

        first, second = world.azure.times("patch_profile", since=before)
        assert second - first == pytest.approx(pause, abs=0.1)
        assert world.azure.only.ttl == 5
        assert world.programmed() == ("True", "Programmed")


async def test_a_throttled_call_that_is_told_to_come_back_at_once_is_not_repeated_in_a_circle() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("patch_profile", Throttled("TooManyRequests", "", retry_after=0.0), times=1000)
        before = len(world.azure.calls)
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(20)

        assert len(world.azure.times("patch_profile", since=before)) <= 20


@pytest.mark.parametrize("is_after_commit", [False, True], ids=["did not happen", "happened"])
async def test_a_new_profile_whose_put_timed_out_is_looked_for_before_it_is_made_again(is_after_commit: bool) -> None:
    world = World()
    world.azure.fail("put_profile", TIMEOUT, is_after_commit=is_after_commit)
    async with world.running():
        roll_out(world)
        await asyncio.sleep(10)

        assert world.azure.writes() == ["put_profile"] * (1 if is_after_commit else 2)
        assert world.azure.operations().index("get") < world.azure.operations().index("put_profile")
        assert world.azure.operations().count("get") == 2
        assert len(world.azure.only.endpoints) == 2
        assert world.programmed() == ("True", "Programmed")
        assert world.profile_status().resource_id == world.azure.only.ref.resource_id


@pytest.mark.parametrize("is_after_commit", [False, True], ids=["did not happen", "happened"])
async def test_an_endpoint_whose_put_timed_out_is_looked_at_before_it_is_written_again(is_after_commit: bool) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("put_endpoint", TIMEOUT, is_after_commit=is_after_commit)
        before = len(world.azure.calls)
        world.hub.apply(make_export("member-2", target=public_ip("moved")))
        await asyncio.sleep(10)

        expected = ["put_endpoint", "get"] if is_after_commit else ["put_endpoint", "get", "put_endpoint"]
        assert world.azure.operations(since=before) == expected
        assert world.accepted() == ("True", "Accepted")


async def test_a_missing_right_is_named_and_heals_within_150_seconds_when_it_is_given() -> None:
    world = World()
    world.azure.read_only_groups.add(RESOURCE_GROUP)
    async with world.running():
        roll_out(world)
        await asyncio.sleep(400)
        assert world.programmed() == ("False", "Invalid")
        message = condition(world.profile_status().conditions, "Programmed").message
        assert "trafficManagerProfiles/write" in message
        assert "AuthorizationFailed" in message
        assert world.accepted() == ("False", "Invalid")
        assert world.reasons().count("AzureAPIError") == 2
        assert len(world.azure.writes()) < 8
        world.azure.read_only_groups.clear()
        await asyncio.sleep(150)

        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")


async def test_starting_while_azure_is_down_removes_nothing_keeps_status_and_catches_up() -> None:
    world = World()
    async with world.running():
        roll_out(world, 3)
        await asyncio.sleep(5)
    good, endpoints, azure = world.profile_status(), world.backend_status(), world.azure.only
    world.azure.down = UNAVAILABLE
    async with world.running():
        await asyncio.sleep(100)
        assert world.azure.only == azure
        assert (world.profile_status(), world.backend_status()) == (good, endpoints)
        world.hub.apply(make_profile("fresh"), make_export("member-4"))
        await asyncio.sleep(50)
        assert world.azure.only == azure
        world.azure.heal()
        await asyncio.sleep(100)

        assert {p.relative_name for p in world.azure.profiles.values()} == {"myatm", "fresh"}
        assert len(world.azure.profiles[azure.ref.folded].endpoints) == 4
        assert world.accepted() == ("True", "Accepted")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        pytest.param(UNAVAILABLE, 10, id="one failure at the start costs seconds, not a sweep"),
        pytest.param(Throttled("TooManyRequests", "", retry_after=4.0), 5, id="a throttled start waits as told"),
    ],
)
async def test_a_first_listing_that_fails_once(error: FleetDNSError, seconds: float) -> None:
    world = World()
    world.azure.fail("list_subscription", error)
    async with world.running():
        roll_out(world)
        await asyncio.sleep(seconds)

        assert world.programmed() == ("True", "Programmed")
        if isinstance(error, Throttled):
            first, second = world.azure.times("list_subscription")
            assert second - first == pytest.approx(error.retry_after, abs=0.1)


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
        assert sorted(process.told.sweeps) == [("one", 0), ("three", 0), ("two", 0)]


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
