"""How often the agent works, writes and lists: at the start, while things come, when all is well, and when not."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fleetdns.api.meta import ObjectKey
from fleetdns.core.publicip import PublicIP
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Throttled, Transient
from tests.core.builders import NAMESPACE
from tests.core.memberbuilders import GROUP
from tests.member.world import World, most_in

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

HOUR = 3600.0
COUNT = 100


def rolled_out(world: World, count: int = COUNT, *, label: str = "app-one") -> None:
    for number in range(count):
        world.expose(f"app-{number}", address=f"20.0.0.{number}", label=label)
        world.ask(f"app-{number}")


def complete(world: World) -> int:
    """Exports on the hub that have everything."""
    return sum(
        offer.spec.public_ip_resource_id is not None and offer.spec.is_dns_label_configured for offer in world.hub.all
    )


async def test_a_hundred_services_start_with_one_list_and_three_writes_each() -> None:
    world = World(delay=0.1, latency=0.5)
    rolled_out(world)
    async with world.running() as told:
        await asyncio.sleep(10)
        assert complete(world) == COUNT
        assert len(world.azure.calls) == 1
        written = Counter(write.split()[0] for write in world.hub.writes)
        assert written.keys() == {"create"}
        assert written["create"] <= COUNT + 4, "a worker may create what the watch has not shown yet, and is told so"
        assert Counter(write.split()[0] for write in world.cluster.writes) == {
            "set_finalizers": COUNT,
            "patch_status": COUNT,
        }
        assert len(told.runs) <= 3 * COUNT


async def test_an_agent_that_starts_again_lists_once_and_writes_nothing() -> None:
    world = World(delay=0.1, latency=0.5)
    rolled_out(world)
    async with world.running():
        await asyncio.sleep(10)
    before = len(world.hub.writes), len(world.cluster.writes), len(world.azure.calls)
    async with world.running() as told:
        await asyncio.sleep(30)
        assert (len(world.hub.writes), len(world.cluster.writes)) == before[:2]
        assert len(world.azure.calls) == before[2] + 1
        assert len(told.runs) <= 2 * COUNT


async def test_a_hundred_services_made_one_by_one_in_ten_seconds_cost_a_handful_of_lists() -> None:
    world = World(delay=0.1, latency=0.5)
    async with world.running():
        for number in range(COUNT):
            world.expose(f"app-{number}", address=f"20.0.0.{number}")
            world.ask(f"app-{number}")
            await asyncio.sleep(0.1)
        await asyncio.sleep(20)
        assert complete(world) == COUNT
        assert len(world.azure.calls) <= 4
        await asyncio.sleep(HOUR)
        assert len(world.azure.calls) <= 4 + 70
        written = Counter(write.split()[0] for write in world.hub.writes)
        assert written["create"] <= COUNT * 1.2
        assert written["patch"] <= COUNT


async def test_when_all_is_well_an_hour_is_sixty_lists_and_no_reconcile_at_all() -> None:
    world = World(delay=0.1, latency=0.5)
    rolled_out(world)
    async with world.running() as told:
        await asyncio.sleep(100)
        lists, runs, writes = len(world.azure.calls), len(told.runs), len(world.hub.writes) + len(world.cluster.writes)
        await asyncio.sleep(HOUR)
        assert 50 <= len(world.azure.calls) - lists <= 66
        assert len(told.runs) == runs
        assert len(world.hub.writes) + len(world.cluster.writes) == writes


@pytest.mark.parametrize("pending", ["the address never comes", "the label never comes", "the label never goes"])
async def test_what_never_comes_costs_one_list_a_minute_for_all_and_one_look_a_minute_each(pending: str) -> None:
    world = World(delay=0.1, latency=0.5)
    count = 30
    rolled_out(world, count, label="" if pending == "the label never goes" else "app-one")
    group = world.azure.groups[GROUP.lower()]
    for address, ip in list(group.items()):
        group[address] = PublicIP(ip.id, ip.address, "stuck" if pending == "the label never goes" else None)
    if pending == "the address never comes":
        group.clear()
    async with world.running() as told:
        await asyncio.sleep(200)
        lists, runs, writes = len(world.azure.calls), len(told.runs), len(world.hub.writes) + len(world.cluster.writes)
        await asyncio.sleep(HOUR)
        assert 50 < len(world.azure.calls) - lists <= 66
        assert most_in(world.azure.times(GROUP)[6:], 60) <= 2
        assert len(told.runs) - runs <= count * 130
        assert len(world.hub.writes) + len(world.cluster.writes) == writes


async def test_services_in_many_groups_cost_one_list_a_minute_for_each_group() -> None:
    world = World(delay=0.1, latency=0.5)
    for number in range(20):
        group = f"group-{number % 4}"
        world.expose(
            f"app-{number}",
            address=f"20.0.0.{number}",
            annotations={"service.beta.kubernetes.io/azure-load-balancer-resource-group": group},
        )
        world.ask(f"app-{number}")
    async with world.running():
        await asyncio.sleep(HOUR)
        for number in range(4):
            assert 50 <= len(world.azure.times(f"group-{number}")) <= 70
        assert world.azure.times(GROUP) == []


@pytest.mark.parametrize(
    ("verb", "error", "most"),
    [
        pytest.param("create", Transient("Unreachable", "no"), 15, id="the hub cannot be written to"),
        pytest.param("create", Throttled("TooManyRequests", "no", retry_after=0), 610, id="the hub asks for no pause"),
        pytest.param("create", Throttled("TooManyRequests", "no", retry_after=60), 11, id="the hub asks for a minute"),
        pytest.param("create", Forbidden("Forbidden", "no"), 10, id="the hub forbids"),
        pytest.param("create", Conflict("AlreadyExists", "no"), 150, id="the hub has what it does not show"),
        pytest.param("patch_status", Transient("Unreachable", "no"), 15, id="status cannot be written"),
        pytest.param("patch_status", Forbidden("Forbidden", "no"), 10, id="status may not be written"),
        pytest.param("set_finalizers", Conflict("Conflict", "no"), 150, id="finalizers always collide"),
        pytest.param("set_finalizers", Forbidden("Forbidden", "no"), 10, id="finalizers may not be written"),
    ],
)
async def test_a_write_that_always_fails_is_tried_at_a_bounded_rate(verb: str, error: FleetDNSError, most: int) -> None:
    world = World(delay=0.1)
    for server in (world.hub, world.cluster):
        server.fail(verb, error, times=10_000)
    async with world.running() as told:
        world.expose()
        world.ask()
        await asyncio.sleep(60)
        runs = len(told.runs)
        await asyncio.sleep(600)
        assert 3 <= len(told.runs) - runs <= most


async def test_looks_at_the_definitions_that_fail_are_repeated_slowly() -> None:
    world = World(delay=0.1)
    async with world.exporting() as told:
        world.cluster.fail("leaving", Forbidden("Forbidden", "no"), times=10_000)
        world.cluster.delete(type(world.export()), ObjectKey(NAMESPACE, "app"))
        runs = len(told.runs)
        await asyncio.sleep(HOUR)
        assert 10 <= len(told.runs) - runs <= 50
        assert len(world.hub.all) == 1, "what is not known to be meant is not withdrawn"


async def test_a_hub_that_fights_over_an_annotation_is_answered_once_for_each_of_its_writes() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        before = len(world.hub.writes)
        for _ in range(100):
            world.hub.respecify(world.hub.all[0].metadata.key, weight=999)
            await asyncio.sleep(10)
        assert len(world.hub.writes) - before <= 110
