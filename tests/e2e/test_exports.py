"""Exports over http: a burst is one import, verdicts survive restarts, and a member's namespace goes as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from fleetdns.api.exports import EXPORT_FINALIZER
from fleetdns.demo.kubernetes import BACKENDS, EXPORTS, IMPORTS
from fleetdns.demo.members import namespace
from fleetdns.demo.world import World, controller, manifests
from tests.e2e.conftest import on_embedded, on_real_later
from tests.e2e.eventually import eventually
from tests.e2e.lease import lease_namespace

pytestmark = pytest.mark.e2e

MANY = [f"member-{number:03}" for number in range(200)]


@asynccontextmanager
async def working(world: World) -> AsyncIterator[None]:
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        yield


async def imported(world: World) -> list[str]:
    held = await world.cluster.get(IMPORTS, "work", "app")
    return [each["cluster"] for each in (held or {}).get("status", {}).get("clusters", [])]


async def conflict(world: World, cluster: str) -> dict[str, Any]:
    """The Conflict condition of a cluster's export; empty before there is one."""
    held = await world.cluster.get(EXPORTS, f"fleet-member-{cluster}", "work-app")
    conditions = (held or {}).get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == "Conflict"), {})


async def serving(world: World) -> set[str]:
    """The clusters that Azure has endpoints of."""
    (profile,) = world.azure.profiles() or ({"properties": {"endpoints": []}},)
    return {endpoint["name"].rpartition("#")[2] for endpoint in profile["properties"]["endpoints"]}


async def apply_samples(world: World) -> None:
    for file in ("profile.yaml", "backend.yaml"):
        await world.cluster.apply_text((manifests() / "samples" / file).read_text())


async def reach(world: World, port: int, cluster: str) -> None:
    """The cluster's Service sends port 80 to another port of its pods."""
    ports = [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": port}]
    await world.cluster.patch(EXPORTS, f"fleet-member-{cluster}", "work-app", {"spec": {"ports": ports}})


# What a write costs is counted on either server alike, and this one starts at once.
@on_embedded
@pytest.mark.timeout(120)
async def test_two_hundred_clusters_that_join_at_once_cost_a_handful_of_import_writes(world: World) -> None:
    for name in MANY:
        await world.cluster.apply(namespace(f"fleet-member-{name}"))
    since = (await world.cluster.listed(IMPORTS))["metadata"]["resourceVersion"]
    writes: list[str] = []

    async def count() -> None:
        async for kind, _ in world.cluster.watch(IMPORTS, since=since):
            if kind != "BOOKMARK":
                writes.append(kind)

    async with working(world):
        counting = asyncio.create_task(count())
        async with asyncio.TaskGroup() as joining:
            for name in MANY:
                joining.create_task(world.members.join(name, weight=1))
        await eventually(lambda: imported(world), lambda seen: seen == MANY, within=60)
        for name in (MANY[0], MANY[-1]):
            await eventually(partial(conflict, world, name), lambda seen: seen.get("status") == "False")
        counting.cancel()
        await asyncio.wait([counting])
    # One to create it; of the others one, where the machine is quick enough to bring all of it within two seconds.
    assert writes.count("ADDED") == 1
    assert writes.count("MODIFIED") <= 10


async def test_the_loser_of_a_conflict_is_told_and_the_winner_stays_over_a_restart(world: World) -> None:
    await world.members.join("aks-1", weight=1)
    await world.members.join("aks-2", weight=1)
    async with working(world):
        await apply_samples(world)
        await eventually(lambda: serving(world), lambda seen: seen == {"aks-1", "aks-2"})
        await reach(world, 9090, "aks-2")
        told = await eventually(lambda: conflict(world, "aks-2"), lambda seen: seen.get("status") == "True")
        assert told["message"] == (
            "the oldest export wins, fleet-member-aks-1/work-app of cluster aks-1, and this one differs from it: "
            "80/TCP has targetPort 9090 instead of 8080"
        )
        await eventually(lambda: serving(world), lambda seen: seen == {"aks-1"})
    async with working(world):
        # Somebody younger who agrees with the loser changes nothing.
        await world.members.join("aks-3", weight=1)
        await reach(world, 9090, "aks-3")
        await eventually(lambda: conflict(world, "aks-3"), lambda seen: seen.get("status") == "True")
        assert await imported(world) == ["aks-1"]
        await world.members.leave("aks-1")
        await eventually(lambda: imported(world), lambda seen: seen == ["aks-2", "aks-3"])
        await eventually(lambda: serving(world), lambda seen: seen == {"aks-2", "aks-3"})
        await eventually(lambda: conflict(world, "aks-2"), lambda seen: seen.get("status") == "False")


@on_real_later
async def test_a_member_namespace_that_is_deleted_whole_leaves_the_others_serving(world: World) -> None:
    for name in ("aks-1", "aks-2", "aks-3"):
        await world.members.join(name, weight=1)
        finalizers = {"metadata": {"finalizers": [EXPORT_FINALIZER]}}
        await world.cluster.patch(EXPORTS, f"fleet-member-{name}", "work-app", finalizers)
    async with working(world):
        await apply_samples(world)
        await eventually(lambda: serving(world), lambda seen: len(seen) == 3)
        # Nobody runs the namespace controller here, so that its part is done by hand: the contents go, unannounced.
        await world.cluster.delete(EXPORTS, "fleet-member-aks-3", "work-app")
        await eventually(lambda: world.cluster.get(EXPORTS, "fleet-member-aks-3", "work-app"), lambda seen: not seen)
        await eventually(lambda: imported(world), lambda seen: seen == ["aks-1", "aks-2"])
        await eventually(lambda: serving(world), lambda seen: seen == {"aks-1", "aks-2"})
        for name in ("aks-1", "aks-2"):
            await world.cluster.delete(EXPORTS, f"fleet-member-{name}", "work-app")
        await eventually(lambda: world.cluster.get(IMPORTS, "work", "app"), lambda seen: not seen)
        await eventually(lambda: guarded(world), bool)
        assert await serving(world) == {"aks-1", "aks-2"}


async def guarded(world: World) -> str:
    held = await world.cluster.get(BACKENDS, "work", "app")
    conditions = (held or {}).get("status", {}).get("conditions", [])
    return next((found["message"] for found in conditions if found["type"] == "Guarded"), "")
