"""What Azure ought to hold for one profile object, and which exports cannot be endpoints and why.

An export that cannot become an endpoint is a Rejection beside the endpoints, never an error: one bad export does not
hold back the other clusters.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import TRUE, find
from fleetdns.api.exports import (
    CONFLICT,
    MEMBER_NAMESPACE_PREFIX,
    WITHDRAWN,
    InternalServiceExport,
    ServiceImport,
)
from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import MonitorConfig, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.identity import Identity, Naming
from fleetdns.core.kept import Kept
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, EndpointName, profile_tag
from fleetdns.core.trafficmanager import MAX_ENDPOINTS, Endpoint, Monitor, Profile
from fleetdns.core.weights import Part, traffic_weights

DEFAULT_TTL = 60

SERVICE_TYPE_NOT_SUPPORTED = "ServiceTypeNotSupported"
INTERNAL_LOAD_BALANCER = "InternalLoadBalancer"
PUBLIC_IP_PENDING = "PublicIPPending"
DNS_LABEL_MISSING = "DNSLabelMissing"
EXPORT_NOT_FOUND = "ExportNotFound"
CLUSTER_MISMATCH = "ClusterMismatch"
CONFLICT_LOST = "ConflictLost"
DUPLICATE_TARGET = "DuplicateTarget"
ENDPOINT_LIMIT = "EndpointLimit"
AZURE_REFUSED = "AzureRefused"
DISABLED_IN_AZURE = "DisabledInAzure"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One cluster's export that is no endpoint of one backend."""

    backend: ObjectKey
    cluster: str
    reason: str
    message: str


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

    def source(self, endpoint: str) -> Source | None:
        """Where an endpoint comes from; None for one that is not desired."""
        folded = endpoint.lower()
        place = bisect_left(self.sources, folded, key=lambda source: source.endpoint)
        found = self.sources[place : place + 1]
        return found[0] if found and found[0].endpoint == folded else None


@dataclass(frozen=True, slots=True)
class _Candidate:
    backend: TrafficManagerBackend
    cluster: str
    export: InternalServiceExport
    target: str

    @property
    def name(self) -> str:
        return str(EndpointName(self.backend.metadata.uid, self.backend.spec.backend.name, self.cluster))


def desired_profile(
    identity: Identity,
    profile: TrafficManagerProfile,
    *,
    aggregate: Aggregate,
    naming: Naming,
    rounding: str,
    room: int,
    kept: tuple[Kept, ...] = (),
) -> Desired:
    """`room`: how many endpoints fit beside the foreign ones (Traffic Manager takes 200 in all).

    `kept`: endpoints that stay without an export; they have their share of the weights and of the room.
    """
    gathered = _Gathering(aggregate)
    for backend in aggregate.live_backends:
        if backend.weight > 0:
            gathered.add(backend)
    unique = _without_duplicates(gathered.candidates, gathered.rejections)
    candidates = _within(max(0, room - len(kept)), unique, gathered.rejections)
    weights = _weights(candidates, kept, rounding)
    made = (Endpoint(name=c.name, target_resource_id=c.target, weight=weights[c.name]) for c in candidates)
    staying = (replace(k.endpoint, weight=weights[k.endpoint.folded]) for k in kept)
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
    )


class _Gathering:
    """Walks the backends' exports; a small accumulator that lives only inside one decision."""

    def __init__(self, aggregate: Aggregate) -> None:
        self.candidates: list[_Candidate] = []
        self.rejections: list[Rejection] = []
        self.unexported: set[ObjectKey] = set()
        self.unresolved: set[ObjectKey] = set()
        self._imports: Mapping[ObjectKey, ServiceImport] = {i.metadata.key: i for i in aggregate.imports}
        self._exports: dict[ObjectKey, list[InternalServiceExport]] = {}
        for export in sorted(aggregate.exports, key=lambda e: (e.cluster, e.metadata.key)):
            if not export.metadata.is_deleting:
                self._exports.setdefault(export.service_key, []).append(export)

    def add(self, backend: TrafficManagerBackend) -> None:
        exports = self._exports.get(backend.service_key, [])
        own = {export.cluster: export for export in exports if export.is_from_own_namespace}
        for export in exports:
            if not export.is_from_own_namespace:
                self._reject(backend, export.cluster, CLUSTER_MISMATCH, _mismatch(export))
        service_import = self._imports.get(backend.service_key)
        if service_import is None:
            (self.unresolved if own else self.unexported).add(backend.metadata.key)
            return
        accepted = {cluster.cluster for cluster in service_import.status.clusters}
        if not accepted and not own:
            self.unexported.add(backend.metadata.key)
        for cluster in sorted(accepted | own.keys()):
            self._judge(backend, cluster, own.get(cluster), is_accepted=cluster in accepted)

    def _judge(
        self, backend: TrafficManagerBackend, cluster: str, export: InternalServiceExport | None, *, is_accepted: bool
    ) -> None:
        if export is None:
            message = (
                f"cluster {cluster} is named in the ServiceImport, but its InternalServiceExport is not on the hub"
            )
            self._reject(backend, cluster, EXPORT_NOT_FOUND, message)
            return
        if is_marked(export.metadata, WITHDRAWN):
            return
        if not is_accepted:
            self._judge_unaccepted(backend, export)
            return
        if export.weight <= 0:
            return
        problem = _ineligibility(export)
        if problem:
            self._reject(backend, cluster, *problem)
            return
        self.candidates.append(_Candidate(backend, cluster, export, export.spec.public_ip_resource_id or ""))

    def _judge_unaccepted(self, backend: TrafficManagerBackend, export: InternalServiceExport) -> None:
        conflict = find(export.status.conditions, CONFLICT)
        if conflict is not None and conflict.status == TRUE:
            self._reject(
                backend, export.cluster, CONFLICT_LOST, conflict.message or "an older export disagrees with it"
            )
            return
        self.unresolved.add(backend.metadata.key)

    def _reject(self, backend: TrafficManagerBackend, cluster: str, reason: str, message: str) -> None:
        self.rejections.append(Rejection(backend.metadata.key, cluster, reason, message))


