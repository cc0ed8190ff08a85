"""From `kubectl apply` to Azure: what a rollout, a join, a leave and a change come to, and how many calls they take."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.api.profile import MonitorConfig
from fleetdns.controllers.ports import HubObject
from tests.controllers.world import World, export_key
from tests.core.builders import make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime


def sample(count: int) -> tuple[HubObject, ...]:
    return (make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters(count)))


def clusters(count: int) -> list[str]:
    return [f"member-{number}" for number in range(1, count + 1)]


def roll_out(world: World, count: int = 2) -> None:
    world.hub.apply(*sample(count))


@pytest.mark.parametrize("count", [1, 10, 200])
async def test_a_first_rollout_is_one_put_and_at_most_one_read(count: int) -> None:
    world = World()
    async with world.running() as process:
        await asyncio.sleep(1)
        before = len(world.azure.calls)
        roll_out(world, count)
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) in (["put_profile"], ["get", "put_profile"])
        assert len(world.azure.only.endpoints) == count
        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")
        assert world.profile_status().dns_name == "myatm.trafficmanager.net"
        assert world.profile_status().resource_id == world.azure.only.ref.resource_id
        assert world.backend_status().endpoint_count == count
        assert process.errors() == []


async def test_a_first_rollout_waits_for_its_exports_to_be_resolved_and_for_nothing_after_that() -> None:
    world = World(delay=0.01)
    async with world.running():
        await asyncio.sleep(1)
        start = asyncio.get_running_loop().time()
        roll_out(world, 50)
        await asyncio.sleep(5)

        (put,) = world.azure.times("put_profile")
        assert 0.2 <= put - start <= 0.3
        assert len(world.azure.only.endpoints) == 50


async def test_a_profile_whose_exports_nobody_resolves_is_made_without_them_after_a_moment() -> None:
    world = World()
    async with world.running(resolves_exports=False):
        await asyncio.sleep(1)
        start = asyncio.get_running_loop().time()
        roll_out(world)
        await asyncio.sleep(5)

        (put,) = world.azure.times("put_profile")
        assert 2.0 <= put - start <= 2.3
        assert world.azure.only.endpoints == ()


async def test_finalizers_are_on_before_anything_is_in_azure() -> None:
    world = World(latency=0.5)
    async with world.running():
        await asyncio.sleep(2)
        roll_out(world)
        await asyncio.sleep(1.4)
        assert world.azure.writes() == ["put_profile"]
        assert world.azure.profiles == {}
        assert PROFILE_FINALIZER in world.profile().metadata.finalizers
        assert BACKEND_FINALIZER in world.backend().metadata.finalizers


async def test_a_cluster_that_joins_is_one_read_and_one_put() -> None:
    world = World()
    async with world.running():
        roll_out(world, 2)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_export("member-3"))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "put_profile"]
        assert world.weights() == {"member-1": 33, "member-2": 33, "member-3": 33}
        assert world.accepted() == ("True", "Accepted")


async def test_a_cluster_that_leaves_is_one_read_and_one_put() -> None:
    world = World()
    async with world.running():
        roll_out(world, 3)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.delete(InternalServiceExport, export_key("member-3"))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "put_profile"]
        assert world.weights() == {"member-1": 50, "member-2": 50}
        assert [e.from_.cluster for e in world.backend_status().endpoints if e.from_] == ["member-1", "member-2"]
        assert world.accepted() == ("True", "Accepted")


async def test_a_change_of_one_endpoint_is_one_endpoint_call_over_a_fresh_read() -> None:
    world = World()
    async with world.running():
        roll_out(world, 3)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_export("member-2", target=public_ip("moved")))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "put_endpoint"]
        assert public_ip("moved") in [e.target_resource_id for e in world.azure.only.endpoints]
        assert len(world.azure.only.endpoints) == 3


async def test_a_change_of_the_monitor_is_one_patch_over_a_fresh_read() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_profile(monitor=MonitorConfig(30, 10, 3, "HTTP", 8080, "/healthz")))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "patch_profile"]
        assert world.azure.only.monitor.path == "/healthz"
        assert len(world.azure.only.endpoints) == 2
        assert world.profile_status().observed_generation == world.profile().metadata.generation == 2


@pytest.mark.parametrize(
    "shouts",
    [
        pytest.param(False, id="Azure answers as it was asked"),
        pytest.param(True, id="Azure answers in another case"),
    ],
)
async def test_a_restart_with_nothing_changed_lists_and_writes_nothing(shouts: bool) -> None:
    world = World()
    async with world.running():
        roll_out(world, 3)
        await asyncio.sleep(5)
    world.azure.shouts = shouts
    statuses = (world.profile_status(), world.backend_status())
    azure, hub, events = len(world.azure.calls), len(world.hub.writes), len(world.hub.events)
    async with world.running() as process:
        await asyncio.sleep(200)

        assert set(world.azure.operations(since=azure)) == {"list_subscription", "list_group"}
        assert world.azure.operations(since=azure).count("list_subscription") == 1
        assert process.errors() == []
    if not shouts:  # what is spelled otherwise may be shown otherwise, once
        assert (world.hub.writes[hub:], world.hub.events[events:]) == ([], [])
    assert (world.profile_status().conditions, world.backend_status().conditions) == tuple(
        status.conditions for status in statuses
    )


async def test_applying_a_directory_is_one_put_although_its_objects_come_one_after_the_other() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(1)
        before = len(world.azure.calls)
        for obj in sample(5):
            world.hub.apply(obj)
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)

        assert world.azure.writes(since=before) == ["put_profile"]
        assert len(world.azure.only.endpoints) == 5


async def test_a_new_profile_waits_two_seconds_at_most_while_things_keep_arriving() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(1)
        start = asyncio.get_running_loop().time()
        world.hub.apply(make_profile(), make_backend())
        for cluster in clusters(40):
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)

        first = next(call for call in world.azure.calls if call.operation == "put_profile")
        assert 1.8 < first.at - start <= 2.1
        assert len(world.azure.only.endpoints) == 40


async def test_own_writes_to_status_and_finalizers_do_not_run_the_profile_again() -> None:
    world = World(delay=0.05)
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(10)
        looks = process.looks()
        await asyncio.sleep(30)
        assert process.looks() == looks
        writes = len(world.hub.writes)
        world.hub.apply(make_profile(ttl=30))
        await asyncio.sleep(10)

        assert process.looks() == looks + 1
        assert world.hub.writes[writes:] == ["patch_status trafficmanagerprofiles work/myatm"]


async def test_changes_of_annotations_and_foreign_writes_to_status_settle_without_a_fight() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        good = world.profile_status()
        world.hub.apply(make_profile(annotations={"team": "blue"}))
        world.hub.set_status(world.profile(), type(good)())
        await asyncio.sleep(5)
        writes = len(world.hub.writes)
        await asyncio.sleep(300)

        assert world.profile_status() == good or world.profile_status().dns_name == good.dns_name
        assert world.programmed() == ("True", "Programmed")
        assert world.hub.writes[writes:] == []
