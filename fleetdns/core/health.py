"""What Traffic Manager's probes found: of a whole profile, what turned since it was last told, and how often that is
written.

Between two answers of Azure an endpoint may turn many times. Status is what the newest answer says. Where nothing but
health differs it is written once per sweep, whoever caused the answer, so that a fleet that flaps costs the hub no more
than one patch for each object and sweep. Events and counts go with what is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from fleetdns.api.backend import BackendStatus
from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.profile import EndpointCounts, ProfileStatus
from fleetdns.core.trafficmanager import CHECKING, DEGRADED, DISABLED, INACTIVE, ONLINE, UNMONITORED, Endpoint, Profile
from fleetdns.core.wording import first_few

HEALTHY = "Healthy"
NO_ENDPOINTS = "NoEndpoints"
ENDPOINTS_DEGRADED = "EndpointsDegraded"
CHECKING_ENDPOINTS = "CheckingEndpoints"
ALL_ENDPOINTS_ONLINE = "AllEndpointsOnline"

Status = ProfileStatus | BackendStatus
S = TypeVar("S", ProfileStatus, BackendStatus)

_UNDECIDED = (None, CHECKING)
_SHORTEST_SWEEP = 0.9  # sweeps come with jitter: what one of them finds must not wait for the next


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one profile's health. `failing`: folded names of the endpoints that were told to fail.

    `alone_at`: when health alone was last written, in seconds of `now`'s clock; `waits`: some of it is not written yet.
    """

    failing: frozenset[str] = frozenset()
    alone_at: float | None = None
    waits: bool = False

    def is_early(self, *, sweep: float, now: float) -> bool:
        """Whether what differs in health alone waits. `sweep`: seconds from one sweep to the next."""
        return self.alone_at is not None and now < self.alone_at + _SHORTEST_SWEEP * sweep

    def next_look(self, *, sweep: float) -> float | None:
        """When what waits may be written."""
        return self.alone_at + _SHORTEST_SWEEP * sweep if self.waits and self.alone_at is not None else None


@dataclass(frozen=True, slots=True)
class Turns:
    """The endpoints that began to fail and those that serve again, each sorted by name; all that fail now."""

    failed: tuple[Endpoint, ...] = ()
    recovered: tuple[Endpoint, ...] = ()
    failing: frozenset[str] = frozenset()


def turns(failing: frozenset[str], observed: Profile | None) -> Turns:
    """What turned since these were told to fail. An endpoint that is being checked has not turned yet, one that is
    disabled or gone is told elsewhere.
    """
    active = [endpoint for endpoint in (observed.owned if observed else ()) if not endpoint.is_disabled]
    failed = tuple(e for e in active if e.monitor_status == DEGRADED and e.folded not in failing)
    recovered = tuple(e for e in active if e.monitor_status in (ONLINE, UNMONITORED) and e.folded in failing)
    still = (e.folded for e in active if e.monitor_status in (*_UNDECIDED, DEGRADED) and e.folded in failing)
    return Turns(failed, recovered, frozenset((*still, *(e.folded for e in failed))))


def telling(
    told: Told, observed: Profile | None, *, is_observed: bool, is_alone: bool, sweep: float, now: float
) -> tuple[Turns, Told]:
    """What is told of `observed` now, and what has been told then.

    `is_alone`: some object differs in its health alone; `is_observed` False: nothing was heard of Azure.
    """
    waits = is_alone and told.is_early(sweep=sweep, now=now)
    if waits or not is_observed:
        return Turns(failing=told.failing), replace(told, waits=waits)
    turned = turns(told.failing, observed)
    return turned, Told(turned.failing, now if is_alone else told.alone_at)


def changes(old: BackendStatus, new: BackendStatus) -> Mapping[str, int]:
    """How many endpoints that were there before are now in another state; by that state."""
    before = {endpoint.name: endpoint.monitor_status for endpoint in old.endpoints}
    found = (e.monitor_status for e in new.endpoints if e.name in before and before[e.name] != e.monitor_status)
    return Counter(state for state in found if state is not None)


