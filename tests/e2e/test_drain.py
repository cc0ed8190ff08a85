"""Clusters are taken out and put back by their MemberCluster, on both servers; docs/kubectl.md shows the namespace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleetdns.demo.kubernetes import BACKENDS
from fleetdns.demo.world import World, controller, manifests
from fleetdns.emulator.azure.service import Fault
from tests.contract.client import connected
from tests.contract.samples import DEFINITIONS
from tests.e2e.conftest import on_real_later
from tests.e2e.eventually import eventually
from tests.e2e.lease import lease_namespace
from tests.e2e.site import Site

pytestmark = pytest.mark.e2e

MEMBERS = "memberclusters"
DEFINITION = Path(__file__).parents[1] / "rights" / "memberclusters.yaml"


@pytest.fixture
async def fleet(world: World, site: Site) -> AsyncIterator[World]:
    """Three clusters export work/app, each with a MemberCluster as KubeFleet has them; the controller runs."""
    await world.cluster.apply_text(DEFINITION.read_text())
    async with connected(site.server, "work") as api:
        path = "/apis/cluster.kubernetes-fleet.io/v1/memberclusters"
        await eventually(partial(api.get, path), lambda reply: reply.code == 200)
        for name in ("aks-1", "aks-2", "aks-3"):
            await world.members.join(name, weight=1)
            await world.cluster.apply(member(name))
        async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
            for file in ("profile.yaml", "backend.yaml"):
                await world.cluster.apply_text((manifests() / "samples" / file).read_text())
            await eventually(partial(serving, world), lambda seen: len(seen) == 3)
            yield world
        await api.delete(f"{DEFINITIONS}/memberclusters.cluster.kubernetes-fleet.io")
        await eventually(partial(api.get, path), lambda reply: reply.code == 404)


def member(name: str, annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, "annotations": dict(annotations or {})}
    return {"apiVersion": "cluster.kubernetes-fleet.io/v1", "kind": "MemberCluster", "metadata": metadata}


async def serving(world: World) -> dict[str, int]:
    """What Azure has, by cluster, with the weights."""
    (profile,) = world.azure.profiles() or ({"properties": {"endpoints": []}},)
    endpoints = profile["properties"]["endpoints"]
    return {endpoint["name"].rpartition("#")[2]: endpoint["properties"]["weight"] for endpoint in endpoints}


async def accepted(world: World) -> str:
    """The message of the backend's Accepted condition."""
    held = await world.cluster.get(BACKENDS, "work", "app")
    conditions = (held or {}).get("status", {}).get("conditions", [])
    return next((found["message"] for found in conditions if found["type"] == "Accepted"), "")


async def test_a_member_cluster_that_is_drained_leaves_in_one_write_and_comes_back_when_it_is_deleted(
    fleet: World,
) -> None:
    mark = fleet.azure.mark()
    await fleet.cluster.apply(member("aks-1", {"fleetdns.io/drain": "true"}))
    await eventually(partial(serving, fleet), lambda seen: seen == {"aks-2": 50, "aks-3": 50})
    await eventually(partial(accepted, fleet), lambda seen: seen.endswith("; left out: aks-1 (drained)"))
    writes = [call.operation for call in fleet.azure.calls_since(mark) if call.operation.split(".")[1] != "get"]
    assert [name for name in writes if "list" not in name] == ["profiles.put"]
    await fleet.cluster.delete(MEMBERS, None, "aks-1")
    await eventually(partial(serving, fleet), lambda seen: len(seen) == 3)
    await eventually(partial(accepted, fleet), lambda seen: seen == "every exported Service is an endpoint")


@on_real_later
async def test_the_last_one_that_serves_stays_although_azure_stumbles(fleet: World) -> None:
    fleet.azure.add_fault(Fault(kind="unavailable", operation="profiles.put", times=2))
    for name in ("aks-1", "aks-2", "aks-3"):
        await fleet.cluster.apply(member(name, {"fleetdns.io/drain": "true"}))
    (left,) = await eventually(partial(serving, fleet), lambda seen: len(seen) == 1, within=60)
    await eventually(partial(accepted, fleet), lambda seen: f"; {left} is drained, but stays" in seen)
    await fleet.members.join("aks-4", weight=1)
    await eventually(partial(serving, fleet), lambda seen: seen.keys() == {"aks-4"}, within=60)
