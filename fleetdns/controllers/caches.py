"""The caches of the hub controller, with the indexes its key functions ask for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX, InternalServiceExport, ServiceImport
from fleetdns.api.meta import DRAIN, ObjectKey, is_marked
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.withdrawals import Withdrawals
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.overrides import selected_services
from fleetdns.runtime.store import Store

BY_PROFILE = "profile"
BY_SERVICE = "service"
BY_NAMESPACE = "namespace"
BY_SERVICE_NAMESPACE = "service namespace"
DRAINED = "drained"

BACKEND_INDEXES: Mapping[str, Callable[[TrafficManagerBackend], Iterable[Hashable]]] = {
    BY_PROFILE: lambda backend: (backend.profile_key,),
    BY_SERVICE: lambda backend: (backend.service_key,),
}
EXPORT_INDEXES: Mapping[str, Callable[[InternalServiceExport], Iterable[Hashable]]] = {
    BY_SERVICE: lambda export: (export.service_key,),
    BY_NAMESPACE: lambda export: (export.metadata.namespace,),
    BY_SERVICE_NAMESPACE: lambda export: (export.service_key.namespace,),
}
CLUSTER_INDEXES: Mapping[str, Callable[[Namespace | MemberCluster], Iterable[Hashable]]] = {
    DRAINED: lambda member: (True,) if is_drained(member) else (),
}
OVERRIDE_INDEXES: Mapping[str, Callable[[ResourceOverride], Iterable[Hashable]]] = {
    BY_SERVICE: selected_services,
}


def is_drained(member: Namespace | MemberCluster) -> bool:
    """Whether this object takes its cluster out of every profile."""
    return member.cluster is not None and is_marked(member.metadata, DRAIN)


@dataclass(frozen=True, slots=True)
class Caches:
    """What the hub cluster holds, as last seen. Keys are namespace and name."""

    profiles: Store[ObjectKey, TrafficManagerProfile]
    backends: Store[ObjectKey, TrafficManagerBackend]
    imports: Store[ObjectKey, ServiceImport]
    exports: Store[ObjectKey, InternalServiceExport]
    namespaces: Store[ObjectKey, Namespace]
    members: Store[ObjectKey, MemberCluster]
    overrides: Store[ObjectKey, ResourceOverride]
    withdrawals: Withdrawals = field(default_factory=Withdrawals)

    def aggregate(self, key: ObjectKey) -> Aggregate:
        """Everything one Azure profile is made from."""
        backends = self.backends.by_index(BY_PROFILE, key)
        services = sorted({backend.service_key for backend in backends})
        imports = (self.imports.get(service) for service in services)
        return Aggregate(
            key=key,
            profile=self.profiles.get(key),
            backends=backends,
            imports=tuple(service_import for service_import in imports if service_import is not None),
            exports=tuple(export for service in services for export in self.exports_of(service)),
            unreadable=self.unreadable(),
            withdrawn=frozenset((s.name.lower(), cluster) for s in services for cluster in self.withdrawals.of(s)),
            drained=self.drained(),
        )

    def exports_of(self, service: ObjectKey) -> tuple[InternalServiceExport, ...]:
        """Every export that names this service, from whatever namespace it comes."""
        return self.exports.by_index(BY_SERVICE, service)

    def exports_from(self, cluster: str) -> tuple[InternalServiceExport, ...]:
        """Every export in a member cluster's own namespace, whatever cluster it names."""
        return self.exports.by_index(BY_NAMESPACE, MEMBER_NAMESPACE_PREFIX + cluster)

    def exports_into(self, namespace: str) -> tuple[InternalServiceExport, ...]:
        """Every export of a Service of this namespace, which may not be on the hub."""
        return self.exports.by_index(BY_SERVICE_NAMESPACE, namespace)

    def drained(self) -> frozenset[str]:
        """The folded names of the clusters that are taken out of every profile."""
        marked: tuple[Namespace | MemberCluster, ...] = (
            *self.namespaces.by_index(DRAINED, True),
            *self.members.by_index(DRAINED, True),
        )
        return frozenset(member.cluster.lower() for member in marked if member.cluster is not None)

    def overrides_of(self, service: ObjectKey) -> tuple[ResourceOverride, ...]:
        """Every override that selects this service, in the order of their names."""
        return self.overrides.by_index(BY_SERVICE, service)

    def labels_of(self, cluster: str) -> Mapping[str, str]:
        """The labels of a member cluster: those of its MemberCluster where there is one, else of its namespace."""
        member = self.members.get(ObjectKey("", cluster))
        known = member or self.namespaces.get(ObjectKey("", MEMBER_NAMESPACE_PREFIX + cluster))
        return known.metadata.labels if known is not None else {}

    def unreadable(self) -> Unreadable:
        """What is there and could not be decoded."""
        ours: tuple[Store[ObjectKey, Any], ...] = (self.profiles, self.backends, self.imports, self.exports)
        others: tuple[Store[ObjectKey, Any], ...] = (self.namespaces, self.members, self.overrides)
        if not any(store.unknown or store.unnamed for store in (*ours, *others)):
            return _NOTHING_UNREADABLE
        return Unreadable(
            profiles=frozenset(self.profiles.unknown),
            backends=frozenset(self.backends.unknown),
            imports=frozenset(self.imports.unknown),
            exports=frozenset(self.exports.unknown),
            is_unnamed=any(store.unnamed for store in ours),
            clusters=frozenset(self._unreadable_clusters()),
            is_cluster_unnamed=bool(self.namespaces.unnamed or self.members.unnamed),
            overrides=frozenset(self.overrides.unknown),
            is_override_unnamed=bool(self.overrides.unnamed),
        )

    def _unreadable_clusters(self) -> Iterable[str]:
        yield from (key.name for key in self.members.unknown)
        for key in self.namespaces.unknown:
            if key.name.startswith(MEMBER_NAMESPACE_PREFIX):
                yield key.name.removeprefix(MEMBER_NAMESPACE_PREFIX)


_NOTHING_UNREADABLE = Unreadable()
