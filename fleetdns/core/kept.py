"""Endpoints that stay although their exports are gone: parts of the desired profile with the share they had.

Were they left as they are while the weights of the others are made anew, every vanished export would shift traffic, and
shift it back on its return.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.trafficmanager import Endpoint, Profile


@dataclass(frozen=True, slots=True)
class Kept:
    """An endpoint as Azure holds it, the backend that answers for it, and its weight among that one's exports."""

    endpoint: Endpoint
    backend: TrafficManagerBackend
    weight: Fraction


def kept_endpoints(names: Iterable[str], observed: Profile, aggregate: Aggregate) -> tuple[Kept, ...]:
    """What the folded names stand for, sorted. Those for which no backend answers any more are left out."""
    endpoints = (observed.endpoint(name) for name in sorted(names))
    return tuple(
        Kept(endpoint, backend, _weight(endpoint, backend, observed, aggregate))
        for endpoint in endpoints
        if endpoint is not None and (backend := _backend(endpoint, aggregate)) is not None
    )


def _backend(endpoint: Endpoint, aggregate: Aggregate) -> TrafficManagerBackend | None:
    return next(aggregate.answering(endpoint.owner), None) if endpoint.owner is not None else None


def _weight(endpoint: Endpoint, backend: TrafficManagerBackend, observed: Profile, aggregate: Aggregate) -> Fraction:
    """What the export asked for when it was last seen: as status tells, else as Azure's weights stand to each other."""
    told = {e.name: e.from_.weight for e in backend.status.endpoints if e.from_ is not None and e.from_.weight}
    if endpoint.folded in told:
        return Fraction(told[endpoint.folded])
    in_azure = Fraction(endpoint.weight or 1)
    asked = _asked(backend, aggregate)
    for sibling in sorted(observed.owned, key=lambda e: e.folded):
        if _backend(sibling, aggregate) != backend:
            continue
        weight = asked.get(_cluster(sibling)) or told.get(sibling.folded)
        if weight and sibling.weight:
            return in_azure * weight / sibling.weight
    return in_azure


def _asked(backend: TrafficManagerBackend, aggregate: Aggregate) -> Mapping[str, int]:
    """The weights that exports of the backend's service ask for, by folded cluster."""
    return {
        export.cluster.lower(): export.weight
        for export in aggregate.exports
        if export.service_key == backend.service_key and export.is_from_own_namespace
        if not export.metadata.is_deleting
    }


def _cluster(endpoint: Endpoint) -> str:
    return endpoint.owner.cluster if endpoint.owner is not None else ""
