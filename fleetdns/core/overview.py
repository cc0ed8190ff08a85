"""What status on the hub says of DNS, put together: profiles, their endpoints, shares of the traffic, last errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fleetdns.api.backend import EndpointStatus, TrafficManagerBackend
from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition, find
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.candidates import DISABLED_IN_AZURE
from fleetdns.core.contest import DRIFTING
from fleetdns.core.guard import GUARDED
from fleetdns.core.health import HEALTHY
from fleetdns.core.naming import parse_endpoint_name
from fleetdns.core.refusals import serving_as_before
from fleetdns.core.shares import Weighed, shares
from fleetdns.core.status import ACCEPTED, PAUSED_TYPE, PROGRAMMED
from fleetdns.core.trafficmanager import DISABLED

_GOOD_WHEN_TRUE = (PROGRAMMED, ACCEPTED, HEALTHY)
_TOLD_WHEN_TRUE = (GUARDED, PAUSED_TYPE, DRIFTING)


@dataclass(frozen=True, slots=True)
class Served:
    """An endpoint in Azure as its backend's status last told. `share`: 0..1 of the profile's traffic."""

    backend: str
    cluster: str
    target: str | None
    weight: int | None
    share: float
    monitor_status: str | None


@dataclass(frozen=True, slots=True)
class Unserved:
    """A cluster's export that is no serving endpoint, and why; `is_serving`: it is, and what is refused is a change."""

    backend: str
    cluster: str
    reason: str
    message: str
    is_serving: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """A condition that is not as one would wish. `subject`: the object's kind in short, and its name."""

    subject: str
    condition: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Overview:
    """One profile with what hangs on it; `is_there` False: backends name a TrafficManagerProfile that does not exist.

    `programmed` and `healthy`: the status of the conditions, Unknown where nobody has written them yet.
    """

    key: ObjectKey
    dns_name: str | None
    programmed: str
    healthy: str
    served: tuple[Served, ...]
    unserved: tuple[Unserved, ...]
    troubles: tuple[Trouble, ...]
    is_there: bool = True


def overviews(
    profiles: Iterable[TrafficManagerProfile], backends: Iterable[TrafficManagerBackend]
) -> tuple[Overview, ...]:
    """Sorted by namespace and name."""
    known = {profile.metadata.key: profile for profile in profiles}
    hanging: dict[ObjectKey, list[TrafficManagerBackend]] = {key: [] for key in known}
    for backend in backends:
        hanging.setdefault(backend.profile_key, []).append(backend)
    return tuple(
        _overview(key, known.get(key), sorted(hanging[key], key=lambda b: b.metadata.key)) for key in sorted(hanging)
    )


def profile_shares(
    profile: TrafficManagerProfile | None, backends: Iterable[TrafficManagerBackend]
) -> dict[str, float]:
    """The shares of all endpoints of one profile by their folded names; of those that fleetdns does not manage nothing
    is known on the hub.
    """
    weighed = (_weighed(endpoint, disabled) for backend in backends for endpoint, disabled in _endpoints(backend))
    is_disabled = profile is not None and profile.status.monitor_status == DISABLED
    return shares(weighed, is_profile_disabled=is_disabled)


def _overview(key: ObjectKey, profile: TrafficManagerProfile | None, backends: list[TrafficManagerBackend]) -> Overview:
    parts = profile_shares(profile, backends)
    return Overview(
        key=key,
        dns_name=profile.status.dns_name if profile is not None else None,
        programmed=_state(profile, PROGRAMMED),
        healthy=_state(profile, HEALTHY),
        served=tuple(_served(backends, parts)),
        unserved=tuple(_unserved(backends)),
        troubles=tuple(_troubles(key, profile, backends)),
        is_there=profile is not None,
    )


def _state(profile: TrafficManagerProfile | None, kind: str) -> str:
    found = find(profile.status.conditions, kind) if profile is not None else None
    return found.status if found is not None else UNKNOWN


def _endpoints(backend: TrafficManagerBackend) -> Iterator[tuple[EndpointStatus, bool]]:
    """Each with whether somebody disabled it in Azure."""
    disabled = {r.cluster for r in backend.status.rejected if r.reason == DISABLED_IN_AZURE}
    for endpoint in backend.status.endpoints:
        yield endpoint, _cluster(endpoint) in disabled


def _weighed(endpoint: EndpointStatus, is_disabled: bool) -> Weighed:
    status = DISABLED if is_disabled else endpoint.monitor_status
    return Weighed(endpoint.name.lower(), endpoint.weight or 1, status)


def _cluster(endpoint: EndpointStatus) -> str:
    if endpoint.from_ is not None:
        return endpoint.from_.cluster
    owner = parse_endpoint_name(endpoint.name)
    return owner.cluster if owner is not None else endpoint.name


def _served(backends: list[TrafficManagerBackend], parts: Mapping[str, float]) -> Iterator[Served]:
    for backend in backends:
        for endpoint in sorted(backend.status.endpoints, key=_cluster):
            share = parts[endpoint.name.lower()]
            yield Served(
                backend.metadata.name,
                _cluster(endpoint),
                endpoint.target,
                endpoint.weight,
                share,
                endpoint.monitor_status,
            )


def _unserved(backends: list[TrafficManagerBackend]) -> Iterator[Unserved]:
    for backend in backends:
        serving = serving_as_before(backend.status.rejected, backend.status.endpoints)
        for rejected in sorted(backend.status.rejected, key=lambda r: (r.cluster, r.reason)):
            is_serving = rejected.cluster in serving
            yield Unserved(backend.metadata.name, rejected.cluster, rejected.reason, rejected.message, is_serving)


def _troubles(
    key: ObjectKey, profile: TrafficManagerProfile | None, backends: list[TrafficManagerBackend]
) -> Iterator[Trouble]:
    if profile is None:
        yield Trouble(f"profile {key.name}", PROGRAMMED, "NotFound", f"there is no TrafficManagerProfile {key}")
    else:
        yield from _unwished(f"profile {key.name}", profile.status.conditions, PROGRAMMED)
    for backend in backends:
        yield from _unwished(f"backend {backend.metadata.name}", backend.status.conditions, ACCEPTED)


def _unwished(subject: str, conditions: tuple[Condition, ...], first: str) -> Iterator[Trouble]:
    """`first`: the condition that has to be there."""
    if find(conditions, first) is None:
        yield Trouble(subject, first, "NotLookedAt", "no controller has looked at it yet: does fleetdns run?")
    for condition in conditions:
        is_bad = condition.type in _GOOD_WHEN_TRUE and condition.status in (FALSE, UNKNOWN)
        if is_bad or (condition.type in _TOLD_WHEN_TRUE and condition.status == TRUE):
            yield Trouble(subject, condition.type, condition.reason, condition.message)
