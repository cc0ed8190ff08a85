"""An export in another cluster's name has no effect on that cluster's traffic: the real controller on a real hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleetdns.demo.kubernetes import BACKENDS, EXPORTS, GROUP, PROFILES, Cluster
from fleetdns.demo.members import NAMESPACE, SERVICE, public_ip
from fleetdns.demo.sight import is_
from fleetdns.demo.world import World, manifests
from tests.e2e.eventually import eventually
from tests.rights.conftest import Deployment
from tests.rights.controller import controller

pytestmark = [pytest.mark.realapi, pytest.mark.long]

ME, OTHER = "aks-1", "aks-2"
MINE = f"fleet-member-{ME}"
COLLECTION = f"/apis/{GROUP}/v1alpha1/namespaces/{MINE}/{EXPORTS}"
MERGE = "application/merge-patch+json"


async def test_a_member_that_speaks_in_another_s_name_is_told_so_and_changes_nothing(
    deployment: Deployment, accounts: Mapping[str, Cluster], tmp_path: Path
) -> None:
    world, member = deployment.world, accounts[ME]
    async with controller(world, tmp_path) as running:
        await eventually(running.probe, lambda seen: seen[0] == 200)
        await two_clusters(world)
        before = endpoints(world)
        assert len(before) == 2

        # As old as can be, as heavy as can be, with other ports: it would win every conflict, were it counted.
        await member._send("POST", COLLECTION, await forged(world))
        told = await eventually(lambda: backend(world), lambda found: rejections(found, "ClusterMismatch") == [OTHER])
        assert told["status"]["endpointCount"] == 2
        assert endpoints(world) == before
        assert (await import_(world))["status"]["clusters"] == [{"cluster": ME}, {"cluster": OTHER}]

        # Nor does taking it back in the other's name take the other back.
        await member._send(
            "PATCH", f"{COLLECTION}/forged", {"metadata": {"annotations": {"fleetdns.io/withdrawn": "true"}}}, MERGE
        )
        await member._send("DELETE", f"{COLLECTION}/forged")
        await eventually(lambda: backend(world), lambda found: not rejections(found, "ClusterMismatch"))
        assert endpoints(world) == before
        await leave(world)


async def test_a_member_that_leaves_takes_its_own_endpoint_along_and_no_other(
    deployment: Deployment, accounts: Mapping[str, Cluster], tmp_path: Path
) -> None:
    """The power that its rights do give it, so that the test above is not true for lack of any."""
    world, member = deployment.world, accounts[ME]
    async with controller(world, tmp_path) as running:
        await eventually(running.probe, lambda seen: seen[0] == 200)
        await two_clusters(world)
        path = f"{COLLECTION}/{NAMESPACE}-{SERVICE}"
        await member._send("PATCH", path, {"metadata": {"annotations": {"fleetdns.io/withdrawn": "true"}}}, MERGE)
        await member._send("DELETE", path)
        await eventually(lambda: backend(world), lambda found: found["status"].get("endpointCount") == 1)
        assert [target for target, _ in endpoints(world).values()] == [public_ip(OTHER)]
        await leave(world)


async def two_clusters(world: World) -> None:
    """Both export the Service, and it is balanced between them."""
    for cluster in (ME, OTHER):
        await world.members.join(cluster, weight=100)
    for file in ("profile.yaml", "backend.yaml"):
        await world.cluster.apply_text((manifests() / "samples" / file).read_text())
    await eventually(
        lambda: backend(world), lambda found: is_("Accepted")(found) and found["status"].get("endpointCount") == 2
    )


async def leave(world: World) -> None:
    """While the controller still runs, so that nothing waits for it."""
    await world.cluster.delete(BACKENDS, NAMESPACE, SERVICE)
    await world.cluster.delete(PROFILES, NAMESPACE, "myatm")

    async def is_gone() -> bool:
        return not world.azure.profiles() and not await world.cluster.get(PROFILES, NAMESPACE, "myatm")

    await eventually(is_gone, bool)


async def forged(world: World) -> dict[str, Any]:
    genuine = await world.cluster.get(EXPORTS, f"fleet-member-{OTHER}", f"{NAMESPACE}-{SERVICE}")
    assert genuine is not None
    reference = {**genuine["spec"]["serviceReference"], "exportedSince": "1970-01-01T00:00:00Z", "uid": "forged"}
    ports = [{**genuine["spec"]["ports"][0], "port": 666}]
    spec = {**genuine["spec"], "serviceReference": reference, "ports": ports, "weight": 1000}
    return {
        "apiVersion": genuine["apiVersion"],
        "kind": genuine["kind"],
        "metadata": {"name": "forged", "namespace": MINE},
        "spec": {**spec, "publicIPResourceID": public_ip(ME)},
    }


def rejections(found: dict[str, Any], reason: str) -> list[str]:
    return [entry["cluster"] for entry in found["status"].get("rejected", ()) if entry["reason"] == reason]


async def backend(world: World) -> dict[str, Any]:
    found = await world.cluster.get(BACKENDS, NAMESPACE, SERVICE) or {}
    return {"status": {}, **found}


async def import_(world: World) -> dict[str, Any]:
    return await world.cluster._send("GET", f"/apis/{GROUP}/v1alpha1/namespaces/{NAMESPACE}/serviceimports/{SERVICE}")


def endpoints(world: World) -> dict[str, tuple[str, int]]:
    """Target and weight in Azure, by name."""
    found = [endpoint for profile in world.azure.profiles() for endpoint in profile["properties"]["endpoints"]]
    return {one["name"]: (one["properties"]["targetResourceId"], one["properties"]["weight"]) for one in found}
