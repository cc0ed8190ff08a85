"""Backends that vanish: their endpoints stay in Azure, and the profile says so while they are held."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import Condition, find
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import ALLOW_EMPTY
from fleetdns.errors import Transient
from tests.controllers.world import World, export_key
from tests.core.builders import NAMESPACE, SERVICE, make_backend, make_export, make_profile, uid_of

pytestmark = pytest.mark.looptime

BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)


def guarded(world: World) -> Condition | None:
    return find(world.profile_status().conditions, "Guarded")


async def lost_while_nobody_looked(world: World) -> None:
    """A profile with two endpoints, whose backend goes with its finalizer stripped while no controller runs."""
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))
        await asyncio.sleep(5)
        assert guarded(world) is None
    world.hub.remove(TrafficManagerBackend, BACKEND_KEY)


async def test_endpoints_of_a_backend_that_is_gone_are_told_on_the_profile_once_with_what_to_do() -> None:
    world = World()
    await lost_while_nobody_looked(world)
    azure = world.azure.only
    async with world.running():
        await asyncio.sleep(30)
        found = guarded(world)
        assert found is not None
        assert (found.status, found.reason) == ("True", "RemovalHeld")
        assert "app in a, app in b" in found.message
        assert f"kubectl annotate tmp myatm -n work {ALLOW_EMPTY}=true" in found.message
        assert "TrafficManagerBackend" in found.message
        assert world.programmed() == ("True", "Programmed")
        writes = len(world.hub.writes)
        await asyncio.sleep(3600)

        assert world.hub.writes[writes:] == []
        assert world.reasons().count("GuardHeld") == 1
        assert world.azure.only == azure


async def test_the_backend_applied_again_ends_what_the_profile_tells() -> None:
    world = World()
    await lost_while_nobody_looked(world)
    served = {e.target_resource_id: e.weight for e in world.azure.only.endpoints}
    async with world.running():
        await asyncio.sleep(30)
        assert guarded(world) is not None
        world.hub.apply(make_backend(uid=uid_of("applied again")))
        await asyncio.sleep(30)

        assert guarded(world) is None
        assert {e.target_resource_id: e.weight for e in world.azure.only.endpoints} == served
        assert world.accepted() == ("True", "Accepted")


async def test_the_annotation_that_the_profile_names_lets_them_go() -> None:
    world = World()
    await lost_while_nobody_looked(world)
    async with world.running():
        await asyncio.sleep(30)
        world.hub.apply(make_profile(annotations={ALLOW_EMPTY: "true"}))
        await asyncio.sleep(30)

        assert world.weights() == {}
        assert guarded(world) is None


async def test_neither_a_restart_nor_an_outage_of_azure_tells_it_anew() -> None:
    world = World()
    await lost_while_nobody_looked(world)
    async with world.running():
        await asyncio.sleep(30)
    before, told = guarded(world), world.reasons().count("GuardHeld")
    assert before is not None
    world.azure.fail("list_group", Transient("ServiceUnavailable", "The service is unavailable."), times=50)
    world.azure.fail("get", Transient("ServiceUnavailable", "The service is unavailable."), times=50)
    async with world.running():
        await asyncio.sleep(600)

        assert guarded(world) == before
        assert world.reasons().count("GuardHeld") == told


async def test_a_dry_run_tells_nobody_but_its_log() -> None:
    world = World()
    await lost_while_nobody_looked(world)
    world.settings = replace(world.settings, is_dry_run=True)
    async with world.running():
        await asyncio.sleep(30)

        assert guarded(world) is None


async def test_a_backend_that_comes_back_before_its_exports_and_before_another_backend_moves_no_weight() -> None:
    world = World()
    async with world.running():
        clusters = [make_export(cluster) for cluster in ("a", "b", "c")]
        world.hub.apply(make_profile(), make_backend(), make_backend("api", weight=50), *clusters)
        world.hub.apply(make_export("d", service="api"))
        await asyncio.sleep(5)
    assert world.weights() == {"a": 34, "b": 34, "c": 34, "d": 51}
    for key in (BACKEND_KEY, ObjectKey(NAMESPACE, "api")):
        world.hub.remove(TrafficManagerBackend, key)
        world.hub.remove(ServiceImport, key)
    for cluster, service in zip("abcd", (SERVICE, SERVICE, SERVICE, "api"), strict=True):
        world.hub.remove(InternalServiceExport, export_key(cluster, service))
    since = len(world.azure.calls)
    async with world.running():
        world.hub.apply(make_backend(uid=uid_of("applied again")))
        await asyncio.sleep(120)
        assert world.azure.writes(since=since) == []
        world.hub.apply(make_backend("api", weight=50, uid=uid_of("api again")))
        await asyncio.sleep(120)
        assert world.azure.writes(since=since) == []
        assert world.weights() == {"a": 34, "b": 34, "c": 34, "d": 51}
        world.hub.apply(*(make_export(cluster) for cluster in "abc"), make_export("d", service="api"))
        await asyncio.sleep(30)

        assert world.weights() == {"a": 34, "b": 34, "c": 34, "d": 51}
        assert world.accepted() == world.accepted("api") == ("True", "Accepted")
