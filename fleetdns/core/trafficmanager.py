"""Traffic Manager's nouns as values: the one form in which desired and observed are compared.

Canonical where Azure is free to vary: names and ids keep their spelling but compare by `folded`; what Azure spells as
null or leaves out is None; lists without an order are sorted. Everything fleetdns does not manage travels along in
`unmanaged` as the JSON Azure gave, so that a write puts it back as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from fleetdns.core.naming import EndpointName, parse_endpoint_name

AZURE_ENDPOINTS = "azureEndpoints"
ENABLED = "Enabled"
DISABLED = "Disabled"
WEIGHTED = "Weighted"
ONLINE = "Online"
DEGRADED = "Degraded"
CHECKING = "CheckingEndpoint"
UNMONITORED = "Unmonitored"
INACTIVE = "Inactive"
STOPPED = "Stopped"
STATES = frozenset({ONLINE, DEGRADED, CHECKING, UNMONITORED, INACTIVE, STOPPED, DISABLED})  # of an endpoint
MAX_ENDPOINTS = 200
MAX_PRIORITY = 1000

TYPE = "Microsoft.Network/trafficManagerProfiles"


@dataclass(frozen=True, slots=True)
class ProfileRef:
    """Which Azure profile: the address of every call about it."""

    subscription: str
    resource_group: str
    name: str

    @property
    def resource_id(self) -> str:
        return f"{group_id(self.subscription, self.resource_group)}/providers/{TYPE}/{self.name}"

    @property
    def folded(self) -> str:
        """The key under which things about this profile are kept: Azure ignores case in names."""
        return self.resource_id.lower()


def endpoint_id(ref: ProfileRef, endpoint: Endpoint) -> str:
    """The resource id of an endpoint, with its folded name as status shows it."""
    return f"{ref.resource_id}/{endpoint.kind}/{endpoint.folded}"


def group_id(subscription: str, resource_group: str) -> str:
    """The resource id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{resource_group}"


def parse_profile_id(resource_id: str) -> ProfileRef | None:
    """The address in a profile's resource id; None when the text is not one."""
    parts = resource_id.split("/")
    if len(parts) != 9 or parts[0] or not all(parts[1:]):
        return None
    fixed = [parts[i].lower() for i in (1, 3, 5, 6, 7)]
    if fixed != ["subscriptions", "resourcegroups", "providers", "microsoft.network", "trafficmanagerprofiles"]:
        return None
    return ProfileRef(parts[2], parts[4], parts[8])


@dataclass(frozen=True, slots=True)
class Monitor:
    """How endpoints are probed. Seconds; headers sorted by name; `path` None with TCP."""

    protocol: str | None
    port: int | None
    path: str | None
    interval: int | None
    timeout: int | None
    tolerated_failures: int | None
    headers: tuple[tuple[str, str], ...] = ()
    unmanaged: bytes = b""


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """One endpoint. `target` and `monitor_status` are Azure's own findings and never desired.

    gc=False: it holds no cycle, and a full collection that walks some 100,000 of them stops the event loop.
    """

    name: str
    kind: str = AZURE_ENDPOINTS
    target_resource_id: str | None = None
    weight: int | None = None
    status: str = ENABLED
    priority: int | None = None
    target: str | None = None
    monitor_status: str | None = None
    unmanaged: bytes = b""

    @property
    def folded(self) -> str:
        return self.name.lower()

    @property
    def folded_target(self) -> str | None:
        return self.target_resource_id.lower() if self.target_resource_id else None

    @property
    def is_disabled(self) -> bool:
        return self.status.lower() == DISABLED.lower()

    @property
    def owner(self) -> EndpointName | None:
        """The facts in the name when fleetdns made this endpoint; None for a foreign one."""
        return parse_endpoint_name(self.name)


@dataclass(frozen=True, slots=True)
class Profile:
    """A whole Traffic Manager profile, desired or observed. `fqdn` is Azure's finding.

    The profile's own monitor state is left out: a list says null where a GET gives it, and the endpoints tell it.
    """

    ref: ProfileRef
    relative_name: str
    ttl: int | None
    monitor: Monitor
    tags: tuple[tuple[str, str], ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    status: str | None = ENABLED
    routing_method: str | None = WEIGHTED
    fqdn: str | None = None
    unmanaged: bytes = b""
    unmanaged_dns: bytes = b""

    def tag(self, name: str) -> str | None:
        """A tag's value; Azure ignores case in the names of tags."""
        return next((value for key, value in self.tags if key.lower() == name.lower()), None)

    def endpoint(self, name: str) -> Endpoint | None:
        folded = name.lower()
        return next((endpoint for endpoint in self.endpoints if endpoint.folded == folded), None)

    def with_endpoint(self, endpoint: Endpoint) -> Profile:
        """This profile with one endpoint put in place of the one of the same name, or added."""
        if self.endpoint(endpoint.name) is None:
            return replace(self, endpoints=(*self.endpoints, endpoint))
        return replace(self, endpoints=tuple(endpoint if e.folded == endpoint.folded else e for e in self.endpoints))

    def without_endpoint(self, name: str) -> Profile:
        return replace(self, endpoints=tuple(e for e in self.endpoints if e.folded != name.lower()))

    @property
    def owned(self) -> tuple[Endpoint, ...]:
        """The endpoints of ours, whatever backend they were made for, sorted by name."""
        return tuple(sorted((e for e in self.endpoints if e.owner), key=lambda e: e.folded))


@dataclass(frozen=True, slots=True)
class Listing:
    """Every profile of a resource group or a subscription.

    `unreadable`: folded names of profiles that are there and were not understood: present, unknown, never absent; ""
    for one whose very name could not be read.
    """

    profiles: tuple[Profile, ...] = ()
    unreadable: frozenset[str] = frozenset()

    def may_hold(self, ref: ProfileRef) -> bool:
        """Whether something that was not understood may be this profile."""
        return "" in self.unreadable or ref.name.lower() in self.unreadable
