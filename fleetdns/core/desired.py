"""What Azure ought to hold for one profile object: its settings, and an endpoint with its weight for each export."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from msgspec import structs

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import MonitorConfig, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.candidates import Candidate, Candidates, LeftOut, Rejection
from fleetdns.core.drain import Drain
from fleetdns.core.identity import Identity, Naming
from fleetdns.core.kept import Kept
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, profile_tag
from fleetdns.core.trafficmanager import Endpoint, Monitor, Profile
from fleetdns.core.weights import Part, traffic_weights

DEFAULT_TTL = 60


@dataclass(frozen=True, slots=True)
class Source:
    """Where a desired endpoint comes from: its folded name, its backend, the cluster and what its export asked for."""

    endpoint: str
    backend: ObjectKey
    cluster: str
    weight: int


@dataclass(frozen=True, slots=True)
class Desired:
    """The profile that ought to be, with the origin of each endpoint and what was left out."""

    profile: Profile
    sources: tuple[Source, ...]  # sorted by endpoint
    rejections: tuple[Rejection, ...]
    unexported: frozenset[ObjectKey]  # backends whose service nobody exports
    unresolved: frozenset[ObjectKey]  # backends with an export that the import does not know of yet
    left_out: tuple[LeftOut, ...] = ()  # because somebody said so
    spared: tuple[tuple[ObjectKey, str], ...] = ()  # backend and cluster that is drained, and stays

    def source(self, endpoint: str) -> Source | None:
        """Where an endpoint comes from; None for one that is not desired."""
        folded = endpoint.lower()
        place = bisect_left(self.sources, folded, key=lambda source: source.endpoint)
        found = self.sources[place : place + 1]
        return found[0] if found and found[0].endpoint == folded else None


def desired_profile(
    identity: Identity,
    profile: TrafficManagerProfile,
    *,
    aggregate: Aggregate,
    drain: Drain,
    naming: Naming,
    rounding: str,
    room: int,
    kept: tuple[Kept, ...] = (),
) -> Desired:
    """`room`: how many endpoints fit beside the foreign ones (Traffic Manager takes 200 in all).

    `kept`: endpoints that stay without an export; they have their share of the weights and of the room.
    """
    gathered = Candidates(aggregate, drain)
    candidates = gathered.within(max(0, room - len(kept)))
    weights = _weights(candidates, kept, rounding)
    made = (Endpoint(name=c.name, target_resource_id=c.target, weight=weights[c.name]) for c in candidates)
    staying = (structs.replace(k.endpoint, weight=weights[k.endpoint.folded]) for k in kept)
    return Desired(
        profile=Profile(
            ref=identity.ref,
            relative_name=identity.relative_name,
            ttl=DEFAULT_TTL if profile.spec.dns_config.ttl is None else profile.spec.dns_config.ttl,
            monitor=_monitor(profile.spec.monitor_config),
            tags=_tags(identity.key, naming),
            endpoints=tuple(sorted((*made, *staying), key=lambda endpoint: endpoint.folded)),
        ),
        sources=tuple(
            sorted(
                (Source(c.name, c.backend.metadata.key, c.cluster, c.export.weight) for c in candidates),
                key=lambda source: source.endpoint,
            )
        ),
        rejections=tuple(sorted(gathered.rejections, key=lambda r: (r.backend, r.cluster, r.reason))),
        unexported=frozenset(gathered.unexported),
        unresolved=frozenset(gathered.unresolved),
        left_out=tuple(sorted(gathered.left_out, key=lambda left: (left.backend, left.cluster))),
        spared=tuple(sorted(_spared(candidates, kept, drain))),
    )


def _spared(candidates: list[Candidate], kept: tuple[Kept, ...], drain: Drain) -> Iterator[tuple[ObjectKey, str]]:
    for candidate in candidates:
        if drain.spares(candidate.backend.spec.backend.name, candidate.cluster):
            yield candidate.backend.metadata.key, candidate.cluster
    for staying in kept:
        owner = staying.endpoint.owner
        if owner is not None and drain.spares(owner.service, owner.cluster):
            yield staying.backend.metadata.key, owner.cluster


def _weights(candidates: list[Candidate], kept: tuple[Kept, ...], rounding: str) -> Mapping[str, int | None]:
    """Traffic Manager's weights by folded endpoint name. Where nothing tells what they ought to be, they stay."""
    if not candidates and all(k.is_guess for k in kept):
        return {k.endpoint.folded: k.endpoint.weight for k in kept}
    totals: dict[ObjectKey, int] = {}
    rows: dict[ObjectKey, dict[str, int | Fraction]] = {}
    asked: list[tuple[TrafficManagerBackend, str, int | Fraction]] = [
        *((c.backend, c.name, c.export.weight) for c in candidates),
        *((k.backend, k.endpoint.folded, k.weight) for k in kept),
    ]
    for backend, name, weight in asked:
        key = backend.metadata.key
        totals[key] = backend.weight
        rows.setdefault(key, {})[name] = weight
    parts = [Part(totals[key], _whole(row.values())) for key, row in rows.items()]
    weighed = traffic_weights(parts, rounding=rounding)
    return {
        name: weight
        for row, weights in zip(rows.values(), weighed, strict=True)
        for name, weight in zip(row, weights, strict=True)
    }


def _whole(weights: Iterable[int | Fraction]) -> tuple[int, ...]:
    """The same ratios in whole numbers."""
    weights = tuple(weights)
    unit = lcm(*(weight.denominator for weight in weights))
    return tuple(int(weight * unit) for weight in weights)


def _monitor(config: MonitorConfig) -> Monitor:
    protocol = config.protocol or "HTTP"
    interval = 30 if config.interval_in_seconds is None else config.interval_in_seconds
    return Monitor(
        protocol=protocol,
        port=80 if config.port is None else config.port,
        path=None if protocol == "TCP" else (config.path or "/"),
        interval=interval,
        timeout=(10 if interval == 30 else 9) if config.timeout_in_seconds is None else config.timeout_in_seconds,
        tolerated_failures=3 if config.tolerated_number_of_failures is None else config.tolerated_number_of_failures,
        headers=_headers(config),
    )


def _headers(config: MonitorConfig) -> tuple[tuple[str, str], ...]:
    """HTTP ignores case in the names of headers, the list on the hub does not: of several the first one counts."""
    found: dict[str, tuple[str, str]] = {}
    for header in config.custom_headers:
        found.setdefault(header.name.lower(), (header.name, header.value))
    return tuple(sorted(found.values()))


def _tags(key: ObjectKey, naming: Naming) -> tuple[tuple[str, str], ...]:
    """Azure ignores case in the names of tags: one that an administrator spells like ours would fight with it."""
    tags = ((PROFILE_TAG, profile_tag(key)), (HUB_TAG, naming.hub_id))
    ours = {name.lower() for name, _ in tags}
    return tuple(sorted((*tags, *((name, value) for name, value in naming.tags if name.lower() not in ours))))
