"""The Lease that the replicas of a world share."""

from __future__ import annotations

from typing import Any

import yaml

from fleetdns.demo.world import World


def lease_namespace(world: World) -> str:
    """Where the controller's account may hold its Lease: the namespace of its kubeconfig, as a pod's is its own."""
    return str(yaml.safe_load(world.kubeconfig.read_text())["contexts"][0]["context"]["namespace"])


async def lease(world: World) -> dict[str, Any]:
    """The Lease's spec; empty when there is none."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{lease_namespace(world)}/leases/fleetdns"
    found = await world.cluster._send("GET", path, missing_ok=True)
    return dict(found.get("spec", {}))
