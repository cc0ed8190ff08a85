"""What is on a hub when Fleet's controllers have left it: one or two objects of each kind, with their last status."""

from __future__ import annotations

from typing import Any

from tests.upgrade.objects import (
    BACKEND_FINALIZER,
    METRICS_FINALIZER,
    PROFILE_FINALIZER,
    SUBSCRIPTION,
    backend,
    condition,
    export,
    profile,
    service_export,
    service_import,
)

Object = dict[str, Any]

AZURE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/fleet-dns/providers/Microsoft.Network/trafficManagerProfiles"


def fleets_objects() -> list[Object]:
    """One or two of each kind, as Fleet's controllers leave them."""
    programmed = profile("shop", protocol="HTTPS", port=443, path="/healthz", intervalInSeconds=10, timeoutInSeconds=9)
    programmed["metadata"]["finalizers"] = [METRICS_FINALIZER, PROFILE_FINALIZER]
    programmed["spec"]["monitorConfig"]["customHeaders"] = [{"name": "Host", "value": "shop.example.com"}]
    programmed["status"] = {
        "dnsName": "work-shop.trafficmanager.net",
        "resourceID": f"{AZURE}/fleet-0c4f",
        "conditions": [condition("Programmed", "True", "Programmed")],
    }
    refused = profile("taken", version="v1alpha1")
    refused["metadata"]["finalizers"] = [METRICS_FINALIZER]
    refused["status"] = {"conditions": [condition("Programmed", "False", "DNSNameNotAvailable")]}
    accepted = backend("app", profile="shop", service="app", weight=500)
    accepted["metadata"]["finalizers"] = [METRICS_FINALIZER, BACKEND_FINALIZER]
    accepted["status"] = {
        "endpoints": [
            {
                "name": f"fleet-77aa#app#{cluster}",
                "resourceID": f"{AZURE}/fleet-0c4f/azureEndpoints/fleet-77aa#app#{cluster}",
                "target": f"app-{cluster}.westeurope.cloudapp.azure.com",
                "weight": weight,
                "from": {"cluster": cluster, "weight": own},
            }
            for cluster, weight, own in (("aks-1", 167, 100), ("aks-2", 334, 200))
        ],
        "conditions": [condition("Accepted", "True", "Accepted")],
    }
    idle = backend("idle", profile="shop", service="batch", weight=0)
    exports = [export("aks-1", "app", weight=100), export("aks-2", "app", weight=200)]
    wishes = [service_export("app", "v1alpha1"), service_export("batch", "v1beta1")]
    return [programmed, refused, accepted, idle, *exports, service_import("app", "aks-1", "aks-2"), *wishes]
