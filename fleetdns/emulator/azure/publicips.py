"""Public IP addresses: which exist, which have a DNS label, and what an azureEndpoint that names one resolves to.

Unless asked to be strict, an IP that was never registered counts as one with the DNS name
`<its name>.<region>.cloudapp.azure.com`.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fleetdns.emulator.azure.errors import dns_record_in_use

_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_PUBLIC_IP = "microsoft.network/publicipaddresses"
_REGION = "eastus"


@dataclass(frozen=True, slots=True)
class ResourceId:
    subscription: str
    group: str
    type: str
    name: str

    @property
    def is_public_ip(self) -> bool:
        return self.type.casefold() == _PUBLIC_IP


def resource_id(text: str) -> ResourceId | None:
    match = _RESOURCE.fullmatch(text)
    return ResourceId(**match.groupdict()) if match else None


@dataclass(frozen=True, slots=True)
class PublicIP:
    """A registered address. `fqdn` None: it has no DNS label yet."""

    id: str
    name: str
    group: str
    subscription: str
    fqdn: str | None
    address: str | None
    location: str
    tags: tuple[tuple[str, str], ...] = ()


class PublicIPs:
    """The registry. Ids compare without case."""

    def __init__(self) -> None:
        self._registered: dict[str, PublicIP] = {}
        self._assumed: dict[str, str] = {}  # folded id -> name, for IPs nobody registered
        self._given_names: set[str] = set()  # every name any IP ever had
        self._numbers = itertools.count()  # of the addresses given out

    def set(
        self,
        text: str,
        fqdn: str | None,
        *,
        address: str | None = None,
        location: str = _REGION,
        tags: Mapping[str, str] | None = None,
    ) -> PublicIP:
        """Register or change one; without an address it keeps its own, and an empty one takes it away.

        Raises ValueError for another type of id, ArmError 400 where another one has the DNS name.
        """
        parsed = resource_id(text)
        if parsed is None or not parsed.is_public_ip:
            raise ValueError(f"not the id of a public IP address: {text}")
        self._refuse_used(fqdn, by_other_than=text)
        known = self._registered.get(text.casefold())
        if known is None:
            number = next(self._numbers)
            known = PublicIP(
                id=text,
                name=parsed.name,
                group=parsed.group,
                subscription=parsed.subscription,
                fqdn=fqdn,
                address=f"20.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                location=location,
            )
        changed = replace(
            known,
            fqdn=fqdn,
            address=known.address if address is None else address,
            location=location,
            tags=known.tags if tags is None else tuple(tags.items()),
        )
        self._registered[text.casefold()] = changed
        if fqdn:
            self._given_names.add(fqdn)
        return changed

    def remove(self, text: str) -> None:
        self._registered.pop(text.casefold(), None)

    def get(self, text: str) -> PublicIP | None:
        return self._registered.get(text.casefold())

    def listed(self, subscription: str, group: str) -> tuple[PublicIP, ...]:
        """Those of a resource group, or of the subscription when `group` is empty, sorted by id."""
        return tuple(
            ip
            for _, ip in sorted(self._registered.items())
            if ip.subscription.casefold() == subscription.casefold()
            and (not group or ip.group.casefold() == group.casefold())
        )

    def fqdn(self, text: str, *, strict: bool) -> str | None:
        """The name the address resolves to; None when it has no label or, with `strict`, does not exist."""
        known = self._registered.get(text.casefold())
        if known is not None:
            return known.fqdn
        return None if strict else self._assumed_fqdn(text)

    def _refuse_used(self, fqdn: str | None, *, by_other_than: str) -> None:
        """Names are unique within their region, which is a part of them, over all subscriptions."""
        wanted, own = (fqdn or "").casefold(), by_other_than.casefold()
        if wanted and any((ip.fqdn or "").casefold() == wanted for key, ip in self._registered.items() if key != own):
            raise dns_record_in_use(wanted)

    def _assumed_fqdn(self, text: str) -> str:
        name = self._assumed.get(text.casefold())
        if name is None:
            parsed = resource_id(text)
            label = re.sub(r"[^a-z0-9-]+", "-", (parsed.name if parsed else "").casefold()).strip("-") or "ip"
            # Two groups may each hold an IP of the same name: a second one gets a number, as labels are unique.
            suffixes = itertools.chain(("",), (f"-{number}" for number in itertools.count(2)))
            candidates = (f"{label[:50]}{suffix}.{_REGION}.cloudapp.azure.com" for suffix in suffixes)
            name = next(candidate for candidate in candidates if candidate not in self._given_names)
            self._assumed[text.casefold()] = name
            self._given_names.add(name)
        return name


def public_ip_body(ip: PublicIP) -> dict[str, Any]:
    """The ARM form of one public IP address."""
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "publicIPAddressVersion": "IPv4",
        "publicIPAllocationMethod": "Static",
        "idleTimeoutInMinutes": 4,
    }
    if ip.address:
        properties["ipAddress"] = ip.address
    if ip.fqdn:
        properties["dnsSettings"] = {"domainNameLabel": ip.fqdn.partition(".")[0], "fqdn": ip.fqdn}
    return {
        "id": ip.id,
        "name": ip.name,
        "type": "Microsoft.Network/publicIPAddresses",
        "location": ip.location,
        "tags": dict(ip.tags),
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": properties,
    }
