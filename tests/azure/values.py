"""Profiles, endpoints and calls for these tests, and the bodies Azure would answer with."""

from __future__ import annotations

from typing import Any

from fleetdns.core.calls import DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.trafficmanager import TYPE, Endpoint, Monitor, Profile, ProfileRef

SUBSCRIPTION = "0a0a0a0a-0000-4000-8000-000000000001"
GROUP = "fleet-rg"
REF = ProfileRef(SUBSCRIPTION, GROUP, "fleet-one")
ENDPOINT_NAME = "fleet-0b0b0b0b-0000-4000-8000-000000000002#shop#member-1"
MONITOR = Monitor("HTTP", 80, "/", 30, 10, 3)


def public_ip(name: str) -> str:
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_{name}/providers/Microsoft.Network/publicIPAddresses/{name}"
    )


def endpoint(name: str = ENDPOINT_NAME, *, ip: str = "one", weight: int = 100, priority: int = 1) -> Endpoint:
    return Endpoint(name, target_resource_id=public_ip(ip), weight=weight, priority=priority)


def profile(*endpoints: Endpoint, ref: ProfileRef = REF, relative_name: str = "shop") -> Profile:
    return Profile(ref, relative_name, 60, MONITOR, tags=(("owner", "fleet"),), endpoints=endpoints)


def put(value: Profile) -> PutProfile:
    return PutProfile(value, "a test")


def patch(value: Profile, *groups: str) -> PatchProfile:
    return PatchProfile(value, groups, "a test")


def put_endpoint(value: Endpoint, ref: ProfileRef = REF) -> PutEndpoint:
    return PutEndpoint(ref, value, "a test")


def delete_endpoint(value: Endpoint, ref: ProfileRef = REF) -> DeleteEndpoint:
    return DeleteEndpoint(ref, value, "a test")


def delete(ref: ProfileRef = REF) -> DeleteProfile:
    return DeleteProfile(ref, "a test")


def profile_body(name: str = "fleet-one", **properties: Any) -> dict[str, Any]:
    """A profile as Azure answers it; keywords replace properties."""
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{TYPE}/{name}",
        "name": name,
        "type": TYPE,
        "location": "global",
        "tags": {},
        "properties": {
            "profileStatus": "Enabled",
            "trafficRoutingMethod": "Weighted",
            "dnsConfig": {"relativeName": "shop", "fqdn": "shop.trafficmanager.net", "ttl": 60},
            "monitorConfig": {
                "profileMonitorStatus": "Inactive",
                "protocol": "HTTP",
                "port": 80,
                "path": "/",
                "intervalInSeconds": 30,
                "toleratedNumberOfFailures": 3,
                "timeoutInSeconds": 10,
            },
            "endpoints": [],
        }
        | properties,
    }


def endpoint_body(name: str = ENDPOINT_NAME, **properties: Any) -> dict[str, Any]:
    """An endpoint as Azure answers it; keywords replace properties."""
    return {
        "id": f"{REF.resource_id}/azureEndpoints/{name}",
        "name": name,
        "type": f"{TYPE}/azureEndpoints",
        "properties": {
            "endpointStatus": "Enabled",
            "endpointMonitorStatus": "CheckingEndpoint",
            "targetResourceId": public_ip("one"),
            "target": "one.westeurope.cloudapp.azure.com",
            "weight": 100,
            "priority": 1,
        }
        | properties,
    }
