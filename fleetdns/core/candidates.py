"""Which exports may be endpoints of a profile, which may not and why, and which are left out because somebody said so.

An export that cannot become an endpoint is a Rejection beside the others, never an error: one bad export does not hold
back the other clusters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import TRUE, find
from fleetdns.api.exports import (
    AZURE_MESSAGE,
    CONFLICT,
    DNS_LABEL,
    EXCLUDED,
    WITHDRAWN,
    InternalServiceExport,
    ServiceImport,
)
from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.service import INTERNAL_ANNOTATION, LABEL_ANNOTATION
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.drain import Drain
from fleetdns.core.naming import EndpointName
from fleetdns.core.resolution import mismatch
from fleetdns.core.trafficmanager import MAX_ENDPOINTS
from fleetdns.core.wording import printable

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

HIDDEN = "its namespace or MemberCluster cannot be read"

_INTERNAL = (
    "the load balancer is internal, and Traffic Manager reaches public addresses only; take the annotation "
    f"{INTERNAL_ANNOTATION} off the Service"
)
_NO_ADDRESS = (
    "the Service has no public IP yet; where it stays so, its events in that cluster tell why the cloud provider has "
    "given it none"
)
_LONGEST_NAME = 63
_MOST_STRANGERS = 20  # told of: a member may write any number of exports that are not its own


@dataclass(frozen=True, slots=True)
class Rejection:
    """One cluster's export that is no endpoint of one backend."""

    backend: ObjectKey
    cluster: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One cluster that is no endpoint of one backend because somebody said so; `because`: in a word or two."""

    backend: ObjectKey
    cluster: str
    because: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An export that is an endpoint, if Traffic Manager has the room for it."""

    backend: TrafficManagerBackend
    cluster: str
    export: InternalServiceExport
    target: str
    name: str  # of the endpoint


