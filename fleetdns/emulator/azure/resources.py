"""Profiles and endpoints as they are stored: frozen, enumerations in their canonical spelling, defaults filled."""

from dataclasses import dataclass
from typing import NamedTuple

PROFILE_TYPE = "Microsoft.Network/trafficManagerProfiles"
KINDS = ("azureEndpoints", "externalEndpoints", "nestedEndpoints")
ZONE = "trafficmanager.net"


class ProfileKey(NamedTuple):
    """Names compare without case, so a key is folded: build it with `profile_key`."""

    subscription: str
    group: str
    name: str


def profile_key(subscription: str, group: str, name: str) -> ProfileKey:
    return ProfileKey(subscription.casefold(), group.casefold(), name.casefold())


def endpoint_kind(text: str) -> str | None:
    """The canonical kind for `AzureEndpoints` or for the whole type `Microsoft.Network/.../azureEndpoints`."""
    folded = text.casefold().removeprefix(f"{PROFILE_TYPE}/".casefold())
    return next((kind for kind in KINDS if kind.casefold() == folded), None)


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class StatusRange:
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Subnet:
    """Addresses from `first` to `last`, or the network of `scope` bits that begins at `first`."""

    first: str
    last: str | None
    scope: int | None


@dataclass(frozen=True, slots=True)
class Monitor:
    protocol: str
    port: int
    path: str | None
    interval: int
    timeout: int
    tolerated_failures: int
    headers: tuple[Header, ...] = ()
    expected: tuple[StatusRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`priority` is None only until the profile's priorities are assigned, `since` is when its target was last set."""

    name: str
    kind: str
    status: str
    weight: int
    since: float
    target: str | None = None
    resource_id: str | None = None
    priority: int | None = None
    location: str | None = None
    min_children: int | None = None
    min_children_ipv4: int | None = None
    min_children_ipv6: int | None = None
    geo_mapping: tuple[str, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    headers: tuple[Header, ...] = ()
    always_serve: str | None = None

    def is_named(self, name: str) -> bool:
        return self.name.casefold() == name.casefold()

    @property
    def target_keys(self) -> frozenset[str]:
        """What makes two endpoints the same target: the resource, and the name it resolves to."""
        return frozenset(text.casefold() for text in (self.resource_id, self.target) if text)


@dataclass(frozen=True, slots=True)
class Profile:
    subscription: str
    group: str
    name: str
    tags: tuple[tuple[str, str], ...]
    status: str
    routing_method: str
    relative_name: str
    ttl: int
    monitor: Monitor
    endpoints: tuple[Endpoint, ...] = ()
    traffic_view: str = "Disabled"
    allowed_record_types: tuple[str, ...] = ()
    max_return: int | None = None
    record_type: str | None = None

    @property
    def key(self) -> ProfileKey:
        return profile_key(self.subscription, self.group, self.name)

    @property
    def id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{PROFILE_TYPE}/{self.name}"

    @property
    def fqdn(self) -> str:
        return f"{self.relative_name}.{ZONE}"

    def endpoint(self, kind: str, name: str) -> Endpoint | None:
        return next((item for item in self.endpoints if item.kind == kind and item.is_named(name)), None)
