"""Backends that go: their own endpoints leave with them, not before and not without them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.naming import HUB_TAG
from fleetdns.errors import Transient
from tests.controllers.world import PROFILE_KEY, World
from tests.core.builders import (
    NAMESPACE,
    SERVICE,
    make_backend,
    make_export,
    make_foreign_endpoint,
    make_profile,
)

pytestmark = pytest.mark.looptime

BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)
UNAVAILABLE = Transient("ServiceUnavailable", "The service is unavailable.")


def roll_out(world: World, *, deletion_policy: str | None = None) -> None:
    world.hub.apply(make_profile(deletion_policy=deletion_policy), make_backend(), make_export("a"), make_export("b"))


async def test_a_backend_of_a_profile_that_somebody_else_took_over_can_go() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.tamper(lambda p: replace(p, tags=((HUB_TAG, "another-hub"),)))
        await asyncio.sleep(61)
        azure = world.azure.only
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(5)

        assert world.azure.only == azure
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_a_backend_without_an_endpoint_bears_no_finalizer() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend())
        await asyncio.sleep(5)

        assert world.programmed() == ("True", "Programmed")
        assert world.backend().metadata.finalizers == ()
        assert world.accepted() == ("False", "Invalid")


async def test_a_deleted_backend_takes_its_own_endpoints_and_no_others() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(make_backend("api"), make_export("a", service="api"))
        await asyncio.sleep(5)
        foreign = make_foreign_endpoint(priority=77)
        world.azure.tamper(lambda p: p.with_endpoint(foreign))
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(5)

        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)
        assert world.weights() == {"a": 100, "by-hand": 7}
        assert world.accepted("api") == ("True", "Accepted")


async def test_a_backend_is_not_released_before_azure_has_let_its_endpoints_go() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.down = UNAVAILABLE
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(100)
        assert world.hub.holds(TrafficManagerBackend, BACKEND_KEY)
        world.azure.heal()
        await asyncio.sleep(100)

        assert world.azure.only.endpoints == ()
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_a_backend_is_not_released_by_a_process_that_has_not_heard_of_azure_yet() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.azure.down = UNAVAILABLE
    world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
    async with world.running():
        await asyncio.sleep(30)
        assert world.hub.holds(TrafficManagerBackend, BACKEND_KEY)
        world.azure.heal()
        await asyncio.sleep(60)

        assert world.azure.only.endpoints == ()
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_backend_and_profile_deleted_together_leave_nothing() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
        assert not world.hub.holds(TrafficManagerProfile, PROFILE_KEY)
        assert not world.hub.holds(TrafficManagerBackend, BACKEND_KEY)


async def test_a_backend_whose_finalizer_was_lost_in_a_restore_gets_it_back() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    for kind, key in ((TrafficManagerProfile, PROFILE_KEY), (TrafficManagerBackend, BACKEND_KEY)):
        world.hub.remove(kind, key)
    world.hub.apply(make_profile(), make_backend())
    before = len(world.azure.calls)
    async with world.running():
        await asyncio.sleep(5)
        assert world.azure.writes(since=before) == []
        assert world.accepted() == ("True", "Accepted")
        world.hub.delete(TrafficManagerBackend, BACKEND_KEY)
        await asyncio.sleep(5)
        assert world.azure.only.endpoints == ()
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

        assert world.azure.profiles == {}
