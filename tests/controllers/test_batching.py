"""Many changes are one write, one is a small one, and one bad endpoint costs the others next to nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.profile import PAUSED
from fleetdns.controllers.ports import HubObject
from fleetdns.errors import Forbidden, Transient
from tests.controllers.fake_hub import FakeHub
from tests.controllers.world import World, export_key
from tests.core.builders import make_backend, make_export, make_import, make_profile, public_ip

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

REST = 0.2  # seconds that a profile rests after it was written


def clusters(count: int) -> list[str]:
    return [f"member-{number:03}" for number in range(count)]


def spoil(world: World, *bad: str) -> None:
    """Azure refuses the public IPs of these clusters from now on."""
    world.azure.bad_targets |= {public_ip(f"{cluster}-app").lower() for cluster in bad}


async def rolled_out(world: World, *members: str) -> int:
    """A profile with these clusters, true in Azure; how many calls there were."""
    world.hub.apply(make_profile(), make_backend(weight=1000), *(make_export(cluster) for cluster in members))
    await asyncio.sleep(20)
    return len(world.azure.calls)


def resolved(world: World, *members: str) -> None:
    """Somebody else has resolved these clusters' exports."""
    held = make_import()
    world.hub.apply(held)
    world.hub.set_status(held, make_import(clusters=members).status)


async def joined(world: World, *members: str) -> None:
    """These clusters join at once. The import is not ours, so that they are one change."""
    world.hub.apply(*(make_export(cluster) for cluster in members))
    await asyncio.sleep(1)
    resolved(world, *(sorted({*served(world), *members})))
    await asyncio.sleep(10)


def served(world: World) -> set[str]:
    return {cluster for _, cluster in world.endpoints()}


@pytest.mark.parametrize("is_terse", [False, True], ids=["the refusal names it", "the refusal names nothing"])
@pytest.mark.parametrize("count", [2, 10, 200])
async def test_a_new_profile_with_a_bad_endpoint_takes_two_calls_more_than_endpoints_at_most(
    count: int, is_terse: bool
) -> None:
    world = World()
    world.azure.is_terse = is_terse
    members = clusters(count)
    spoil(world, members[0])
    async with world.running():
        before = len(world.azure.calls)
        await rolled_out(world, *members)
        await asyncio.sleep(100)

        assert served(world) == set(members[1:])
        assert world.rejected() == {members[0]: "AzureRefused"}
        tries = 1 + len(world.azure.times("put_endpoint")) - (count if is_terse else 0)  # the lonely ones since
        writes = len(world.azure.writes(since=before))
        assert writes <= (count + 2 if is_terse else 2) + tries


@pytest.mark.parametrize("is_terse", [False, True], ids=["the refusal names it", "the refusal names nothing"])
async def test_a_bad_cluster_that_joins_many_costs_three_writes(is_terse: bool) -> None:
    world = World()
    world.azure.is_terse = is_terse
    members = clusters(60)  # one more, and each gets a smaller weight
    async with world.running():
        before = await rolled_out(world, *members)
        spoil(world, "bad")
        world.hub.apply(make_export("bad"))
        await asyncio.sleep(10)

        expected = ["put_profile", "put_profile", "put_endpoint"] if is_terse else ["put_profile", "put_profile"]
        assert world.azure.writes(since=before) == expected
        assert served(world) == set(members)
        assert world.rejected() == {"bad": "AzureRefused"}


async def test_bad_ones_among_many_that_join_are_left_out_one_refusal_after_the_other() -> None:
    world = World()
    good, bad = clusters(50), ["bad-1", "bad-2", "bad-3"]
    async with world.running(resolves_exports=False):
        resolved(world, "first")
        before = await rolled_out(world, "first")
        spoil(world, *bad)
        await joined(world, *good, *bad)

        assert world.azure.writes(since=before) == ["put_profile"] * 4
        assert served(world) == {"first", *good}
        assert world.rejected() == dict.fromkeys(bad, "AzureRefused")