class Candidates:
    """Walks the backends' exports; a small accumulator that lives only inside one decision."""

    def __init__(self, aggregate: Aggregate, drain: Drain) -> None:
        self.found: list[Candidate] = []
        self.rejections: list[Rejection] = []
        self.left_out: list[LeftOut] = []
        self.unexported: set[ObjectKey] = set()
        self.unresolved: set[ObjectKey] = set()
        self._drain = drain
        answering = aggregate.answering(drain.spared) if drain.spared is not None else ()
        self._sparing = frozenset(backend.metadata.key for backend in answering)
        self._imports: Mapping[ObjectKey, ServiceImport] = {i.metadata.key: i for i in aggregate.imports}
        self._exports: dict[ObjectKey, list[InternalServiceExport]] = {}
        self._leaving: set[tuple[ObjectKey, str]] = set()
        for export in sorted(aggregate.exports, key=lambda e: (e.cluster, e.metadata.key)):
            if not export.metadata.is_deleting:
                self._exports.setdefault(export.service_key, []).append(export)
            elif export.is_from_own_namespace:
                self._leaving.add((export.service_key, export.cluster))
        for backend in aggregate.live_backends:
            if backend.weight > 0:
                self._add(backend)
        self._drop_duplicates()

    def within(self, room: int) -> list[Candidate]:
        """As many as fit; the others are rejected."""
        for candidate in self.found[room:]:
            message = f"the profile is full: Traffic Manager takes {MAX_ENDPOINTS} endpoints in one profile"
            self._reject(candidate.backend, candidate.cluster, ENDPOINT_LIMIT, message)
        return self.found[:room]

    def _add(self, backend: TrafficManagerBackend) -> None:
        exports = self._exports.get(backend.service_key, [])
        own = {export.cluster: export for export in exports if export.is_from_own_namespace}
        strangers = [export for export in exports if not export.is_from_own_namespace]
        for export in strangers[:_MOST_STRANGERS]:
            cluster = printable(export.cluster, longest=_LONGEST_NAME)
            self._reject(backend, cluster, CLUSTER_MISMATCH, mismatch(export))
        service_import = self._imports.get(backend.service_key)
        if service_import is None and not own:
            self.unexported.add(backend.metadata.key)
            return
        accepted = {ref.cluster for ref in service_import.status.clusters} if service_import is not None else set()
        if not accepted and not own:
            self.unexported.add(backend.metadata.key)
        for cluster in sorted(accepted | own.keys()):
            self._judge(backend, cluster, own.get(cluster), is_accepted=cluster in accepted)

    def _judge(
        self, backend: TrafficManagerBackend, cluster: str, export: InternalServiceExport | None, *, is_accepted: bool
    ) -> None:
        if export is not None and is_marked(export.metadata, WITHDRAWN):
            return
        because = self._reason_to_leave_out(backend, cluster, export)
        if because:
            self.left_out.append(LeftOut(backend.metadata.key, cluster, because))
        elif export is None:
            self._miss(backend, cluster)
        elif not is_accepted:
            self._judge_unaccepted(backend, export)
        elif problem := _ineligibility(export):
            self._reject(backend, cluster, *problem)
        else:
            name = str(EndpointName(backend.metadata.uid, backend.spec.backend.name, cluster))
            self.found.append(Candidate(backend, cluster, export, export.spec.public_ip_resource_id or "", name))

    def _reason_to_leave_out(
        self, backend: TrafficManagerBackend, cluster: str, export: InternalServiceExport | None
    ) -> str | None:
        service = backend.spec.backend.name
        is_spared = backend.metadata.key in self._sparing and self._drain.spares(service, cluster)
        if self._drain.takes(cluster) and not is_spared:
            return "drained"
        if export is not None and is_marked(export.metadata, EXCLUDED):
            return "excluded"
        if export is not None and export.weight <= 0:
            return "weight 0"
        return HIDDEN if self._drain.hides(service, cluster) else None

    def _miss(self, backend: TrafficManagerBackend, cluster: str) -> None:
        """The import names a cluster that does not export; while the export is on its way out, that is in order."""
        if (backend.service_key, cluster) not in self._leaving:
            message = f"cluster {printable(cluster)} is named in the ServiceImport, but its InternalServiceExport "
            self._reject(backend, cluster, EXPORT_NOT_FOUND, f"{message}is not on the hub")

    def _judge_unaccepted(self, backend: TrafficManagerBackend, export: InternalServiceExport) -> None:
        conflict = find(export.status.conditions, CONFLICT)
        is_told = backend.service_key in self._imports and conflict is not None and conflict.status == TRUE
        if is_told and conflict is not None:
            message = printable(conflict.message) or "an older export disagrees with it"
            self._reject(backend, export.cluster, CONFLICT_LOST, message)
            return
        self.unresolved.add(backend.metadata.key)

    def _drop_duplicates(self) -> None:
        """Traffic Manager takes a target once per profile: the first keeps it, the next waits until it is free."""
        holders: dict[str, Candidate] = {}
        kept = []
        for candidate in self.found:
            holder = holders.setdefault(candidate.target.lower(), candidate)
            if holder is candidate:
                kept.append(candidate)
                continue
            message = (
                f"the public IP is already the target of backend {holder.backend.metadata.name}, cluster "
                f"{holder.cluster}; a profile takes each target once"
            )
            self._reject(candidate.backend, candidate.cluster, DUPLICATE_TARGET, message)
        self.found = kept

    def _reject(self, backend: TrafficManagerBackend, cluster: str, reason: str, message: str) -> None:
        self.rejections.append(Rejection(backend.metadata.key, cluster, reason, message))


def _ineligibility(export: InternalServiceExport) -> tuple[str, str] | None:
    """(reason, message) when Traffic Manager could not route to this export."""
    spec = export.spec
    if spec.type != "LoadBalancer":
        kind = printable(spec.type or "ClusterIP", longest=_LONGEST_NAME)
        return SERVICE_TYPE_NOT_SUPPORTED, f"the Service is of type {kind}; make it a LoadBalancer"
    if spec.is_internal_load_balancer:
        return INTERNAL_LOAD_BALANCER, _INTERNAL
    told = printable(export.metadata.annotations.get(AZURE_MESSAGE, ""))
    if not spec.public_ip_resource_id:
        return PUBLIC_IP_PENDING, told or _NO_ADDRESS
    if not spec.is_dns_label_configured:
        return DNS_LABEL_MISSING, told or _unlabelled(export)
    return None


def _unlabelled(export: InternalServiceExport) -> str:
    """The hub sees neither the Service nor its events, where the cloud provider says that a label is taken."""
    asked = printable(export.metadata.annotations.get(DNS_LABEL, ""), longest=_LONGEST_NAME)
    if asked:
        return (
            f"the public IP has no DNS label; a ResourceOverride asks for {asked}: where that does not come, the "
            "Service's events in that cluster tell why the cloud provider has not set it"
        )
    return (
        "the public IP has no DNS label; give the Service one that is unique in the region, by its annotation "
        f"{LABEL_ANNOTATION} or a ResourceOverride. Where it asks for one already, its events in that cluster tell why "
        "the cloud provider has not set it"
    )
