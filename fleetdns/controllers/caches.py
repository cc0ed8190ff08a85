"""The caches of the hub controller, with the indexes its key functions ask for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.withdrawals import Withdrawals
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.runtime.store import Store

BY_PROFILE = "profile"
BY_SERVICE = "service"

BACKEND_INDEXES: Mapping[str, Callable[[TrafficManagerBackend], Iterable[Hashable]]] = {
    BY_PROFILE: lambda backend: (backend.profile_key,),
    BY_SERVICE: lambda backend: (backend.service_key,),
}
EXPORT_INDEXES: Mapping[str, Callable[[InternalServiceExport], Iterable[Hashable]]] = {
    BY_SERVICE: lambda export: (export.service_key,),
}


@dataclass(frozen=True, slots=True)
class Caches:
    """What the hub cluster holds, as last seen. Keys are namespace and name."""

    profiles: Store[ObjectKey, TrafficManagerProfile]
    backends: Store[ObjectKey, TrafficManagerBackend]
    imports: Store[ObjectKey, ServiceImport]
    exports: Store[ObjectKey, InternalServiceExport]
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
        )

    def exports_of(self, service: ObjectKey) -> tuple[InternalServiceExport, ...]:
        """Every export that names this service, from whatever namespace it comes."""
        return self.exports.by_index(BY_SERVICE, service)

    def unreadable(self) -> Unreadable:
        """What is there and could not be decoded."""
        stores: tuple[Store[ObjectKey, Any], ...] = (self.profiles, self.backends, self.imports, self.exports)
        if not any(store.unknown or store.unnamed for store in stores):
            return _NOTHING_UNREADABLE
        return Unreadable(
            profiles=frozenset(self.profiles.unknown),
            backends=frozenset(self.backends.unknown),
            imports=frozenset(self.imports.unknown),
            exports=frozenset(self.exports.unknown),
            is_unnamed=any(store.unnamed for store in stores),
        )


_NOTHING_UNREADABLE = Unreadable()
