"""Backends and their exports: weights, rejections, waiting, and the switches a person has."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.profile import PAUSED
from tests.controllers.world import SERVICE_KEY, World, condition, export_key
from tests.core.builders import endpoint_name, make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.looptime


def roll_out(world: World) -> None:
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))


async def test_a_backend_without_a_profile_is_told_and_served_when_the_profile_comes() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_backend(), make_export("a"))
        await asyncio.sleep(5)
        assert world.accepted() == ("False", "Invalid")
        assert "not found" in condition(world.backend_status().conditions, "Accepted").message
        assert world.azure.writes() == []
        world.hub.apply(make_profile())
        await asyncio.sleep(5)

        assert world.weights() == {"a": 100}
        assert world.accepted() == ("True", "Accepted")


async def test_weight_zero_removes_the_endpoints_and_is_accepted() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.apply(make_backend(weight=0))
        await asyncio.sleep(5)
        assert world.azure.only.endpoints == ()
        assert world.accepted() == ("True", "Accepted")
        assert world.backend_status().endpoint_count == 0
        world.hub.apply(make_backend(weight=20))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 10, "b": 10}


async def test_a_new_weight_of_a_backend_is_one_put_over_a_fresh_read() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(make_backend("api", weight=100), make_export("a", service="api"))
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_backend("api", weight=50))
        await asyncio.sleep(5)

        assert world.azure.operations(since=before) == ["get", "put_endpoint"]
        assert sorted(e.weight or 0 for e in world.azure.only.endpoints) == [50, 50, 50]


async def test_a_service_nobody_exports_is_told_and_endpoints_come_with_the_first_export() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend())
        await asyncio.sleep(5)
        assert world.accepted() == ("False", "Invalid")
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 100}
        assert world.accepted() == ("True", "Accepted")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(make_export("b", has_dns_label=False), "DNSLabelMissing", id="no DNS label"),
        pytest.param(make_export("b", target=None), "PublicIPPending", id="no public IP"),
        pytest.param(make_export("b", is_internal=True), "InternalLoadBalancer", id="an internal load balancer"),
        pytest.param(make_export("b", service_type="ClusterIP"), "ServiceTypeNotSupported", id="no load balancer"),
    ],
)
async def test_an_export_that_cannot_serve_is_told_and_joins_when_it_can(
    bad: InternalServiceExport, reason: str
) -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"), bad)
        await asyncio.sleep(5)
        assert world.weights() == {"a": 100}
        assert world.rejected() == {"b": reason}
        assert world.accepted() == ("False", "Invalid")
        world.hub.apply(make_export("b"))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 50, "b": 50}
        assert world.accepted() == ("True", "Accepted")


async def test_a_paused_profile_is_planned_and_reported_and_nothing_is_changed() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        azure, before = world.azure.only, len(world.azure.calls)
        world.hub.apply(make_profile(annotations={PAUSED: "true"}, ttl=5))
        world.hub.apply(make_export("c"))
        await asyncio.sleep(30)
        assert world.azure.only == azure
        assert world.azure.writes(since=before) == []
        paused = condition(world.profile_status().conditions, "Paused")
        assert (paused.status, paused.reason) == ("True", "PausedByAnnotation")
        assert "4 changes wait" in paused.message
        looks = process.looks()
        await asyncio.sleep(20)
        assert process.looks() == looks
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(5)

        assert world.azure.only.ttl == 5
        assert len(world.azure.only.endpoints) == 3
        assert "Paused" not in {c.type for c in world.profile_status().conditions}


async def test_a_pause_also_stops_the_lonely_tries_of_a_refused_endpoint() -> None:
    world = World()
    world.azure.bad_targets.add(public_ip("b-app").lower())
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.apply(make_profile(annotations={PAUSED: "true"}))
        await asyncio.sleep(1)
        before, looks = len(world.azure.calls), process.looks()
        await asyncio.sleep(600)
        assert world.azure.writes(since=before) == []
        assert process.looks() < looks + 20
        world.azure.bad_targets.clear()
        world.hub.apply(make_profile())
        await asyncio.sleep(5)

        assert world.weights() == {"a": 50, "b": 50}


async def test_a_dry_run_writes_nothing_anywhere() -> None:
    world = World(is_dry_run=True)
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(100)
        world.hub.apply(make_profile(ttl=5), make_export("c"))
        world.hub.delete(InternalServiceExport, export_key("a"))
        await asyncio.sleep(100)

        assert world.azure.writes() == []
        assert world.hub.writes == []
        assert world.hub.events == []
        assert process.errors() == []


async def test_a_dry_run_over_what_a_real_run_left_writes_nothing_either() -> None:
    world = World()
    world.azure.bad_targets.add(public_ip("b-app").lower())
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.settings = World(is_dry_run=True).settings
    world.hub.delete(type(make_profile()), make_profile().metadata.key)
    world.hub.apply(make_profile("second"))
    azure, hub = len(world.azure.calls), len(world.hub.writes)
    async with world.running():
        await asyncio.sleep(300)

        assert world.azure.writes(since=azure) == []
        assert world.hub.writes[hub:] == []


async def test_an_export_that_cannot_be_read_keeps_its_endpoint_through_a_restart() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.garble(make_export("b"))
        await asyncio.sleep(5)
        assert world.azure.only.endpoint(endpoint_name("b")) is not None
    async with world.running():
        await asyncio.sleep(5)
        assert world.azure.only.endpoint(endpoint_name("b")) is not None
        world.hub.mend(make_export("b"))
        await asyncio.sleep(5)
        assert world.weights() == {"a": 50, "b": 50}
        assert world.accepted() == ("True", "Accepted")
        world.hub.delete(InternalServiceExport, export_key("b"))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 100}


async def test_a_profile_that_cannot_be_read_is_left_alone_with_its_backends() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure, status = world.azure.only, world.backend_status()
        world.hub.garble(make_profile())
        await asyncio.sleep(100)

        assert world.azure.only == azure
        assert world.backend_status() == status


async def test_an_import_that_cannot_be_read_takes_no_endpoint_away() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        held = world.service_import()
        assert held is not None
        world.hub.garble(held)
        await asyncio.sleep(100)
        assert len(world.azure.only.endpoints) == 2
        world.hub.mend(held)
        await asyncio.sleep(5)

        assert world.accepted() == ("True", "Accepted")


async def test_an_import_deleted_by_hand_comes_back_and_no_endpoint_leaves_meanwhile() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.delete(ServiceImport, SERVICE_KEY)
        await asyncio.sleep(5)

        assert world.service_import() is not None
        assert world.azure.writes(since=before) == []
        assert world.accepted() == ("True", "Accepted")


async def test_health_and_counts_follow_what_the_probes_say() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        assert condition(world.profile_status().conditions, "Healthy").reason == "AllEndpointsOnline"
        world.azure.tamper_endpoint(endpoint_name("a"), lambda e: structs.replace(e, monitor_status="Degraded"))
        before = len(world.azure.calls)
        await asyncio.sleep(61)

        counts = world.profile_status().endpoints
        assert counts is not None
        assert (counts.total, counts.online, counts.degraded) == (2, 1, 1)
        assert condition(world.profile_status().conditions, "Healthy").reason == "EndpointsDegraded"
        assert world.programmed() == ("True", "Programmed")
        assert world.azure.writes(since=before) == []
