"""From the exports of one service to its ServiceImport: who is in, and who is told that it disagrees.

The oldest export (exportedSince, then cluster name) says what the ports are, for as long as it is there; exports that
agree with it are in. Ports compare as a set. An export in another cluster's namespace is not counted at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition, merged
from fleetdns.api.exports import (
    CONFLICT,
    EXPORT_FINALIZER,
    MEMBER_NAMESPACE_PREFIX,
    ClusterRef,
    ConditionsStatus,
    InternalServiceExport,
    ServiceImport,
    ServiceImportStatus,
    ServicePort,
)
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.core.aggregate import Unreadable

_MANAGED = frozenset({CONFLICT})
_CLUSTER_SET_IP = "ClusterSetIP"
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the import ought to say (None: there ought to be no import), and each counted export's condition."""

    status: ServiceImportStatus | None
    conflicts: tuple[tuple[InternalServiceExport, Condition], ...]
    released: tuple[InternalServiceExport, ...]  # being deleted: their finalizer may go once the import is written


def resolve(
    service: ObjectKey,
    exports: Iterable[InternalServiceExport],
    *,
    current: ServiceImport | None,
    unreadable: Unreadable,
) -> Resolution:
    """`exports`: every export of this service. `unreadable`: objects that are there and could not be decoded."""
    found = sorted(exports, key=_seniority)
    leaving = _leaving(found)  # also those that were never counted: nothing else would let them go
    known = [export for export in found if export.is_from_own_namespace]
    live = [export for export in known if not export.metadata.is_deleting]
    kept = _kept(service, current, live, unreadable)
    if not live:
        status = current.status if kept and current else None
        return Resolution(status, (), leaving)
    winner = live[0]
    agreeing = {export.cluster for export in live if _ports(export) == _ports(winner)}
    status = ServiceImportStatus(
        ports=winner.spec.ports,  # in its order, which Fleet's controllers compare
        clusters=tuple(ClusterRef(cluster) for cluster in sorted(agreeing | kept)),
        type=_CLUSTER_SET_IP,
    )
    return Resolution(status, tuple((e, _verdict(e, winner)) for e in live), leaving)


def unresolved(
    exports: Iterable[InternalServiceExport], because: str
) -> tuple[tuple[InternalServiceExport, Condition], ...]:
    """What the exports are told when their import cannot be written."""
    condition = Condition(CONFLICT, UNKNOWN, "ServicePendingConflictResolution", because)
    live = (e for e in exports if e.is_from_own_namespace and not e.metadata.is_deleting)
    return tuple((export, condition) for export in sorted(live, key=_seniority))


def export_status(export: InternalServiceExport, condition: Condition, *, now: str) -> ConditionsStatus:
    """The whole status of an export with its Conflict condition."""
    stamped = msgspec.structs.replace(
        condition, observed_generation=export.metadata.generation, last_transition_time=now
    )
    return ConditionsStatus(conditions=merged(export.status.conditions, [stamped], managed=_MANAGED))


def new_import(service: ObjectKey) -> ServiceImport:
    """An import to be created; its status is written afterwards."""
    return ServiceImport(metadata=ObjectMeta(name=service.name, namespace=service.namespace))


def _kept(
    service: ObjectKey,
    current: ServiceImport | None,
    live: list[InternalServiceExport],
    unreadable: Unreadable,
) -> set[str]:
    """Clusters that stay in because their export is there and only cannot be read."""
    readable = {export.cluster for export in live}
    clusters = {ref.cluster for ref in current.status.clusters} if current else set()
    return {
        cluster
        for cluster in clusters - readable
        if unreadable.is_unnamed
        or ObjectKey(MEMBER_NAMESPACE_PREFIX + cluster, f"{service.namespace}-{service.name}") in unreadable.exports
    }


def _verdict(export: InternalServiceExport, winner: InternalServiceExport) -> Condition:
    if _ports(export) == _ports(winner):
        return Condition(CONFLICT, FALSE, "NoConflictFound", "the ports agree with every export that is in")
    message = (
        f"the ports {_shown(export)} differ from {_shown(winner)} of cluster {winner.cluster}, "
        "which exported the service first"
    )
    return Condition(CONFLICT, TRUE, "ConflictFound", message)


def _leaving(exports: Iterable[InternalServiceExport]) -> tuple[InternalServiceExport, ...]:
    return tuple(e for e in exports if e.metadata.is_deleting and EXPORT_FINALIZER in e.metadata.finalizers)


def _seniority(export: InternalServiceExport) -> tuple[datetime, str, ObjectKey]:
    since = export.spec.service_reference.exported_since or export.metadata.creation_timestamp or ""
    return (_instant(since), export.cluster, export.metadata.key)


def _instant(text: str) -> datetime:
    """An RFC 3339 time in whatever zone; what is none counts as the latest."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return _LATEST
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _ports(export: InternalServiceExport) -> frozenset[ServicePort]:
    return frozenset(export.spec.ports)


def _port_key(port: ServicePort) -> tuple[int, str]:
    return (port.port, port.protocol)


def _shown(export: InternalServiceExport) -> str:
    ports = sorted(export.spec.ports, key=_port_key)
    return ", ".join(f"{p.port}/{p.protocol}" + (f" ({p.name})" if p.name else "") for p in ports) or "(none)"
