"""Overrides over http: a definition that comes to a hub at work, a label for each cluster, and one cluster left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import yaml

from fleetdns.demo.kubernetes import EXPORTS, Cluster
from fleetdns.demo.members import namespace
from fleetdns.demo.world import World, manifests
from tests.e2e.eventually import eventually

pytestmark = pytest.mark.e2e

CLUSTERS = ("east", "west")
LABEL, EXCLUDED = "fleetdns.io/dns-label", "fleetdns.io/excluded"
_DEFINITION = "placement.kubernetes-fleet.io_resourceoverrides.yaml"
# The kind is looked for every ten seconds or so, and the machine may be busy.
WITHIN = 60.0


@pytest.fixture
async def overridable(running: World) -> AsyncIterator[World]:
    """Two clusters serve; the definition of ResourceOverride comes afterwards, and goes at the end."""
    for cluster in CLUSTERS:
        await running.members.join(cluster, weight=100)
    for file in ("profile.yaml", "backend.yaml"):
        await running.cluster.apply_text((manifests() / "samples" / file).read_text())
    await eventually(lambda: serving(running), lambda seen: seen == set(CLUSTERS))
    definition = yaml.safe_load((manifests() / "overrides" / _DEFINITION).read_text())
    await running.cluster.apply(definition)
    yield running
    await running.cluster._send("DELETE", f"{_DEFINITIONS}/{definition['metadata']['name']}", missing_ok=True)


_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def serving(world: World) -> set[str]:
    """The clusters that Azure has endpoints of."""
    (profile,) = world.azure.profiles() or ({"properties": {"endpoints": []}},)
    return {endpoint["name"].rpartition("#")[2] for endpoint in profile["properties"]["endpoints"]}


async def annotated(world: World, cluster: str) -> dict[str, str]:
    """Those of ours on a cluster's export."""
    held = await world.cluster.get(EXPORTS, f"fleet-member-{cluster}", "work-app")
    assert held is not None
    found = held["metadata"].get("annotations", {})
    return {name: value for name, value in found.items() if name.startswith("fleetdns.io/")}


async def applied(cluster: Cluster, override: dict[str, Any]) -> None:
    """As soon as the server serves the kind."""

    async def is_taken() -> bool:
        return bool(await cluster._send("GET", "/apis/placement.kubernetes-fleet.io/v1beta1", missing_ok=True))

    await eventually(is_taken, bool)
    await eventually(lambda: _tried(cluster, override), bool, within=WITHIN)


async def _tried(cluster: Cluster, override: dict[str, Any]) -> bool:
    path = "/apis/placement.kubernetes-fleet.io/v1beta1/namespaces/work/resourceoverrides"
    query = f"{override['metadata']['name']}?fieldManager=kubectl&force=true"
    answer = await cluster._send("PATCH", f"{path}/{query}", override, "application/apply-patch+yaml", missing_ok=True)
    return bool(answer)


def left_out(**labels: str) -> dict[str, Any]:
    """The clusters with these labels serve nothing of the sample's Service."""
    found: dict[str, Any] = yaml.safe_load((manifests() / "samples/overrides/dns-label.yaml").read_text())
    found["metadata"] = {"name": "left-out", "namespace": "work"}
    terms = [{"labelSelector": {"matchLabels": labels}}]
    found["spec"]["policy"]["overrideRules"] = [
        {"clusterSelector": {"clusterSelectorTerms": terms}, "overrideType": "Delete"}
    ]
    return found


@pytest.mark.timeout(240)
async def test_a_label_for_each_cluster_and_one_cluster_left_out_by_its_labels_and_back(overridable: World) -> None:
    world = overridable
    sample = yaml.safe_load((manifests() / "samples/overrides/dns-label.yaml").read_text())
    await applied(world.cluster, sample)
    for cluster in CLUSTERS:
        labelled = {LABEL: f"app-{cluster}"}
        await eventually(partial(annotated, world, cluster), labelled.__eq__, within=WITHIN)
    assert await serving(world) == set(CLUSTERS)

    await applied(world.cluster, left_out(env="retired"))
    west = namespace("fleet-member-west")
    west["metadata"]["labels"] = {"env": "retired"}
    await world.cluster.apply(west, manager="administrator")
    await eventually(lambda: serving(world), lambda seen: seen == {"east"}, within=WITHIN)
    assert await annotated(world, "west") == {LABEL: "app-west", EXCLUDED: "true"}

    west["metadata"]["labels"] = {}
    await world.cluster.apply(west, manager="administrator")
    await eventually(lambda: serving(world), lambda seen: seen == set(CLUSTERS), within=WITHIN)
    assert await annotated(world, "west") == {LABEL: "app-west"}