@pytest.mark.parametrize("count", [2, 10, 60])
async def test_where_all_are_bad_it_is_two_calls_more_than_endpoints_at_most(count: int) -> None:
    world = World()
    world.azure.is_terse = True
    async with world.running(resolves_exports=False):
        resolved(world, "first")
        before = await rolled_out(world, "first")
        spoil(world, *clusters(count))
        await joined(world, *clusters(count))  # and before the first of them is tried again

        assert len(world.azure.writes(since=before)) <= count + 1 + 2  # the weight of the first changes, too
        assert served(world) == {"first"}


async def test_a_refused_batch_goes_on_where_the_budget_of_calls_ended_it() -> None:
    """There are some twenty endpoint writes at once, and three a second: the batch is not tried whole again."""
    world = World()
    world.azure.is_terse = True
    members = clusters(80)
    async with world.running(resolves_exports=False):
        resolved(world, "first")
        before = await rolled_out(world, "first")
        spoil(world, members[40])
        await joined(world, *members)
        assert len(served(world)) < 80
        await asyncio.sleep(60)

        assert served(world) == {"first", *members} - {members[40]}
        calls = Counter(world.azure.operations(since=before))
        tries = [c for c in world.azure.calls[before:] if c.operation == "put_endpoint" and members[40] in c.subject]
        assert calls["put_profile"] <= 3
        assert calls["put_endpoint"] <= 80 + len(tries)


async def test_a_refused_batch_goes_on_where_an_outage_ended_it() -> None:
    world = World()
    world.azure.is_terse = True
    members = clusters(10)
    async with world.running(resolves_exports=False):
        resolved(world, "first")
        before = await rolled_out(world, "first")
        spoil(world, members[0])
        world.azure.fail("put_endpoint", Transient("InternalServerError", "broken"))
        await joined(world, *members)

        assert served(world) == {"first", *members[1:]}
        assert Counter(world.azure.operations(since=before))["put_profile"] <= 2


async def test_a_refused_batch_goes_on_where_it_was_left_after_a_pause() -> None:
    world = World()
    world.azure.is_terse = True
    members = clusters(80)
    async with world.running(resolves_exports=False):
        resolved(world, "first")
        before = await rolled_out(world, "first")
        spoil(world, members[-1])
        await joined(world, *members)
        assert len(served(world)) < 80
        world.hub.apply(make_profile(annotations={PAUSED: "true"}))
        await asyncio.sleep(10)
        world.hub.apply(make_profile())
        await asyncio.sleep(60)

        assert served(world) == {"first", *members} - {members[-1]}
        assert Counter(world.azure.operations(since=before))["put_profile"] == 1


async def test_a_bad_endpoint_costs_later_batches_nothing() -> None:
    world = World()
    world.azure.is_terse = True
    spoil(world, "bad")
    async with world.running():
        before = await rolled_out(world, *clusters(20), "bad")
        for number in range(5):
            world.hub.apply(make_export(f"later-{number}"))
            await asyncio.sleep(3)

        puts = [c.operation for c in world.azure.calls[before:] if "bad" not in c.subject]
        assert puts == ["get", "put_profile"] * 5
        assert "bad" not in served(world)


# When


async def test_a_quiet_profile_is_written_at_once() -> None:
    world = World()
    async with world.running():
        before = await rolled_out(world, "a", "b")
        changed = asyncio.get_running_loop().time()
        world.hub.apply(make_backend(weight=500))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "put_profile"]
        assert world.azure.calls[before].at - changed < 0.01


@pytest.mark.parametrize("latency", [0.01, 1.0, 2.5])
async def test_what_comes_during_a_write_and_shortly_after_it_is_one_write(latency: float) -> None:
    world = World(latency=latency)
    async with world.running():
        before = await rolled_out(world, "a", "b")
        world.hub.apply(make_backend(weight=500))
        started = asyncio.get_running_loop().time() + 2 * latency  # after the read
        await asyncio.sleep(2 * latency)
        for weight in (501, 502, 503):
            world.hub.apply(make_backend(weight=weight))
            await asyncio.sleep(latency / 2)
        await asyncio.sleep(max(0.0, started + 2 * latency + REST / 2 - asyncio.get_running_loop().time()))
        world.hub.apply(make_backend(weight=600))
        await asyncio.sleep(20)

        first, second = world.azure.times("put_profile", since=before)
        assert second - first >= 2 * latency + REST - 0.001
        assert world.weights() == {"a": 300, "b": 300}


