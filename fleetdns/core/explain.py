"""Why a cluster gets no traffic, or how much it gets: the first thing missing in the chain, and what to do about it.

Service -> export -> import -> backend -> profile -> endpoint in Azure -> probe -> share. What a cluster itself lacks
goes before what its backend or profile lacks: the one is for its owner to mend, the other is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fleetdns.api.backend import BackendSpec, EndpointStatus, NameRef, RejectedExport, TrafficManagerBackend
from fleetdns.api.conditions import TRUE, UNKNOWN, find, is_true
from fleetdns.api.exports import WITHDRAWN, InternalServiceExport
from fleetdns.api.meta import ObjectKey, ObjectMeta, is_marked
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core import remedies
from fleetdns.core.abandoned import held_services
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.candidates import (
    AZURE_REFUSED,
    CLUSTER_MISMATCH,
    DISABLED_IN_AZURE,
    DUPLICATE_TARGET,
    HIDDEN,
    Candidates,
)
from fleetdns.core.drain import drain
from fleetdns.core.finding import Explanation, Finding, Question
from fleetdns.core.guard import GUARDED
from fleetdns.core.leaving import backend_waits, profile_waits
from fleetdns.core.naming import parse_endpoint_name
from fleetdns.core.overview import profile_shares
from fleetdns.core.refusals import serving_as_before
from fleetdns.core.status import ACCEPTED, PROGRAMMED
from fleetdns.core.trafficmanager import CHECKING, DEGRADED, MAX_ENDPOINTS

SERVING = "Serving"
NOT_EXPORTED = "NotExported"
WITHDRAWN_VERDICT = "Withdrawn"
NOT_IMPORTED = "NotImported"
EXCLUDED = "Excluded"
DRAINED = "Drained"
WEIGHT_ZERO = "WeightZero"
UNREADABLE = "Unreadable"
NO_BACKEND = "NoBackend"
BACKEND_WEIGHT_ZERO = "BackendWeightZero"
PROFILE_NOT_FOUND = "ProfileNotFound"
PROFILE_NOT_PROGRAMMED = "ProfileNotProgrammed"
PENDING = "Pending"
BEING_DELETED = "BeingDeleted"
GUARD_HELD = "GuardHeld"
PROBE_FAILS = "ProbeFails"
NOT_PROBED = "NotProbedYet"

SERVES = frozenset({SERVING, NOT_PROBED})

_SAID_BY_AZURE = (AZURE_REFUSED, DUPLICATE_TARGET, DISABLED_IN_AZURE)
_LEFT_OUT: Mapping[str, str] = {"drained": DRAINED, "excluded": EXCLUDED, "weight 0": WEIGHT_ZERO, HIDDEN: UNREADABLE}


def explain(question: Question) -> tuple[Explanation, ...]:
    """One explanation for each backend; one in all where there is no backend."""
    found = [
        _of_backend(question, aggregate, backend)
        for aggregate in sorted(question.aggregates, key=lambda a: a.key)
        for backend in sorted(aggregate.backends, key=lambda b: b.metadata.key)
        if backend.service_key == question.service
    ]
    return tuple(found) or (_without_backend(question),)


@dataclass(frozen=True, slots=True)
class _Chain:
    """Everything that one backend's findings are made from. `obstacle`: what stands in the way of all its clusters."""

    service: ObjectKey
    backend: TrafficManagerBackend
    profile: TrafficManagerProfile | None
    own: Mapping[str, Finding]  # what the cluster itself lacks
    exporting: frozenset[str]
    obstacle: tuple[str, str, str] | None
    endpoints: Mapping[str, EndpointStatus]
    shares: Mapping[str, float]  # by folded name, of the whole profile
    drained: frozenset[str]  # folded

    def serves_without(self, cluster: str) -> bool:
        """Whether an endpoint of the profile that may stay gets traffic, beside that of this cluster."""
        owners = (parse_endpoint_name(name) for name, share in self.shares.items() if share > 0)
        return any(o.cluster.lower() not in {cluster.lower(), *self.drained} for o in owners if o is not None)


def _of_backend(question: Question, aggregate: Aggregate, backend: TrafficManagerBackend) -> Explanation:
    chain = _Chain(
        service=question.service,
        backend=backend,
        profile=aggregate.profile,
        own=_own_troubles(question, aggregate, backend),
        exporting=_exporting(aggregate, question.service),
        obstacle=_obstacle(aggregate, backend),
        endpoints={e.from_.cluster: e for e in backend.status.endpoints if e.from_ is not None},
        shares=profile_shares(aggregate.profile, aggregate.backends),
        drained=aggregate.drained,
    )
    clusters = sorted(question.clusters | chain.own.keys() | chain.endpoints.keys() | chain.exporting)
    return Explanation(
        service=question.service,
        backend=backend.metadata.name,
        profile=aggregate.key,
        dns_name=aggregate.profile.status.dns_name if aggregate.profile is not None else None,
        findings=tuple(_finding(chain, cluster) for cluster in clusters),
    )


