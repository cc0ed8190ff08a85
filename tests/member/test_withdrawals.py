"""An export that goes: the hub is told that it was meant, and nothing is left that nobody would take along."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.conditions import FALSE, TRUE
from fleetdns.api.exports import EXPORT_FINALIZER, WITHDRAWN
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import SERVICE_EXPORT_FINALIZER, Service, ServiceExport
from fleetdns.core.offer import SERVICE_IS_VALID, SERVICE_NOT_FOUND
from tests.core.builders import NAMESPACE
from tests.member.world import KEY, OFFER, World

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize("hub_holds", [False, True], ids=["the hub lets go at once", "the hub holds it a while"])
async def test_a_service_that_is_deleted_is_withdrawn_and_the_hub_is_told_that_it_was_meant(hub_holds: bool) -> None:
    world = World(delay=0.1)
    async with world.exporting():
        if hub_holds:
            world.hub.mark(OFFER, finalizers=(EXPORT_FINALIZER,))
        await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.cluster.delete(Service, KEY)
        await asyncio.sleep(5)
        assert world.hub.writes[before:] == [
            f"patch internalserviceexports {OFFER}",
            f"delete internalserviceexports {OFFER}",
        ]
        assert world.valid() == (FALSE, SERVICE_NOT_FOUND)
        assert world.conflict() == ("", "")
        if hub_holds:
            going = world.hub.held(OFFER)
            assert going.metadata.is_deleting
            assert going.metadata.annotations[WITHDRAWN] == "true"
            assert world.export().metadata.finalizers == (SERVICE_EXPORT_FINALIZER,)
            world.hub.remove(Offer, OFFER)
            await asyncio.sleep(5)
        assert world.offer() is None
        assert world.export().metadata.finalizers == (), "nothing is left that it would have to take along"


async def test_a_service_export_that_is_deleted_takes_its_export_along_and_only_then_goes() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        before = len(world.hub.writes)
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(5)
        assert world.hub.writes[before:] == [
            f"patch internalserviceexports {OFFER}",
            f"delete internalserviceexports {OFFER}",
        ]
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)
        assert world.cluster.holds(Service, KEY)


async def test_a_service_export_deleted_before_the_hub_showed_what_was_written_leaves_nothing_behind() -> None:
    world = World(hub_delay=3.0)
    async with world.running():
        world.expose()
        world.ask()
        await asyncio.sleep(4)
        assert world.offer() is not None
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(60)
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)


async def test_a_service_export_that_nothing_was_written_for_can_be_deleted_without_an_agent() -> None:
    world = World()
    world.ask("no-service")
    world.ask("bad-weight", weight="ten")
    world.ask("weight-0", weight="0")
    for name in ("bad-weight", "weight-0"):
        world.expose(name)
    async with world.running():
        await asyncio.sleep(30)
    for name in ("no-service", "bad-weight", "weight-0"):
        world.cluster.delete(ServiceExport, ObjectKey(NAMESPACE, name))
        assert not world.cluster.holds(ServiceExport, ObjectKey(NAMESPACE, name))


async def test_one_that_was_withdrawn_can_be_deleted_without_an_agent_too() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        world.weigh("0")
        await asyncio.sleep(5)
        assert world.offer() is None
        assert world.valid() == (TRUE, SERVICE_IS_VALID)
        assert world.conflict() == ("", "")
    world.cluster.delete(ServiceExport, KEY)
    assert not world.cluster.holds(ServiceExport, KEY)


async def test_the_other_of_two_services_of_one_name_that_goes_takes_nothing_of_the_first_along() -> None:
    world, one, other = World(delay=0.1), ObjectKey("a-b", "c"), ObjectKey("a", "b-c")
    async with world.running():
        for key in (one, other):
            world.expose(key.name, namespace=key.namespace)
            world.ask(key.name, namespace=key.namespace)
            await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.cluster.delete(Service, other)
        world.cluster.delete(ServiceExport, other)
        await asyncio.sleep(5)
        assert world.hub.writes[before:] == []
        assert not world.cluster.holds(ServiceExport, other)


async def test_an_export_that_goes_is_not_touched_any_more_and_made_anew_when_it_is_gone() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        world.hub.mark(OFFER, finalizers=(EXPORT_FINALIZER,))
        world.weigh("0")
        await asyncio.sleep(5)
        before = len(world.hub.writes)
        world.weigh("5")
        await asyncio.sleep(600)
        assert world.hub.held(OFFER).metadata.annotations[WITHDRAWN] == "true"
        assert world.hub.writes[before:] == []
        world.hub.remove(Offer, OFFER)
        await asyncio.sleep(5)
        assert world.hub.held(OFFER).spec.weight == 5
        assert WITHDRAWN not in world.hub.held(OFFER).metadata.annotations


async def test_a_definition_that_is_deleted_leaves_the_exports_on_the_hub() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        world.cluster.leaving_kinds.add("serviceexports")
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(5)
        assert not world.cluster.holds(ServiceExport, KEY)
        held = world.hub.held(OFFER)
        assert not held.metadata.is_deleting
        assert WITHDRAWN not in held.metadata.annotations


async def test_a_service_export_can_be_deleted_while_its_service_cannot_be_read() -> None:
    world = World(delay=0.1)
    async with world.exporting():
        world.cluster.garble(world.service())
        world.cluster.delete(ServiceExport, KEY)
        await asyncio.sleep(60)
        assert world.offer() is None
        assert not world.cluster.holds(ServiceExport, KEY)
