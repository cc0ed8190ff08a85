"""Clusters that a person takes out of every profile, and puts back.

the cluster                                      its endpoints
not drained                                      as desired
drained                                          go at once, and none is made; nothing else holds them
drained, and nothing else that is there serves   one stays until something else serves, or has its public IP
its namespace or MemberCluster cannot be read    those that are there stay, and none is made: it may be drained or not

Exports of a drained cluster count for nothing: the others' weights are as if it had not exported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.naming import EndpointName
from fleetdns.core.trafficmanager import Endpoint, Profile

Pair = tuple[str, str]  # folded service and cluster: what an endpoint stands for, whichever backend made it


@dataclass(frozen=True, slots=True)
class Drain:
    """What of one profile is drained. `clusters`: folded names; `present`: what Azure holds; `spared`: who stays."""

    clusters: frozenset[str] = frozenset()
    unreadable: Unreadable = field(default_factory=Unreadable)
    present: frozenset[Pair] = frozenset()
    spared: EndpointName | None = None

    def takes(self, cluster: str) -> bool:
        """Whether a cluster's exports are to be no endpoints, but for the one that is spared."""
        return cluster.lower() in self.clusters

    def takes_endpoint(self, owner: EndpointName) -> bool:
        """Whether an endpoint that is there is to go, whatever else could keep it."""
        return owner.cluster in self.clusters and owner != self.spared

    def spares(self, service: str, cluster: str) -> bool:
        """Whether this is what the spared endpoint stands for."""
        spared = self.spared
        return spared is not None and (spared.service, spared.cluster) == (service.lower(), cluster.lower())

    def hides(self, service: str, cluster: str) -> bool:
        """Whether nobody can say if this cluster is drained, and so nothing of it is made."""
        folded = cluster.lower()
        if folded in self.clusters or not self.unreadable.hides_cluster(folded):
            return False
        return (service.lower(), folded) not in self.present


def drain(aggregate: Aggregate, observed: Profile | None) -> Drain:
    """What the hub says, before it is asked whether anything would be left."""
    owners = (endpoint.owner for endpoint in known_endpoints(aggregate, observed))
    present = frozenset((owner.service, owner.cluster) for owner in owners if owner is not None)
    return Drain(aggregate.drained, aggregate.unreadable, present)


def known_endpoints(aggregate: Aggregate, observed: Profile | None) -> tuple[Endpoint, ...]:
    """The endpoints in Azure; as status last told where nothing is known of it."""
    if observed is not None:
        return observed.endpoints
    told = (endpoint for backend in aggregate.live_backends for endpoint in backend.status.endpoints)
    return tuple(Endpoint(name=e.name, weight=e.weight, monitor_status=e.monitor_status) for e in told)


def undrained(drained: Drain) -> Drain:
    """The same as if nobody had drained anything."""
    return replace(drained, clusters=frozenset(), spared=None)


def sparing(drained: Drain, endpoint: EndpointName) -> Drain:
    """The same with one endpoint that stays."""
    return replace(drained, spared=endpoint)
