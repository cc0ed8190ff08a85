"""A hub restored from a backup, object by object, in every order: Azure serves the same at every moment, and in the end
everything is found again. An API server gives what is made anew another uid; tools may write back the old status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import permutations

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.ports import HubObject
from tests.controllers.world import PROFILE_KEY, SERVICE_KEY, World, export_key
from tests.core.builders import NAMESPACE, SERVICE, make_backend, make_export, make_profile, uid_of

pytestmark = [pytest.mark.looptime, pytest.mark.long]

BACKEND_KEY = ObjectKey(NAMESPACE, SERVICE)
ORDERS = list(permutations(("profile", "backend", "export a", "export b")))
WEIGHTS = {"a": 1, "b": 4}

Served = Mapping[str | None, int | None]


def served(world: World) -> Served:
    """Weights by target: under whose name an endpoint stands makes no difference to whoever asks for the name."""
    return {endpoint.target_resource_id: endpoint.weight for endpoint in world.azure.only.endpoints}


async def rolled_out(world: World) -> dict[str, HubObject]:
    """A profile in Azure that serves two clusters; gives what a backup holds then."""
    async with world.running():
        exports = (make_export(cluster, weight=weight) for cluster, weight in WEIGHTS.items())
        world.hub.apply(make_profile(), make_backend(), *exports)
        await asyncio.sleep(5)
    assert len(served(world)) == 2
    return {
        "profile": world.profile(),
        "backend": world.backend(),
        **{f"export {cluster}": world.export(cluster) for cluster in WEIGHTS},
    }


def burn_down(world: World) -> None:
    """The hub's store is gone."""
    world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
    world.hub.remove(TrafficManagerBackend, BACKEND_KEY)
    world.hub.remove(ServiceImport, SERVICE_KEY)
    for cluster in WEIGHTS:
        world.hub.remove(InternalServiceExport, export_key(cluster))


def made_anew(backup: Mapping[str, HubObject], *, has_status: bool) -> dict[str, HubObject]:
    """The same under other uids, with the status of before or none."""
    profile, backend = backup["profile"], backup["backend"]
    assert isinstance(profile, TrafficManagerProfile)
    assert isinstance(backend, TrafficManagerBackend)
    return {
        "profile": make_profile(uid=uid_of("profile anew"), status=profile.status if has_status else None),
        "backend": make_backend(uid=uid_of("backend anew"), status=backend.status if has_status else None),
        **{f"export {cluster}": make_export(cluster, weight=weight) for cluster, weight in WEIGHTS.items()},
    }


@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
@pytest.mark.parametrize("has_status", [True, False], ids=["with its status", "without status"])
async def test_in_whatever_order_objects_come_back_azure_serves_the_same_throughout(
    order: tuple[str, ...], has_status: bool
) -> None:
    world = World()
    backup = await rolled_out(world)
    before = served(world)
    burn_down(world)
    restored = made_anew(backup, has_status=has_status)
    async with world.running():
        await asyncio.sleep(70)
        for name in order:
            world.hub.apply(restored[name])
            for _ in range(8):
                await asyncio.sleep(2)
                assert served(world) == before, f"after {name}"
        await asyncio.sleep(30)

        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")
        assert {e.owner.uid for e in world.azure.only.endpoints if e.owner} == {world.backend().metadata.uid}
        assert world.profile_status().resource_id == world.azure.only.ref.resource_id


@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
@pytest.mark.parametrize("has_status", [True, False], ids=["with its status", "without status"])
async def test_a_controller_that_is_started_anew_after_every_object_changes_nothing_either(
    order: tuple[str, ...], has_status: bool
) -> None:
    world = World()
    backup = await rolled_out(world)
    before, restored = served(world), made_anew(backup, has_status=has_status)
    burn_down(world)
    for name in order:
        world.hub.apply(restored[name])
        async with world.running():
            await asyncio.sleep(10)
            assert served(world) == before, f"after {name}"

    assert world.programmed() == ("True", "Programmed")
    assert world.accepted() == ("True", "Accepted")
