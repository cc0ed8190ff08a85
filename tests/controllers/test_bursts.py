"""Many clusters at once: what a burst of exports costs in writes, and that a lone one waits for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import ceil

import pytest

from fleetdns.api.exports import CONFLICT, InternalServiceExport
from tests.controllers.world import World, condition, export_key, with_finalizer, with_ports
from tests.core.builders import make_backend, make_export, make_profile

pytestmark = [pytest.mark.looptime, pytest.mark.long]

IMPORT = "patch_status serviceimports work/app"
CREATION = "create_import serviceimports work/app"
MANY = [f"member-{number:03}" for number in range(200)]
delays = pytest.mark.parametrize("delay", [0.0, 0.05], ids=["a prompt watch", "a watch that is 50 ms late"])


def clusters(world: World) -> list[str]:
    held = world.service_import()
    return [] if held is None else [ref.cluster for ref in held.status.clusters]


def verdicts(world: World) -> Counter[str]:
    """How often each export's status was written."""
    return Counter(write for write in world.hub.writes if write.startswith("patch_status internalserviceexports"))


@delays
@pytest.mark.parametrize("gap", [0.0, 0.008], ids=["in one moment", "within 1.6 s"])
async def test_two_hundred_clusters_that_join_a_new_service_cost_one_import_write(gap: float, delay: float) -> None:
    world = World(delay=delay)
    async with world.running() as process:
        await asyncio.sleep(1)
        for cluster in MANY:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(gap)
        await asyncio.sleep(10)

        assert clusters(world) == MANY
        assert (world.hub.writes.count(CREATION), world.hub.writes.count(IMPORT)) == (1, 1)
        assert (len(verdicts(world)), set(verdicts(world).values())) == (200, {1})
        assert process.errors() == []


@delays
@pytest.mark.parametrize(
    ("gap", "seconds"),
    [
        pytest.param(0.0, 0.0, id="in one moment"),
        pytest.param(0.009, 1.8, id="within 1.8 s"),
        pytest.param(0.04, 8.0, id="within 8 s"),
    ],
)
async def test_joining_a_service_that_exists_costs_one_write_and_one_more_for_every_two_seconds(
    gap: float, seconds: float, delay: float
) -> None:
    world = World(delay=delay)
    async with world.running():
        world.hub.apply(make_export("first"))
        await asyncio.sleep(5)
        before = world.hub.writes.count(IMPORT)
        for cluster in MANY:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(gap)
        await asyncio.sleep(5)

        assert clusters(world) == ["first", *MANY]
        assert world.hub.writes.count(IMPORT) - before <= 1 + max(1, ceil(seconds / 2))
        assert (len(verdicts(world)), set(verdicts(world).values())) == (201, {1})


async def test_two_hundred_clusters_that_join_a_profile_in_dns_cost_two_profile_writes() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("first"))
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        for cluster in MANY[:199]:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(0.005)
        await asyncio.sleep(5)

        assert len(world.weights()) == 200
        assert world.azure.writes(since=before) == ["put_profile", "put_profile"]


async def test_a_lone_export_of_a_service_that_exists_is_in_at_once() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)
        world.hub.apply(make_export("b"))
        await asyncio.sleep(0.001)

        assert clusters(world) == ["a", "b"]


async def test_an_export_that_comes_right_after_a_write_is_in_after_a_fifth_of_a_second() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)
        world.hub.apply(make_export("b"))
        await asyncio.sleep(0.1)
        world.hub.apply(make_export("c"))
        await asyncio.sleep(0.15)
        assert clusters(world) == ["a", "b"]
        await asyncio.sleep(0.1)

        assert clusters(world) == ["a", "b", "c"]


async def test_the_last_export_takes_the_import_along_at_once_whatever_was_just_written() -> None:
    world = World()
    async with world.running():
        world.hub.apply(with_finalizer(make_export("a")), with_finalizer(make_export("b")))
        await asyncio.sleep(5)
        world.hub.delete(InternalServiceExport, export_key("a"))
        await asyncio.sleep(0.01)
        world.hub.delete(InternalServiceExport, export_key("b"))
        await asyncio.sleep(0.01)

        assert world.service_import() is None
        assert not world.hub.holds(InternalServiceExport, export_key("b"))


@delays
async def test_clusters_that_leave_at_once_cost_two_import_writes_and_are_all_let_go(delay: float) -> None:
    world = World(delay=delay)
    async with world.running():
        world.hub.apply(*(with_finalizer(make_export(cluster)) for cluster in ("first", *MANY)))
        await asyncio.sleep(5)
        before = world.hub.writes.count(IMPORT)
        for cluster in MANY:
            world.hub.delete(InternalServiceExport, export_key(cluster))
            await asyncio.sleep(0.008)
        await asyncio.sleep(5)

        assert clusters(world) == ["first"]
        assert world.hub.writes.count(IMPORT) - before <= 2
        assert not any(world.hub.holds(InternalServiceExport, export_key(cluster)) for cluster in MANY)


async def test_every_loser_of_a_burst_is_told_once_and_costs_no_import_write() -> None:
    world = World(delay=0.02)
    async with world.running():
        world.hub.apply(make_export("first", exported_since="2025-01-01T00:00:00Z"))
        await asyncio.sleep(5)
        before = world.hub.writes.count(IMPORT)
        for cluster in MANY:
            world.hub.apply(with_ports(make_export(cluster), 8080))
            await asyncio.sleep(0.008)
        await asyncio.sleep(5)

        assert clusters(world) == ["first"]
        assert world.hub.writes.count(IMPORT) == before
        assert {condition(world.export(c).status.conditions, CONFLICT).status for c in MANY} == {"True"}
        assert set(verdicts(world).values()) == {1}


async def test_a_restart_in_the_middle_of_a_burst_loses_nobody_and_costs_one_write_more() -> None:
    world = World(delay=0.02)
    async with world.running():
        for cluster in MANY[:100]:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(0.005)
    async with world.running():
        for cluster in MANY[100:]:
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(0.005)
        await asyncio.sleep(5)

        assert clusters(world) == MANY
        assert world.hub.writes.count(IMPORT) <= 2
        assert (len(verdicts(world)), set(verdicts(world).values())) == (200, {1})
