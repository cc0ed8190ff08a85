"""From the exports of one service to its ServiceImport: who is in, and who is told that it disagrees.

The oldest export (exportedSince, then cluster name) says what the ports are, for as long as it is there; exports that
agree with it are in. Ports compare as a set keyed by port and protocol. An export in another cluster's namespace is not
counted at all, and told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition, merged
from fleetdns.api.exports import (
    CONFLICT,
    EXPORT_FINALIZER,
    MEMBER_NAMESPACE_PREFIX,
    PENDING_CONFLICT,
    ClusterRef,
    ConditionsStatus,
    InternalServiceExport,
    ServiceImport,
    ServiceImportStatus,
    ServicePort,
)
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.core.aggregate import Unreadable
from fleetdns.core.wording import first_few, printable

_MANAGED = frozenset({CONFLICT})
_CLUSTER_SET_IP = "ClusterSetIP"
_LATEST = datetime.max.replace(tzinfo=UTC)
_LONGEST_NAME = 63  # of what a member wrote, in a message


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the import ought to say (None: there ought to be no import), and each export's condition."""

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
    staying = [export for export in found if not export.metadata.is_deleting]
    live = [export for export in staying if export.is_from_own_namespace]
    strangers = tuple((e, _not_counted(e)) for e in staying if not e.is_from_own_namespace)
    kept = _kept(service, current, live, unreadable)
    if not live:
        status = current.status if kept and current else None
        return Resolution(status, strangers, leaving)
    winner = live[0]
    if kept and current is not None:  # one that cannot be read may be the oldest: what it decided stands
        decided = _ports(current.status.ports)
        winner = next((export for export in live if _ports(export.spec.ports) == decided), winner)
    ports = _ports(winner.spec.ports)
    agreeing = {export.cluster for export in live if _ports(export.spec.ports) == ports}
    status = ServiceImportStatus(
        ports=winner.spec.ports,  # in its order, which Fleet's controllers compare
        clusters=tuple(ClusterRef(cluster) for cluster in sorted(agreeing | kept)),
        type=_CLUSTER_SET_IP,
    )
    return Resolution(status, (*((e, _verdict(e, winner, ports)) for e in live), *strangers), leaving)


def unresolved(
    exports: Iterable[InternalServiceExport], because: str
) -> tuple[tuple[InternalServiceExport, Condition], ...]:
    """What the exports are told when their import cannot be written."""
    condition = Condition(CONFLICT, UNKNOWN, PENDING_CONFLICT, because)
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


def mismatch(export: InternalServiceExport) -> str:
    """Why an export from another cluster's namespace is not counted, and what would help."""
    cluster = printable(export.cluster, longest=_LONGEST_NAME)
    return (
        f"the export {export.metadata.key} names cluster {cluster}, whose exports belong in namespace "
        f"{MEMBER_NAMESPACE_PREFIX}{cluster}; it is not counted"
    )


def _not_counted(export: InternalServiceExport) -> Condition:
    return Condition(CONFLICT, UNKNOWN, PENDING_CONFLICT, mismatch(export))


Ports = Mapping[tuple[int, str], ServicePort]


def _verdict(export: InternalServiceExport, winner: InternalServiceExport, ports: Ports) -> Condition:
    """`ports`: the winner's."""
    differences = tuple(_differences(_ports(export.spec.ports), ports))
    if not differences:
        return Condition(CONFLICT, FALSE, "NoConflictFound", "the ports agree with every export that is in")
    message = (
        f"the oldest export wins, {winner.metadata.key} of cluster {winner.cluster}, and this one differs from it: "
        f"{first_few(differences)}"
    )
    return Condition(CONFLICT, TRUE, "ConflictFound", message)


def _differences(ports: Ports, winning: Ports) -> Iterator[str]:
    """What differs, port by port, in words; nothing for the same set."""
    for number, protocol in sorted(ports.keys() | winning.keys()):
        mine, theirs = ports.get((number, protocol)), winning.get((number, protocol))
        title = f"{number}/{printable(protocol, longest=_LONGEST_NAME)}"
        if mine is None:
            yield f"{title} is missing"
        elif theirs is None:
            yield f"{title} is not in that one"
        elif mine != theirs:
            yield f"{title} has {' and '.join(_differing_fields(mine, theirs))}"


def _differing_fields(mine: ServicePort, theirs: ServicePort) -> Iterator[str]:
    rows = (
        ("name", mine.name, theirs.name),
        ("appProtocol", mine.app_protocol, theirs.app_protocol),
        ("targetPort", mine.target_port, theirs.target_port),
    )
    for title, value, other in rows:
        if value != other:
            yield f"{title} {_shown(value)} instead of {_shown(other)}"


def _shown(value: str | int | None) -> str:
    if value is None:
        return "(none)"
    return str(value) if isinstance(value, int) else f'"{printable(value, longest=_LONGEST_NAME)}"'


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


def _ports(ports: Iterable[ServicePort]) -> Ports:
    """The ports as a set: neither order nor repetition counts, and an empty name is none."""
    plain = (
        msgspec.structs.replace(port, name=port.name or None, app_protocol=port.app_protocol or None) for port in ports
    )
    found: dict[tuple[int, str], ServicePort] = {}
    for port in sorted(plain, key=lambda port: (port.port, port.protocol, repr(port))):
        found.setdefault((port.port, port.protocol), port)
    return found