async def test_at_most_one_write_of_a_profile_is_on_its_way() -> None:
    world = World(latency=1.0)
    async with world.running(workers=8):
        before = await rolled_out(world, "a", "b")
        for weight in range(1, 200):
            world.hub.apply(make_backend(weight=weight))
            await asyncio.sleep(0.1)
        await asyncio.sleep(20)

        puts = world.azure.times("put_profile", since=before)
        assert all(later - earlier >= 2.0 + REST - 0.001 for earlier, later in pairwise(puts))
        assert world.weights() == {"a": 100, "b": 100} or sum(filter(None, world.weights().values())) in (198, 199, 200)


@pytest.mark.parametrize("latency", [0.01, 2.0], ids=["an Azure that answers at once", "as slow as Azure is"])
async def test_two_hundred_clusters_that_join_within_seconds_cost_a_handful_of_writes(latency: float) -> None:
    world = World(latency=latency)
    members = clusters(199)
    async with world.running():
        before = await rolled_out(world, "first")
        for cluster in members:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(4 / len(members))
        await asyncio.sleep(30)

        assert served(world) == {"first", *members}
        assert len(world.azure.writes(since=before)) <= 5


async def test_the_same_where_somebody_else_resolves_the_exports_one_by_one() -> None:
    world = World(latency=2.0)
    members = clusters(199)
    async with world.running(resolves_exports=False):
        resolved(world, "first")
        before = await rolled_out(world, "first")
        for number, cluster in enumerate(members, 1):
            world.hub.apply(make_export(cluster))
            resolved(world, "first", *members[:number])
            await asyncio.sleep(4 / len(members))
        await asyncio.sleep(30)

        assert served(world) == {"first", *members}
        assert len(world.azure.writes(since=before)) <= 5


async def test_a_folder_that_is_applied_file_by_file_is_one_put() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(1)
        for thing in (make_export("a"), make_export("b"), make_profile(), make_backend(), make_export("c")):
            world.hub.apply(thing)
            await asyncio.sleep(0.15)
        await asyncio.sleep(5)

        assert world.azure.writes() == ["put_profile"]
        assert served(world) == {"a", "b", "c"}


async def test_a_change_that_was_taken_back_while_it_waited_is_not_written() -> None:
    world = World()
    async with world.running():
        before = await rolled_out(world, "a", "b")
        world.hub.apply(make_backend(weight=500))
        await asyncio.sleep(0.1)
        world.hub.apply(make_backend(weight=700))
        await asyncio.sleep(0.05)
        world.hub.apply(make_backend(weight=500))
        await asyncio.sleep(10)

        assert world.azure.writes(since=before) == ["put_profile"]
        assert world.weights() == {"a": 250, "b": 250}


async def test_one_cluster_that_leaves_among_many_is_one_small_call() -> None:
    world = World()
    members = clusters(200)
    async with world.running():
        before = await rolled_out(world, *members)
        world.withdraw(members[7])
        await asyncio.sleep(10)
        assert world.azure.operations(since=before) == ["delete_endpoint"]
        assert world.hub.get(InternalServiceExport, export_key(members[7])) is None


class SlowHub(FakeHub):
    """A hub that takes its time to create an import."""

    async def create_import(self, service_import: HubObject) -> None:
        await asyncio.sleep(6)
        await super().create_import(service_import)


async def test_a_new_profile_waits_while_this_process_is_behind_with_resolving_its_exports() -> None:
    world = World()
    world.hub = SlowHub()
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters(20)))
    async with world.running():
        await asyncio.sleep(30)

        assert world.azure.writes() == ["put_profile"]
        assert served(world) == set(clusters(20))
        assert world.azure.times("put_profile")[0] < 10


async def test_a_new_profile_does_not_wait_for_exports_that_cannot_be_resolved() -> None:
    world = World()
    async with world.running():
        world.hub.fail("create_import", Forbidden("Forbidden", "no right"), times=1000)
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(10)

        assert world.azure.writes() == ["put_profile"]
        assert world.azure.only.endpoints == ()
