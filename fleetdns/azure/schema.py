"""The parts of Traffic Manager's JSON that fleetdns reads or writes, field by field, as the REST API names them.

All may be absent: Azure leaves out what it has nothing to say about. Other fields are kept by codec.py.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Resource(msgspec.Struct):
    """What every resource of Resource Manager has. `type`: its last word is the kind."""

    id: str | None = None
    name: str | None = None
    type: str | None = None
    tags: dict[str, str | None] | None = None
    properties: dict[str, Any] | None = None


class ProfileProperties(msgspec.Struct, rename="camel"):
    """`properties` of a profile."""

    profile_status: str | None = None
    traffic_routing_method: str | None = None
    dns_config: dict[str, Any] | None = None
    monitor_config: dict[str, Any] | None = None
    endpoints: list[dict[str, Any]] | None = None


class DNSConfig(msgspec.Struct, rename="camel"):
    """`dnsConfig` of a profile. `ttl`: seconds."""

    relative_name: str | None = None
    fqdn: str | None = None
    ttl: int | None = None


class Header(msgspec.Struct):
    """One of `customHeaders`."""

    name: str | None = None
    value: str | None = None


class MonitorConfig(msgspec.Struct, rename="camel"):
    """`monitorConfig` of a profile."""

    profile_monitor_status: str | None = None
    protocol: str | None = None
    port: int | None = None
    path: str | None = None
    interval_in_seconds: int | None = None
    timeout_in_seconds: int | None = None
    tolerated_number_of_failures: int | None = None
    custom_headers: list[Header] | None = None


class EndpointProperties(msgspec.Struct, rename="camel"):
    """`properties` of an endpoint."""

    target_resource_id: str | None = None
    target: str | None = None
    endpoint_status: str | None = None
    endpoint_monitor_status: str | None = None
    weight: int | None = None
    priority: int | None = None
