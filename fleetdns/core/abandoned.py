"""Profiles that no backend is left for: what of one is in Azure as its status says, what is held there, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fleetdns.api.conditions import TRUE, find
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core import remedies
from fleetdns.core.finding import BareProfile
from fleetdns.core.guard import GUARDED
from fleetdns.core.health import NO_ENDPOINTS
from fleetdns.core.leaving import profile_waits
from fleetdns.core.overview import overviews
from fleetdns.core.status import PROGRAMMED
from fleetdns.core.trafficmanager import parse_profile_id

# The list in the condition: with the backends went the only status that named the endpoints one by one.
_LISTED = re.compile(r": (?P<list>[\w-]+ in [\w-]+(?:, [\w-]+ in [\w-]+)*)(?P<more> and \d+ more)?;")


@dataclass(frozen=True, slots=True)
class HeldServices:
    """The folded names of the Services whose endpoints are held; `is_whole` False: there may be others."""

    names: frozenset[str]
    is_whole: bool

    def may_have(self, service: str) -> bool:
        return service.lower() in self.names or not self.is_whole


def held_services(profile: TrafficManagerProfile) -> HeldServices:
    """Those that the condition Guarded of a profile tells of."""
    held = find(profile.status.conditions, GUARDED)
    if held is None or held.status != TRUE:
        return HeldServices(frozenset(), is_whole=True)
    listed = _LISTED.search(held.message)
    if listed is None:
        return HeldServices(frozenset(), is_whole=False)
    names = (endpoint.partition(" in ")[0].lower() for endpoint in listed["list"].split(", "))
    return HeldServices(frozenset(names), is_whole=listed["more"] is None)


def bare_profile(profile: TrafficManagerProfile) -> BareProfile:
    """What there is to say of a profile without a backend."""
    key = profile.metadata.key
    if profile.metadata.is_deleting:
        because, todo = profile_waits(profile)
    else:
        nobody = f"no TrafficManagerBackend in namespace {key.namespace} names it"
        because, todo = f"{nobody}; {_in_azure(profile)}", remedies.bare_profile(key)
    return BareProfile(key, profile.status.dns_name, because, todo, tuple(_remarks(profile)))


def _in_azure(profile: TrafficManagerProfile) -> str:
    status = profile.status
    ref = parse_profile_id(status.resource_id) if status.resource_id is not None else None
    if ref is None:
        is_seen = find(status.conditions, PROGRAMMED) is not None
        return "nothing of it is in Azure" if is_seen else "nobody has said yet whether it is in Azure"
    count = status.endpoints.total if status.endpoints is not None else 0
    endpoints = "1 endpoint of a backend that is" if count == 1 else f"{count} endpoints of backends that are"
    held = f"with {endpoints} gone" if count else "without an endpoint of ours"
    return f"Azure holds it as {ref.name} in resource group {ref.resource_group}, {held}"


def _remarks(profile: TrafficManagerProfile) -> Iterator[str]:
    """The conditions that are not as one would wish, but that there is no endpoint: that is no news."""
    for overview in overviews((profile,), ()):
        for trouble in overview.troubles:
            if trouble.reason != NO_ENDPOINTS:
                yield f"{trouble.condition}: {trouble.message} ({trouble.reason})"
