"""TrafficManagerProfile: the DNS name of a service and how its endpoints are probed."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fleetdns.api.conditions import Condition
from fleetdns.api.meta import GROUP, ObjectMeta, Resource

CLEANUP_FINALIZER = f"{GROUP}/traffic-manager-profile-cleanup"
PAUSED = "fleetdns.io/paused"
ALLOW_EMPTY = "fleetdns.io/allow-empty"
ADOPT = "fleetdns.io/adopt"
RETAIN = "Retain"


class CustomHeader(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One header of a health probe."""

    name: str
    value: str


class MonitorConfig(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """How Traffic Manager probes the endpoints. None where neither the user nor the schema gave a value."""

    interval_in_seconds: int | None = None
    timeout_in_seconds: int | None = None
    tolerated_number_of_failures: int | None = None
    protocol: str | None = None
    port: int | None = None
    path: str | None = None
    custom_headers: tuple[CustomHeader, ...] = ()


class DNSConfig(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The DNS label and how long resolvers may keep an answer (seconds)."""

    relative_name: str | None = None
    ttl: int | None = None


class ProfileSpec(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """spec of a TrafficManagerProfile."""

    resource_group: str | None = None
    monitor_config: MonitorConfig = MonitorConfig()
    dns_config: DNSConfig = DNSConfig()
    deletion_policy: str | None = None


class EndpointCounts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How many endpoints of fleetdns' own the profile has, by what Traffic Manager's probes say of them."""

    total: int = 0
    online: int = 0
    degraded: int = 0


class ProfileStatus(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """status of a TrafficManagerProfile. None where fleetdns does not know."""

    dns_name: str | None = None
    resource_id: str | None = msgspec.field(default=None, name="resourceID")
    monitor_status: str | None = None
    endpoints: EndpointCounts | None = None
    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()


class TrafficManagerProfile(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A TrafficManagerProfile as stored on the hub."""

    resource: ClassVar[Resource] = Resource(GROUP, "v1beta1", "trafficmanagerprofiles", "TrafficManagerProfile")

    metadata: ObjectMeta
    spec: ProfileSpec = ProfileSpec()
    status: ProfileStatus = ProfileStatus()
