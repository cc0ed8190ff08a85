"""Where what the agent works on lies, and how it is cleared away after a test."""

from __future__ import annotations

from typing import Any

from fleetdns.demo.kubernetes import EXPORTS, GROUP, Cluster
from fleetdns.demo.members import NAMESPACE

MEMBER = "aks-1"
ACCOUNT = OWN_NAMESPACE = "fleetdns-member"
HUB_NAMESPACE = f"fleet-member-{MEMBER}"
SECRET = f"/api/v1/namespaces/{OWN_NAMESPACE}/secrets/fleetdns-hub"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OWN_NAMESPACE}/leases/fleetdns-member"

_COLLECTIONS = (
    f"/apis/{GROUP}/v1beta1/namespaces/{NAMESPACE}/serviceexports",
    f"/apis/{GROUP}/v1alpha1/namespaces/{HUB_NAMESPACE}/{EXPORTS}",
    f"/api/v1/namespaces/{NAMESPACE}/services",
)


async def emptied(administrator: Cluster) -> None:
    """Nothing is left that the next agent could find."""
    for collection in _COLLECTIONS:
        for found in (await administrator._send("GET", collection, missing_ok=True)).get("items", ()):
            await _removed(administrator, f"{collection}/{found['metadata']['name']}", found)
    for path in (SECRET, LEASE):
        await administrator._send("DELETE", path, missing_ok=True)
    await administrator._send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/events")


async def _removed(administrator: Cluster, path: str, found: dict[str, Any]) -> None:
    if found["metadata"].get("finalizers"):
        patch = {"metadata": {"finalizers": None}}
        await administrator._send("PATCH", path, patch, "application/merge-patch+json", missing_ok=True)
    await administrator._send("DELETE", path, missing_ok=True)
