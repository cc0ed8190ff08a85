"""Azure fails, throttles, forbids or is silent: nothing is lost, status keeps what is known, and it catches up."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.emulator.azure.service import Fault
from fleetdns.errors import FleetDNSError, Throttled, Unavailable
from tests.controllers.emulated import MINUTE, EmulatedWorld
from tests.controllers.fake_azure import WRITES
from tests.controllers.throttling import is_true, now, rolled_out, shops, ttl, until
from tests.controllers.world import SWEEP, World, condition
from tests.core.builders import NAMESPACE, RESOURCE_GROUP, make_backend, make_export, make_profile, public_ip

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

UNAVAILABLE = Unavailable("ServiceUnavailable", "The service is unavailable.")
TIMEOUT = Unavailable("Timeout", "Azure did not answer in time")


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


@pytest.mark.long
async def test_many_profiles_that_are_told_to_come_back_at_once_ask_as_if_it_were_a_second_later() -> None:
    names = [f"shop-{number}" for number in range(100)]
    world = World()
    async with world.running(workers=8):
        for name in names:
            world.hub.apply(make_profile(name), make_backend(name, profile=name), make_export("a", service=name))
        await asyncio.sleep(200)
        world.azure.fail("patch_profile", Throttled("TooManyRequests", "", retry_after=0.0), times=10**6)
        before = len(world.azure.calls)
        for name in names:
            world.hub.apply(make_profile(name, ttl=5))
        await asyncio.sleep(60)
        assert len(world.azure.times("patch_profile", since=before)) <= 60 + 8  # of each worker one was on its way
        world.azure.heal()
        await asyncio.sleep(60)
        assert {profile.ttl for profile in world.azure.profiles.values()} == {5}


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
        assert world.azure.operations(since=before) == ["get", *expected]
        assert world.accepted() == ("True", "Accepted")


async def test_a_missing_right_is_named_and_heals_within_a_sweep_when_it_is_given() -> None:
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
        assert len(world.azure.writes()) < 11
        world.azure.read_only_groups.clear()
        await asyncio.sleep(SWEEP * 1.1 + 1)

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


async def test_a_missing_right_for_many_profiles_is_told_each_in_its_own_words_and_status_rests() -> None:
    world = World()
    world.azure.read_only_groups.add(RESOURCE_GROUP)
    names = [f"shop-{number}" for number in range(6)]
    async with world.running():
        world.hub.apply(*(make_profile(name) for name in names))
        await asyncio.sleep(200)
        versions = {name: world.profile(ObjectKey(NAMESPACE, name)).metadata.resource_version for name in names}
        await asyncio.sleep(400)

        for name in names:
            profile = world.profile(ObjectKey(NAMESPACE, name))
            told = condition(profile.status.conditions, "Programmed")
            assert (told.status, told.reason) == ("False", "Invalid")
            assert f"fleet-{profile.metadata.uid}" in told.message
            assert profile.metadata.resource_version == versions[name]
        world.azure.read_only_groups.clear()
        await asyncio.sleep(SWEEP * 1.1 + 1)
        assert {world.programmed(ObjectKey(NAMESPACE, name)) for name in names} == {("True", "Programmed")}


@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.long)])
async def test_while_only_writes_fail_nobody_reads_for_nothing(count: int) -> None:
    world = World()
    names = [f"shop-{number}" for number in range(count)]
    async with world.running(workers=16):
        for name in names:
            exports = (make_export(cluster, service=name) for cluster in ("a", "b"))
            world.hub.apply(make_profile(name), make_backend(name, profile=name), *exports)
        await asyncio.sleep(60)
        world.azure.fail(WRITES, UNAVAILABLE, times=10**6)
        world.hub.apply(*(make_backend(name, profile=name, weight=400) for name in names))
        await asyncio.sleep(120)
        before = len(world.azure.calls)
        await asyncio.sleep(600)
        calls = Counter(world.azure.operations(since=before))
        assert calls["get"] <= calls["put_profile"] + 1
        assert calls.total() <= 12 * 10

        world.azure.heal()
        await asyncio.sleep(SWEEP * 1.1 + 1)
        assert {world.accepted(name) for name in names} == {("True", "Accepted")}
        weights = {e.weight for profile in world.azure.profiles.values() for e in profile.endpoints}
        assert weights == {200}


async def test_an_outage_is_over_when_nobody_wants_anything_written_any_more() -> None:
    world = EmulatedWorld()
    names = shops(4)
    async with world.running() as process:
        await rolled_out(world, names)
        world.service.add_fault(Fault(kind="server-error", operation="profiles.p*"))
        world.hub.apply(*(make_profile(name, ttl=5) for name in names))
        await until(lambda: process.controller.azure.failing() == ("writes",), within=30)
        world.hub.apply(*(make_profile(name, ttl=60) for name in names))
        await until(lambda: process.controller.azure.failing() == (), within=360)


@pytest.mark.parametrize("count", [1, 2])
async def test_changes_that_never_stop_do_not_make_an_azure_that_is_down_be_asked_more_often(count: int) -> None:
    world = EmulatedWorld()
    names = shops(count)
    async with world.running():
        await rolled_out(world, names)
        world.service.add_fault(Fault(kind="server-error"))
        start = now()
        for number in range(240):
            world.hub.apply(*(make_profile(name, ttl=number) for name in names))
            await asyncio.sleep(0.5)

        assert len(world.sent_between(start + MINUTE, now())) <= 10 * count + 2
        world.service.clear_faults()
        await until(lambda: all(is_true(world, name) for name in names), within=SWEEP)
        assert {ttl(world, name) for name in names} == {239}


@pytest.mark.thorough
async def test_profiles_that_azure_cannot_write_are_no_storm_while_others_are_written() -> None:
    world = EmulatedWorld()
    names = shops(20)
    broken, healthy = names[:10], names[10:]
    async with world.running(workers=16):
        await rolled_out(world, names)
        azure_names = [world.azure_profile(f"{NAMESPACE}/{name}")["name"] for name in broken]
        for name in azure_names:
            world.service.add_fault(Fault(kind="server-error", operation="profiles.p*", profile=name))
        world.hub.apply(*(make_profile(name, ttl=5) for name in broken))
        start = now()
        for number in range(150):
            world.hub.apply(make_profile(healthy[number % 10], ttl=number))
            await asyncio.sleep(2)

        last = world.sent_between(start + 4 * MINUTE, start + 5 * MINUTE)
        failed = [sent for sent in last if sent.is_write and sent.outcome]
        assert len(failed) <= 3 * len(broken)
        world.service.clear_faults()
        await until(lambda: all(is_true(world, name) for name in names), within=SWEEP)
