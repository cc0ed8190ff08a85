"""Definitions that leave the hub: objects go by the API server's own hand, and Azure is left alone."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import PAUSED, TrafficManagerProfile
from fleetdns.errors import Forbidden
from tests.controllers.world import PROFILE_KEY, SERVICE_KEY, World, condition, export_key
from tests.core.builders import NAMESPACE, SERVICE, make_backend, make_export, make_profile, uid_of

pytestmark = pytest.mark.looptime

BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)
PROFILES = TrafficManagerProfile.resource.plural
BACKENDS = TrafficManagerBackend.resource.plural
EXPORTS = InternalServiceExport.resource.plural
IMPORTS = ServiceImport.resource.plural


def roll_out(world: World) -> None:
    world.hub.apply(make_profile(), make_backend(), make_backend("api"))
    for cluster in "abc":
        world.hub.apply(make_export(cluster), make_export(cluster, service="api"))


async def test_profiles_go_and_their_azure_profiles_stay() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        world.hub.leaving_kinds.add(PROFILES)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(60)

        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert world.azure.only == azure
        assert world.accepted() == ("False", "Invalid")
        world.hub.leaving_kinds.clear()
        world.hub.apply(make_profile(uid=uid_of("anew")))
        await asyncio.sleep(5)
        assert world.azure.only == azure
        assert world.programmed() == ("True", "Programmed")
        assert world.profile_status().resource_id == azure.ref.resource_id
        assert world.accepted() == ("True", "Accepted")


async def test_a_paused_profile_goes_as_well_or_the_definition_would_never_leave() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        world.hub.apply(make_profile(annotations={PAUSED: "true"}))
        world.hub.leaving_kinds.add(PROFILES)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert world.azure.only == azure


async def test_backends_go_one_after_the_other_and_no_endpoint_and_no_weight_changes() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure, calls = world.azure.only, len(world.azure.calls)
        world.hub.leaving_kinds.add(BACKENDS)
        for name in (SERVICE, "api"):
            world.hub.delete(TrafficManagerBackend, ObjectKey(NAMESPACE, name))
            await asyncio.sleep(90)
            assert not world.hub.holds(TrafficManagerBackend, ObjectKey(NAMESPACE, name))
            assert world.azure.only == azure
        assert "put_profile" not in world.azure.operations(since=calls)

        world.hub.leaving_kinds.clear()
        for name in (SERVICE, "api"):
            world.hub.apply(make_backend(name, uid=uid_of(f"{name} anew")))
            await asyncio.sleep(90)
            assert {e.target_resource_id: e.weight for e in world.azure.only.endpoints} == {
                e.target_resource_id: e.weight for e in azure.endpoints
            }
        assert world.accepted() == world.accepted("api") == ("True", "Accepted")


async def test_exports_that_go_slowly_take_nothing_along() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        world.hub.leaving_kinds.add(EXPORTS)
        for cluster in "abc":
            for service in (SERVICE, "api"):
                world.hub.remove(InternalServiceExport, export_key(cluster, service))
                await asyncio.sleep(20)
                assert world.azure.only == azure
        world.hub.leaving_kinds.clear()
        for cluster in "abc":
            await asyncio.sleep(60)
            assert world.azure.only == azure
            world.hub.apply(make_export(cluster), make_export(cluster, service="api"))
        await asyncio.sleep(60)
        assert world.azure.only == azure
        assert world.accepted() == world.accepted("api") == ("True", "Accepted")


async def test_imports_that_go_take_nothing_along_and_are_made_again() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        world.hub.leaving_kinds.add(IMPORTS)
        world.hub.remove(ServiceImport, SERVICE_KEY)
        await asyncio.sleep(60)
        assert world.azure.only == azure
        world.hub.leaving_kinds.clear()
        await asyncio.sleep(60)
        assert world.service_import() is not None
        assert world.accepted() == ("True", "Accepted")


async def test_what_a_person_writes_meanwhile_waits_and_is_made_true_afterwards() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        world.hub.leaving_kinds.add(BACKENDS)
        world.hub.remove(TrafficManagerBackend, ObjectKey(NAMESPACE, "api"))
        world.hub.apply(make_profile(ttl=20))
        await asyncio.sleep(20)
        assert world.azure.only == azure
        assert world.programmed() == ("Unknown", "Pending")
        world.hub.leaving_kinds.clear()
        await asyncio.sleep(20)
        assert world.azure.only.ttl == 20
        assert world.programmed() == ("True", "Programmed")


async def test_a_definition_that_may_not_be_looked_at_keeps_azure_as_it_is_and_says_why() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        denied = Forbidden("Forbidden", 'customresourcedefinitions "trafficmanagerprofiles" is forbidden')
        world.hub.fail("leaving", denied, times=3)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(1.5)
        assert world.azure.only == azure
        assert world.programmed() == ("Unknown", "Pending")
        message = world.profile_status().conditions[-2].message
        assert "is forbidden" in message
        await asyncio.sleep(30)
        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


async def test_a_deleted_backend_that_cannot_go_yet_says_why() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        azure = world.azure.only
        world.hub.fail("leaving", Forbidden("Forbidden", "customresourcedefinitions is forbidden"), times=4)
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(5)
        assert world.azure.only == azure
        assert world.accepted() == ("Unknown", "Pending")
        message = condition(world.backend_status().conditions, "Accepted").message
        assert message.startswith("the backend is being deleted, and its endpoints are still to be removed:")
        assert "customresourcedefinitions is forbidden" in message
        await asyncio.sleep(60)
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)
        assert {e.owner.service for e in world.azure.only.endpoints if e.owner} == {"api"}


async def test_a_person_s_deletion_of_a_profile_is_carried_out_while_another_kind_leaves() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.leaving_kinds.add(EXPORTS)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)


async def test_an_ordinary_change_asks_for_no_definition() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        looks = world.hub.looks_at_definitions
        world.hub.apply(make_backend(weight=7), make_profile(ttl=5))
        await asyncio.sleep(200)

        assert world.hub.looks_at_definitions == looks == 0