def _without_backend(question: Question) -> Explanation:
    """As if there were one, so that what the clusters lack is seen at once."""
    service = question.service
    spec = BackendSpec(profile=NameRef(""), backend=NameRef(service.name))
    backend = TrafficManagerBackend(ObjectMeta(name=service.name, namespace=service.namespace), spec)
    aggregate = Aggregate(
        key=ObjectKey(service.namespace, ""),
        profile=None,
        backends=(backend,),
        imports=question.bare.imports,
        exports=question.bare.exports,
        unreadable=question.bare.unreadable,
        drained=question.bare.drained,
    )
    own = _own_troubles(question, aggregate, backend)
    because = f"no TrafficManagerBackend in namespace {service.namespace} names Service {service.name}"
    exporting = _exporting(aggregate, service)
    findings = [
        own.get(cluster)
        or (
            Finding(cluster, NO_BACKEND, because, remedies.no_backend(service))
            if cluster in exporting
            else _not_exported(service, cluster)
        )
        for cluster in sorted(question.clusters | own.keys() | exporting)
    ]
    return Explanation(service, None, None, None, tuple(findings), tuple(_remarks(question)))


def _remarks(question: Question) -> Iterator[str]:
    for profile in sorted(question.guarded, key=lambda p: p.metadata.key):
        held = find(profile.status.conditions, GUARDED)
        if held is not None and held_services(profile).may_have(question.service.name):
            yield f"TrafficManagerProfile {profile.metadata.key} is {GUARDED}: {held.message}"


def _finding(chain: _Chain, cluster: str) -> Finding:
    """The first link that is missing."""
    endpoint = chain.endpoints.get(cluster)
    if chain.backend.metadata.is_deleting:
        return _going(chain, cluster, endpoint)
    is_guarded = is_true(chain.backend.status.conditions, GUARDED)
    if cluster not in chain.exporting and endpoint is not None and is_guarded:
        because = "its export is gone without being withdrawn; the endpoint stays, since too few others would be left"
        return Finding(cluster, GUARD_HELD, because, remedies.guard(chain.backend.metadata.key))
    if cluster in chain.own and not (endpoint is not None and chain.own[cluster].verdict == DRAINED):
        return chain.own[cluster]
    if cluster not in chain.exporting:
        return _not_exported(chain.service, cluster)
    if chain.obstacle is not None:
        return Finding(cluster, *chain.obstacle)
    for rejected in chain.backend.status.rejected:
        if rejected.cluster == cluster and rejected.reason in _SAID_BY_AZURE:
            return _said_by_azure(chain, rejected, endpoint)
    if endpoint is None:
        return _pending(chain, cluster)
    return _in_azure(chain, cluster, endpoint)


def _said_by_azure(chain: _Chain, rejected: RejectedExport, endpoint: EndpointStatus | None) -> Finding:
    cluster, reason = rejected.cluster, rejected.reason
    todo = remedies.said_by_azure(reason, chain.profile)
    status = chain.backend.status
    if endpoint is None or cluster not in serving_as_before(status.rejected, status.endpoints):
        return Finding(cluster, reason, rejected.message, todo)
    because = f"it serves as before, since its change is refused: {rejected.message}"
    return Finding(cluster, reason, because, todo, endpoint.weight, chain.shares.get(endpoint.name.lower(), 0.0))


def _going(chain: _Chain, cluster: str, endpoint: EndpointStatus | None) -> Finding:
    if endpoint is None and cluster not in chain.exporting:
        return _not_exported(chain.service, cluster)
    because, todo = backend_waits(chain.backend, chain.profile)
    if endpoint is None:
        return Finding(cluster, BEING_DELETED, because, todo)
    return Finding(cluster, BEING_DELETED, because, todo, endpoint.weight, chain.shares.get(endpoint.name.lower(), 0.0))


def _in_azure(chain: _Chain, cluster: str, endpoint: EndpointStatus) -> Finding:
    share = chain.shares.get(endpoint.name.lower(), 0.0)
    if cluster in chain.own:
        return Finding(cluster, DRAINED, *_drained(chain, cluster), endpoint.weight, share)
    if endpoint.monitor_status == DEGRADED:
        todo = remedies.probe(chain.profile, endpoint.target or "PUBLIC-IP")
        because = f"the probes of Traffic Manager fail at {endpoint.target or 'its public IP'}"
        because += ", and get an answer nowhere else either: all are answered with" if share else ""
        return Finding(cluster, PROBE_FAILS, because, todo, endpoint.weight, share)
    if endpoint.monitor_status == CHECKING:
        because = "it is in DNS; Traffic Manager has not probed it yet"
        return Finding(cluster, NOT_PROBED, because, "", endpoint.weight, share)
    return Finding(cluster, SERVING, f"in DNS as {endpoint.target or endpoint.name}", "", endpoint.weight, share)


