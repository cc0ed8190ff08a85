"""Traffic Manager in a page, written from its documentation: what a sequence of calls leaves behind.

It is harsher than the service where the documentation is silent: a PATCH merges field by field, so it removes nothing,
and a clash of names, targets or priorities refuses the whole request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from msgspec import structs

from fleetdns.core.calls import Call, DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.trafficmanager import Endpoint, Monitor, Profile, ProfileRef


class Refused(Exception):
    """400."""


class NotFound(Exception):
    """404 on a write: the parent is not there."""


class AzureModel:
    """`bad_targets`: resource ids that are refused as a target, as a public IP without a DNS label is."""

    def __init__(self, profiles: Iterable[Profile] = (), *, bad_targets: Iterable[str] = ()) -> None:
        self.profiles: dict[str, Profile] = {}
        self.calls: list[Call] = []
        self._bad = frozenset(target.lower() for target in bad_targets)
        for profile in profiles:
            self._store(profile)

    def get(self, ref: ProfileRef) -> Profile | None:
        return self.profiles.get(ref.resource_id.lower())

    def carry_out(self, call: Call) -> None:
        """Make one call true, or raise Refused or NotFound and change nothing."""
        self.calls.append(call)
        match call:
            case PutProfile(profile=profile):
                self._put(profile)
            case PatchProfile(profile=profile, groups=groups):
                self._store(_merged(self._existing(call.ref), profile, groups))
            case PutEndpoint(endpoint=endpoint):
                self._store(_with(self._existing(call.ref), endpoint))
            case DeleteEndpoint(endpoint=endpoint):
                before = self._existing(call.ref)
                gone = (endpoint.name.lower(), endpoint.kind.lower())
                kept = (e for e in before.endpoints if (e.name.lower(), e.kind.lower()) != gone)
                self._store(replace(before, endpoints=tuple(kept)))
            case DeleteProfile():
                self.profiles.pop(call.ref.resource_id.lower(), None)

    def _existing(self, ref: ProfileRef) -> Profile:
        found = self.get(ref)
        if found is None:
            raise NotFound(ref.name)
        return found

    def _put(self, profile: Profile) -> None:
        before = self.get(profile.ref)
        if before is not None and before.relative_name != profile.relative_name:
            raise Refused("a DNS name cannot be changed")
        self._store(replace(profile, fqdn=f"{profile.relative_name}.trafficmanager.net"))

    def _store(self, profile: Profile) -> None:
        endpoints = _numbered(profile.endpoints)
        if len(endpoints) > 200:
            raise Refused("too many endpoints")
        _require_unique("names", [e.name.lower() for e in endpoints])
        _require_unique("targets", [e.target_resource_id.lower() for e in endpoints if e.target_resource_id])
        _require_unique("priorities", [str(e.priority) for e in endpoints])
        for endpoint in endpoints:
            self._check(endpoint)
        found = tuple(_probed(endpoint) for endpoint in endpoints)
        self.profiles[profile.ref.resource_id.lower()] = replace(profile, endpoints=found)

    def _check(self, endpoint: Endpoint) -> None:
        if endpoint.weight is None or not 1 <= endpoint.weight <= 1000:
            raise Refused(f"weight {endpoint.weight}")
        if endpoint.target_resource_id and endpoint.target_resource_id.lower() in self._bad:
            raise Refused(f"target {endpoint.target_resource_id}")


def _with(profile: Profile, endpoint: Endpoint) -> Profile:
    name, kind = endpoint.name.lower(), endpoint.kind.lower()
    same = [e for e in profile.endpoints if e.name.lower() == name]
    if any(e.kind.lower() != kind for e in same):
        raise Refused("an endpoint of another type has this name")
    if not same:
        return replace(profile, endpoints=(*profile.endpoints, endpoint))
    return replace(profile, endpoints=tuple(endpoint if e in same else e for e in profile.endpoints))


def _numbered(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    taken = {endpoint.priority for endpoint in endpoints}
    free = (number for number in range(1, 1001) if number not in taken)
    return tuple(e if e.priority is not None else structs.replace(e, priority=next(free)) for e in endpoints)


def _probed(endpoint: Endpoint) -> Endpoint:
    target = endpoint.target or f"{(endpoint.target_resource_id or '').rsplit('/', 1)[-1].lower()}.cloudapp.azure.com"
    return structs.replace(endpoint, target=target, monitor_status=endpoint.monitor_status or "CheckingEndpoint")


def _require_unique(what: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise Refused(f"{what} are not unique: {sorted(values)}")


def _merged(before: Profile, given: Profile, groups: tuple[str, ...]) -> Profile:
    after = before
    for group in groups:
        match group:
            case "dnsConfig":
                after = replace(after, ttl=before.ttl if given.ttl is None else given.ttl)
            case "monitorConfig":
                after = replace(after, monitor=_merged_monitor(before.monitor, given.monitor))
            case "tags":
                after = replace(after, tags=given.tags)
            case "profileStatus":
                after = replace(after, status=given.status)
            case "trafficRoutingMethod":
                after = replace(after, routing_method=given.routing_method)
            case _:
                raise Refused(f"no property {group}")
    return after


def _merged_monitor(before: Monitor, given: Monitor) -> Monitor:
    return Monitor(
        protocol=given.protocol or before.protocol,
        port=before.port if given.port is None else given.port,
        path=before.path if given.path is None else given.path,
        interval=before.interval if given.interval is None else given.interval,
        timeout=before.timeout if given.timeout is None else given.timeout,
        tolerated_failures=(
            before.tolerated_failures if given.tolerated_failures is None else given.tolerated_failures
        ),
        headers=given.headers or before.headers,
        unmanaged=given.unmanaged,
    )
