"""Profiles as the service shows them, as far as name servers look at them, and dice that always fall the same way."""

from random import Random
from typing import Any

ORIGIN = "trafficmanager.net"
Body = dict[str, Any]


def dice(seed: int = 1) -> Random:
    return Random(seed)


def endpoint(name: str = "one", target: str | None = None, *, state: str = "Online", **properties: Any) -> Body:
    kind = properties.pop("kind", "externalEndpoints")
    return {
        "name": name,
        "type": f"Microsoft.Network/trafficManagerProfiles/{kind}",
        "properties": {
            "endpointMonitorStatus": state,
            "target": target or f"{name}.example.com",
            "weight": 1,
            "priority": 1,
            "endpointLocation": None,
            **properties,
        },
    }


def nested(child: str, **properties: Any) -> Body:
    return endpoint(child, f"{child}.{ORIGIN}", kind="nestedEndpoints", **properties)


def profile(*endpoints: Body, name: str = "web", method: str = "Weighted", ttl: int = 60, **properties: Any) -> Body:
    return {
        "properties": {
            "profileStatus": "Enabled",
            "trafficRoutingMethod": method,
            "dnsConfig": {"fqdn": f"{name}.{ORIGIN}", "ttl": ttl},
            "maxReturn": None,
            "endpoints": list(endpoints),
            **properties,
        }
    }
