"""Traffic Manager as the controllers see it, in memory, with Azure's own rules and scripted faults.

A PUT replaces every endpoint; names, targets and priorities are unique in a profile, DNS names in the whole world; two
writes to one profile that overlap in time collide. Every call waits before and after it takes effect, so that it can
be cut at either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from msgspec import structs

from fleetdns.core.calls import DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.trafficmanager import MAX_ENDPOINTS, ONLINE, Endpoint, Listing, Profile, ProfileRef
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Rejected, Transient

R = TypeVar("R")

ZONE = "trafficmanager.net"
READS = frozenset({"get", "list_group", "list_subscription", "is_name_available"})
WRITES = frozenset({"put_profile", "patch_profile", "delete_profile", "put_endpoint", "delete_endpoint"})


@dataclass(frozen=True, slots=True)
class Called:
    """One call as it arrived: the operation, what it was about (folded), and when (the loop's seconds)."""

    operation: str
    subject: str
    at: float


@dataclass(slots=True)
class Fault:
    """`error` for the next `times` calls of `operations`, before or after they take effect."""

    operations: Collection[str]
    error: Exception
    times: int
    is_after_commit: bool


class FakeTrafficManager:
    """Fulfils the controllers' TrafficManager. The sets may be changed while it runs; names and groups are folded."""

    def __init__(self, *, latency: float = 0.01) -> None:
        self.latency = latency
        self.calls: list[Called] = []
        self.profiles: dict[str, Profile] = {}  # by ProfileRef.folded
        self.down: FleetDNSError | None = None  # what every call gets while it is set
        self.bad_targets: set[str] = set()
        self.trusts_what_it_has = False  # does not look at the targets of endpoints that are written as they are
        self.is_terse = False  # refusals do not say what they are about
        self.taken_names: set[str] = set()
        self.forbidden_groups: set[str] = set()  # neither read nor write
        self.read_only_groups: set[str] = set()
        self.unreadable: set[str] = set()  # names of profiles that lists give in a form nobody understands
        self.hides_names = False  # not even the names of those
        self.unlisted: set[str] = set()  # names of profiles that lists forget
        self.is_subscription_listable = True
        self.unprobed = ONLINE  # the state of an endpoint that a test has not given one
        self.shouts = False  # answers spell names and ids in another case than they were sent
        self._faults: list[Fault] = []
        self._writing: set[str] = set()

    # What a test does

    def fail(
        self, operations: str | Collection[str], error: Exception, *, times: int = 1, is_after_commit: bool = False
    ) -> None:
        """Answer the next calls of these operations with `error`."""
        names = frozenset({operations}) if isinstance(operations, str) else frozenset(operations)
        self._faults.append(Fault(names, error, times, is_after_commit))

    def heal(self) -> None:
        """No more scripted faults."""
        self._faults.clear()
        self.down = None

    def store(self, profile: Profile) -> Profile:
        """Put a profile there as somebody else would."""
        self.profiles[profile.ref.folded] = _found(profile, self.unprobed)
        return self.profiles[profile.ref.folded]

    @property
    def only(self) -> Profile:
        """The one profile there is."""
        (profile,) = self.profiles.values()
        return profile

    def tamper(self, change: Callable[[Profile], Profile]) -> None:
        """Somebody changes the one profile there is in the portal."""
        profile = self.only
        self.profiles[profile.ref.folded] = _found(change(profile), self.unprobed)

    def tamper_endpoint(self, name: str, change: Callable[[Endpoint], Endpoint]) -> None:
        """Somebody changes one endpoint of the one profile there is."""
        endpoint = self.only.endpoint(name)
        assert endpoint is not None
        self.tamper(lambda profile: profile.with_endpoint(change(endpoint)))

    def operations(self, *, since: int = 0) -> list[str]:
        """The operations called, in order, from call number `since` on."""
        return [call.operation for call in self.calls[since:]]

    def writes(self, *, since: int = 0) -> list[str]:
        return [name for name in self.operations(since=since) if name in WRITES]

    def times(self, operation: str, *, since: int = 0) -> list[float]:
        """When this operation was called."""
        return [call.at for call in self.calls[since:] if call.operation == operation]

    # What the controllers call

    async def get(self, ref: ProfileRef) -> Profile | None:
        return await self._call("get", ref.folded, ref.resource_group, lambda: self._answered(ref))

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        folded = (subscription.lower(), resource_group.lower())

        def listed() -> Listing:
            found = (p for p in self.profiles.values() if _group(p.ref) == folded)
            return self._listing(found)

        return await self._call("list_group", resource_group.lower(), resource_group, listed)

    async def list_subscription(self, subscription: str) -> Listing:
        def listed() -> Listing:
            if not self.is_subscription_listable:
                raise Forbidden("AuthorizationFailed", "no right to trafficManagerProfiles/read on the subscription")
            return self._listing(self.profiles.values())

        return await self._call("list_subscription", subscription.lower(), "", listed)

    def _listing(self, profiles: Iterable[Profile]) -> Listing:
        found = tuple(profile for profile in profiles if profile.ref.name.lower() not in self.unlisted)
        readable = (profile for profile in found if profile.ref.name.lower() not in self.unreadable)
        names = frozenset(profile.ref.name.lower() for profile in found) & self.unreadable
        told = frozenset({""}) if names and self.hides_names else names
        return Listing(tuple(self._spelled(profile) for profile in readable), told)

    async def put_profile(self, call: PutProfile) -> Profile:
        return await self._write("put_profile", call.ref, call.ref.folded, lambda: self._put(call.profile))

    async def patch_profile(self, call: PatchProfile) -> Profile:
        return await self._write("patch_profile", call.ref, call.ref.folded, lambda: self._patch(call))

    async def delete_profile(self, call: DeleteProfile) -> None:
        def delete() -> None:
            self.profiles.pop(call.ref.folded, None)

        await self._write("delete_profile", call.ref, call.ref.folded, delete)

    async def put_endpoint(self, call: PutEndpoint) -> Endpoint:
        return await self._write("put_endpoint", call.ref, call.endpoint.folded, lambda: self._put_endpoint(call))

    async def delete_endpoint(self, call: DeleteEndpoint) -> None:
        def delete() -> None:
            known = self.profiles.get(call.ref.folded)
            if known is not None:
                self.profiles[call.ref.folded] = known.without_endpoint(call.endpoint.name)

        await self._write("delete_endpoint", call.ref, call.endpoint.folded, delete)

    async def is_name_available(self, subscription: str, relative_name: str) -> bool:
        name = relative_name.lower()
        return await self._call("is_name_available", name, "", lambda: not self._is_taken(name, by_other_than=""))

    # How it answers

    async def _call(self, operation: str, subject: str, group: str, effect: Callable[[], R]) -> R:
        self.calls.append(Called(operation, subject, asyncio.get_running_loop().time()))
        await asyncio.sleep(self.latency)
        fault = self._fault(operation)
        if fault is not None and not fault.is_after_commit:
            raise fault.error
        if self.down is not None:
            raise self.down
        self._check_rights(operation, group.lower(), subject)
        result = effect()
        await asyncio.sleep(self.latency)
        if fault is not None:
            raise fault.error
        return result

    async def _write(self, operation: str, ref: ProfileRef, subject: str, effect: Callable[[], R]) -> R:
        if ref.folded in self._writing:
            raise Conflict("Conflict", "Conflicting changes were detected when processing the request.")
        self._writing.add(ref.folded)
        try:
            return await self._call(operation, subject, ref.resource_group, effect)
        finally:
            self._writing.discard(ref.folded)

    def _fault(self, operation: str) -> Fault | None:
        fault = next((fault for fault in self._faults if operation in fault.operations), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
        return fault

    def _check_rights(self, operation: str, group: str, subject: str) -> None:
        is_forbidden = group in self.forbidden_groups or (operation in WRITES and group in self.read_only_groups)
        if group and is_forbidden:
            right = "read" if operation in READS else "write"
            raise Forbidden("AuthorizationFailed", f"no right to trafficManagerProfiles/{right} over {subject}")

    def _is_taken(self, name: str, *, by_other_than: str) -> bool:
        others = (p for folded, p in self.profiles.items() if folded != by_other_than)
        return name in self.taken_names or any(p.relative_name.lower() == name for p in others)

    def _put(self, profile: Profile) -> Profile:
        if self._is_taken(profile.relative_name.lower(), by_other_than=profile.ref.folded):
            raise Conflict("Conflict", f"Domain name {profile.relative_name}.{ZONE} is not available.")
        return self._keep(profile)

    def _patch(self, call: PatchProfile) -> Profile:
        before = self._existing(call.ref)
        new = call.profile
        groups: dict[str, dict[str, Any]] = {
            "dnsConfig": {"ttl": new.ttl},
            "monitorConfig": {"monitor": new.monitor},
            "profileStatus": {"status": new.status},
            "trafficRoutingMethod": {"routing_method": new.routing_method},
            "tags": {"tags": new.tags},
        }
        fields = {name: value for group in call.groups for name, value in groups[group].items()}
        return self._keep(replace(before, **fields))

    def _put_endpoint(self, call: PutEndpoint) -> Endpoint:
        kept = self._keep(self._existing(call.ref).with_endpoint(call.endpoint), asked=(call.endpoint,))
        written = kept.endpoint(call.endpoint.name)
        assert written is not None
        return written

    def _keep(self, profile: Profile, *, asked: Collection[Endpoint] | None = None) -> Profile:
        self._check(profile, profile.endpoints if asked is None else asked)
        self.profiles[profile.ref.folded] = _found(profile, self.unprobed)
        return self._spelled(self.profiles[profile.ref.folded])

    def _check(self, profile: Profile, asked: Collection[Endpoint]) -> None:
        """`asked`: the endpoints that the request has, whose targets are looked at."""
        names = [endpoint.folded for endpoint in profile.endpoints]
        targets = [endpoint.folded_target for endpoint in profile.endpoints if endpoint.folded_target]
        priorities = [endpoint.priority for endpoint in profile.endpoints if endpoint.priority is not None]
        if any(len(set(values)) != len(values) for values in (names, targets, priorities)):
            raise Rejected("BadRequest", "There are duplicates in the list of endpoints.")
        if len(names) > MAX_ENDPOINTS:
            raise Rejected("BadRequest", "There are too many endpoints.")
        known = self.profiles.get(profile.ref.folded)
        old = {(e.folded, e.folded_target) for e in known.endpoints} if known and self.trusts_what_it_has else set()
        looked_at = (e for e in asked if (e.folded, e.folded_target) not in old)
        bad = self.bad_targets & {e.folded_target for e in looked_at if e.folded_target}
        if bad:
            raise Rejected(
                "BadRequest", "That is not valid." if self.is_terse else f"The target {min(bad)} is not valid."
            )

    def _existing(self, ref: ProfileRef) -> Profile:
        found = self.profiles.get(ref.folded)
        if found is None:
            raise Transient("ResourceNotFound", "The profile was not found.")
        return found

    def _answered(self, ref: ProfileRef) -> Profile | None:
        found = self.profiles.get(ref.folded)
        return None if found is None else self._spelled(found)

    def _spelled(self, profile: Profile) -> Profile:
        if not self.shouts:
            return profile
        ref = profile.ref
        return replace(
            profile,
            ref=ProfileRef(ref.subscription.upper(), ref.resource_group.upper(), ref.name.upper()),
            endpoints=tuple(_shouted(endpoint) for endpoint in profile.endpoints),
        )


def _group(ref: ProfileRef) -> tuple[str, str]:
    return (ref.subscription.lower(), ref.resource_group.lower())


def _found(profile: Profile, unprobed: str) -> Profile:
    """The profile with what Azure fills in: fqdn, targets, priorities and the probes' findings."""
    taken = {endpoint.priority for endpoint in profile.endpoints}
    free = (number for number in range(1, 1001) if number not in taken)
    endpoints = tuple(
        structs.replace(
            endpoint,
            priority=next(free) if endpoint.priority is None else endpoint.priority,
            target=endpoint.target or _label(endpoint),
            monitor_status=endpoint.monitor_status or unprobed,
            weight=1 if endpoint.weight is None else endpoint.weight,
        )
        for endpoint in profile.endpoints
    )
    return replace(profile, fqdn=f"{profile.relative_name}.{ZONE}", endpoints=endpoints)


def _label(endpoint: Endpoint) -> str:
    return f"{(endpoint.target_resource_id or endpoint.name).rsplit('/', 1)[-1]}.westeurope.cloudapp.azure.com"


def _shouted(endpoint: Endpoint) -> Endpoint:
    target = endpoint.target_resource_id
    return structs.replace(
        endpoint,
        name=endpoint.name.upper(),
        target_resource_id=target.upper() if target else None,
    )