def _mismatch(export: InternalServiceExport) -> str:
    return (
        f"the export {export.metadata.key} names cluster {export.cluster!r}, whose exports belong in namespace "
        f"{MEMBER_NAMESPACE_PREFIX}{export.cluster}; it is not counted"
    )


def _ineligibility(export: InternalServiceExport) -> tuple[str, str] | None:
    """(reason, message) when Traffic Manager could not route to this export."""
    spec = export.spec
    if spec.type != "LoadBalancer":
        return SERVICE_TYPE_NOT_SUPPORTED, f"the Service is of type {spec.type or 'ClusterIP'}; make it a LoadBalancer"
    if spec.is_internal_load_balancer:
        return INTERNAL_LOAD_BALANCER, "the load balancer is internal; Traffic Manager reaches public addresses only"
    if not spec.public_ip_resource_id:
        return PUBLIC_IP_PENDING, "the Service has no public IP resource yet"
    if not spec.is_dns_label_configured:
        return (
            DNS_LABEL_MISSING,
            "the public IP has no DNS label; set the Service's annotation "
            "service.beta.kubernetes.io/azure-dns-label-name to one that is unique in the region",
        )
    return None


def _without_duplicates(candidates: list[_Candidate], rejections: list[Rejection]) -> list[_Candidate]:
    """Traffic Manager takes a target once per profile: the first keeps it, the next waits until it is free."""
    holders: dict[str, _Candidate] = {}
    kept = []
    for candidate in candidates:
        holder = holders.setdefault(candidate.target.lower(), candidate)
        if holder is candidate:
            kept.append(candidate)
            continue
        message = (
            f"the public IP is already the target of backend {holder.backend.metadata.name}, cluster {holder.cluster}; "
            "a profile takes each target once"
        )
        rejections.append(Rejection(candidate.backend.metadata.key, candidate.cluster, DUPLICATE_TARGET, message))
    return kept


def _within(room: int, candidates: list[_Candidate], rejections: list[Rejection]) -> list[_Candidate]:
    for candidate in candidates[room:]:
        message = f"the profile is full: Traffic Manager takes {MAX_ENDPOINTS} endpoints in one profile"
        rejections.append(Rejection(candidate.backend.metadata.key, candidate.cluster, ENDPOINT_LIMIT, message))
    return candidates[:room]


def _weights(candidates: list[_Candidate], kept: tuple[Kept, ...], rounding: str) -> dict[str, int]:
    """Traffic Manager's weights by folded endpoint name."""
    totals: dict[ObjectKey, int] = {}
    rows: dict[ObjectKey, dict[str, Fraction]] = {}
    asked = [(c.backend, c.name, Fraction(c.export.weight)) for c in candidates]
    asked += [(k.backend, k.endpoint.folded, k.weight) for k in kept]
    for backend, name, weight in asked:
        totals[backend.metadata.key] = backend.weight
        rows.setdefault(backend.metadata.key, {})[name] = weight
    parts = [Part(totals[key], _whole(row.values())) for key, row in rows.items()]
    weighed = traffic_weights(parts, rounding=rounding)
    return {
        name: weight
        for row, weights in zip(rows.values(), weighed, strict=True)
        for name, weight in zip(row, weights, strict=True)
    }


def _whole(weights: Iterable[Fraction]) -> tuple[int, ...]:
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