def _drained(chain: _Chain, cluster: str) -> tuple[str, str]:
    """(because, what to do) for a drained cluster whose endpoint is still there."""
    if not chain.serves_without(cluster):
        return "the cluster is drained; this endpoint stays until something else serves", ""
    accepted = find(chain.backend.status.conditions, ACCEPTED)
    why = f": {accepted.message}" if accepted is not None and accepted.status == UNKNOWN else ""
    return f"the cluster is drained, and its endpoint is still to be taken away{why}", remedies.wait()


def _pending(chain: _Chain, cluster: str) -> Finding:
    accepted = find(chain.backend.status.conditions, ACCEPTED)
    if accepted is None or accepted.status == TRUE:
        because = "it is to be an endpoint, and the status of the backend does not say so yet"
        return Finding(cluster, PENDING, because, remedies.does_it_run())
    return Finding(cluster, PENDING, accepted.message, remedies.wait())


def _own_troubles(question: Question, aggregate: Aggregate, backend: TrafficManagerBackend) -> dict[str, Finding]:
    """What keeps a cluster's export from being an endpoint, whatever Azure holds."""
    key, service = backend.metadata.key, question.service
    gathered = Candidates(aggregate, drain(aggregate, None))
    fitting = {(c.backend.metadata.key, c.cluster) for c in gathered.within(MAX_ENDPOINTS)}
    found: dict[str, Finding] = {}
    honest = _exporting(aggregate, service)
    for rejection in gathered.rejections:
        is_impostor = rejection.reason == CLUSTER_MISMATCH and rejection.cluster in honest
        if rejection.backend == key and not is_impostor:
            todo = remedies.rejected(rejection.reason, service, rejection.cluster)
            found.setdefault(rejection.cluster, Finding(rejection.cluster, rejection.reason, rejection.message, todo))
    for left in gathered.left_out:
        if left.backend == key:
            found[left.cluster] = _left_out(left.cluster, _LEFT_OUT.get(left.because, UNREADABLE), service)
    for export in _offers(aggregate, service):
        if is_marked(export.metadata, WITHDRAWN):
            because = "its agent withdraws the export"
            found[export.cluster] = Finding(export.cluster, WITHDRAWN_VERDICT, because)
        elif backend.weight > 0 and export.cluster not in found and (key, export.cluster) not in fitting:
            found[export.cluster] = _not_imported(service, export.cluster)
    return found


def _left_out(cluster: str, verdict: str, service: ObjectKey) -> Finding:
    because, todo = remedies.left_out(verdict, cluster, service)
    return Finding(cluster, verdict, because, todo)


def _not_imported(service: ObjectKey, cluster: str) -> Finding:
    because = f"ServiceImport {service} does not name the cluster yet: its export is not resolved"
    return Finding(cluster, NOT_IMPORTED, because, remedies.not_imported())


def _not_exported(service: ObjectKey, cluster: str) -> Finding:
    return Finding(
        cluster,
        NOT_EXPORTED,
        f"the hub has no InternalServiceExport of Service {service} in namespace fleet-member-{cluster}",
        remedies.not_exported(service, cluster),
    )


def not_exported_by_many(service: ObjectKey) -> Finding:
    """The same of clusters that need not be named one by one."""
    because = f"the hub has no InternalServiceExport of Service {service} in their namespaces fleet-member-CLUSTER"
    return Finding("", NOT_EXPORTED, because, remedies.not_exported(service, "each that is to serve"))


def _obstacle(aggregate: Aggregate, backend: TrafficManagerBackend) -> tuple[str, str, str] | None:
    """(verdict, because, what to do) where no cluster of this backend can be an endpoint."""
    if backend.weight == 0:
        because = f"the weight of TrafficManagerBackend {backend.metadata.key} is 0: it takes no traffic"
        return BACKEND_WEIGHT_ZERO, because, remedies.backend_weight(backend.metadata.key)
    profile = aggregate.profile
    if profile is None:
        because = f"TrafficManagerProfile {aggregate.key} does not exist"
        return PROFILE_NOT_FOUND, because, remedies.profile(aggregate.key)
    if profile.metadata.is_deleting:
        return BEING_DELETED, *profile_waits(profile)
    programmed = find(profile.status.conditions, PROGRAMMED)
    if programmed is None:
        return PENDING, f"no controller has looked at TrafficManagerProfile {aggregate.key} yet", remedies.does_it_run()
    if profile.status.resource_id is None and programmed.status != TRUE:
        return PROFILE_NOT_PROGRAMMED, programmed.message, remedies.programmed(aggregate.key, programmed.reason)
    return None


def _offers(aggregate: Aggregate, service: ObjectKey) -> Iterator[InternalServiceExport]:
    exports: Iterable[InternalServiceExport] = sorted(aggregate.exports, key=lambda e: (e.cluster, e.metadata.key))
    for export in exports:
        if export.service_key == service and export.is_from_own_namespace and not export.metadata.is_deleting:
            yield export


def _exporting(aggregate: Aggregate, service: ObjectKey) -> frozenset[str]:
    return frozenset(export.cluster for export in _offers(aggregate, service))