def differs_in_health_alone(old: Status, new: Status) -> bool:
    """Whether a patch would say nothing but what probes found."""
    return old != new and _without_health(old) == _without_health(new)


def written(old: S, new: S, told: Told) -> S:
    """The status to write now: the one there is while nothing but health differs and that waits."""
    return old if told.waits and differs_in_health_alone(old, new) else new


def health(profile: Profile) -> Condition:
    """Healthy, from what the probes say of each endpoint of ours; those somebody disabled do not count."""
    active = [endpoint for endpoint in profile.owned if not endpoint.is_disabled]
    if not active:
        return Condition(HEALTHY, FALSE, NO_ENDPOINTS, "the profile has no enabled endpoint of fleetdns")
    if _is_off(profile):
        return Condition(HEALTHY, FALSE, NO_ENDPOINTS, "the profile is switched off in Azure: no endpoint serves")
    unwell = [e for e in active if e.monitor_status not in (*_UNDECIDED, ONLINE, UNMONITORED)]
    if unwell:
        what = "fail their probes" if all(e.monitor_status == DEGRADED for e in unwell) else "do not serve"
        message = f"{len(unwell)} of {len(active)} endpoints {what}: {first_few(_unwell(e) for e in unwell)}"
        return Condition(HEALTHY, FALSE, ENDPOINTS_DEGRADED, message)
    checking = sum(endpoint.monitor_status in _UNDECIDED for endpoint in active)
    if checking:
        message = f"{checking} of {len(active)} endpoints have no probe result yet"
        return Condition(HEALTHY, UNKNOWN, CHECKING_ENDPOINTS, message)
    return Condition(HEALTHY, TRUE, ALL_ENDPOINTS_ONLINE, f"all {len(active)} endpoints answer their probes")


def monitor_status(profile: Profile) -> str:
    """Traffic Manager's own rule for a profile, from all its endpoints; a list does not give the profile's state."""
    if _is_off(profile):
        return DISABLED
    states = {endpoint.monitor_status for endpoint in profile.endpoints if not endpoint.is_disabled}
    if DEGRADED in states:
        return DEGRADED
    if states & {ONLINE, UNMONITORED}:
        return ONLINE
    return CHECKING_ENDPOINTS if states & {*_UNDECIDED} else INACTIVE


def endpoint_counts(profile: Profile) -> EndpointCounts:
    """The endpoints of ours, by what probes found."""
    owned = profile.owned
    states = [endpoint.monitor_status for endpoint in owned if not endpoint.is_disabled]
    return EndpointCounts(total=len(owned), online=states.count(ONLINE), degraded=states.count(DEGRADED))


def clusters(endpoints: Iterable[Endpoint]) -> str:
    """The clusters of these endpoints, for a message."""
    return first_few(sorted({_cluster(endpoint) for endpoint in endpoints}))


def _is_off(profile: Profile) -> bool:
    return profile.status is not None and profile.status.lower() == DISABLED.lower()


def _cluster(endpoint: Endpoint) -> str:
    return endpoint.owner.cluster if endpoint.owner else endpoint.name


def _unwell(endpoint: Endpoint) -> str:
    state = "" if endpoint.monitor_status == DEGRADED else f" ({endpoint.monitor_status})"
    return f"{_cluster(endpoint)}{state}"


def _without_health(status: Status) -> Status:
    if isinstance(status, BackendStatus):
        endpoints = (msgspec.structs.replace(endpoint, monitor_status=None) for endpoint in status.endpoints)
        return msgspec.structs.replace(status, endpoints=tuple(endpoints))
    return msgspec.structs.replace(
        status,
        monitor_status=None,
        endpoints=EndpointCounts(total=status.endpoints.total) if status.endpoints else None,
        conditions=tuple(condition for condition in status.conditions if condition.type != HEALTHY),
    )
