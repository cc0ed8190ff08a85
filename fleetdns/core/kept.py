"""Endpoints that stay although their exports are gone: parts of the desired profile with the share they had.

Were they left as they are while the weights of the others are made anew, every vanished export would shift traffic, and
shift it back on its return. Only where nothing on the hub tells what any of them asked for, as at the beginning of a
restore, all stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import ObjectKey
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.trafficmanager import Endpoint, Profile


@dataclass(frozen=True, slots=True)
class Kept:
    """An endpoint as Azure holds it, the backend that answers for it, and its weight among that one's exports.

    `is_guess`: the weight is Azure's own, for want of anything else.
    """

    endpoint: Endpoint
    backend: TrafficManagerBackend
    weight: Fraction
    is_guess: bool = False


def kept_endpoints(names: Iterable[str], observed: Profile, aggregate: Aggregate) -> tuple[Kept, ...]:
    """What the folded names stand for, sorted. Those for which no backend answers any more are left out."""
    scales: dict[ObjectKey, _Scale] = {}
    found = []
    for name in sorted(names):
        endpoint = observed.endpoint(name)
        backend = _backend(endpoint, aggregate) if endpoint is not None else None
        if endpoint is not None and backend is not None:
            key = backend.metadata.key
            scale = scales.get(key) or scales.setdefault(key, _scale(backend, observed, aggregate))
            found.append(Kept(endpoint, backend, scale.weight(endpoint), is_guess=scale.is_guess))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Scale:
    """What one backend's exports asked for when they were last seen: as status tells, else by Azure's weights."""

    told: Mapping[str, int]  # by folded endpoint name
    unit: Fraction  # of an export's weight, for 1 of Azure's
    is_guess: bool = False  # nothing tells what any of them asked for

    def weight(self, endpoint: Endpoint) -> Fraction:
        told = self.told.get(endpoint.folded)
        return Fraction(told) if told else (endpoint.weight or 1) * self.unit


def _scale(backend: TrafficManagerBackend, observed: Profile, aggregate: Aggregate) -> _Scale:
    told = {e.name: e.from_.weight for e in backend.status.endpoints if e.from_ is not None and e.from_.weight}
    asked = _asked(backend, aggregate)
    # The heaviest was rounded least. By a light one the unit is wrong by much, and more so with every write.
    for sibling in sorted(observed.owned, key=lambda e: (-(e.weight or 0), e.folded)):
        cluster = sibling.owner.cluster if sibling.owner is not None else ""
        weight = asked.get(cluster) or told.get(sibling.folded)
        if weight and sibling.weight and _backend(sibling, aggregate) == backend:
            return _Scale(told, Fraction(weight, sibling.weight))
    return _Scale(told, Fraction(1), is_guess=True)


def _asked(backend: TrafficManagerBackend, aggregate: Aggregate) -> Mapping[str, int]:
    """The weights that exports of the backend's service ask for, by folded cluster."""
    return {
        export.cluster.lower(): export.weight
        for export in aggregate.exports
        if export.service_key == backend.service_key and export.is_from_own_namespace
        if not export.metadata.is_deleting
    }


def _backend(endpoint: Endpoint, aggregate: Aggregate) -> TrafficManagerBackend | None:
    return next(aggregate.answering(endpoint.owner), None) if endpoint.owner is not None else None
