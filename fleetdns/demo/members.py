"""The story's member clusters: what their agents would write on the hub, and what their cloud would give them."""

from __future__ import annotations

from typing import Any

from fleetdns.demo.kubernetes import EXPORTS, GROUP, Cluster
from fleetdns.emulator.azure.service import TrafficManagerService

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NAMESPACE = "work"
SERVICE = "app"
_EXPORTED_SINCE = "2026-01-01T00:00:0{number}Z"


class Members:
    """Writes InternalServiceExports of the Service work/app, and registers its public IPs in Azure."""

    def __init__(self, cluster: Cluster, azure: TrafficManagerService) -> None:
        self._cluster = cluster
        self._azure = azure
        self._joined = 0
        self._present: set[str] = set()
        self._seen: set[str] = set()

    async def join(self, name: str, *, weight: int, has_label: bool = True) -> None:
        """The cluster exports the Service with a public IP of its own."""
        self._joined += 1
        self._present.add(name)
        self._seen.add(name)
        self._azure.set_public_ip(public_ip(name), target(name) if has_label else None)
        await self._cluster.apply(namespace(f"fleet-member-{name}"))
        since = _EXPORTED_SINCE.format(number=self._joined % 10)
        await self._cluster.apply(_export(name, weight=weight, has_label=has_label, since=since))

    async def label(self, name: str) -> None:
        """The cluster's public IP gets its DNS label."""
        self._azure.set_public_ip(public_ip(name), target(name))
        await self._patch(name, {"spec": {"isDNSLabelConfigured": True}})

    async def weigh(self, name: str, weight: int) -> None:
        """The cluster asks for another share."""
        await self._patch(name, {"spec": {"weight": weight}})

    async def leave(self, name: str) -> None:
        """The cluster stops exporting on purpose, and says so first: else the hub would wait for it to come back."""
        self._present.discard(name)
        await self._patch(name, {"metadata": {"annotations": {"fleetdns.io/withdrawn": "true"}}})
        await self._cluster.delete(EXPORTS, f"fleet-member-{name}", f"{NAMESPACE}-{SERVICE}")

    async def clear(self) -> None:
        """Every cluster leaves, and its public IP goes."""
        for name in sorted(self._present):
            await self.leave(name)
        for name in sorted(self._seen):
            self._azure.remove_public_ip(public_ip(name))

    async def _patch(self, name: str, patch: dict[str, Any]) -> None:
        await self._cluster.patch(EXPORTS, f"fleet-member-{name}", f"{NAMESPACE}-{SERVICE}", patch)


def public_ip(cluster: str) -> str:
    """The resource id of a cluster's public IP."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mc-{cluster}"
    return f"{group}/providers/Microsoft.Network/publicIPAddresses/kubernetes-{cluster}"


def target(cluster: str) -> str:
    """The DNS name of a cluster's public IP once it has a label."""
    return f"app-{cluster}.westeurope.cloudapp.azure.com"


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _export(cluster: str, *, weight: int, has_label: bool, since: str) -> dict[str, Any]:
    reference = {
        "clusterId": cluster,
        "apiVersion": "v1",
        "kind": "Service",
        "namespace": NAMESPACE,
        "name": SERVICE,
        "resourceVersion": "1",
        "generation": 1,
        "uid": f"service-{cluster}",
        "namespacedName": f"{NAMESPACE}/{SERVICE}",
        "exportedSince": since,
    }
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "InternalServiceExport",
        "metadata": {"name": f"{NAMESPACE}-{SERVICE}", "namespace": f"fleet-member-{cluster}"},
        "spec": {
            "serviceReference": reference,
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
            "type": "LoadBalancer",
            "isDNSLabelConfigured": has_label,
            "isInternalLoadBalancer": False,
            "publicIPResourceID": public_ip(cluster),
            "weight": weight,
        },
    }
