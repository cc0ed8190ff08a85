"""Profiles as name servers need them, parsed once from the service's own JSON."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Every profile as a GET answers it.
Snapshot = Sequence[Mapping[str, Any]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_AZURE_NAME = re.compile(r"[^.]+\.(?P<region>[^.]+)\.cloudapp\.azure\.com\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subnet:
    """Both ends included."""

    first: Address
    last: Address

    def contains(self, address: Address) -> bool:
        return address.version == self.first.version and int(self.first) <= int(address) <= int(self.last)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`state` is the endpointMonitorStatus, `child` the DNS name of the profile a nested endpoint stands for."""

    name: str
    target: str
    state: str
    weight: int
    priority: int
    region: str
    child: str | None
    geo_mapping: frozenset[str]
    subnets: tuple[Subnet, ...]

    @property
    def address(self) -> Address | None:
        """The target when it is an IP address."""
        try:
            return ipaddress.ip_address(self.target)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Profile:
    fqdn: str
    ttl: int
    is_enabled: bool
    method: str
    max_return: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone `origin` with its profiles by DNS name, in lower case."""

    origin: str
    profiles: Mapping[str, Profile]

    def has_names_below(self, name: str) -> bool:
        """Whether the name is an inner node: dots are allowed in relative names."""
        return any(fqdn.endswith(f".{name}") for fqdn in self.profiles)


def zone_of(snapshot: Snapshot, origin: str) -> Zone:
    """Profiles with a DNS name outside of `origin` are left out."""
    profiles = (_profile(body["properties"]) for body in snapshot)
    folded = origin.casefold().rstrip(".")
    return Zone(folded, {item.fqdn: item for item in profiles if item.fqdn.endswith(f".{folded}")})


def _profile(properties: Mapping[str, Any]) -> Profile:
    dns = properties["dnsConfig"]
    return Profile(
        fqdn=dns["fqdn"].casefold(),
        ttl=dns["ttl"],
        is_enabled=properties["profileStatus"] == "Enabled",
        method=properties["trafficRoutingMethod"],
        max_return=properties.get("maxReturn") or 2,
        endpoints=tuple(_endpoint(body) for body in properties["endpoints"]),
    )


def _endpoint(body: Mapping[str, Any]) -> Endpoint:
    properties = body["properties"]
    target = (properties.get("target") or "").rstrip(".")
    in_azure = _AZURE_NAME.fullmatch(target)
    region = properties.get("endpointLocation") or (in_azure["region"] if in_azure else "")
    return Endpoint(
        name=body["name"],
        target=target,
        state=properties["endpointMonitorStatus"],
        weight=properties["weight"],
        priority=properties["priority"],
        # "West Europe" and "westeurope" are the same place.
        region=region.casefold().replace(" ", ""),
        child=target.casefold() if body["type"].casefold().endswith("/nestedendpoints") else None,
        geo_mapping=frozenset(code.casefold() for code in properties.get("geoMapping") or ()),
        subnets=tuple(_subnet(item) for item in properties.get("subnets") or ()),
    )


def _subnet(body: Mapping[str, Any]) -> Subnet:
    first = ipaddress.ip_address(body["first"])
    if body.get("last"):
        return Subnet(first, ipaddress.ip_address(body["last"]))
    network = ipaddress.ip_network((str(first), body.get("scope", first.max_prefixlen)), strict=False)
    return Subnet(network[0], network[-1])
