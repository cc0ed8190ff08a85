"""What Traffic Manager's probes find: status, events and counts, and what that costs when a whole fleet flaps."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

import pytest
from msgspec import structs

from fleetdns.core.trafficmanager import CHECKING, DEGRADED, DISABLED, ONLINE, Profile
from tests.controllers.world import SWEEP, World, condition
from tests.core.builders import endpoint_name, make_backend, make_export, make_profile

pytestmark = pytest.mark.looptime

CLUSTERS = ("a", "b", "c")


def roll_out(world: World, clusters: Iterable[str] = CLUSTERS) -> None:
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters))


def probed(state: str, *clusters: str) -> Callable[[Profile], Profile]:
    """Probes find these endpoints so."""
    names = {endpoint_name(cluster) for cluster in clusters}

    def found(profile: Profile) -> Profile:
        endpoints = (structs.replace(e, monitor_status=state) if e.name in names else e for e in profile.endpoints)
        return replace(profile, endpoints=tuple(endpoints))

    return found


def told(world: World) -> list[tuple[str, str]]:
    """The events about health, as reason and message."""
    return [(e.reason, e.message) for _, e in world.hub.events if e.reason.startswith("Endpoints")]


def patches(world: World) -> Counter[str]:
    """How often the status of each object was written."""
    return Counter(write.split()[-1] for write in world.hub.writes if write.startswith("patch_status"))


async def test_endpoints_that_fail_and_recover_are_told_once_on_the_profile_and_by_cluster_on_the_backend() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(SWEEP + 5)
        world.azure.tamper(probed(DEGRADED, "a", "b"))
        before = len(world.azure.calls)
        await asyncio.sleep(3 * SWEEP)
        assert told(world) == [
            ("EndpointsDegraded", "2 of 3 endpoints fail their probes: a, b"),
            ("EndpointsDegraded", "the Service fails Traffic Manager's probes in a, b"),
        ]
        world.azure.tamper(probed(ONLINE, "a"))
        await asyncio.sleep(SWEEP)
        world.azure.tamper(probed(ONLINE, "b"))
        await asyncio.sleep(3 * SWEEP)

        assert told(world)[2:] == [
            ("EndpointsRecovered", "the Service answers its probes again in a"),
            ("EndpointsRecovered", "no endpoint fails its probes any more: all 3 endpoints answer their probes"),
            ("EndpointsRecovered", "the Service answers its probes again in b"),
        ]
        assert process.told.states == {DEGRADED: 2, ONLINE: 2}
        assert set(world.azure.operations(since=before)) == {"list_group"}
        assert condition(world.profile_status().conditions, "Healthy").status == "True"


async def test_the_first_findings_of_a_new_profile_are_no_events() -> None:
    world = World()
    async with world.running() as process:
        world.azure.unprobed = CHECKING
        roll_out(world)
        await asyncio.sleep(5)
        assert condition(world.profile_status().conditions, "Healthy").reason == "CheckingEndpoints"
        world.azure.tamper(probed(ONLINE, *CLUSTERS))
        await asyncio.sleep(2 * SWEEP)

        assert condition(world.profile_status().conditions, "Healthy").status == "True"
        assert told(world) == []
        assert process.told.states == {ONLINE: 3}


async def test_a_new_endpoint_that_fails_from_the_start_is_told() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.unprobed = CHECKING
        world.hub.apply(make_export("d"))
        await asyncio.sleep(5)
        assert told(world) == []
        world.azure.tamper(probed(DEGRADED, "d"))
        await asyncio.sleep(SWEEP)

        assert ("EndpointsDegraded", "1 of 4 endpoints fail their probes: d") in told(world)


async def test_what_fails_is_not_told_again_because_it_is_checked_anew_or_the_controller_started_again() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper(probed(DEGRADED, "a"))
        await asyncio.sleep(SWEEP)
        world.azure.tamper(probed(CHECKING, *CLUSTERS))  # as after a write of the whole profile
        await asyncio.sleep(SWEEP)
        world.azure.tamper(probed(DEGRADED, "a"))
        world.azure.tamper(probed(ONLINE, "b", "c"))
        await asyncio.sleep(SWEEP)
        assert len(told(world)) == 2
    async with world.running():
        await asyncio.sleep(2 * SWEEP)
        assert len(told(world)) == 2
        world.azure.tamper(probed(ONLINE, "a"))
        await asyncio.sleep(SWEEP)

        assert [reason for reason, _ in told(world)[2:]] == ["EndpointsRecovered"] * 2


async def test_the_emergency_brake_and_a_cluster_that_leaves_are_no_recovery() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper(probed(DEGRADED, "a", "b"))
        await asyncio.sleep(SWEEP)
        before = len(told(world))
        world.azure.tamper_endpoint(
            endpoint_name("a"), lambda e: structs.replace(e, status=DISABLED, monitor_status=DISABLED)
        )
        await asyncio.sleep(SWEEP)
        world.withdraw("b")
        await asyncio.sleep(SWEEP)

        assert told(world)[before:] == [
            ("EndpointsRecovered", "no endpoint fails its probes any more: all 1 endpoints answer their probes")
        ]


@pytest.mark.thorough
async def test_two_hundred_endpoints_that_flap_cost_one_status_patch_per_object_and_sweep_and_no_write() -> None:
    world, random = World(), Random(7)
    clusters = [f"member-{number}" for number in range(200)]
    async with world.running():
        roll_out(world, clusters)
        await asyncio.sleep(SWEEP + 5)
        azure, before, start = len(world.azure.calls), patches(world), patches(world)
        for _ in range(20):
            for _ in range(12):
                failing = random.sample(clusters, 100)
                world.azure.tamper(probed(ONLINE, *clusters))
                world.azure.tamper(probed(DEGRADED, *failing))
                await asyncio.sleep(SWEEP / 12)
            after = patches(world)
            assert set((after - before).values()) <= {1}
            before = after
        written = before - start

        assert len(written) == 2
        assert set(written.values()) <= {19, 20}
        assert set(world.azure.operations(since=azure)) == {"list_group"}
        assert len(world.azure.times("list_group", since=azure)) in (19, 20)


async def test_answers_to_our_own_writes_add_no_patch_for_health_alone_and_the_last_state_is_told_in_the_end() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(SWEEP + 5)
        before = patches(world)["work/app"]
        for number in range(60):
            world.azure.tamper(probed(DEGRADED if number % 2 else ONLINE, *CLUSTERS))
            world.hub.apply(make_profile(ttl=100 + number, generation=2 + number))
            await asyncio.sleep(10)
        assert world.azure.only.ttl == 159
        assert 5 <= patches(world)["work/app"] - before <= 11
        await asyncio.sleep(SWEEP)

        # The sweep has found nothing that the last answer had not told already.
        assert {endpoint.monitor_status for endpoint in world.backend_status().endpoints} == {DEGRADED}
        counts = world.profile_status().endpoints
        assert counts is not None
        assert (counts.online, counts.degraded) == (0, 3)


async def test_health_that_the_answer_to_a_write_told_is_not_lost_because_the_next_sweep_finds_nothing_new() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(SWEEP + 5)
        world.azure.tamper(probed(DEGRADED, "a"))
        await asyncio.sleep(SWEEP)
        before = len(told(world))
        world.azure.tamper(probed(DEGRADED, "b"))
        world.hub.apply(make_profile(ttl=100, generation=2))
        await asyncio.sleep(5)
        states = {e.from_.cluster: e.monitor_status for e in world.backend_status().endpoints if e.from_}
        assert states == {"a": DEGRADED, "b": ONLINE, "c": ONLINE}
        assert told(world)[before:] == []
        await asyncio.sleep(SWEEP)

        states = {e.from_.cluster: e.monitor_status for e in world.backend_status().endpoints if e.from_}
        assert states == {"a": DEGRADED, "b": DEGRADED, "c": ONLINE}
        assert told(world)[before:] == [("EndpointsDegraded", "the Service fails Traffic Manager's probes in b")]


async def test_a_repair_is_told_although_all_that_the_profile_has_to_say_of_health_waits() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(make_backend("web"), make_export("a", service="web"), make_export("b", service="web"))
        await asyncio.sleep(SWEEP + 5)
        world.azure.tamper(probed(DEGRADED, "a"))
        await asyncio.sleep(SWEEP)
        world.azure.tamper(probed(DEGRADED, "b"))
        world.azure.tamper_endpoint(
            endpoint_name("c"), lambda e: structs.replace(e, target_resource_id="/x", target=None)
        )
        world.hub.apply(make_backend("web", weight=50))
        await asyncio.sleep(5)

        counts = world.profile_status().endpoints
        assert counts is not None
        assert counts.degraded == 1  # what the look found of b waits
        repairs = [event.message for _, event in world.hub.events if event.reason == "DriftRepaired"]
        assert len(repairs) == 1
        assert "targetResourceId" in repairs[0]
